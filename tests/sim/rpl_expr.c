/*
 * Expressions. `${…}` is replaced from the inside out: what remains within the braces is then one
 * of time | timeout | ctime EXPR | range LO V HI | EXPR where EXPR is values joined by + - * /,
 * evaluated left to right, and a value is a number or $name.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/rpl_lex.h"

enum { NESTING_MAX = 16 };

static enum err fault(char error[RPL_ERROR_MAX], enum err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static enum err fault(char error[RPL_ERROR_MAX], enum err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error, RPL_ERROR_MAX, fmt, ap);
    va_end(ap);
    return err;
}

enum err rpl_number(const char *text, double *out, char error[RPL_ERROR_MAX])
{
    char *end;
    text += strspn(text, " \t");
    if (*text != '-' && *text != '.' && !isdigit((unsigned char)*text))
        return fault(error, ERR_FORMAT, "\"%.60s\" is no number", text);
    *out = strtod(text, &end);
    end += strspn(end, " \t");
    if (*end || *out > 1e15 || *out < -1e15)
        return fault(error, ERR_FORMAT, "\"%.60s\" is no number", text);
    return OK;
}

enum err rpl_assign(struct rpl_scope *s, const char *name, const char *value)
{
    const char *copy = rpl_strdup(s->arena, value);
    if (!copy)
        return ERR_NOMEM;
    for (struct rpl_variable *v = s->variables; v; v = v->next) {
        if (strcmp(v->name, name) == 0) {
            v->value = copy;
            return OK;
        }
    }
    struct rpl_variable *v = arena_calloc(s->arena, 1, sizeof *v);
    if (!v)
        return ERR_NOMEM;
    *v = (struct rpl_variable){
        .name = rpl_strdup(s->arena, name), .value = copy, .next = s->variables};
    s->variables = v;
    return v->name ? OK : ERR_NOMEM;
}

/* One value at *p: $name or a number. */
static enum err read_value(struct rpl_scope *s, const char **p, double *out,
                           char error[RPL_ERROR_MAX])
{
    *p += strspn(*p, " \t");
    if (**p != '$') {
        char *end;
        if (!isdigit((unsigned char)**p) && **p != '.' &&
            !(**p == '-' && isdigit((unsigned char)(*p)[1])))
            return fault(error, ERR_FORMAT, "a value is missing at \"%.60s\"", *p);
        *out = strtod(*p, &end);
        *p = end;
        return OK;
    }
    const char *name = ++*p;
    while (isalnum((unsigned char)**p) || **p == '_')
        ++*p;
    size_t n = (size_t)(*p - name);
    for (const struct rpl_variable *v = s->variables; v; v = v->next) {
        if (strlen(v->name) == n && strncmp(v->name, name, n) == 0)
            return rpl_number(v->value, out, error);
    }
    return fault(error, ERR_FORMAT, "there is no variable $%.*s", (int)n, name);
}

static enum err evaluate(struct rpl_scope *s, const char *p, double *out, char error[RPL_ERROR_MAX])
{
    enum err err = read_value(s, &p, out, error);
    while (!err) {
        double right = 0;
        p += strspn(p, " \t");
        char op = *p;
        if (!op)
            return OK;
        if (!strchr("+-*/", op))
            return fault(error, ERR_FORMAT, "an operator is missing at \"%.60s\"", p);
        p++;
        err = read_value(s, &p, &right, error);
        if (err)
            break;
        if (op == '/' && right == 0)
            return fault(error, ERR_RANGE, "division by zero");
        *out = op == '+'   ? *out + right
               : op == '-' ? *out - right
               : op == '*' ? *out * right
                           : *out / right;
    }
    return err;
}

static bool starts(const char *text, const char *word, const char **rest)
{
    size_t n = strlen(word);
    if (strncmp(text, word, n) != 0 || (text[n] && !isspace((unsigned char)text[n])))
        return false;
    *rest = text + n;
    return true;
}

static enum err apply_range(struct rpl_scope *s, const char *p, double *out,
                            char error[RPL_ERROR_MAX])
{
    double low = 0, high = 0;
    enum err err = read_value(s, &p, &low, error);
    if (!err)
        err = read_value(s, &p, out, error);
    if (!err)
        err = read_value(s, &p, &high, error);
    if (!err && p[strspn(p, " \t")])
        return fault(error, ERR_FORMAT, "range wants three values, not \"%.60s\" too", p);
    if (!err && (*out < low || *out > high))
        return fault(error, ERR_RANGE, "%.12g is not within %.12g and %.12g", *out, low, high);
    return err;
}

/* The text that a `${body}` without braces in it stands for. */
static enum err apply(struct rpl_scope *s, const char *body, char out[64],
                      char error[RPL_ERROR_MAX])
{
    const char *rest;
    double v = 0;
    enum err err;
    body += strspn(body, " \t");
    if (starts(body, "time", &rest) && !rest[strspn(rest, " \t")]) {
        v = s->time;
        err = OK;
    } else if (starts(body, "timeout", &rest) && !rest[strspn(rest, " \t")]) {
        v = s->timeout;
        err = OK;
    } else if (starts(body, "range", &rest)) {
        err = apply_range(s, rest, &v, error);
    } else if (starts(body, "ctime", &rest)) {
        struct tm tm;
        err = evaluate(s, rest, &v, error);
        time_t at = (time_t)v;
        if (!err && (!gmtime_r(&at, &tm) || strftime(out, 64, "%a %b %e %H:%M:%S %Y", &tm) == 0))
            err = fault(error, ERR_RANGE, "%.12g is no time", v);
        return err;
    } else {
        err = evaluate(s, body, &v, error);
    }
    if (!err)
        snprintf(out, 64, "%.12g", v);
    return err;
}

static enum err expand(struct rpl_scope *s, const char **p, unsigned depth, struct rpl_text *out,
                       char error[RPL_ERROR_MAX])
{
    if (depth > NESTING_MAX)
        return fault(error, ERR_FORMAT, "expressions within expressions, over %d deep",
                     NESTING_MAX);
    while (**p) {
        if (depth > 0 && **p == '}')
            return OK;
        if ((*p)[0] != '$' || (*p)[1] != '{') {
            rpl_printf(out, "%c", **p);
            ++*p;
            continue;
        }
        struct rpl_text inner = {.arena = s->arena};
        char value[64];
        *p += 2;
        enum err err = expand(s, p, depth + 1, &inner, error);
        if (!err && **p != '}')
            err = fault(error, ERR_FORMAT, "a '}' is missing");
        if (!err)
            err = apply(s, inner.at ? inner.at : "", value, error);
        if (err)
            return err;
        ++*p;
        rpl_printf(out, "%s", value);
    }
    return OK;
}

enum err rpl_expand(struct rpl_scope *s, const char *text, const char **out,
                    char error[RPL_ERROR_MAX])
{
    struct rpl_text t = {.arena = s->arena};
    enum err err = expand(s, &text, 0, &t, error);
    *out = t.at ? t.at : "";
    return err;
}
