/* Owns the tables of states: names, meanings and legal moves. */
#include "model/states.h"

#include <assert.h>

#define BY(type) (UINT64_C(1) << (EVENT_##type))
static_assert(EVENT_TYPE_COUNT <= 64, "a bit for each type of event");

struct state_row {
    const char *name;
    const char *meaning;
    bool final;
    bool good;
};

static const struct state_row inst_rows[] = {
    [INST_PENDING] = {"pending", "waits for what it reads, or is not decided yet", false, false},
    [INST_READY] = {"ready", "may start as soon as there is a slot", false, false},
    [INST_WAITING] = {"waiting", "waits for memory, a pool, a breaker or a retry delay", false,
                      false},
    [INST_RUNNING] = {"running", "an attempt is under way", false, false},
    [INST_DONE] = {"done", "its command ended well and the result is recorded", true, true},
    [INST_UP_TO_DATE] = {"up_to_date", "nothing to do", true, true},
    [INST_RESTORED] = {"restored", "outputs of a known result brought back from the store", true,
                       true},
    [INST_SKIPPED] = {"skipped", "its `when` is false, or what it reads was skipped", true, false},
    [INST_REFUSED] = {"refused", "its command ended well, a check said no", true, false},
    [INST_FAILED] = {"failed", "failed for good", true, false},
    [INST_UNSETTLED] = {"unsettled", "its inputs kept changing while it ran", true, false},
    [INST_CANCELLED] = {"cancelled", "stopped, or never started because the run ended", true,
                        false},
    [INST_BLOCKED] = {"blocked", "something it needs failed, was refused or is blocked", true,
                      false},
    [INST_COMPENSATED] = {"compensated", "it ended well, and what it did was undone", true, false},
};
static_assert(sizeof(inst_rows) / sizeof(inst_rows[0]) == INST_STATE_COUNT, "a row for each state");

/* inst_moves[from][to]: the events that make the move. */
static const uint64_t inst_moves[INST_STATE_COUNT][INST_STATE_COUNT] = {
    [INST_PENDING] =
        {
            [INST_READY] = BY(INSTANCES_READY),
            [INST_UP_TO_DATE] = BY(INSTANCES_UP_TO_DATE),
            [INST_RESTORED] = BY(INSTANCE_RESTORED),
            [INST_SKIPPED] = BY(INSTANCES_SKIPPED),
            [INST_BLOCKED] = BY(INSTANCES_BLOCKED),
            [INST_CANCELLED] = BY(INSTANCES_CANCELLED),
            [INST_FAILED] = BY(INSTANCE_ENDED),
            [INST_REFUSED] = BY(INSTANCE_REFUSED),
        },
    [INST_READY] =
        {
            /* An input's producer must run again first, to bring back bytes that are nowhere. */
            [INST_PENDING] = BY(INSTANCE_REOPENED),
            [INST_WAITING] = BY(INSTANCE_WAITING),
            [INST_RUNNING] = BY(ATTEMPT_STARTED),
            [INST_UP_TO_DATE] = BY(INSTANCES_UP_TO_DATE),
            [INST_RESTORED] = BY(INSTANCE_RESTORED),
            [INST_FAILED] = BY(INSTANCE_ENDED),
            [INST_REFUSED] = BY(INSTANCE_REFUSED),
            [INST_BLOCKED] = BY(INSTANCES_BLOCKED),
            [INST_CANCELLED] = BY(INSTANCES_CANCELLED),
        },
    [INST_WAITING] =
        {
            [INST_READY] = BY(INSTANCES_READY),
            [INST_PENDING] = BY(INSTANCE_REOPENED),
            [INST_UP_TO_DATE] = BY(INSTANCES_UP_TO_DATE),
            [INST_RESTORED] = BY(INSTANCE_RESTORED),
            [INST_FAILED] = BY(INSTANCE_ENDED),
            [INST_BLOCKED] = BY(INSTANCES_BLOCKED),
            [INST_CANCELLED] = BY(INSTANCES_CANCELLED),
        },
    [INST_RUNNING] =
        {
            [INST_READY] = BY(ATTEMPT_FINISHED) | BY(ATTEMPT_LOST),
            [INST_WAITING] = BY(ATTEMPT_FINISHED),
            [INST_DONE] = BY(ATTEMPT_FINISHED),
            [INST_FAILED] = BY(ATTEMPT_FINISHED),
            [INST_UNSETTLED] = BY(ATTEMPT_FINISHED),
            [INST_CANCELLED] = BY(ATTEMPT_FINISHED),
            /* After a crash: what ran is decided anew. */
            [INST_PENDING] = BY(ATTEMPT_LOST),
        },
    /* Decided or made, but somebody needs bytes that are nowhere any more, or its inputs came out
     * differently: it is decided anew. What was made or brought back is judged then. */
    [INST_DONE] = {[INST_PENDING] = BY(INSTANCE_REOPENED) | BY(RUN_RESUMED),
                   [INST_REFUSED] = BY(INSTANCE_REFUSED),
                   [INST_COMPENSATED] = BY(INSTANCES_COMPENSATED)},
    [INST_UP_TO_DATE] = {[INST_PENDING] = BY(INSTANCE_REOPENED) | BY(RUN_RESUMED),
                         [INST_COMPENSATED] = BY(INSTANCES_COMPENSATED)},
    [INST_RESTORED] = {[INST_PENDING] = BY(INSTANCE_REOPENED) | BY(RUN_RESUMED),
                       [INST_REFUSED] = BY(INSTANCE_REFUSED),
                       [INST_COMPENSATED] = BY(INSTANCES_COMPENSATED)},
    /* A run that goes on tries again what stopped it. */
    [INST_SKIPPED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_REFUSED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_FAILED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_UNSETTLED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_CANCELLED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_BLOCKED] = {[INST_PENDING] = BY(RUN_RESUMED)},
    [INST_COMPENSATED] = {[INST_PENDING] = BY(RUN_RESUMED)},
};

static const struct state_row run_rows[] = {
    [RUN_PENDING] = {"pending", "no event yet", false, false},
    [RUN_RUNNING] = {"running", "a process works on it", false, false},
    [RUN_PAUSING] = {"pausing", "a pause was asked for", false, false},
    [RUN_PAUSED] = {"paused", "nothing runs until it is resumed", false, false},
    [RUN_INTERRUPTED] = {"interrupted", "its process ended before the run did", false, false},
    [RUN_COMPLETED] = {"completed", "everything asked for is up to date", true, true},
    [RUN_FAILED] = {"failed", "something asked for could not be made", true, false},
    [RUN_CANCELLED] = {"cancelled", "ended by request", true, false},
    [RUN_ABANDONED] = {"abandoned", "a newer run of another plan took its place", true, false},
};
static_assert(sizeof(run_rows) / sizeof(run_rows[0]) == RUN_STATUS_COUNT, "a row for each status");

#define RUN_ENDS                                                                                   \
    [RUN_COMPLETED] = BY(RUN_COMPLETED), [RUN_FAILED] = BY(RUN_FAILED),                            \
    [RUN_CANCELLED] = BY(RUN_CANCELLED), [RUN_INTERRUPTED] = BY(RUN_INTERRUPTED)

static const uint64_t run_moves[RUN_STATUS_COUNT][RUN_STATUS_COUNT] = {
    [RUN_PENDING] = {[RUN_RUNNING] = BY(RUN_STARTED)},
    /* A process that was killed wrote no end: the next one resumes or abandons what still says
     * running. */
    [RUN_RUNNING] = {RUN_ENDS, [RUN_RUNNING] = BY(RUN_RESUMED) | BY(RUN_CANCELLING),
                     [RUN_PAUSING] = BY(RUN_PAUSING), [RUN_ABANDONED] = BY(RUN_ABANDONED)},
    [RUN_PAUSING] =
        {RUN_ENDS, [RUN_RUNNING] = BY(RUN_RESUMED) | BY(RUN_CONTINUED) | BY(RUN_CANCELLING),
         [RUN_PAUSING] = BY(RUN_PAUSING), [RUN_PAUSED] = BY(RUN_PAUSED),
         [RUN_ABANDONED] = BY(RUN_ABANDONED)},
    /* A signal, or a world that breaks, ends what was paused. */
    [RUN_PAUSED] = {[RUN_RUNNING] =
                        BY(RUN_RESUMED) | BY(RUN_CONTINUED) | BY(RUN_CANCELLING) | BY(STOPPING),
                    [RUN_CANCELLED] = BY(RUN_CANCELLED),
                    [RUN_INTERRUPTED] = BY(RUN_INTERRUPTED),
                    [RUN_ABANDONED] = BY(RUN_ABANDONED)},
    [RUN_INTERRUPTED] = {[RUN_RUNNING] = BY(RUN_RESUMED) | BY(RUN_CANCELLING),
                         [RUN_CANCELLED] = BY(RUN_CANCELLED),
                         [RUN_ABANDONED] = BY(RUN_ABANDONED)},
};

const char *inst_state_name(enum inst_state state)
{
    assert(state < INST_STATE_COUNT);
    return inst_rows[state].name;
}

const char *inst_state_meaning(enum inst_state state)
{
    assert(state < INST_STATE_COUNT);
    return inst_rows[state].meaning;
}

bool inst_state_from_name(struct str name, enum inst_state *state)
{
    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        if (str_is(name, inst_rows[i].name)) {
            *state = (enum inst_state)i;
            return true;
        }
    }
    return false;
}

bool inst_state_is_final(enum inst_state state)
{
    return inst_rows[state].final;
}

bool inst_state_is_good(enum inst_state state)
{
    return inst_rows[state].good;
}

const char *run_status_name(enum run_status status)
{
    assert(status < RUN_STATUS_COUNT);
    return run_rows[status].name;
}

bool run_status_is_final(enum run_status status)
{
    return run_rows[status].final;
}

bool inst_state_may_move(enum inst_state from, enum inst_state to, enum event_type by)
{
    return (inst_moves[from][to] >> by & 1) != 0;
}

bool run_status_may_move(enum run_status from, enum run_status to, enum event_type by)
{
    return (run_moves[from][to] >> by & 1) != 0;
}
