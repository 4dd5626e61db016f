/*
 * Levelled logging in logfmt: `time level event key=value …`, one line an event, to standard error.
 *
 * LOG evaluates its arguments only when the level is on. `fmt` yields the key=value part; a value
 * that may hold blanks is quoted by the caller with %s of log_quote.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
bool log_on(enum log_level level);

/*
 * Where lines go: `line` is "event key=value …". The default puts the wall time and level in front
 * and writes to standard error. Tests put their own. To be set before threads start.
 */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *line);
void log_set_sink(log_sink_fn fn, void *ctx);

const char *log_level_text(enum log_level level);

void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` in double quotes, with " \ and control characters escaped, cut to `size`; returns `buf`.
 */
const char *log_quote(char *buf, size_t size, const char *text);

#define LOG(level, event, ...)                                                                     \
    do {                                                                                           \
        if (log_on(level))                                                                         \
            log_write(level, event, __VA_ARGS__);                                                  \
    } while (0)

#endif
