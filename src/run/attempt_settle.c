/* Owns what becomes of the outputs once the end of an attempt is on record: accepted ones stay and
 * what was put aside goes, or is kept; of a failed one nothing stays and what was put aside
 * returns. */
#include <fcntl.h>

#include "os/remove.h"
#include "run/attempt_inside.h"
#include "run/checkpoint.h"
#include "run/log_name.h"
#include "store/kinds.h"

static void attempt_done(struct attempt *attempt)
{
    struct err err = {0};

    if (attempt->out_tmp.len != 0) {
        file_remove(AT_FDCWD, attempt->out_tmp.data, &err);
    }
    checkpoint_end(attempt);
    attempt->executor->by_instance[attempt->instance.n] = NULL;
    attempt_free(attempt);
}

/* What was somebody's goes to kept/, and is told; the rest is dropped once its successor is safe.
 */
static bool attempt_keep(struct attempt *attempt, struct attempt_output *row)
{
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->session->arena;
    struct strbuf kept = {0};
    struct event event = {.type = EVENT_OUTPUT_KEPT,
                          .number = attempt->instance.n,
                          .instance = attempt->inst->name,
                          .stage = attempt->stage->name};
    struct err err = {0};

    if (!park_keep_parked(&executor->place, executor->recorder->run, attempt->id, row->path, &kept,
                          &err)) {
        executor_broken(executor, &err);
        strbuf_fini(&kept);
        return false;
    }
    event.paths.items = ARENA_NEW(arena, struct str);
    event.paths.items[event.paths.count++] = str_dup(arena, row->path);
    event.place = str_concat(arena, STR(".pawl/"), strbuf_str(&kept));
    recorder_emit(executor->recorder, &event);
    strbuf_fini(&kept);
    return true;
}

/* Is what lay there before on disk under its name, so that nothing is lost when it goes? Of a
 * folder the name says nothing of its files. */
static bool attempt_was_durable(const struct attempt *attempt, const struct attempt_output *row)
{
    const struct executor *executor = attempt->executor;

    return !executor->plan->outputs[row->output].folder &&
           objects_is_durable(executor->session->objects, &row->before);
}

void attempt_accept(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    bool later = false;
    bool some = false;
    bool ok = true;
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        struct attempt_output *row = &attempt->outputs[i];

        if (!row->parked) {
            continue;
        }
        some = true;
        if (!row->known) {
            /* What cannot be kept stays parked, and the next command tries again. */
            ok = attempt_keep(attempt, row) && ok;
        } else if (!attempt_was_durable(attempt, row)) {
            later = true;
        }
    }
    if (ok && later) {
        durable_drop_later(executor, attempt->id);
    } else if (ok && some &&
               !park_drop(&executor->place, executor->recorder->run, attempt->id, NULL, 0, &err)) {
        executor_broken(executor, &err);
    }
    attempt_done(attempt);
}

/* Nothing of it stays, and what was put aside returns. Where nothing was put aside nothing of this
 * attempt lies there. */
static void attempt_return(struct attempt *attempt, enum park_fate fate)
{
    struct executor *executor = attempt->executor;
    struct str *paths = ARENA_ARRAY(&attempt->arena, struct str, attempt->output_count);
    uint32_t count = 0;
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!executor->plan->outputs[attempt->outputs[i].output].persist) {
            paths[count++] = attempt->outputs[i].path;
        }
    }
    if (attempt->parked && !park_return(&executor->place, executor->recorder->run, attempt->id,
                                        paths, count, fate, attempt->log_name, 0, &err)) {
        executor_broken(executor, &err);
    }
    attempt_done(attempt);
}

void attempt_reject(void *ctx, struct inst_id instance)
{
    attempt_return(((struct executor *)ctx)->by_instance[instance.n], PARK_FATE_FAILED);
}

/* --- refused --- */

/* The result that is refused, of a known key. */
static bool refuse_find(const struct executor *executor, struct inst_id instance,
                        struct arena *arena, struct result *result)
{
    const struct session *session = executor->session;
    struct result_ref ref =
        results_find(session->results, &executor->facts->instances[instance.n].key);

    return result_ref_is_some(ref) && results_read(session->results, ref, arena, result);
}

static bool refuse_one(struct executor *executor, struct str name,
                       const struct result_output *output, struct err *err)
{
    struct session *session = executor->session;
    struct output_look look;

    if (!source_look_output(session, output->path, kind_of_result(output->kind), output->executable,
                            &output->digest, false, &look, err)) {
        return false;
    }
    if (!look.exists || !look.same) {
        return true;
    }
    index_drop_path(session->index, output->path);
    return park_return(&executor->place, executor->recorder->run, name, &output->path, 1,
                       PARK_FATE_REFUSED, name, 0, err);
}

/* What was accepted before, and is not any more. What lies there else is somebody's, or another
 * result's, and stays. */
static void refuse_known(struct executor *executor, struct inst_id instance)
{
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct arena arena;
    struct result result;
    struct err err = {0};
    bool ok = true;

    arena_init(&arena);
    if (refuse_find(executor, instance, &arena, &result)) {
        struct str name = log_name_make(inst->name, 1, &arena);

        for (uint32_t i = 0; i < result.output_count && ok; i++) {
            ok = refuse_one(executor, name, &result.outputs[i], &err);
        }
    }
    if (!ok) {
        executor_broken(executor, &err);
    }
    arena_fini(&arena);
}

void attempt_refuse(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];

    executor->facts->instances[instance.n].refused = true;
    if (attempt != NULL) {
        attempt_return(attempt, PARK_FATE_REFUSED);
    } else {
        refuse_known(executor, instance);
    }
}
