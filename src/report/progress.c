/* Owns what is counted of a run; the simulation is in progress_left.c. */
#include "report/progress.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/progress_left.h"
#include "report/text.h"

void progress_init(struct progress *progress, const struct plan *plan, const int64_t *duration_ns,
                   const uint8_t *scope, uint32_t limit, int64_t now_ns)
{
    uint32_t known = 0;
    double sum_ns = 0;

    assert(limit > 0);
    *progress = (struct progress){.plan = plan,
                                  .scope = scope,
                                  .duration_ns = duration_ns,
                                  .limit = limit,
                                  .started_ns = now_ns,
                                  .percent = -1,
                                  .left_ns = -1,
                                  .computed_at_ns = INT64_MIN};
    progress->means = mem_calloc(plan->stage_count, sizeof(*progress->means));
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        progress->total += scope == NULL || scope[i];
        if (duration_ns != NULL && duration_ns[i] > 0) {
            sum_ns += (double)duration_ns[i];
            known++;
        }
    }
    progress->history_mean_ns = known != 0 ? (int64_t)(sum_ns / known) : 0;
}

void progress_fini(struct progress *progress)
{
    free(progress->means);
    free(progress->running);
    free(progress->rank_ns);
    *progress = (struct progress){0};
}

static void progress_add_mean(struct progress_mean *mean, int64_t ns)
{
    mean->sum_ns += ns;
    mean->count++;
}

static void progress_start(struct progress *progress, uint32_t number, int64_t now_ns)
{
    if (progress->running_count == progress->running_cap) {
        progress->running_cap = progress->running_cap * 2 + 8;
        progress->running =
            mem_realloc(progress->running, progress->running_cap, sizeof(*progress->running));
    }
    progress->running[progress->running_count++] =
        (struct progress_running){.number = number, .started_ns = now_ns};
}

/* Keeps the order of starting. */
static void progress_end(struct progress *progress, uint32_t number)
{
    for (uint32_t i = 0; i < progress->running_count; i++) {
        if (progress->running[i].number == number) {
            progress->running_count--;
            memmove(&progress->running[i], &progress->running[i + 1],
                    (progress->running_count - i) * sizeof(*progress->running));
            return;
        }
    }
}

static void progress_finished(struct progress *progress, const struct event *event)
{
    int64_t wall_ns = event->wall_ns > 0 ? event->wall_ns : 0;

    progress_end(progress, event->number);
    progress->spent_ns += wall_ns;
    if (event->number < progress->plan->instance_count &&
        str_is(event->state, inst_state_name(INST_DONE))) {
        uint32_t stage = progress->plan->instances[event->number].stage.n;

        progress_add_mean(&progress->means[stage], wall_ns);
        progress_add_mean(&progress->mean, wall_ns);
    }
}

/* What was paused goes on: the time in between did not pass. */
static void progress_go_on(struct progress *progress, int64_t now_ns)
{
    int64_t gone_ns = now_ns - progress->paused_at_ns;

    if (progress->paused_at_ns == 0) {
        return;
    }
    progress->paused_at_ns = 0;
    progress->started_ns += gone_ns;
    for (uint32_t i = 0; i < progress->running_count; i++) {
        progress->running[i].started_ns += gone_ns;
        progress->running[i].said_ns += gone_ns;
    }
    if (progress->computed_at_ns != INT64_MIN) {
        progress->computed_at_ns += gone_ns;
    }
}

static void progress_said(struct progress *progress, const struct event *event, int64_t now_ns)
{
    for (uint32_t i = 0; i < progress->running_count; i++) {
        struct progress_running *running = &progress->running[i];

        if (running->number == event->number) {
            running->said_ns = now_ns;
            running->permille = event->permille;
            running->left_ns = event->left_ns;
        }
    }
}

void progress_tell(struct progress *progress, const struct event *event, int64_t now_ns)
{
    if (event->limit > 0 && event->limit < UINT32_MAX) {
        progress->limit = (uint32_t)event->limit;
    }
    if (event->type == EVENT_ATTEMPT_STARTED) {
        progress_start(progress, event->number, now_ns);
    } else if (event->type == EVENT_ATTEMPT_FINISHED) {
        progress_finished(progress, event);
    } else if (event->type == EVENT_ATTEMPT_PROGRESS) {
        progress_said(progress, event, now_ns);
    } else if (event->type == EVENT_ATTEMPT_LOST) {
        progress_end(progress, event->number);
    } else if (event->type == EVENT_RUN_PAUSED) {
        progress->paused_at_ns = now_ns;
    } else if (event->type == EVENT_RUN_CONTINUED || event->type == EVENT_RUN_CANCELLING ||
               event->type == EVENT_STOPPING) {
        progress_go_on(progress, now_ns);
    }
}

int64_t progress_expected(const struct progress *progress, uint32_t number, bool *estimated)
{
    const struct progress_mean *mean = &progress->means[progress->plan->instances[number].stage.n];

    if (progress->duration_ns != NULL && progress->duration_ns[number] > 0) {
        return progress->duration_ns[number];
    }
    *estimated = true;
    if (mean->count == 0) {
        mean = &progress->mean;
    }
    if (mean->count != 0) {
        return mean->sum_ns / mean->count;
    }
    return progress->history_mean_ns != 0 ? progress->history_mean_ns : -1;
}

/* A second; for a large plan longer, so that the simulation stays cheap. */
static bool progress_is_due(const struct progress *progress, int64_t now_ns)
{
    enum { INSTANCES_A_SECOND = 30000 };
    int64_t pause_ns = NS_PER_SEC + progress->total / INSTANCES_A_SECOND * NS_PER_SEC;

    return progress->computed_at_ns == INT64_MIN || now_ns - progress->computed_at_ns >= pause_ns;
}

static void progress_compute(struct progress *progress, const struct run_state *state,
                             int64_t now_ns)
{
    struct progress_left left = progress_left(progress, state, now_ns);

    progress->computed_at_ns = now_ns;
    progress->estimated = left.estimated;
    progress->left_ns = left.known ? left.wall_ns : -1;
    if (left.known) {
        double done = (double)progress->spent_ns + (double)left.spent_ns;
        double all = done + (double)left.work_ns;
        int percent = all > 0 ? (int)(done * 100 / all) : 0;

        /* 100 is for the end alone. */
        percent = percent > 99 ? 99 : percent;
        progress->percent = percent > progress->percent ? percent : progress->percent;
    }
}

int64_t progress_now(const struct progress *progress, int64_t now_ns)
{
    return progress->paused_at_ns != 0 ? progress->paused_at_ns : now_ns;
}

void progress_look(struct progress *progress, const struct run_state *state, int64_t now_ns,
                   struct progress_view *view)
{
    uint32_t ended = run_state_ended(state);
    bool over = progress->total != 0 && ended >= progress->total;

    now_ns = progress_now(progress, now_ns);
    if (over) {
        progress->percent = 100;
        progress->left_ns = 0;
        progress->estimated = false;
        progress->computed_at_ns = now_ns;
    } else if (progress_is_due(progress, now_ns)) {
        progress_compute(progress, state, now_ns);
    }
    *view = (struct progress_view){
        .total = progress->total,
        .ended = ended,
        .running = state->counts[INST_RUNNING],
        .up_to_date = state->counts[INST_UP_TO_DATE],
        .failed = state->counts[INST_FAILED] + state->counts[INST_REFUSED] +
                  state->counts[INST_UNSETTLED],
        .percent = progress->percent,
        .estimated = progress->estimated,
        .paused = progress->paused_at_ns != 0,
        .elapsed_ns = now_ns - progress->started_ns,
        .left_ns = progress->left_ns,
    };
    if (view->left_ns > 0) {
        int64_t since_ns = now_ns - progress->computed_at_ns;

        view->left_ns = since_ns < view->left_ns ? view->left_ns - since_ns : 0;
    }
}

uint32_t progress_longest(const struct progress *progress, struct progress_running *longest,
                          uint32_t count)
{
    /* They are in the order of starting. */
    count = count < progress->running_count ? count : progress->running_count;
    if (count != 0) {
        memcpy(longest, progress->running, count * sizeof(*longest));
    }
    return count;
}

void progress_format_said(const struct inst_progress *said, int64_t since_ns, struct strbuf *out)
{
    strbuf_printf(out, "%u", said->permille / 10);
    if (said->permille % 10 != 0) {
        strbuf_printf(out, ".%u", said->permille % 10);
    }
    strbuf_puts(out, said->text_bytes != 0 ? " % " : " %");
    text_add_inline(out, inst_progress_text(said));
    if (said->left_ns > since_ns) {
        strbuf_puts(out, ", ETA ");
        text_add_seconds(out, said->left_ns - since_ns);
    }
}

void progress_add_said(const struct progress *progress, const struct progress_running *running,
                       const struct run_state *state, int64_t now_ns, const char *before,
                       const char *after, struct strbuf *out)
{
    const struct inst_progress *said =
        running->said_ns != 0 ? inst_told(&state->instances[running->number])->progress : NULL;

    if (said != NULL) {
        strbuf_puts(out, before);
        progress_format_said(said, progress_now(progress, now_ns) - running->said_ns, out);
        strbuf_puts(out, after);
    }
}

void progress_format_percent(const struct progress_view *view, struct strbuf *out)
{
    if (view->percent < 0) {
        strbuf_puts(out, "? %");
    } else {
        strbuf_printf(out, "%s%d %%", view->estimated ? "~" : "", view->percent);
    }
}

void progress_format_eta(const struct progress_view *view, int64_t real_ns, struct strbuf *out)
{
    char at[TIME_TEXT_BYTES];

    if (view->paused) {
        strbuf_puts(out, "paused");
        return;
    }
    if (view->left_ns < 0) {
        strbuf_puts(out, "ETA ?");
        return;
    }
    time_format_wall(real_ns + view->left_ns, at);
    strbuf_puts(out, view->estimated ? "ETA ~" : "ETA ");
    text_add_seconds(out, view->left_ns);
    strbuf_printf(out, " (%s)", at);
}

void progress_format(const struct progress_view *view, int64_t real_ns, struct strbuf *out)
{
    progress_format_percent(view, out);
    strbuf_printf(out, " [%u/%u] %u running, %u up to date, %u failed, ", view->ended, view->total,
                  view->running, view->up_to_date, view->failed);
    text_add_seconds(out, view->elapsed_ns);
    strbuf_puts(out, ", ");
    progress_format_eta(view, real_ns, out);
}

void progress_format_short(const struct progress_view *view, int64_t real_ns, struct strbuf *out)
{
    progress_format_percent(view, out);
    strbuf_printf(out, " [%u/%u] ", view->ended, view->total);
    progress_format_eta(view, real_ns, out);
}
