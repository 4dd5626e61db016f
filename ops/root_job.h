/*
 * One look at where the local copy of the root comes from, by a thread that may wait: the file is
 * read, or the primaries are asked one after another, whether they have a newer zone, and it is
 * fetched from the first that has (AXFR). Whatever came is verified before anybody sees it. What
 * goes wrong is logged here, with what to do.
 */
#ifndef OPS_ROOT_JOB_H
#define OPS_ROOT_JOB_H

#include <stdatomic.h>

#include "dnssec/dnssec.h"
#include "ops/config.h"
#include "zones/local_root.h"

/* A file as it was when it was read; all 0: never. */
struct file_state {
    int64_t changed_s; /* POSIX */
    int64_t changed_ns;
    int64_t size;
};

/* What is to be done. All it points to stays for as long as the job runs. */
struct root_wish {
    const char *file; /* "": none */
    const struct endpoint *primaries;
    size_t count;
    bool from_file;         /* read the file; else ask the primaries */
    const struct rrset *ds; /* of the root's trust anchor; NULL: there is none */
    struct dnssec_policy policy;
    int64_t now_s; /* POSIX, as it begins */
    bool have;     /* a copy is held already, of this serial */
    uint32_t serial;
    struct file_state read; /* the file as it was when that copy was read from it */
};

enum root_news {
    ROOT_NEW,    /* `copy` */
    ROOT_SAME,   /* what is held is what there is */
    ROOT_FAILED, /* nothing could be had, or nothing that holds: it has been logged */
};

struct root_found {
    enum root_news news;
    struct local_root *copy; /* ROOT_NEW, with one reference */
    int64_t checked_s;       /* POSIX: when it was last known to be what there is */
    int64_t signed_until_s;  /* ROOT_NEW: when the first of its signatures ends */
    struct file_state read;
};

/* `stop` becomes true when it is to end soon, as ROOT_FAILED. */
void root_job_run(const struct root_wish *w, const atomic_bool *stop, struct root_found *out);

/* POSIX seconds until which a copy counts that was checked then (RFC 8806 §3, RFC 1035 §3.3.13). */
int64_t root_job_until_s(const struct local_root *copy, const struct root_found *found);

#endif
