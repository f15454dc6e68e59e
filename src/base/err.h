#ifndef PAWL_BASE_ERR_H
#define PAWL_BASE_ERR_H
/* What went wrong in the world (files, kernel, store): one `struct err` in the caller's frame, last
 * parameter, filled once where it happens, wrapped with context once a layer. It owns no memory, so
 * it cannot leak. The user's manifest has its own kind (base/diag.h); our own faults are assert and
 * bug().
 *
 *     if (fd < 0) {
 *         return err_sys(err, "'%s': cannot open", path);     // returns false
 *     }
 */
#include <stdarg.h>
#include <stdbool.h>

/* Exit statuses, who must act: the one list of them (docs/exit-status.md is made from the table in
 * err.c). Ordered by nothing; the order of precedence is in policy. */
enum status {
    STATUS_OK = 0,
    STATUS_STAGE_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_MANIFEST = 3,
    STATUS_GATE = 4,
    STATUS_VALIDATION = 5,
    STATUS_STALE = 6,
    STATUS_TIMEOUT = 7,
    STATUS_CANCELLED = 8,
    STATUS_LOCKED = 9,
    STATUS_TRANSIENT = 10,
    STATUS_ENVIRONMENT = 11,
    STATUS_CORRUPT = 12,
    STATUS_COMPENSATION = 13,
    STATUS_BUG = 70,
    STATUS_SIGNAL = 128 /* plus the signal's number */
};

struct status_row {
    enum status status;
    const char *name;    /* `stage-failed` */
    const char *meaning; /* one line for help and manual */
};
/* All statuses, ended by a row whose name is NULL. */
extern const struct status_row status_rows[];
/* The name of a status (`signal` for 128 and above). */
const char *status_name(int status);

struct err {
    int status;     /* enum status; 0 as long as nothing went wrong */
    int sys;        /* errno, or 0 */
    char text[480]; /* the message, without newline; cut with "…" when too long */
};

/* Each sets the error and returns false, so that `return err_…(err, …)` makes and returns in one
 * line. `err` may be NULL (the message is lost, the answer is the same). */
bool err_set(struct err *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds `: strerror(errno)`; status 11. Reads errno at entry. */
bool err_sys(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with an errno at hand. */
bool err_errno(struct err *err, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts context before: "context: text". Keeps status and errno. Returns false. */
bool err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *err);

#endif
