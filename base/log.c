#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 2048 };

static _Atomic int log_level = LOG_INFO;
static log_sink_fn log_sink;
static void *log_sink_ctx;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_set_sink(log_sink_fn fn, void *ctx)
{
    log_sink = fn;
    log_sink_ctx = ctx;
}

const char *log_level_text(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_NOTICE:
        return "notice";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "unknown";
}

/* One write a line, so that lines of several threads do not mix. */
static void write_to_stderr(enum log_level level, const char *line)
{
    struct timespec now;
    struct tm utc;
    char when[32];
    char out[LOG_LINE_MAX + 64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
    int size = snprintf(out, sizeof(out), "%s.%03dZ %s %s\n", when, (int)(now.tv_nsec / 1000000),
                        log_level_text(level), line);
    if (size > 0 && write(STDERR_FILENO, out, (size_t)size) < 0)
        return; /* there is nowhere left to say so */
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    int head = snprintf(line, sizeof(line), "%s ", event);
    if (head < 0 || (size_t)head >= sizeof(line))
        return;
    va_list args;
    va_start(args, fmt);
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, args);
    va_end(args);
    if (body < 0)
        return;
    if (body == 0)
        line[head - 1] = '\0';
    /* A value that was not quoted must not be able to begin a line of its own. */
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = ' ';
    if (log_sink)
        log_sink(log_sink_ctx, level, line);
    else
        write_to_stderr(level, line);
}

/* What stands for one octet within quotes: at most "\xHH". */
static size_t quote_octet(char out[5], unsigned char c)
{
    if (c == '"' || c == '\\')
        return (size_t)snprintf(out, 5, "\\%c", c);
    if (c == '\n')
        return (size_t)snprintf(out, 5, "\\n");
    if (c == '\t')
        return (size_t)snprintf(out, 5, "\\t");
    if (c < ' ' || c == 127)
        return (size_t)snprintf(out, 5, "\\x%02x", c);
    return (size_t)snprintf(out, 5, "%c", c);
}

const char *log_quote(char *buf, size_t size, const char *text)
{
    if (size < 3) {
        if (size)
            buf[0] = '\0';
        return buf;
    }
    size_t at = 0;
    buf[at++] = '"';
    for (const char *p = text; *p; p++) {
        char piece[5];
        size_t n = quote_octet(piece, (unsigned char)*p);
        if (at + n + 2 > size)
            break;
        memcpy(buf + at, piece, n);
        at += n;
    }
    buf[at++] = '"';
    buf[at] = '\0';
    return buf;
}
