/* Owns what is kept of a compensation. */
#include "run/undo.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "run/session.h"

enum { UNDO_VERSION = 1 };

bool undo_take(struct facts *facts, struct inst_id instance, int64_t attempt, struct arena *arena,
               struct undo *undo, struct err *err)
{
    const struct plan *plan = facts->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];
    const struct m_stage *stage = plan_source(plan, inst);
    struct resolved_inputs resolved;
    struct plan_command command;

    if (!facts_inputs_of(facts, instance, arena, &resolved)) {
        return err_set(err, STATUS_STAGE_FAILED, "%.*s", STR_ARG(resolved.missing));
    }
    if (!plan_command_beside(plan, instance, stage->settings->compensate, &resolved, arena,
                             &command, err)) {
        return false;
    }
    *undo = (struct undo){.dir = command.dir,
                          .place = diags_place_text(&facts->session->diags, arena, stage->span),
                          .argv = {command.argv, command.argc},
                          .timeout_ns = inst->timeout_ns,
                          .log_max_bytes = inst->log_max_bytes,
                          .retry = inst->retry != 0 ? plan->retries[inst->retry]
                                                    : (struct plan_retry){0},
                          .attempt = attempt};
    return environment_keep(stage, &command, arena, &undo->kept, err);
}

/* --- the bytes --- */

static void undo_put_strs(struct strbuf *out, const struct event_strs *strs)
{
    bytes_put_u32(out, strs->count);
    for (uint32_t i = 0; i < strs->count; i++) {
        bytes_put_str(out, strs->items[i]);
    }
}

void undo_write(const struct undo *undo, struct strbuf *out)
{
    const struct plan_retry *retry = &undo->retry;

    bytes_put_u8(out, UNDO_VERSION);
    bytes_put_str(out, undo->dir);
    bytes_put_str(out, undo->place);
    undo_put_strs(out, &undo->argv);
    undo_put_strs(out, &undo->kept.env);
    undo_put_strs(out, &undo->kept.passed);
    undo_put_strs(out, &undo->kept.secrets);
    bytes_put_i64(out, undo->timeout_ns);
    bytes_put_u64(out, undo->log_max_bytes);
    bytes_put_u32(out, retry->max);
    bytes_put_u8(out, (uint8_t)retry->backoff);
    bytes_put_i64(out, retry->delay_ns);
    bytes_put_i64(out, retry->max_delay_ns);
    bytes_put_u8(out, retry->jitter);
    bytes_put_u32(out, retry->on);
    bytes_put_u32(out, retry->exit_code_count);
    for (uint32_t i = 0; i < retry->exit_code_count; i++) {
        bytes_put_u32(out, (uint32_t)retry->exit_codes[i]);
    }
    bytes_put_i64(out, undo->attempt);
}

/* Each ends in a NUL, which those that are executed need. */
static struct event_strs undo_get_strs(struct reader *reader, struct arena *arena)
{
    struct event_strs strs = {NULL, 0};
    uint32_t count = reader_u32(reader);

    if (count > reader_left(reader) / sizeof(uint32_t)) {
        reader_fail(reader);
        return strs;
    }
    strs.items = ARENA_ARRAY(arena, struct str, count);
    for (; strs.count < count; strs.count++) {
        strs.items[strs.count] = str_dup(arena, reader_str(reader));
    }
    return strs;
}

static void undo_get_retry(struct reader *reader, struct arena *arena, struct plan_retry *retry)
{
    uint32_t count;
    int32_t *codes;

    retry->max = reader_u32(reader);
    retry->backoff = (enum retry_backoff)reader_u8(reader);
    retry->delay_ns = reader_i64(reader);
    retry->max_delay_ns = reader_i64(reader);
    retry->jitter = reader_u8(reader) != 0;
    retry->on = reader_u32(reader);
    count = reader_u32(reader);
    if (count > reader_left(reader) / sizeof(uint32_t) || retry->max > LIMIT_RETRIES ||
        retry->backoff > RETRY_EXPONENTIAL || retry->delay_ns < 0 || retry->max_delay_ns < 0) {
        reader_fail(reader);
        return;
    }
    codes = ARENA_ARRAY(arena, int32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = (int32_t)reader_u32(reader);
    }
    retry->exit_codes = codes;
    retry->exit_code_count = count;
}

bool undo_read(struct str bytes, struct arena *arena, struct undo *undo, struct err *err)
{
    struct reader reader = reader_of(bytes.data, bytes.len);

    *undo = (struct undo){.attempt = 0};
    if (reader_u8(&reader) == UNDO_VERSION) {
        undo->dir = str_dup(arena, reader_str(&reader));
        undo->place = str_dup(arena, reader_str(&reader));
        undo->argv = undo_get_strs(&reader, arena);
        undo->kept.env = undo_get_strs(&reader, arena);
        undo->kept.passed = undo_get_strs(&reader, arena);
        undo->kept.secrets = undo_get_strs(&reader, arena);
        undo->timeout_ns = reader_i64(&reader);
        undo->log_max_bytes = reader_u64(&reader);
        undo_get_retry(&reader, arena, &undo->retry);
        undo->attempt = reader_i64(&reader);
        if (reader_done(&reader) && undo->argv.count != 0 && undo->timeout_ns >= 0) {
            return true;
        }
    }
    return err_set(err, STATUS_CORRUPT,
                   "what '.pawl/effects' says of a compensation is damaged or of another version");
}
