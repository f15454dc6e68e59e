#include "cmd/run_show.h"

#include <stdio.h>

static void run_show_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    (void)ctx;
    (void)state;
    fprintf(stderr, "%s %.*s %.*s %.*s\n", event_types[event->type].name, STR_ARG(event->instance),
            STR_ARG(event->state), STR_ARG(event->reason));
}

void run_show_watch(struct run_show *show, struct cli *cli, struct session *session,
                    struct recorder *recorder, const int64_t *duration_ns, const uint8_t *scope)
{
    (void)duration_ns;
    (void)scope;
    *show = (struct run_show){cli, session, recorder};
    recorder_watch(recorder, &(struct observer){.ctx = show, .tell = run_show_tell});
}

void run_show_end(struct run_show *show, int status)
{
    (void)show;
    (void)status;
}

void run_show_fini(struct run_show *show)
{
    (void)show;
}

void run_show_nothing(struct cli *cli, const struct session *session, uint32_t scope,
                      uint32_t skipped)
{
    (void)cli;
    (void)session;
    fprintf(stderr, "pawl: everything is up to date (%u of %u)\n", scope - skipped, scope);
}

void run_show_recovered(const struct recovered *recovered, bool goes_on)
{
    fprintf(stderr, "pawl: run %s was interrupted: %u attempts cleaned up, %u of %u done, %s\n",
            recovered->run.text, recovered->attempts, recovered->ended, recovered->instances,
            goes_on ? "going on" : "a new run takes its place");
}
