/* Owns the table of causes and the order of precedence. */
#include "policy/outcome.h"

#include <assert.h>
#include <string.h>

struct cause_row {
    const char *name;
    enum status status;
};

static const struct cause_row cause_rows[] = {
    [CAUSE_NONE] = {"none", STATUS_OK},
    [CAUSE_EXIT] = {"exit", STATUS_STAGE_FAILED},
    [CAUSE_SIGNAL] = {"signal", STATUS_STAGE_FAILED},
    [CAUSE_TIMEOUT] = {"timeout", STATUS_TIMEOUT},
    [CAUSE_OOM] = {"oom", STATUS_ENVIRONMENT},
    [CAUSE_NOT_FOUND] = {"not-found", STATUS_ENVIRONMENT},
    [CAUSE_ENVIRONMENT] = {"environment", STATUS_ENVIRONMENT},
    [CAUSE_OUTPUT] = {"output", STATUS_STAGE_FAILED},
    [CAUSE_INPUT] = {"input", STATUS_MANIFEST},
    [CAUSE_UNSETTLED] = {"unsettled", STATUS_TRANSIENT},
    [CAUSE_CORRUPT] = {"corrupt", STATUS_CORRUPT},
    [CAUSE_CANCELLED] = {"cancelled", STATUS_OK},
    [CAUSE_BREAKER] = {"breaker", STATUS_TRANSIENT},
    [CAUSE_PAUSED] = {"paused", STATUS_OK},
    [CAUSE_GATE] = {"gate", STATUS_GATE},
    [CAUSE_VALIDATION] = {"validation", STATUS_VALIDATION},
    [CAUSE_COMPENSATION] = {"compensation", STATUS_COMPENSATION},
    [CAUSE_TRANSIENT] = {"transient", STATUS_TRANSIENT},
};
static_assert(sizeof(cause_rows) / sizeof(cause_rows[0]) == CAUSE_COUNT, "a row for each cause");

const char *cause_name(enum cause cause)
{
    assert(cause < CAUSE_COUNT);
    return cause_rows[cause].name;
}

bool cause_from_name(const char *name, enum cause *cause)
{
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (strcmp(name, cause_rows[i].name) == 0) {
            *cause = (enum cause)i;
            return true;
        }
    }
    return false;
}

enum status cause_status(enum cause cause)
{
    return cause_rows[cause].status;
}

void outcome_add(struct outcome *outcome, enum status status)
{
    if (status >= 64) {
        status = STATUS_STAGE_FAILED;
    }
    outcome->seen |= UINT64_C(1) << status;
}

static bool outcome_saw(const struct outcome *outcome, enum status status)
{
    return (outcome->seen >> status & 1) != 0;
}

int outcome_status(const struct outcome *outcome)
{
    static const enum status worst[] = {STATUS_COMPENSATION, STATUS_CORRUPT};
    static const enum status rest[] = {STATUS_ENVIRONMENT, STATUS_STAGE_FAILED, STATUS_MANIFEST,
                                       STATUS_TIMEOUT,     STATUS_VALIDATION,   STATUS_GATE,
                                       STATUS_TRANSIENT,   STATUS_LOCKED,       STATUS_USAGE};

    for (unsigned i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
        if (outcome_saw(outcome, worst[i])) {
            return (int)worst[i];
        }
    }
    if (outcome->signal != 0) {
        return STATUS_SIGNAL + outcome->signal;
    }
    if (outcome->cancelled) {
        return STATUS_CANCELLED;
    }
    for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        if (outcome_saw(outcome, rest[i])) {
            return (int)rest[i];
        }
    }
    return STATUS_OK;
}

enum run_status outcome_run_status(const struct outcome *outcome)
{
    int status = outcome_status(outcome);

    if (status >= STATUS_SIGNAL) {
        return RUN_INTERRUPTED;
    }
    if (status == STATUS_CANCELLED) {
        return RUN_CANCELLED;
    }
    return status == STATUS_OK ? RUN_COMPLETED : RUN_FAILED;
}
