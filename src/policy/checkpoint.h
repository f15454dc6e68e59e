#ifndef PAWL_POLICY_CHECKPOINT_H
#define PAWL_POLICY_CHECKPOINT_H
/* When a snapshot is taken, and what is gone on from. Pure. */
#include <stdbool.h>
#include <stdint.h>

struct checkpoint_asked {
    int64_t now_ns, last_ns; /* monotonic; when the last one of this attempt began, 0: none did */
    int64_t every_ns;
    bool told_to_end; /* the last call before it is killed counts, so each does */
};

/* Is it time for another? Else the call returns at once. */
bool checkpoint_is_due(const struct checkpoint_asked *asked);

enum checkpoint_start {
    CHECKPOINT_STARTS_EMPTY,
    CHECKPOINT_STARTS_FROM, /* a good one */
    CHECKPOINT_STARTS_NOT   /* it must not begin anew */
};

/* `count` were there, of which the first `damaged`, the newest ones, are no good; of these a power
 * cut took `lost`, which no sync had covered: nobody relies on them. */
enum checkpoint_start checkpoint_start(uint32_t count, uint32_t damaged, uint32_t lost,
                                       bool required);

/* Does a snapshot of this run count? What is forced begins anew, but goes on with itself. */
bool checkpoint_counts(bool forced, bool of_this_run);

#endif
