#ifndef PAWL_OS_SURVIVORS_H
#define PAWL_OS_SURVIVORS_H
/* Processes that outlived the pawl that started them: found by the cookie in their environment
 * (`PAWL_ATTEMPT_ID=…`), which no other process has. Only processes of our uid in our pid namespace
 * can be seen; the caller compares survivors_scope with what was recorded to know whether looking
 * can tell anything. Main thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { SURVIVORS_SCOPE_BYTES = 80 };

/* "<boot id> <pid namespace>", or "" where it cannot be known. */
void survivors_scope(char scope[SURVIVORS_SCOPE_BYTES]);

struct survivors_result {
    unsigned found, killed; /* processes */
    bool unreadable;        /* some process of our uid hid its environment */
};

/* Kills every process whose environment holds one of the cookies, and looks again until none is
 * left or `limit_ns` is over; never ourselves. Each is opened as a pidfd and read again before the
 * signal, so a number that was given to another process meanwhile is never hit. False: `err` is set
 * (no /proc: sys ENOENT; some live on: status 9). */
bool survivors_kill(const struct str *cookies, size_t count, int64_t limit_ns,
                    struct survivors_result *result, struct err *err);

#endif
