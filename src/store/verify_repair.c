/* Owns taking away what is no good. Each step can be killed and repeated: it ends the same. */
#include "store/verify_inside.h"

#include <errno.h>
#include <fcntl.h>

#include "base/record.h"
#include "base/sys.h"
#include "os/remove.h"
#include "store/barrier.h"
#include "store/kinds.h"

enum { REPLACE_TRIES = 10 };

void verify_repaired(struct verify *verify, size_t problem, struct str repair)
{
    verify->problems.items[problem].repair = str_dup(&verify->arena, repair);
}

/* --- records --- */

static bool record_rewrite_once(struct record_file *file, struct err *err)
{
    struct record_batch batch;
    struct record record;
    bool ok;

    record_batch_init(&batch);
    for (uint64_t pos = 0; record_next(file, &pos, &record);) {
        record_batch_add(&batch, record.type, record.payload);
    }
    ok = !record_failed(file, err) && record_replace(file, &batch, err);
    record_batch_fini(&batch);
    return ok;
}

/* With its whole records alone. Others may append to it in a shared store. */
static bool record_rewrite(int dirfd, const char *name, const char *kind, struct err *err)
{
    struct record_file file;
    bool ok = false;

    if (!record_file_open(&file, dirfd, name, kind, err)) {
        return false;
    }
    for (int i = 0; !ok && i < REPLACE_TRIES; i++) {
        err_clear(err);
        ok = record_rewrite_once(&file, err);
        if (!ok && (err->status != STATUS_LOCKED || !record_refresh(&file, err))) {
            break;
        }
    }
    record_file_close(&file);
    return ok;
}

/* Is the name still this file, and nothing that can be read? */
static bool record_is_beyond(int fd, int dirfd, const char *name, const char *kind)
{
    struct record_file file;
    struct sys_stat locked, named;
    struct err why = {0};
    bool same = sys_fstat(fd, &locked) == 0 &&
                sys_statat(dirfd, name, AT_SYMLINK_NOFOLLOW, &named) == 0 &&
                locked.ino == named.ino;

    if (same && record_file_open(&file, dirfd, name, kind, &why)) {
        record_file_close(&file);
    }
    return same && why.status == STATUS_CORRUPT;
}

/* Under the lock of those who write to it, as another repair may have done it meanwhile and others
 * have begun a new file. */
bool verify_set_aside(int dirfd, const char *name, const char *kind, const char *aside,
                      struct err *err)
{
    int fd = sys_openat(dirfd, name, O_RDWR | O_NOFOLLOW, 0);
    bool ok;

    if (fd < 0) {
        return errno == ENOENT || err_sys(err, "'%s': cannot be opened", name);
    }
    ok =
        (sys_lock(fd, F_WRLCK, 0, 0, true) == 0 || err_sys(err, "'%s': cannot be locked", name)) &&
        (!record_is_beyond(fd, dirfd, name, kind) || sys_renameat(dirfd, name, dirfd, aside) == 0 ||
         err_sys(err, "'%s': cannot be set aside", name));
    (void)sys_close(fd);
    return ok;
}

static bool repair_record(struct verify *verify, enum verify_file which, int dirfd,
                          const char *name, const char *kind, struct err *err)
{
    struct str aside = STR_JOIN(&verify->arena, str_of(name), STR(VERIFY_SET_ASIDE));

    switch (verify->files[which]) {
    case VERIFY_WHOLE:
        return true;
    case VERIFY_HOLES:
        if (!record_rewrite(dirfd, name, kind, err)) {
            return false;
        }
        verify_repaired(verify, verify->file_problems[which],
                        STR("written anew with its whole records"));
        return true;
    case VERIFY_NO_HEAD:
        break;
    }
    if (!verify_set_aside(dirfd, name, kind, aside.data, err)) {
        return false;
    }
    verify_repaired(verify, verify->file_problems[which],
                    STR_JOIN(&verify->arena, STR("set aside as '"), aside, STR("'")));
    return true;
}

static bool repair_index(struct verify *verify, struct err *err)
{
    bool log = verify->files[VERIFY_INDEX_LOG] != VERIFY_WHOLE;
    bool index = verify->files[VERIFY_INDEX] != VERIFY_WHOLE;
    int pawl = verify->options.pawl_fd;

    if (!log && !index) {
        return true;
    }
    if (!file_remove(pawl, "index.log", err) || !file_remove(pawl, "index", err)) {
        return false;
    }
    if (log) {
        verify_repaired(verify, verify->file_problems[VERIFY_INDEX_LOG],
                        STR("removed, the index with it"));
    }
    if (index) {
        verify_repaired(verify, verify->file_problems[VERIFY_INDEX], STR("removed"));
    }
    return true;
}

bool verify_repair_records(struct verify *verify, struct err *err)
{
    const struct verify_options *options = &verify->options;

    return repair_record(verify, VERIFY_RESULTS, options->store_fd, "results", "results", err) &&
           repair_record(verify, VERIFY_MADE, options->pawl_fd, "made", "made", err) &&
           repair_record(verify, VERIFY_CHECKPOINTS, options->store_fd, "checkpoints", "checkpts",
                         err) &&
           verify_repair_items(verify, err) && repair_index(verify, err);
}

/* --- objects and results --- */

static bool repair_remove_objects(struct verify *verify, struct objects *objects, struct err *err)
{
    for (size_t i = 0; i < verify->damaged.count; i++) {
        bool removed;

        if (!objects_remove_damaged(objects, &verify->damaged.items[i], &removed, err)) {
            return false;
        }
        /* Else somebody made it again since, or took it away. */
        verify_repaired(verify, verify->damaged_problems.items[i],
                        removed ? STR("removed") : STR("set right by another process"));
    }
    return true;
}

/* Puts again what the workspace has, as long as it is what it was. */
static void repair_put(struct verify *verify, struct objects *objects,
                       const struct verify_lost *lost)
{
    for (uint32_t i = 0; i < lost->output_count; i++) {
        const struct result_output *output = &lost->outputs[i];
        struct put_output put;

        if (!objects_put_output(objects, verify->options.root_fd, output->path.data, NULL, &put,
                                NULL) ||
            put.type != kind_of_result(output->kind) ||
            !digest_equal(&put.digest, &output->digest)) {
            return;
        }
    }
}

static bool repair_has(struct objects *objects, const struct result_output *outputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i].stored &&
            !objects_has_output(objects, kind_of_result(outputs[i].kind), &outputs[i].digest)) {
            return false;
        }
    }
    return true;
}

/* Did another workspace make the same again meanwhile? What is forgotten is all of the key. */
static bool repair_is_made(struct objects *objects, const struct results *results,
                           const struct digest *key)
{
    struct result_ref ref = results_find(results, key);
    struct arena arena;
    struct result result;
    bool made;

    arena_init(&arena);
    made = result_ref_is_some(ref) && results_read(results, ref, &arena, &result) &&
           repair_has(objects, result.outputs, result.output_count);
    arena_fini(&arena);
    return made;
}

/* Of what is to be forgotten nobody may add a result meanwhile. Another result's bytes that were
 * stored again may be those of this one. */
static bool repair_results(struct verify *verify, struct objects *objects, struct results *results,
                           bool shared, struct err *err)
{
    objects_forget(objects);
    if (!results_refresh(results, err)) {
        return false;
    }
    VEC_EACH (lost, &verify->lost) {
        if (repair_has(objects, lost->outputs, lost->output_count)) {
            verify_repaired(verify, lost->problem, STR("stored again"));
        } else if (shared && repair_is_made(objects, results, &lost->key)) {
            verify_repaired(verify, lost->problem, STR("made again by another workspace"));
        } else {
            results_forget(results, &lost->key);
        }
    }
    return results_flush(results, err);
}

static bool repair_lost(struct verify *verify, struct objects *objects, struct results *results,
                        struct store_lock *lock, struct err *err)
{
    bool ok;

    if (!store_lock_enter(lock, objects, err)) {
        return false;
    }
    VEC_EACH (lost, &verify->lost) {
        if (lost->here) {
            repair_put(verify, objects, lost);
        }
    }
    store_lock_leave(lock);
    store_lock_settle(lock);
    /* Alone; and who knows of an object that was removed asks again. */
    if (!store_lock_take(lock, err)) {
        return false;
    }
    ok = repair_results(verify, objects, results, lock->fd >= 0, err);
    store_lock_give(lock);
    return ok;
}

bool verify_repair_objects(struct verify *verify, struct objects *objects, struct results *results,
                           struct store_lock *lock, struct err *err)
{
    if (!repair_remove_objects(verify, objects, err) ||
        !repair_lost(verify, objects, results, lock, err)) {
        return false;
    }
    VEC_EACH (lost, &verify->lost) {
        if (verify->problems.items[lost->problem].repair.len == 0) {
            verify_repaired(verify, lost->problem, STR("forgotten"));
        }
    }
    return verify_repair_checkpoints(verify, err) &&
           (verify->lost.count == 0 || barrier_now(objects, verify->options.root_fd, err));
}

/* --- what was left --- */

bool verify_repair_left(struct verify *verify, struct err *err)
{
    VEC_EACH (problem, &verify->problems) {
        struct sys_stat stat;
        bool there;

        if (problem->level != VERIFY_LEFT && !problem->removable) {
            continue;
        }
        if (problem->removable && !tree_remove(problem->dirfd, problem->name.data, err)) {
            return false;
        }
        there = sys_statat(problem->dirfd, problem->name.data, AT_SYMLINK_NOFOLLOW, &stat) == 0;
        if (!there) {
            problem->repair = problem->removable ? STR("removed") : STR("set right");
        }
    }
    return true;
}
