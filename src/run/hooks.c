/* Owns which hook is told of what, and when. */
#include "run/hooks.h"

#include <string.h>

#include "base/units.h"

static bool hooks_want(const struct hooks *hooks, enum hook name)
{
    for (uint32_t i = 0; i < hooks->manifest->hook_count; i++) {
        if (hooks->manifest->hooks[i].hook == name) {
            return true;
        }
    }
    return false;
}

/* --- what was told before --- */

/* Commands are told in order: the last that was started says it of all before. */
static bool hooks_find_told(struct hooks *hooks, struct err *err)
{
    struct event_walk walk;
    struct str line;
    struct str text;
    enum hook name;
    uint64_t told;

    if (!event_walk_open(&walk, hooks->recorder->dir_fd, "events.jsonl", err)) {
        return false;
    }
    while (event_walk_next(&walk, &line)) {
        if (str_is(event_walk_type(line), "hook.started") && event_walk_text(line, "hook", &text) &&
            event_walk_number(line, "told", &told) &&
            hook_parse(text, &name, &hooks->number_before)) {
            hooks->told_before = told;
        }
    }
    event_walk_close(&walk);
    return true;
}

bool hooks_open(struct hooks *hooks, const struct manifest *manifest, struct recorder *recorder,
                const struct hooks_world *world, bool goes_on, struct err *err)
{
    *hooks = (struct hooks){
        .manifest = manifest, .recorder = recorder, .world = *world, .more = goes_on};
    arena_init(&hooks->arena);
    return event_walk_open(&hooks->walk, recorder->dir_fd, "events.jsonl", err) &&
           (!goes_on || hooks_find_told(hooks, err));
}

void hooks_close(struct hooks *hooks)
{
    if (hooks->manifest != NULL) {
        event_walk_close(&hooks->walk);
        arena_fini(&hooks->arena);
    }
    *hooks = (struct hooks){0};
}

/* --- what is next --- */

/* A line of a type that no hook is about is not parsed. */
static bool hooks_may_want(struct str line)
{
    struct str type = event_walk_type(line);

    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        if (str_is(type, event_types[i].name)) {
            return hook_is_about((enum event_type)i);
        }
    }
    return false;
}

static bool hooks_take_line(struct hooks *hooks, struct str line)
{
    struct err err;
    bool known;

    if (!hooks_may_want(line)) {
        return false;
    }
    arena_reset(&hooks->arena);
    hooks->line = str_dup(&hooks->arena, line);
    return event_from_json(hooks->line, &hooks->arena, &hooks->event, &known, &err) && known &&
           hooks->event.seq >= hooks->told_before && hooks_want(hooks, hook_of(&hooks->event));
}

static bool hooks_next_event(struct hooks *hooks)
{
    struct str line;

    hooks->has_event = false;
    hooks->hook = NULL;
    while (!hooks->has_event && event_walk_next(&hooks->walk, &line)) {
        hooks->has_event = hooks_take_line(hooks, line);
    }
    return hooks->has_event;
}

/* The next command of the manifest for the event that is being told; NULL: there is none. */
static const struct m_hook *hooks_next_hook(const struct hooks *hooks)
{
    const struct manifest *manifest = hooks->manifest;
    const struct m_hook *hook = hooks->hook != NULL ? hooks->hook + 1 : manifest->hooks;
    enum hook name = hook_of(&hooks->event);

    for (; hooks->has_event && hook < manifest->hooks + manifest->hook_count; hook++) {
        if (hook->hook == name &&
            (hooks->event.seq != hooks->told_before || hook->number > hooks->number_before)) {
            return hook;
        }
    }
    return NULL;
}

static bool hooks_next(struct hooks *hooks)
{
    const struct m_hook *hook = hooks_next_hook(hooks);

    while (hook == NULL && hooks_next_event(hooks)) {
        hook = hooks_next_hook(hooks);
    }
    hooks->hook = hook;
    hooks->more = hook != NULL;
    return hooks->more;
}

/* --- telling one --- */

static void hooks_announce(struct hooks *hooks)
{
    struct event event = {.type = EVENT_HOOK_STARTED, .told = (int64_t)hooks->event.seq};

    hooks->name = hook_format(hooks->hook->hook, hooks->hook->number, &hooks->arena);
    event.hook = hooks->name;
    hooks->phase = HOOKS_ANNOUNCED;
    recorder_emit(hooks->recorder, &event);
}

static void hooks_fail(struct hooks *hooks, const struct hooks_end *end, struct str reason)
{
    struct event event = {.type = EVENT_HOOK_FAILED,
                          .hook = hooks->name,
                          .told = (int64_t)hooks->event.seq,
                          .cause = hooks->killed        ? STR("timeout")
                                   : end->signal != 0   ? STR("signal")
                                   : end->exit_code > 0 ? STR("exit")
                                                        : STR("environment"),
                          .reason = reason,
                          .exit_code = end->exit_code,
                          .signal = end->signal,
                          .log = end->log};

    hooks->phase = HOOKS_FAILED;
    recorder_emit(hooks->recorder, &event);
}

static void hooks_start(struct hooks *hooks)
{
    struct err err = {0};

    hooks->killed = false;
    hooks->deadline_ns = hooks->world.now_ns(hooks->world.ctx) + hooks->hook->timeout_ns;
    hooks->phase = HOOKS_RUNNING;
    if (!hooks->world.start(hooks->world.ctx, hooks->hook, &hooks->event, hooks->line, &err)) {
        hooks_fail(hooks, &(struct hooks_end){.exit_code = -1},
                   str_dup(&hooks->arena, str_of(err.text)));
    }
}

void hooks_take_end(struct hooks *hooks, const struct hooks_end *end)
{
    char limit[UNITS_TEXT_BYTES];

    hooks->phase = HOOKS_IDLE;
    if (hooks->killed) {
        duration_format_exact(hooks->hook->timeout_ns, limit);
        hooks_fail(hooks, end,
                   str_printf(&hooks->arena, "it took longer than %s and was ended", limit));
    } else if (end->signal != 0) {
        hooks_fail(
            hooks, end,
            str_printf(&hooks->arena, "signal %d (%s)", end->signal, strsignal(end->signal)));
    } else if (end->exit_code != 0) {
        hooks_fail(hooks, end, str_printf(&hooks->arena, "exit %d", end->exit_code));
    }
}

/* --- the observer --- */

static void hooks_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct hooks *hooks = ctx;

    (void)state;
    if (event->type == EVENT_HOOK_STARTED && hooks->phase == HOOKS_ANNOUNCED) {
        hooks_start(hooks);
    } else if (event->type == EVENT_HOOK_FAILED && hooks->phase == HOOKS_FAILED) {
        hooks->phase = HOOKS_IDLE;
    } else {
        hooks->more |= hooks_want(hooks, hook_of(event));
    }
}

static int64_t hooks_tick(void *ctx, int64_t now_ns, const struct run_state *state)
{
    struct hooks *hooks = ctx;

    (void)state;
    if (hooks->phase == HOOKS_IDLE && hooks->more && hooks_next(hooks)) {
        hooks_announce(hooks);
    }
    if (hooks->phase == HOOKS_RUNNING && !hooks->killed && now_ns >= hooks->deadline_ns) {
        hooks->killed = true;
        hooks->world.kill(hooks->world.ctx);
    }
    if (hooks->phase == HOOKS_ANNOUNCED || hooks->phase == HOOKS_FAILED) {
        return now_ns;
    }
    return hooks->phase == HOOKS_RUNNING && !hooks->killed ? hooks->deadline_ns : INT64_MAX;
}

struct observer hooks_observer(struct hooks *hooks)
{
    return (struct observer){.ctx = hooks, .tell = hooks_tell, .tick = hooks_tick};
}

bool hooks_are_due(const struct hooks *hooks)
{
    return hooks->more || hooks->phase != HOOKS_IDLE;
}

void hooks_note_told(struct hooks *hooks)
{
    struct event event = {.type = EVENT_HOOKS_TOLD};

    recorder_emit(hooks->recorder, &event);
}
