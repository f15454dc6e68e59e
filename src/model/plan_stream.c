/* Owns streams in the plan: what their items come from, and how they are worked.
 *
 * `each = { stage = "x" }` reads the standard outputs of the instances of x: of all whose axes have
 * the values that the axes of the same names have here. */
#include "model/plan_limiter.h"

#include "base/limits.h"
#include "base/units.h"
#include "model/number.h"

enum { PLAN_QUEUE = 256, PLAN_PPM = 1000000 };

/* --- inputs --- */

static const struct plan_stage *plan_stream_stage(const struct plan *plan, struct str name)
{
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (str_equal(plan->stages[i].name, name)) {
            return &plan->stages[i];
        }
    }
    return NULL;
}

uint32_t plan_stream_inputs_most(const struct plan *plan, const struct m_stage *source)
{
    const struct m_each *each = source->settings->each;
    const struct plan_stage *producer;

    if (each == NULL) {
        return 0;
    }
    producer = each->kind == M_EACH_STAGE ? plan_stream_stage(plan, each->source.text) : NULL;
    return producer != NULL ? producer->instance_count : 1;
}

static bool plan_stream_agrees(const struct m_stage *source, const struct plan_instance *inst,
                               const struct m_stage *other, const struct plan_instance *producer)
{
    for (uint32_t a = 0; a < source->settings->axis_count; a++) {
        uint32_t same = manifest_axis(other, source->settings->axes[a].name);

        if (same != UINT32_MAX && !value_equal(&inst->axes[a], &producer->axes[same])) {
            return false;
        }
    }
    return true;
}

static bool plan_stream_fault(struct plan_build *build, const struct m_stage *source,
                              const char *hint, struct str name, const char *fault)
{
    diag_error(build->diags, source->settings->each->source.span, hint,
               "'each' of stage '%.*s' names '%.*s', %s", STR_ARG(source->name), STR_ARG(name),
               fault);
    return false;
}

bool plan_stream_producers(struct plan_build *build, const struct plan_instance *inst,
                           struct plan_input *inputs, uint32_t *count)
{
    const struct plan *plan = build->plan;
    const struct m_stage *source = plan->stages[inst->stage.n].source;
    struct str name = source->settings->each->source.text;
    const struct plan_stage *stage = plan_stream_stage(plan, name);

    *count = 0;
    if (stage == NULL || stage->source == source) {
        return plan_stream_fault(build, source, NULL, name,
                                 stage == NULL ? "which is no stage" : "itself");
    }
    if (!stage->source->settings->std_out.given) {
        return plan_stream_fault(build, source, "its items are the lines of 'stdout' of that stage",
                                 name, "which has no 'stdout'");
    }
    for (uint32_t i = 0; i < stage->instance_count; i++) {
        uint32_t number = stage->instances_first + i;

        if (plan_stream_agrees(source, inst, stage->source, &plan->instances[number])) {
            inputs[(*count)++] =
                (struct plan_input){.path = {PLAN_NONE},
                                    .producer = {number},
                                    .role = intern_add(&build->plan->names, STR("")),
                                    .kind = PLAN_INPUT_FILE,
                                    .is_each = true};
        }
    }
    return *count != 0 || plan_stream_fault(build, source, NULL, name,
                                            "none of whose instances has its axes' values");
}

void plan_stream_settle(struct plan_build *build, const struct plan_instance *inst)
{
    struct plan *plan = build->plan;

    for (uint32_t i = 0; i < inst->input_count; i++) {
        struct plan_input *input = &plan->inputs[inst->inputs_first + i];
        const struct plan_instance *producer;

        if (!input->is_each || input->path.n != PLAN_NONE) {
            continue;
        }
        producer = &plan->instances[input->producer.n];
        for (uint32_t k = 0; k < producer->output_count; k++) {
            if (plan->outputs[producer->outputs_first + k].is_stdout) {
                input->path = plan->outputs[producer->outputs_first + k].path;
            }
        }
    }
}

/* --- how items are worked --- */

static bool plan_stream_render(struct plan_limiter *limiter, const struct m_text *text,
                               struct str *rendered)
{
    *rendered = STR_NONE;
    return !text->given || plan_render(limiter->build, &limiter->scope, text, rendered);
}

static bool plan_stream_mode(struct plan_limiter *limiter, const struct m_text *text, bool *worker)
{
    struct str mode;

    if (!plan_stream_render(limiter, text, &mode)) {
        return false;
    }
    *worker = str_is(mode, "worker");
    return mode.len == 0 || *worker || str_is(mode, "spawn") ||
           plan_limit_fault(limiter, text, "mode", mode, "'spawn' or 'worker'");
}

/* Items of the kind go to what works them so? */
static bool plan_stream_fits(struct plan_limiter *limiter, const struct m_settings *settings,
                             const struct plan_stream *stream, uint8_t on_pause)
{
    bool good = true;

    if (stream->worker && stream->kind == M_EACH_FILES) {
        good = plan_limit_fault(limiter, &settings->mode, "mode", STR("worker"),
                                "'spawn' where the items are files: a worker is handed lines");
    }
    if (settings->on_pause.given && on_pause == PLAN_ON_PAUSE_FREEZE) {
        good = plan_limit_fault(limiter, &settings->on_pause, "on_pause", STR("freeze"),
                                "'finish' or 'stop' with 'each': items run in groups of their own");
    }
    return good;
}

static bool plan_stream_workers(struct plan_limiter *limiter, const struct m_text *text,
                                uint32_t *workers)
{
    struct str rendered;
    int64_t number = 0;

    if (!plan_stream_render(limiter, text, &rendered)) {
        return false;
    }
    if (rendered.len != 0 && !str_is(rendered, "auto") &&
        (!number_parse_int(rendered, &number) || number < 1 || number > LIMIT_WORKERS)) {
        return plan_limit_fault(limiter, text, "workers", rendered,
                                "an integer from 1 to 4096 or 'auto'");
    }
    *workers = (uint32_t)number;
    return true;
}

static bool plan_stream_max_dead(struct plan_limiter *limiter, const struct m_settings *settings,
                                 struct plan_stream *stream)
{
    struct str rendered;
    int64_t number;
    uint32_t share_ppm;

    stream->max_dead_is_share = settings->dead_letter.given;
    stream->max_dead = settings->dead_letter.given ? PLAN_PPM : 0;
    if (!settings->max_dead.given) {
        return true;
    }
    if (!plan_stream_render(limiter, &settings->max_dead, &rendered)) {
        return false;
    }
    stream->max_dead_is_share = share_parse(rendered, &share_ppm);
    if (stream->max_dead_is_share) {
        stream->max_dead = share_ppm;
        return true;
    }
    if (!number_parse_int(rendered, &number) || number < 0) {
        return plan_limit_fault(limiter, &settings->max_dead, "max_dead", rendered,
                                "an integer, or a share such as '1%'");
    }
    stream->max_dead = (uint64_t)number;
    return true;
}

bool plan_limit_stream(struct plan_limiter *limiter, struct plan_instance *inst)
{
    const struct m_settings *settings = limiter->source->settings;
    struct plan_stream stream = {.timeout_ns = inst->timeout_ns, .breaker = inst->breaker};
    int64_t queue = PLAN_QUEUE;
    bool good;

    if (settings->each == NULL) {
        return true;
    }
    stream.kind = settings->each->kind;
    stream.retry = settings->retry != NULL ? inst->retry : 0;
    good = plan_stream_mode(limiter, &settings->mode, &stream.worker);
    good = plan_stream_fits(limiter, settings, &stream, inst->on_pause) && good;
    good = plan_stream_workers(limiter, &settings->workers, &stream.workers) && good;
    good = plan_limit_int(limiter, &settings->queue, "queue", 1, LIMIT_QUEUE, &queue) && good;
    good = plan_limit_bool(limiter, &settings->dedupe, "dedupe", &stream.dedupe) && good;
    good = plan_stream_max_dead(limiter, settings, &stream) && good;
    stream.queue = (uint32_t)queue;
    inst->timeout_ns = 0;
    inst->retry = settings->retry != NULL ? 0 : inst->retry;
    inst->breaker = 0;
    if (!settings->cpu.given) {
        inst->cpu = stream.workers != 0 ? (uint16_t)stream.workers : PLAN_CPU_ALL;
    }
    if (!settings->on_pause.given) {
        inst->on_pause = PLAN_ON_PAUSE_STOP;
    }
    VEC_PUSH(&limiter->streams, stream);
    inst->stream = (uint32_t)limiter->streams.count;
    return good;
}

bool plan_stream_is_constant(const struct m_stage *source)
{
    const struct m_settings *settings = source->settings;
    const struct m_text *texts[] = {&settings->mode, &settings->workers, &settings->queue,
                                    &settings->dedupe, &settings->max_dead};
    struct str constant;

    for (unsigned i = 0; settings->each != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i]->given && !template_is_literal(texts[i], &constant)) {
            return false;
        }
    }
    return true;
}

void plan_limit_streams_done(struct plan_limiter *limiter)
{
    struct plan *plan = limiter->build->plan;

    plan->stream_count = (uint32_t)limiter->streams.count;
    plan->streams = VEC_DUP(&limiter->streams, limiter->build->arena);
    VEC_FREE(&limiter->streams);
}
