/*
 * Addresses of servers and clients without the socket API: the core names peers with these.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ADDR_TEXT_MAX = 80 }; /* "[ffff:…:255.255.255.255%interface]:65535" and its NUL */

struct endpoint {
    uint8_t family;    /* 4 or 6; 0 is "none" */
    uint16_t port;     /* host order */
    uint32_t scope;    /* IPv6 link-local interface index, else 0 */
    uint8_t bytes[16]; /* network order; the first 4 for IPv4, the rest 0 */
};

/* All addresses that share the first `length` bits of `base`. */
struct prefix {
    struct endpoint base; /* port and scope unused */
    uint8_t length;
};

struct prefix_list {
    const struct prefix *at;
    size_t count;
};

/*
 * Reads "192.0.2.1", "192.0.2.1@53", "192.0.2.1:53", "2001:db8::1", "2001:db8::1@53",
 * "[2001:db8::1]:53", each IPv6 form with "%scope". ERR_FORMAT for anything else, port 0 or over
 * 65535. Without a port in the text, `port` is taken.
 */
MUST_CHECK enum err endpoint_parse(const char *text, uint16_t port, struct endpoint *out);

/* "192.0.2.1:53" or "[2001:db8::1]:53"; returns `buf`. */
const char *endpoint_text(const struct endpoint *e, char buf[ADDR_TEXT_MAX]);

/* The address alone, without port and brackets; returns `buf`. */
const char *address_text(const struct endpoint *e, char buf[ADDR_TEXT_MAX]);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b); /* address and port */
bool address_equal(const struct endpoint *a, const struct endpoint *b);  /* address alone */

/* "10.0.0.0/8", "::/0", or a single address; bits after the length must be 0 (ERR_RANGE). */
MUST_CHECK enum err prefix_parse(const char *text, struct prefix *out);
const char *prefix_text(const struct prefix *p, char buf[ADDR_TEXT_MAX]);
bool prefix_covers(const struct prefix *p, const struct endpoint *e);
/* An IPv4-mapped IPv6 address is judged by the IPv4 address within it. */
bool prefix_list_covers(const struct prefix_list *l, const struct endpoint *e);

#endif
