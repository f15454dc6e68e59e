/* Owns `result.json`, schema 1. */
#include "report/result_json.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "report/checks.h"
#include "report/variants.h"

enum { RESULT_DRAIN_BYTES = 64 << 10 };

bool result_has_instance(const struct run_state *state, const struct result_options *options,
                         uint32_t number)
{
    const struct inst_status *inst = &state->instances[number];

    if (options->scope != NULL && !options->scope[number]) {
        return false;
    }
    if (options->all || inst->attempts != 0 || inst_told(inst)->fallback) {
        return true;
    }
    return inst->state != INST_PENDING && inst->state != INST_READY &&
           inst->state != INST_UP_TO_DATE;
}

struct str result_instance_name(const struct run_state *state, const struct result_options *options,
                                uint32_t number)
{
    if (options->plan != NULL && number < options->plan->instance_count) {
        return options->plan->instances[number].name;
    }
    return state->instances[number].name;
}

struct str result_stage_name(const struct run_state *state, const struct result_options *options,
                             uint32_t number)
{
    if (options->plan != NULL && number < options->plan->instance_count) {
        return options->plan->stages[options->plan->instances[number].stage.n].name;
    }
    return state->instances[number].stage;
}

struct str result_reason(const struct run_state *state, const struct result_options *options,
                         uint32_t number)
{
    const struct inst_status *inst = &state->instances[number];

    if (inst_told(inst)->reason.len == 0 && inst->state == INST_SKIPPED && options->plan != NULL &&
        number < options->plan->instance_count) {
        return options->plan->instances[number].skip_reason;
    }
    return inst_told(inst)->reason;
}

enum run_status result_run_status(const struct run_state *state,
                                  const struct result_options *options)
{
    return options->run_status != RUN_PENDING ? options->run_status : state->status;
}

int result_status(const struct run_state *state, const struct result_options *options)
{
    if (options->status >= 0) {
        return options->status;
    }
    return run_state_exit(state);
}

/* --- writing --- */

static void result_text(struct json_writer *w, const char *key, struct str value)
{
    if (value.len != 0) {
        json_field_str(w, key, value);
    }
}

static void result_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    char text[TIME_TEXT_BYTES];

    if (time_ns != 0) {
        time_format_rfc3339(time_ns, text);
        json_field_text(w, key, text);
    }
}

static void result_pairs(struct json_writer *w, const char *key, const struct event_pairs *pairs)
{
    json_field_object(w, key);
    for (uint32_t i = 0; i < pairs->count; i++) {
        json_key(w, pairs->items[i].name);
        json_str(w, pairs->items[i].value);
    }
    json_object_end(w);
}

static void result_strs(struct json_writer *w, const char *key, const struct event_strs *strs)
{
    json_field_array(w, key);
    for (uint32_t i = 0; i < strs->count; i++) {
        json_str(w, strs->items[i]);
    }
    json_array_end(w);
}

static void result_head(struct json_writer *w, const struct run_state *state,
                        const struct result_options *options)
{
    int status = result_status(state, options);

    json_field_uint(w, "schema", RESULT_JSON_SCHEMA);
    json_field_str(w, "run", state->run);
    json_field_str(w, "pipeline", state->pipeline);
    json_field_text(w, "state", run_status_name(result_run_status(state, options)));
    if (status >= 0) {
        json_field_int(w, "status", status);
        json_field_text(w, "name", status_name(status));
    }
    result_text(w, "reason", state->reason);
    result_time(w, "started_at", state->started_at_ns);
    result_time(w, "ended_at", state->ended_at_ns);
    if (state->ended_at_ns != 0) {
        json_field_int(w, "wall_ns", state->ended_at_ns - state->started_at_ns);
    }
    result_text(w, "trace", state->trace);
    result_text(w, "head", options->head);
}

static void result_origin(struct json_writer *w, const struct run_state *state)
{
    result_pairs(w, "labels", &state->labels);
    result_pairs(w, "params", &state->params);
    /* An option may be given more than once: not an object. */
    json_field_array(w, "flags");
    for (uint32_t i = 0; i < state->flags.count; i++) {
        json_object_begin(w);
        json_field_str(w, "name", state->flags.items[i].name);
        json_field_str(w, "value", state->flags.items[i].value);
        json_object_end(w);
    }
    json_array_end(w);
    result_strs(w, "targets", &state->targets);
    result_strs(w, "command_line", &state->command_line);
    result_text(w, "workspace", state->workspace);
    result_text(w, "manifest", state->manifest);
    result_text(w, "plan", state->plan);
    result_text(w, "user", state->user);
    result_text(w, "host", state->host);
    result_text(w, "version", state->version);
    json_field_uint(w, "resumes", state->resumes);
}

static void result_counts(struct json_writer *w, const struct run_state *state,
                          const struct result_options *options)
{
    uint32_t counts[INST_STATE_COUNT] = {[INST_UP_TO_DATE] = options->slice.beyond};
    uint32_t total = options->slice.beyond;

    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (options->scope == NULL || options->scope[i]) {
            counts[state->instances[i].state]++;
            total++;
        }
    }
    json_field_uint(w, "total", total);
    json_field_object(w, "counts");
    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        json_field_uint(w, inst_state_name((enum inst_state)i), counts[i]);
    }
    json_object_end(w);
    json_field_uint(w, "kept_files", state->kept_files);
    json_field_uint(w, "differing_results", state->differing_results);
}

static void result_usage(struct json_writer *w, const struct inst_status *inst)
{
    if (inst->attempts == 0) {
        return;
    }
    result_time(w, "started_at", inst->started_at_ns);
    json_field_int(w, "wall_ns", inst->wall_ns);
    json_field_object(w, "usage");
    json_field_int(w, "cpu_ns", inst->cpu_ns);
    json_field_int(w, "max_rss_bytes", inst->max_rss_bytes);
    json_object_end(w);
    if (inst->signal > 0) {
        json_field_int(w, "signal", inst->signal);
    } else if (inst->ended_at_ns != 0) {
        json_field_int(w, "exit", inst->exit_code);
    }
}

static void result_instance(struct json_writer *w, const struct run_state *state,
                            const struct result_options *options, uint32_t number)
{
    const struct inst_status *inst = &state->instances[number];

    json_object_begin(w);
    json_field_uint(w, "number", event_number(&options->slice.numbers, number));
    result_text(w, "instance", result_instance_name(state, options, number));
    result_text(w, "stage", result_stage_name(state, options, number));
    json_field_text(w, "state", inst_state_name(inst->state));
    result_text(w, "variant", inst_told(inst)->variant);
    result_text(w, "fallback", variants_fallback(inst));
    result_text(w, "cause", inst_told(inst)->cause);
    result_text(w, "reason", result_reason(state, options, number));
    json_field_uint(w, "attempts", inst->attempts);
    result_time(w, "ready_at", inst->ready_at_ns);
    result_usage(w, inst);
    result_time(w, "ended_at", inst->ended_at_ns);
    result_text(w, "attempt_id", inst->attempt_id);
    result_text(w, "log", inst_told(inst)->log);
    result_text(w, "place", inst->place);
    checks_write_json(inst_told(inst), w);
    json_object_end(w);
}

void result_json(const struct run_state *state, const struct result_options *options,
                 struct strbuf *out)
{
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    result_head(&w, state, options);
    result_origin(&w, state);
    result_counts(&w, state, options);
    json_field_array(&w, "instances");
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (result_has_instance(state, options, i)) {
            result_instance(&w, state, options, i);
            if (options->drain != NULL && out->len >= RESULT_DRAIN_BYTES) {
                options->drain(options->drain_ctx, out);
            }
        }
    }
    json_array_end(&w);
    if (options->more != NULL) {
        options->more(options->more_ctx, &w);
    }
    json_object_end(&w);
    strbuf_putc(out, '\n');
}
