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

static void repaired(struct verify *verify, size_t problem, struct str repair)
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

static bool repair_record(struct verify *verify, enum verify_file which, int dirfd,
                          const char *name, struct err *err)
{
    struct str aside = STR_JOIN(&verify->arena, str_of(name), STR(VERIFY_SET_ASIDE));

    switch (verify->files[which]) {
    case VERIFY_WHOLE:
        return true;
    case VERIFY_HOLES:
        if (!record_rewrite(dirfd, name, name, err)) {
            return false;
        }
        repaired(verify, verify->file_problems[which], STR("written anew with its whole records"));
        return true;
    case VERIFY_NO_HEAD:
        break;
    }
    if (sys_renameat(dirfd, name, dirfd, aside.data) != 0) {
        return err_sys(err, "'%s': cannot be set aside", name);
    }
    repaired(verify, verify->file_problems[which],
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
        repaired(verify, verify->file_problems[VERIFY_INDEX_LOG],
                 STR("removed, the index with it"));
    }
    if (index) {
        repaired(verify, verify->file_problems[VERIFY_INDEX], STR("removed"));
    }
    return true;
}

bool verify_repair_records(struct verify *verify, struct err *err)
{
    return repair_record(verify, VERIFY_RESULTS, verify->options.store_fd, "results", err) &&
           repair_record(verify, VERIFY_MADE, verify->options.pawl_fd, "made", err) &&
           repair_index(verify, err);
}

/* --- objects and results --- */

static bool repair_remove_objects(struct verify *verify, struct objects *objects, struct err *err)
{
    for (size_t i = 0; i < verify->damaged.count; i++) {
        const struct digest *digest = &verify->damaged.items[i];
        struct err looked = {0};

        /* Somebody may have made it again since. */
        if (!objects_verify(objects, digest, NULL, &looked)) {
            if (looked.status != STATUS_CORRUPT) {
                return err_set(err, (enum status)looked.status, "%s", looked.text);
            }
            if (!objects_remove(objects, digest, err)) {
                return false;
            }
        }
        repaired(verify, verify->damaged_problems.items[i], STR("removed"));
    }
    return true;
}

/* Puts again what the workspace has. False: one is no longer what it was. */
static bool repair_put(struct verify *verify, struct objects *objects,
                       const struct verify_lost *lost)
{
    for (uint32_t i = 0; i < lost->output_count; i++) {
        const struct result_output *output = &lost->outputs[i];
        struct put_output put;

        if (!objects_put_output(objects, verify->options.root_fd, output->path.data, NULL, &put,
                                NULL) ||
            put.type != kind_of_result(output->kind) ||
            !digest_equal(&put.digest, &output->digest)) {
            return false;
        }
    }
    return true;
}

/* Another result's bytes that were stored again may be those of this one. */
static bool repair_is_there(struct objects *objects, const struct verify_lost *lost)
{
    for (uint32_t i = 0; i < lost->output_count; i++) {
        if (!objects_has_output(objects, kind_of_result(lost->outputs[i].kind),
                                &lost->outputs[i].digest)) {
            return false;
        }
    }
    return true;
}

bool verify_repair_objects(struct verify *verify, struct objects *objects, struct results *results,
                           struct err *err)
{
    if (!repair_remove_objects(verify, objects, err)) {
        return false;
    }
    VEC_EACH (lost, &verify->lost) {
        lost->here = lost->here && repair_put(verify, objects, lost);
    }
    VEC_EACH (lost, &verify->lost) {
        if (lost->here || repair_is_there(objects, lost)) {
            repaired(verify, lost->problem, STR("stored again"));
        } else {
            results_forget(results, &lost->key);
        }
    }
    if (!results_flush(results, err)) {
        return false;
    }
    VEC_EACH (lost, &verify->lost) {
        if (verify->problems.items[lost->problem].repair.len == 0) {
            repaired(verify, lost->problem, STR("forgotten"));
        }
    }
    return verify->lost.count == 0 || barrier_now(objects, verify->options.root_fd, err);
}

/* --- what was left --- */

bool verify_repair_left(struct verify *verify, struct err *err)
{
    VEC_EACH (problem, &verify->problems) {
        struct sys_stat stat;
        bool there;

        if (problem->level != VERIFY_LEFT) {
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
