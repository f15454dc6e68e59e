/* Owns the rules of snapshots. */
#include "policy/checkpoint.h"

bool checkpoint_is_due(const struct checkpoint_asked *asked)
{
    return asked->told_to_end || asked->last_ns == 0 ||
           asked->now_ns - asked->last_ns >= asked->every_ns;
}

enum checkpoint_start checkpoint_start(uint32_t count, uint32_t damaged, uint32_t lost,
                                       bool required)
{
    if (damaged < count) {
        return CHECKPOINT_STARTS_FROM;
    }
    return required && damaged != lost ? CHECKPOINT_STARTS_NOT : CHECKPOINT_STARTS_EMPTY;
}

bool checkpoint_counts(bool forced, bool of_this_run)
{
    return !forced || of_this_run;
}
