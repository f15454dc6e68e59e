/* Owns how many attempts of a run may be under way at once. */
#include <sys/resource.h>

#include "base/sys.h"
#include "cmd/run_call.h"

/* How many attempts the descriptors that we may open are enough for. */
static uint32_t run_jobs_limit(void)
{
    enum { OWN_DESCRIPTORS = 40, ATTEMPT_DESCRIPTORS = 6 };
    struct sys_limit limit;

    if (sys_get_limit(RLIMIT_NOFILE, &limit) != 0 || limit.soft > UINT32_MAX) {
        return UINT32_MAX;
    }
    if (limit.soft < OWN_DESCRIPTORS + ATTEMPT_DESCRIPTORS) {
        return 1;
    }
    return (uint32_t)(limit.soft - OWN_DESCRIPTORS) / ATTEMPT_DESCRIPTORS;
}

/* What -j says, or was said to a make that shares its jobs with us; 0: nothing. */
static uint32_t run_jobs_said(const struct run_call *call)
{
    const struct jobserver_offer *make = &call->cli->origin->jobserver;

    if (call->cli->jobs.given && call->cli->jobs.count != 0) {
        return call->cli->jobs.count;
    }
    return make->kind != JOBSERVER_NONE && !make->closed ? make->jobs : 0;
}

static bool run_jobs_are_fixed(const struct run_call *call)
{
    return run_jobs_said(call) != 0;
}

uint32_t run_jobs(const struct run_call *call)
{
    uint32_t said = run_jobs_said(call);
    uint32_t wanted = said != 0 ? said : call->session.machine.cpus;
    uint32_t limit = run_jobs_limit();

    return wanted < limit ? wanted : limit;
}

uint32_t run_jobs_most(const struct run_call *call)
{
    uint32_t wanted = call->session.machine.cpus * ADAPT_SLOTS_A_PROCESSOR;
    uint32_t limit = run_jobs_limit();

    if (run_jobs_are_fixed(call)) {
        return 0;
    }
    return wanted < limit ? wanted : limit;
}
