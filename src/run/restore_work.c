/* Owns bringing demanded outputs back from the store, in a worker. Bytes at an output path that no
 * result knows move to kept/ first. */
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "os/remove.h"
#include "run/executor.h"
#include "store/kinds.h"

/* The bytes of `persist` are written in place, so they are never a link to the object. */
static bool restore_one(struct restore_job *job, struct attempt_output *row)
{
    struct executor *executor = job->executor;
    const struct output_fact *fact = &executor->facts->outputs[row->output];
    struct put_output output = {
        .type = fact->type, .digest = fact->digest, .executable = fact->executable};
    bool persist = executor->plan->outputs[row->output].persist;

    return restore_output(executor->session->objects, executor->session->root_fd, row->path.data,
                          &output, persist ? &WAYS_DEFAULT : &executor->ways, RESTORE_REPLACES,
                          &row->rows, &job->err);
}

static void restore_work(void *arg)
{
    struct restore_job *job = arg;

    for (uint32_t i = 0; i < job->output_count && job->err.status == 0; i++) {
        struct attempt_output *row = &job->outputs[i];
        const struct output_fact *fact = &job->executor->facts->outputs[row->output];

        if (restore_one(job, row)) {
            job->size_bytes += fact->size_bytes;
        } else if (job->err.status == STATUS_CORRUPT) {
            restore_drop_damaged(job->executor->session->objects, fact->type, &fact->digest);
        }
    }
}

static void restore_free(struct restore_job *job)
{
    arena_fini(&job->arena);
    free(job);
}

static void restore_put_rows(struct restore_job *job, uint32_t i)
{
    struct executor *executor = job->executor;
    const struct attempt_output *row = &job->outputs[i];
    const struct output_fact *fact = &executor->facts->outputs[row->output];
    const struct plan_instance *inst = &executor->plan->instances[job->instance.n];
    struct made_row made = {.path = row->path,
                            .kind = kind_in_made(fact->type),
                            .executable = fact->executable,
                            .digest = fact->digest,
                            .size_bytes = fact->size_bytes,
                            .stage = executor->plan->stages[inst->stage.n].name,
                            .instance = inst->name,
                            .run = executor->recorder->run};

    made_put(executor->session->made, &made);
    source_put_rows(executor->session, &row->rows);
}

void restore_take(struct restore_job *job)
{
    struct executor *executor = job->executor;
    struct arena *arena = &executor->note_arena;
    struct note note = {.kind = NOTE_RESTORED, .instance = job->instance};

    if (job->inside) {
        store_lock_leave(&executor->session->store_lock);
    }
    note.event.outputs.items = ARENA_ARRAY(arena, struct event_pair, job->output_count);
    for (uint32_t i = 0; i < job->output_count && job->err.status == 0; i++) {
        const struct output_fact *fact = &executor->facts->outputs[job->outputs[i].output];

        restore_put_rows(job, i);
        note.event.outputs.items[note.event.outputs.count++] =
            (struct event_pair){job->outputs[i].path, digest_str(&fact->digest, arena)};
    }
    note.event.bytes = (int64_t)job->size_bytes;
    if (job->err.status != 0) {
        note.cause = job->err.status == STATUS_CORRUPT ? CAUSE_CORRUPT : CAUSE_ENVIRONMENT;
        note.event.reason = str_dup(arena, str_of(job->err.text));
    }
    executor_note(executor, &note);
    restore_free(job);
}

static void restore_take_job(struct executor_job *job)
{
    restore_take((struct restore_job *)job);
}

/* Somebody's bytes are moved away, and told. */
static bool restore_keep(struct executor *executor, struct inst_id instance, struct str path,
                         struct err *err)
{
    struct arena *arena = &executor->session->arena;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct event event = {.type = EVENT_OUTPUT_KEPT,
                          .number = instance.n,
                          .instance = inst->name,
                          .stage = executor->plan->stages[inst->stage.n].name};
    struct strbuf kept = {0};

    if (!park_keep(&executor->place, executor->recorder->run, path, &kept, err)) {
        strbuf_fini(&kept);
        return false;
    }
    event.paths.items = ARENA_NEW(arena, struct str);
    event.paths.items[event.paths.count++] = path;
    event.place = str_concat(arena, STR(".pawl/"), strbuf_str(&kept));
    recorder_emit(executor->recorder, &event);
    strbuf_fini(&kept);
    return true;
}

bool restore_clear(struct executor *executor, struct inst_id instance, uint32_t output,
                   struct err *err)
{
    struct session *session = executor->session;
    struct str path = plan_path_name(executor->plan, executor->plan->outputs[output].path);
    struct output_look look;
    struct made_row made;

    if (!source_look_known(session, path, &look, err)) {
        return false;
    }
    if (!look.exists) {
        return true;
    }
    if (!look.known || !made_find(session->made, path, &made) ||
        !objects_is_durable(session->objects, &made.digest) ||
        !objects_has_output(session->objects, kind_of_made(made.kind), &made.digest)) {
        return restore_keep(executor, instance, path, err);
    }
    index_drop_path(session->index, path);
    return tree_remove(session->root_fd, path.data, err);
}

static bool restore_add(struct restore_job *job, uint32_t output)
{
    struct executor *executor = job->executor;
    const struct output_fact *fact = &executor->facts->outputs[output];
    struct attempt_output *row = &job->outputs[job->output_count];
    struct output_look look;

    row->output = output;
    row->path = plan_path_name(executor->plan, executor->plan->outputs[output].path);
    row->rows = (struct output_rows){.arena = &job->arena, .times = executor->session->times};
    if (!source_look_output(executor->session, row->path, fact->type, fact->executable,
                            &fact->digest, false, &look, &job->err)) {
        return false;
    }
    if (look.same) {
        return true;
    }
    job->output_count++;
    return !look.exists || look.known ||
           restore_keep(executor, job->instance, row->path, &job->err);
}

void restore_begin(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct restore_job *job = mem_calloc(1, sizeof(*job));

    arena_init(&job->arena);
    job->head.take = restore_take_job;
    job->executor = executor;
    job->instance = instance;
    job->outputs = ARENA_ARRAY(&job->arena, struct attempt_output, inst->output_count);
    job->inside =
        store_lock_enter(&executor->session->store_lock, executor->session->objects, &job->err);
    for (uint32_t i = 0; i < inst->output_count && job->err.status == 0; i++) {
        uint32_t output = inst->outputs_first + i;

        if (!executor->facts->decide->demanded[output]) {
            continue;
        }
        if (executor->facts->outputs[output].state == OUTPUT_MADE) {
            restore_add(job, output);
        } else if (!executor->plan->outputs[output].persist) {
            restore_clear(executor, instance, output, &job->err);
        }
    }
    if (job->err.status != 0 || job->output_count == 0) {
        restore_take(job);
        return;
    }
    job->job = (struct pool_job){.work = restore_work, .arg = job};
    pool_submit(&executor->pool, &job->job);
}
