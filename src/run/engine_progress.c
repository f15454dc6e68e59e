/* Owns what becomes of the words of a command about how far it is (run/progress_file.h):
 * policy/pace says which of them are recorded, and how long the attempt still takes. */
#include "run/engine_turn.h"

static struct pace *progress_pace(struct engine_live *live)
{
    if (live->pace.from.at_ns == 0) {
        live->pace = pace_of(live->started_ns);
    }
    return &live->pace;
}

void engine_thaw_progress(struct engine_live *live, int64_t now_ns)
{
    pace_move(progress_pace(live), now_ns - live->frozen_at_ns);
}

void engine_take_progress(struct engine *engine, struct engine_live *live, const struct note *note)
{
    const struct inst_status *inst = &engine->recorder->state.instances[note->instance.n];
    struct event event = engine_event(engine, EVENT_ATTEMPT_PROGRESS, note->instance);
    int64_t now_ns = engine_now(engine);

    if (live == NULL || live->exited || live->frozen ||
        !pace_hears(progress_pace(live), (uint32_t)note->event.permille,
                    !str_equal(note->event.text, inst_progress_text(inst_told(inst)->progress)),
                    now_ns)) {
        return;
    }
    event.attempt = inst->attempts;
    event.permille = note->event.permille;
    event.text = note->event.text;
    event.left_ns = pace_left(&live->pace, now_ns);
    recorder_emit(engine->recorder, &event);
}
