/* Owns the table of exit statuses and the making of messages. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct status_row status_rows[] = {
    {STATUS_OK, "ok", "everything asked for is up to date"},
    {STATUS_STAGE_FAILED, "stage-failed", "a command failed for good: fix the code"},
    {STATUS_USAGE, "usage",
     "the command line is wrong, or names a run or stage that is unknown or ambiguous"},
    {STATUS_MANIFEST, "manifest",
     "the manifest or plan is wrong: syntax, unknown key, cycle, missing source input"},
    {STATUS_GATE, "gate", "a gate said no: the work ran, the numbers were not good enough"},
    {STATUS_VALIDATION, "validation", "a validation of severity error failed"},
    {STATUS_STALE, "stale", "--check: there is work to do"},
    {STATUS_TIMEOUT, "timeout", "a stage or the run exceeded its time for good"},
    {STATUS_CANCELLED, "cancelled", "by pawl cancel"},
    {STATUS_LOCKED, "locked", "another run holds the workspace"},
    {STATUS_TRANSIENT, "transient",
     "a breaker was open, inputs kept changing, or retries for a cause that may pass are used up: "
     "try later"},
    {STATUS_ENVIRONMENT, "environment",
     "disk full, permission, out of memory, a tool that is not there"},
    {STATUS_CORRUPT, "corrupt", "the store or a checkpoint is damaged"},
    {STATUS_COMPENSATION, "compensation",
     "the run failed and undoing it failed too: a person must look"},
    {STATUS_BUG, "bug", "pawl's own fault"},
    {STATUS_SIGNAL, "signal",
     "128+n, ended by signal n (Ctrl-C: 130): finished stages are kept, the next run goes on"},
    {STATUS_OK, NULL, NULL},
};

const char *status_name(int status)
{
    for (const struct status_row *row = status_rows; row->name != NULL; row++) {
        if ((int)row->status == status) {
            return row->name;
        }
    }
    return status >= STATUS_SIGNAL ? "signal" : "unknown";
}

static void err_cut(struct err *err, int len)
{
    if (len >= (int)sizeof(err->text)) {
        memcpy(err->text + sizeof(err->text) - 4, "...", 4);
    }
}

static void err_append(struct err *err, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void err_append(struct err *err, size_t at, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(err->text + at, sizeof(err->text) - at, format, args);
    va_end(args);
    err_cut(err, (int)at + len);
}

bool err_set(struct err *err, enum status status, const char *format, ...)
{
    va_list args;

    if (err == NULL) {
        return false;
    }
    err->status = (int)status;
    err->sys = 0;
    va_start(args, format);
    err_cut(err, vsnprintf(err->text, sizeof(err->text), format, args));
    va_end(args);
    return false;
}

static void err_from_errno(struct err *err, int sys, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void err_from_errno(struct err *err, int sys, const char *format, va_list args)
{
    if (err == NULL) {
        return;
    }
    err->status = STATUS_ENVIRONMENT;
    err->sys = sys;
    err_cut(err, vsnprintf(err->text, sizeof(err->text), format, args));
    err_append(err, strlen(err->text), ": %s", strerror(sys));
}

bool err_sys(struct err *err, const char *format, ...)
{
    int sys = errno;
    va_list args;

    va_start(args, format);
    err_from_errno(err, sys, format, args);
    va_end(args);
    return false;
}

bool err_errno(struct err *err, int sys, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_from_errno(err, sys, format, args);
    va_end(args);
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    char inner[sizeof(err->text)];
    va_list args;

    if (err == NULL) {
        return false;
    }
    memcpy(inner, err->text, sizeof(inner));
    va_start(args, format);
    err_cut(err, vsnprintf(err->text, sizeof(err->text), format, args));
    va_end(args);
    err_append(err, strlen(err->text), ": %s", inner);
    return false;
}

void err_clear(struct err *err)
{
    *err = (struct err){0};
}
