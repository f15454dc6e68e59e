/* Owns the folder of an attempt's snapshots, and what goes from it into the store and back.
 *
 * A snapshot counts from its record in the file `checkpoints` on (store/checkpoints.h), which is
 * appended when its objects are in the store, under the store's lock as a result is. Then its event
 * is recorded, and only then the command is answered. Killed anywhere before, the one before it is
 * the last. What the attempt reads is looked at before a snapshot counts: one that was made from
 * other inputs would be taken for one of this key. */
#include "run/checkpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "os/remove.h"
#include "policy/checkpoint.h"
#include "run/attempt_inside.h"
#include "run/commit_inside.h"
#include "run/strays.h"

enum checkpoint_work { CHECKPOINT_RESTS, CHECKPOINT_PREPARES, CHECKPOINT_SAVES };

struct checkpoint_found {
    struct checkpoint_row row;
    struct str damage; /* why it is no good */
};

struct checkpoint {
    struct executor_job head; /* first */
    struct pool_job job;
    struct attempt *attempt;
    enum checkpoint_work work;
    struct checkpoint_whose whose;
    struct str folder; /* workspace path */
    struct err err;    /* of the job */
    int64_t began_ns;  /* the job, monotonic */
    /* preparing */
    struct checkpoint_found *found; /* the newest first */
    uint32_t found_count, damaged, lost;
    bool held, ready; /* frozen meanwhile; prepared by now */
    bool told_to_end;
    /* saving */
    struct snapshot last;
    struct put_output put;
    struct snapshot_counts counts;
    struct str changed;         /* an input that is not what it was */
    uint32_t serial;            /* of the snapshot that is being taken, or was taken last */
    bool asked;                 /* for one more */
    int64_t last_ns, before_ns; /* monotonic: when the last one began, and the one before it */
};

/* --- small things --- */

static struct event checkpoint_event(const struct checkpoint *checkpoint, enum event_type type)
{
    const struct attempt *attempt = checkpoint->attempt;
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->note_arena;

    /* The attempt may be gone when it is told. */
    return (struct event){.type = type,
                          .number = attempt->instance.n,
                          .instance = attempt->inst->name,
                          .stage = attempt->stage->name,
                          .attempt = attempt->number,
                          .attempt_id = str_dup(arena, attempt->id),
                          .span = str_dup(arena, attempt->span),
                          .key = digest_str(&checkpoint->whose.key, arena),
                          .wall_ns =
                              clock_mono_ns(executor->session->clock) - checkpoint->began_ns};
}

static void checkpoint_warn(const struct checkpoint *checkpoint, const char *before,
                            struct str reason)
{
    struct executor *executor = checkpoint->attempt->executor;
    struct event event = checkpoint_event(checkpoint, EVENT_WARNING);

    event.about = STR("checkpoint");
    event.reason = str_printf(&executor->note_arena, "%s: %.*s", before, STR_ARG(reason));
    recorder_emit(executor->recorder, &event);
}

static void checkpoint_submit(struct checkpoint *checkpoint, enum checkpoint_work work,
                              void (*run)(void *arg), void (*take)(struct executor_job *job))
{
    struct executor *executor = checkpoint->attempt->executor;

    checkpoint->work = work;
    checkpoint->head.take = take;
    checkpoint->began_ns = clock_mono_ns(executor->session->clock);
    checkpoint->job = (struct pool_job){.work = run, .arg = checkpoint};
    pool_submit(&executor->pool, &checkpoint->job);
}

/* --- preparing --- */

static bool checkpoints_begin(struct executor *executor, struct err *err)
{
    if (executor->checkpoints != NULL) {
        return checkpoints_refresh(executor->checkpoints, err);
    }
    executor->checkpoints = mem_calloc(1, sizeof(*executor->checkpoints));
    if (!checkpoints_open(executor->checkpoints, executor->session->store_fd, err)) {
        free(executor->checkpoints);
        executor->checkpoints = NULL;
        return false;
    }
    checkpoints_compact(executor->checkpoints);
    return true;
}

static void checkpoint_find(struct checkpoint *checkpoint)
{
    struct attempt *attempt = checkpoint->attempt;
    const struct executor *executor = attempt->executor;
    const uint8_t *forced = executor->facts->options.forced;
    const struct checkpoint_row *row;
    uint32_t n = 0;

    checkpoint->found =
        ARENA_ARRAY(&attempt->arena, struct checkpoint_found, executor->checkpoints->rows.count);
    while ((row = checkpoints_next(executor->checkpoints, &checkpoint->whose, &n)) != NULL) {
        if (checkpoint_counts(forced != NULL && forced[attempt->instance.n] != 0,
                              str_equal(row->run, executor->recorder->run))) {
            checkpoint->found[checkpoint->found_count++].row = *row;
        }
    }
}

static bool checkpoint_restore(struct checkpoint *checkpoint, const struct checkpoint_row *row)
{
    struct session *session = checkpoint->attempt->executor->session;
    struct put_output output = {.type = TREE_FOLDER, .digest = row->tree};
    struct output_rows rows = {.times = session->times};
    struct arena arena;
    struct err told;
    bool ok;

    arena_init(&arena);
    rows.arena = &arena;
    ok = restore_output(session->objects, session->root_fd, checkpoint->folder.data, &output,
                        &WAYS_DEFAULT, RESTORE_REPLACES, &rows, &checkpoint->err);
    if (ok) {
        snapshot_restored(&checkpoint->last, checkpoint->folder, &rows);
    } else if (checkpoint->err.status == STATUS_CORRUPT) {
        restore_drop_damaged(session->objects, TREE_FOLDER, &row->tree);
        /* It is told as the damage of this snapshot. */
        (void)objects_take_damage(session->objects, &told);
    }
    arena_fini(&arena);
    return ok;
}

/* In a worker. */
static void checkpoint_restore_work(void *arg)
{
    struct checkpoint *checkpoint = arg;
    struct attempt *attempt = checkpoint->attempt;

    for (; checkpoint->damaged < checkpoint->found_count; checkpoint->damaged++) {
        struct checkpoint_found *found = &checkpoint->found[checkpoint->damaged];

        err_clear(&checkpoint->err);
        if (checkpoint_restore(checkpoint, &found->row) ||
            checkpoint->err.status != STATUS_CORRUPT) {
            return;
        }
        found->damage = str_dup(&attempt->arena, str_of(checkpoint->err.text));
        checkpoint->lost += !found->row.synced;
    }
    err_clear(&checkpoint->err);
}

static void checkpoint_tell_damage(struct checkpoint *checkpoint, enum checkpoint_start start)
{
    struct executor *executor = checkpoint->attempt->executor;
    struct err err = {0};

    for (uint32_t i = 0; i < checkpoint->damaged; i++) {
        const struct checkpoint_found *found = &checkpoint->found[i];
        struct event event = checkpoint_event(checkpoint, EVENT_CHECKPOINT_DAMAGED);

        event.snapshot = digest_str(&found->row.tree, &executor->note_arena);
        event.taken_at_ns = found->row.taken_ns;
        event.reason = str_dup(&executor->note_arena, found->damage);
        recorder_emit(executor->recorder, &event);
        /* What must not be passed over in silence stays until somebody repairs the store. */
        if (start != CHECKPOINT_STARTS_NOT &&
            !checkpoints_drop_one(executor->checkpoints, &checkpoint->whose, &found->row.tree,
                                  &err)) {
            checkpoint_warn(checkpoint, "a damaged checkpoint cannot be forgotten",
                            str_of(err.text));
        }
    }
}

static void checkpoint_tell_restored(struct checkpoint *checkpoint)
{
    struct executor *executor = checkpoint->attempt->executor;
    const struct checkpoint_row *row = &checkpoint->found[checkpoint->damaged].row;
    struct event event = checkpoint_event(checkpoint, EVENT_CHECKPOINT_RESTORED);

    event.snapshot = digest_str(&row->tree, &executor->note_arena);
    event.taken_at_ns = row->taken_ns;
    event.count = row->entries;
    event.bytes = (int64_t)row->size_bytes;
    recorder_emit(executor->recorder, &event);
}

/* The folder is as it should be, or `err` says why not. */
static bool checkpoint_settle(struct checkpoint *checkpoint)
{
    struct attempt *attempt = checkpoint->attempt;
    enum checkpoint_start start =
        checkpoint_start(checkpoint->found_count, checkpoint->damaged, checkpoint->lost,
                         attempt->inst->checkpoint_required);

    if (checkpoint->err.status != 0) {
        return false;
    }
    checkpoint_tell_damage(checkpoint, start);
    switch (start) {
    case CHECKPOINT_STARTS_FROM:
        checkpoint_tell_restored(checkpoint);
        return true;
    case CHECKPOINT_STARTS_EMPTY:
        return folder_make(attempt->executor->session->root_fd, checkpoint->folder.data,
                           &checkpoint->err);
    case CHECKPOINT_STARTS_NOT:
        break;
    }
    attempt->cause = CAUSE_CORRUPT;
    return err_set(&checkpoint->err, STATUS_CORRUPT,
                   "no checkpoint of it is good and 'required' is set; 'pawl verify --repair' "
                   "forgets them, and it begins anew");
}

static void checkpoint_go(struct checkpoint *checkpoint)
{
    struct attempt *attempt = checkpoint->attempt;

    checkpoint->work = CHECKPOINT_RESTS;
    if (checkpoint->told_to_end && checkpoint->err.status == 0) {
        attempt->cause = CAUSE_CANCELLED;
        err_set(&checkpoint->err, STATUS_CANCELLED, "told to end before its command started");
    }
    if (checkpoint->err.status != 0) {
        attempt_give_up(attempt, &checkpoint->err);
    } else {
        attempt_go(attempt);
    }
}

static void checkpoint_take_prepared(struct executor_job *job)
{
    struct checkpoint *checkpoint = (struct checkpoint *)job;

    store_lock_leave(&checkpoint->attempt->executor->session->store_lock);
    checkpoint_settle(checkpoint);
    checkpoint->ready = true;
    if (!checkpoint->held || checkpoint->told_to_end) {
        checkpoint_go(checkpoint);
    }
}

void checkpoint_prepare(struct attempt *attempt)
{
    struct session *session = attempt->executor->session;
    struct checkpoint *checkpoint = ARENA_NEW(&attempt->arena, struct checkpoint);

    attempt->checkpoint = checkpoint;
    checkpoint->attempt = attempt;
    checkpoint->whose = (struct checkpoint_whose){session->workspace.id, attempt->what.declared,
                                                  attempt->inst->name};
    checkpoint->folder =
        STR_JOIN(&attempt->arena, STR(".pawl/tmp/"), attempt->id, STR(".checkpoint"));
    if (!checkpoints_begin(attempt->executor, &checkpoint->err)) {
        attempt->cause = checkpoint->err.status == STATUS_CORRUPT ? CAUSE_CORRUPT : CAUSE_NONE;
    } else {
        checkpoint_find(checkpoint);
        if (checkpoint->found_count != 0 &&
            store_lock_enter(&session->store_lock, session->objects, &checkpoint->err)) {
            checkpoint_submit(checkpoint, CHECKPOINT_PREPARES, checkpoint_restore_work,
                              checkpoint_take_prepared);
            return;
        }
        checkpoint_settle(checkpoint);
    }
    checkpoint_go(checkpoint);
}

struct str checkpoint_dir(struct attempt *attempt)
{
    return attempt->checkpoint == NULL ? STR("")
                                       : STR_JOIN(&attempt->arena, attempt->executor->session->root,
                                                  STR("/"), attempt->checkpoint->folder);
}

bool checkpoint_takes_signal(struct attempt *attempt, int signal)
{
    struct checkpoint *checkpoint = attempt->checkpoint;

    if (checkpoint == NULL || checkpoint->work != CHECKPOINT_PREPARES) {
        return false;
    }
    if (signal == SIGSTOP || signal == SIGCONT) {
        checkpoint->held = signal == SIGSTOP;
    } else {
        checkpoint->told_to_end = true;
    }
    if (checkpoint->ready && (!checkpoint->held || checkpoint->told_to_end)) {
        checkpoint_go(checkpoint);
    }
    return true;
}

/* --- saving --- */

/* In a worker. */
static void checkpoint_save_work(void *arg)
{
    struct checkpoint *checkpoint = arg;
    const struct attempt *attempt = checkpoint->attempt;
    struct session *session = attempt->executor->session;
    struct snapshot_taking taking = {.objects = session->objects,
                                     .times = session->times,
                                     .dirfd = session->root_fd,
                                     .path = checkpoint->folder.data,
                                     .threads = session->machine.cpus};
    const struct read_fact *changed;

    if (!snapshot_take(&taking, &checkpoint->last, &checkpoint->put, &checkpoint->counts,
                       &checkpoint->err)) {
        return;
    }
    changed = commit_changed_input(attempt, &checkpoint->err);
    if (changed != NULL) {
        checkpoint->changed = changed->path;
    }
}

static bool checkpoint_is_of_inputs(struct checkpoint *checkpoint)
{
    struct attempt *attempt = checkpoint->attempt;

    if (checkpoint->changed.len == 0) {
        strays_find(attempt->executor->facts, attempt->instance, &attempt->arena,
                    &checkpoint->changed);
    }
    return checkpoint->changed.len == 0 ||
           err_set(&checkpoint->err, STATUS_ENVIRONMENT,
                   "input '%.*s' changed while the command ran: nobody could tell what the "
                   "snapshot was made from",
                   STR_ARG(checkpoint->changed));
}

static bool checkpoint_record(struct checkpoint *checkpoint)
{
    const struct attempt *attempt = checkpoint->attempt;
    struct executor *executor = attempt->executor;
    struct checkpoint_row row = {.whose = checkpoint->whose,
                                 .tree = checkpoint->put.digest,
                                 .run = executor->recorder->run,
                                 .attempt = attempt->id,
                                 .taken_ns = clock_real_ns(executor->session->clock),
                                 .size_bytes = checkpoint->counts.size_bytes,
                                 .entries = checkpoint->counts.entries,
                                 .keep = attempt->inst->checkpoints};

    return checkpoint->err.status == 0 && checkpoint_is_of_inputs(checkpoint) &&
           checkpoints_add(executor->checkpoints, &row, &checkpoint->err);
}

static void checkpoint_tell_saved(struct checkpoint *checkpoint)
{
    struct executor *executor = checkpoint->attempt->executor;
    struct event event = checkpoint_event(checkpoint, EVENT_CHECKPOINT_SAVED);

    event.snapshot = digest_str(&checkpoint->put.digest, &executor->note_arena);
    event.count = checkpoint->counts.entries;
    event.bytes = (int64_t)checkpoint->counts.read_bytes;
    recorder_emit(executor->recorder, &event);
}

/* `problem` NULL: it is saved. Told in checkpoints_tell. */
static void checkpoint_answer_later(struct attempt *attempt, uint32_t serial, const char *problem)
{
    struct executor *executor = attempt->executor;
    struct checkpoint_done *done = ARENA_NEW(&executor->note_arena, struct checkpoint_done);

    *done = (struct checkpoint_done){
        .next = executor->checkpoints_done,
        .attempt = str_dup(&executor->note_arena, attempt->id),
        .serial = serial,
        .problem = problem != NULL ? str_dup(&executor->note_arena, str_of(problem)) : STR_NONE};
    executor->checkpoints_done = done;
}

void checkpoints_tell(struct executor *executor)
{
    for (struct checkpoint_done *done = executor->checkpoints_done; done != NULL;
         done = done->next) {
        control_saved(&executor->control, done->attempt, done->serial, done->problem.data);
    }
    executor->checkpoints_done = NULL;
}

static void checkpoint_save(struct checkpoint *checkpoint);

static void checkpoint_saved(struct checkpoint *checkpoint)
{
    struct attempt *attempt = checkpoint->attempt;
    bool good = checkpoint_record(checkpoint);

    checkpoint->work = CHECKPOINT_RESTS;
    if (good) {
        checkpoint_tell_saved(checkpoint);
    } else {
        checkpoint->last_ns = checkpoint->before_ns;
        checkpoint_warn(checkpoint, "its checkpoint was not taken", str_of(checkpoint->err.text));
    }
    checkpoint_answer_later(attempt, checkpoint->serial, good ? NULL : checkpoint->err.text);
    if (attempt->exited) {
        attempt_ended(attempt);
    } else if (checkpoint->asked) {
        checkpoint_save(checkpoint);
    }
}

static void checkpoint_take_saved(struct executor_job *job)
{
    struct checkpoint *checkpoint = (struct checkpoint *)job;
    struct session *session = checkpoint->attempt->executor->session;

    /* Its attempt may be gone behind it. */
    checkpoint_saved(checkpoint);
    store_lock_leave(&session->store_lock);
}

static void checkpoint_save(struct checkpoint *checkpoint)
{
    struct session *session = checkpoint->attempt->executor->session;

    checkpoint->asked = false;
    checkpoint->changed = STR_NONE;
    err_clear(&checkpoint->err);
    checkpoint->serial++;
    checkpoint->before_ns = checkpoint->last_ns;
    checkpoint->last_ns = clock_mono_ns(session->clock);
    if (store_lock_enter(&session->store_lock, session->objects, &checkpoint->err)) {
        checkpoint_submit(checkpoint, CHECKPOINT_SAVES, checkpoint_save_work,
                          checkpoint_take_saved);
    } else {
        checkpoint_saved(checkpoint);
    }
}

enum checkpoint_answer checkpoint_ask(struct attempt *attempt, uint32_t *serial,
                                      const char **problem)
{
    struct checkpoint *checkpoint = attempt->checkpoint;
    struct checkpoint_asked asked;

    if (checkpoint == NULL) {
        *problem = "its stage has no 'checkpoint'";
        return CHECKPOINT_REFUSED;
    }
    asked = (struct checkpoint_asked){.now_ns = clock_mono_ns(attempt->executor->session->clock),
                                      .last_ns = checkpoint->last_ns,
                                      .every_ns = attempt->inst->checkpoint_every_ns,
                                      .told_to_end = attempt->signalled};
    if (!checkpoint_is_due(&asked)) {
        return CHECKPOINT_EARLY;
    }
    *serial = checkpoint->serial + 1;
    checkpoint->asked = true;
    if (checkpoint->work != CHECKPOINT_SAVES) {
        checkpoint_save(checkpoint);
    }
    return CHECKPOINT_LATER;
}

/* --- the end --- */

bool checkpoint_holds(struct attempt *attempt)
{
    if (attempt->checkpoint == NULL) {
        return false;
    }
    checkpoint_answer_later(attempt, UINT32_MAX, "the attempt has ended");
    return attempt->checkpoint->work == CHECKPOINT_SAVES;
}

struct checkpoint_removal {
    struct executor_job head; /* first */
    struct pool_job job;
    int root_fd;
    char path[];
};

static void checkpoint_removal_work(void *arg)
{
    struct checkpoint_removal *removal = arg;

    /* What stays the next command removes. */
    (void)tree_remove(removal->root_fd, removal->path, NULL);
}

static void checkpoint_removal_take(struct executor_job *job)
{
    free(job);
}

static void checkpoint_remove(struct checkpoint *checkpoint)
{
    struct executor *executor = checkpoint->attempt->executor;
    size_t size = checkpoint->folder.len + 1;
    struct checkpoint_removal *removal = mem_calloc(1, sizeof(*removal) + size);

    removal->head.take = checkpoint_removal_take;
    removal->root_fd = executor->session->root_fd;
    memcpy(removal->path, checkpoint->folder.data, size);
    removal->job = (struct pool_job){.work = checkpoint_removal_work, .arg = removal};
    pool_submit(&executor->pool, &removal->job);
}

void checkpoint_end(struct attempt *attempt)
{
    struct checkpoint *checkpoint = attempt->checkpoint;
    struct executor *executor = attempt->executor;
    struct err err = {0};

    if (checkpoint == NULL) {
        return;
    }
    if (attempt->cause == CAUSE_NONE && executor->checkpoints != NULL &&
        !checkpoints_drop(executor->checkpoints, &checkpoint->whose, &err)) {
        checkpoint_warn(checkpoint, "its checkpoints cannot be forgotten", str_of(err.text));
    }
    checkpoint_remove(checkpoint);
}

void checkpoint_free(struct attempt *attempt)
{
    if (attempt->checkpoint != NULL) {
        snapshot_fini(&attempt->checkpoint->last);
    }
}
