/* Owns steps 4 to 6 of the commit protocol: what a good command left behind is checked, its inputs
 * are checked again, its outputs enter the store, and its result is added to the record of this
 * turn.
 *
 * What reads and copies may run in a worker: it touches only the attempt, the store (which has its
 * own locks) and files. What is cheap and small is done at once, here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "model/depfile.h"
#include "os/files.h"
#include "os/replace.h"
#include "os/walk.h"
#include "run/executor.h"

enum { COMMIT_SMALL_BYTES = 256 << 10 };

static void commit_fail(struct attempt *attempt, enum cause cause, struct str reason)
{
    if (attempt->cause == CAUSE_NONE) {
        attempt->cause = cause;
        attempt->reason = reason;
    }
}

static void commit_fail_err(struct attempt *attempt, const struct err *err)
{
    commit_fail(attempt, err->status == STATUS_CORRUPT ? CAUSE_CORRUPT : CAUSE_ENVIRONMENT,
                str_dup(&attempt->arena, str_of(err->text)));
}

/* --- outputs are there, as declared --- */

static bool commit_is_declared_kind(const struct plan_output *declared, enum file_type type)
{
    return declared->folder ? type == FILE_FOLDER : type == FILE_REGULAR || type == FILE_LINK;
}

static const char *commit_kind_name(enum file_type type)
{
    switch (type) {
    case FILE_MISSING:
        return "nothing";
    case FILE_REGULAR:
        return "a file";
    case FILE_FOLDER:
        return "a folder";
    case FILE_LINK:
        return "a link";
    case FILE_OTHER:
        break;
    }
    return "neither a file nor a folder";
}

static bool commit_is_empty(const struct attempt_output *row, const struct signature *signature)
{
    struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct arena scratch;
    bool empty;

    if (signature_type(signature) != FILE_FOLDER) {
        return signature->size == 0;
    }
    arena_init(&scratch);
    empty = walk_folder(AT_FDCWD, row->path.data, &flat, &scratch, &list, NULL) && list.count == 0;
    arena_fini(&scratch);
    return empty;
}

static bool commit_check_output(struct attempt *attempt, struct attempt_output *row,
                                uint64_t *size_bytes)
{
    const struct plan_output *declared = &attempt->executor->plan->outputs[row->output];
    struct signature signature;
    struct err err = {0};
    enum file_type type;

    if (!signature_read(AT_FDCWD, row->path.data, false, &signature, &err)) {
        commit_fail_err(attempt, &err);
        return false;
    }
    type = signature_type(&signature);
    row->made = type != FILE_MISSING;
    if (type == FILE_MISSING && declared->optional) {
        return true;
    }
    if (!commit_is_declared_kind(declared, type)) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena,
                               "output '%.*s' is %s, declared as a %s: its command ended well but "
                               "did not make it",
                               STR_ARG(row->path), commit_kind_name(type),
                               declared->folder ? "folder" : "file"));
        return false;
    }
    if (declared->non_empty && commit_is_empty(row, &signature)) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena, "output '%.*s' is empty", STR_ARG(row->path)));
        return false;
    }
    *size_bytes += type == FILE_FOLDER ? COMMIT_SMALL_BYTES + 1u : signature.size;
    return true;
}

/* `stdout = …` was collected in tmp/ and appears whole. */
static bool commit_place_stdout(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct err err = {0};

    if (attempt->out_tmp.len == 0) {
        return true;
    }
    sys_close(attempt->out_fd);
    attempt->out_fd = -1;
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        struct attempt_output *row = &attempt->outputs[i];

        if (executor->plan->outputs[row->output].is_stdout &&
            (!folder_make_parents(executor->session->root_fd, row->path.data, &err) ||
             !file_move(&executor->clone, AT_FDCWD, attempt->out_tmp.data,
                        executor->session->root_fd, row->path.data, &err))) {
            commit_fail_err(attempt, &err);
            return false;
        }
    }
    attempt->out_tmp = STR_NONE;
    return true;
}

/* --- inputs are what they were --- */

/* True if it changed. Same firm signature: unchanged. Else it is read: another digest, or the same
 * with another mtime or inode, is a change. */
static bool commit_input_changed(struct attempt *attempt, const struct read_fact *read)
{
    const struct plan_input *input = &attempt->executor->plan->inputs[read->input];
    struct signature now;
    struct digest digest;
    struct err err = {0};

    if (!read->has_signature) {
        return false;
    }
    if (!signature_read(AT_FDCWD, read->path.data, true, &now, &err)) {
        commit_fail_err(attempt, &err);
        return false;
    }
    if (signature_equal(&now, &read->signature)) {
        if (read->firm || input->key_count != 0) {
            return false;
        }
    } else if (now.ino != read->signature.ino || now.mtime_ns != read->signature.mtime_ns ||
               now.mode != read->signature.mode || now.size != read->signature.size ||
               input->key_count != 0) {
        return true;
    }
    /* Only the ctime is another, or the signature could not be trusted: the bytes decide. */
    if (!file_hash(AT_FDCWD, read->path.data, &digest, NULL, &err)) {
        commit_fail_err(attempt, &err);
        return false;
    }
    return !digest_equal(&digest, &read->digest);
}

static void commit_check_inputs(struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->read_count; i++) {
        if (commit_input_changed(attempt, &attempt->reads[i])) {
            attempt->changed_path = attempt->reads[i].path;
            commit_fail(attempt, CAUSE_UNSETTLED,
                        str_printf(&attempt->arena, "input '%.*s' changed while it ran",
                                   STR_ARG(attempt->changed_path)));
            return;
        }
    }
}

/* --- outputs into the store --- */

static bool commit_hash_entry(struct attempt *attempt, struct str folder,
                              const struct walk_entry *found, struct tree_entry *entry,
                              struct err *err)
{
    struct str path = path_join(&attempt->arena, folder, found->path);
    struct strbuf text = {0};
    struct signature signature;
    bool ok = true;

    *entry = (struct tree_entry){.path = found->path};
    switch (found->type) {
    case FILE_FOLDER:
        entry->type = TREE_FOLDER;
        return true;
    case FILE_LINK:
        entry->type = TREE_LINK;
        ok = file_read_link(AT_FDCWD, path.data, &text, err);
        entry->digest = sha256_of(strbuf_str(&text).data, text.len);
        entry->size_bytes = text.len;
        strbuf_fini(&text);
        return ok;
    case FILE_REGULAR:
        entry->type = TREE_FILE;
        ok = file_hash(AT_FDCWD, path.data, &entry->digest, &entry->size_bytes, err) &&
             signature_read(AT_FDCWD, path.data, false, &signature, err);
        entry->executable = ok && signature_is_executable(&signature);
        return ok;
    case FILE_MISSING:
    case FILE_OTHER:
        break;
    }
    return err_set(err, STATUS_STAGE_FAILED, "'%.*s': neither a file nor a folder", STR_ARG(path));
}

/* A folder of which only the digest is kept: its tree is an object, its files are not. */
static bool commit_hash_folder(struct attempt *attempt, struct attempt_output *row, struct err *err)
{
    struct walk_options all = {.all = true};
    struct walk_list list;
    struct tree tree;

    if (!walk_folder(AT_FDCWD, row->path.data, &all, &attempt->arena, &list, err)) {
        return false;
    }
    tree.count = list.count;
    tree.items = ARENA_ARRAY(&attempt->arena, struct tree_entry, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!commit_hash_entry(attempt, row->path, &list.items[i], &tree.items[i], err)) {
            return false;
        }
        row->put.size_bytes += tree.items[i].size_bytes;
    }
    row->put.type = TREE_FOLDER;
    row->put.files = tree.count;
    return objects_put_tree(attempt->executor->session->objects, &tree, &row->put.digest, err);
}

static bool commit_hash_output(struct attempt *attempt, struct attempt_output *row, struct err *err)
{
    struct signature signature;
    struct walk_entry self = {.path = row->path};
    struct tree_entry entry;

    if (!signature_read(AT_FDCWD, row->path.data, false, &signature, err)) {
        return false;
    }
    if (signature_type(&signature) == FILE_FOLDER) {
        return commit_hash_folder(attempt, row, err);
    }
    self.type = signature_type(&signature);
    if (!commit_hash_entry(attempt, STR(""), &self, &entry, err)) {
        return false;
    }
    row->put = (struct put_output){.type = entry.type,
                                   .digest = entry.digest,
                                   .size_bytes = entry.size_bytes,
                                   .files = 1,
                                   .executable = entry.executable};
    return true;
}

static bool commit_is_stored(const struct plan_output *declared)
{
    return declared->store && !declared->temp && !declared->is_depfile;
}

/* The bytes of `persist` are written in place, so they are never a link to the object. */
static bool commit_put_output(struct attempt *attempt, const struct plan_output *declared,
                              struct attempt_output *row, struct err *err)
{
    struct session *session = attempt->executor->session;

    if (!objects_put_output(session->objects, session->root_fd, row->path.data, &row->rows,
                            &row->put, err)) {
        return false;
    }
    if (!declared->persist) {
        restore_link_put(session->objects, session->root_fd, &attempt->executor->ways, &row->rows);
    }
    return true;
}

static void commit_put(struct attempt *attempt)
{
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count && attempt->cause == CAUSE_NONE; i++) {
        struct attempt_output *row = &attempt->outputs[i];
        const struct plan_output *declared = &attempt->executor->plan->outputs[row->output];
        bool stored = commit_is_stored(declared);

        if (!row->made) {
            continue;
        }
        if (stored ? !commit_put_output(attempt, declared, row, &err)
                   : !commit_hash_output(attempt, row, &err)) {
            commit_fail_err(attempt, &err);
        }
        attempt->put_bytes += stored ? row->put.size_bytes : 0;
    }
}

static void commit_work(void *arg)
{
    struct attempt *attempt = arg;

    commit_check_inputs(attempt);
    if (attempt->cause == CAUSE_NONE) {
        commit_put(attempt);
    }
}

static void commit_take_job(struct executor_job *job)
{
    commit_take((struct attempt *)job);
}

void commit_begin(struct attempt *attempt)
{
    uint64_t size_bytes = 0;

    attempt->head.take = commit_take_job;
    if (!commit_place_stdout(attempt)) {
        attempt_finish(attempt);
        return;
    }
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!commit_check_output(attempt, &attempt->outputs[i], &size_bytes)) {
            attempt_finish(attempt);
            return;
        }
    }
    for (uint32_t i = 0; i < attempt->read_count; i++) {
        size_bytes += attempt->reads[i].firm ? 0 : attempt->reads[i].signature.size;
    }
    if (size_bytes <= COMMIT_SMALL_BYTES && attempt->executor->multigrain) {
        commit_work(attempt);
        commit_take(attempt);
        return;
    }
    attempt->in_pool = true;
    attempt->job = (struct pool_job){.work = commit_work, .arg = attempt};
    pool_submit(&attempt->executor->pool, &attempt->job);
}

/* --- what a depfile names --- */

/* All ancestors of the instance, found once for each attempt that asks. */
static bool commit_is_ancestor(struct attempt *attempt, struct inst_id wanted)
{
    const struct plan *plan = attempt->executor->plan;
    struct inst_id *list;
    uint32_t count = 0;

    if (attempt->ancestors == NULL) {
        attempt->ancestors = ARENA_ARRAY(&attempt->arena, uint8_t, plan->instance_count);
        list = ARENA_ARRAY(&attempt->arena, struct inst_id, plan->instance_count + 1u);
        list[count++] = attempt->instance;
        for (uint32_t at = 0; at < count; at++) {
            const struct plan_instance *inst = &plan->instances[list[at].n];

            for (uint32_t i = 0; i < inst->producer_count; i++) {
                struct inst_id producer = plan->edges[inst->producers_first + i];

                if (!attempt->ancestors[producer.n]) {
                    attempt->ancestors[producer.n] = 1;
                    list[count++] = producer;
                }
            }
        }
    }
    return attempt->ancestors[wanted.n] != 0;
}

/* The digest of a discovered path that another stage makes, which must be an ancestor. */
static bool commit_found_made(struct attempt *attempt, struct str path, const struct plan_path *row,
                              struct result_input *found)
{
    const struct plan *plan = attempt->executor->plan;
    const struct output_fact *made = &attempt->executor->facts->outputs[row->output];

    if (row->producer.n == attempt->instance.n || !commit_is_ancestor(attempt, row->producer)) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena,
                               "depfile names '%.*s', which stage '%.*s' makes: add it to "
                               "'inputs' or the stage to 'needs'",
                               STR_ARG(path), STR_ARG(plan->instances[row->producer.n].name)));
        return false;
    }
    found->missing = made->state != OUTPUT_MADE;
    found->digest = made->digest;
    return true;
}

static bool commit_is_declared_input(const struct attempt *attempt, struct str path)
{
    for (uint32_t i = 0; i < attempt->read_count; i++) {
        if (str_equal(attempt->reads[i].path, path)) {
            return true;
        }
    }
    return false;
}

/* What a depfile names was not looked at before the command started; so it must not have changed
 * since. A write stamps with the coarse clock, or a finer one: never with less than it showed then.
 */
static bool commit_is_newer(const struct attempt *attempt, const struct signature *signature)
{
    return signature->ctime_ns >= attempt->started_coarse_ns;
}

static bool commit_found(struct attempt *attempt, struct str written)
{
    struct executor *executor = attempt->executor;
    struct str joined = path_join(&attempt->arena, attempt->fact->command.dir, written);
    struct result_input *found = &attempt->discovered[attempt->discovered_count];
    struct source_fact source;
    struct path_id id;
    struct str path;
    struct err err = {0};

    if (path_normalise(&attempt->arena, joined, &path, NULL) != PATH_FINE) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena, "depfile names '%.*s', which is no path here",
                               STR_ARG(written)));
        return false;
    }
    if (path_is_absolute(path) && path_is_below(path, executor->session->root)) {
        path = str_skip(path, executor->session->root.len + 1);
    }
    if (commit_is_declared_input(attempt, path)) {
        return true;
    }
    *found = (struct result_input){.path = path};
    id = plan_find_path(executor->plan, path);
    if (id.n != PLAN_NONE && inst_is_some(executor->plan->paths[id.n].producer)) {
        attempt->discovered_count++;
        return commit_found_made(attempt, path, &executor->plan->paths[id.n], found);
    }
    if (!facts_regular_source(executor->facts, path, &source, &err)) {
        commit_fail_err(attempt, &err);
        return false;
    }
    found->missing = !source.exists;
    found->digest = source.digest;
    attempt->discovered_count++;
    if (source.exists && commit_is_newer(attempt, &source.signature)) {
        attempt->changed_path = path;
        commit_fail(attempt, CAUSE_UNSETTLED,
                    str_printf(&attempt->arena,
                               "'%.*s', which its depfile names, changed while it "
                               "ran",
                               STR_ARG(path)));
        return false;
    }
    return true;
}

static bool commit_read_depfile(struct attempt *attempt, struct str path)
{
    struct strbuf text = {0};
    struct depfile depfile;
    struct err err = {0};
    bool ok = file_read(AT_FDCWD, path.data, LIMIT_DEPFILE_BYTES, &text, &err) &&
              depfile_parse(strbuf_dup(&text, &attempt->arena), &attempt->arena, &depfile, &err);

    strbuf_fini(&text);
    if (!ok) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena, "depfile '%.*s': %s", STR_ARG(path), err.text));
        return false;
    }
    attempt->discovered = ARENA_ARRAY(&attempt->arena, struct result_input, depfile.count);
    for (uint32_t i = 0; ok && i < depfile.count; i++) {
        ok = commit_found(attempt, depfile.paths[i]);
    }
    return ok;
}

static bool commit_depfiles(struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];

        if (attempt->executor->plan->outputs[row->output].is_depfile && row->made &&
            !commit_read_depfile(attempt, row->path)) {
            return false;
        }
    }
    return true;
}

/* --- the result --- */

static enum result_kind commit_result_kind(enum tree_type type)
{
    switch (type) {
    case TREE_FILE:
        return RESULT_FILE;
    case TREE_FOLDER:
        return RESULT_FOLDER;
    case TREE_LINK:
        break;
    }
    return RESULT_LINK;
}

static void commit_result_outputs(struct attempt *attempt, struct result *result)
{
    const struct plan *plan = attempt->executor->plan;

    result->outputs = ARENA_ARRAY(&attempt->arena, struct result_output, attempt->output_count);
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        const struct plan_output *declared = &plan->outputs[row->output];

        if (row->made) {
            result->outputs[result->output_count++] =
                (struct result_output){.role = intern_str(&plan->names, declared->role),
                                       .path = row->path,
                                       .kind = commit_result_kind(row->put.type),
                                       .executable = row->put.executable,
                                       .stored = commit_is_stored(declared),
                                       .digest = row->put.digest,
                                       .size_bytes = row->put.size_bytes};
        }
    }
}

static void commit_result_key(struct attempt *attempt, struct result *result)
{
    struct inst_fact *fact = attempt->fact;
    struct key_fields fields;

    result->fields = ARENA_ARRAY(&attempt->arena, struct result_field, fact->fields.count);
    for (uint32_t i = 0; i < fact->fields.count; i++) {
        result->fields[i] =
            (struct result_field){fact->fields.items[i].name, fact->fields.items[i].value};
    }
    result->field_count = fact->fields.count;
    result->declared = fact->declared;
    result->discovered = attempt->discovered;
    result->discovered_count = attempt->discovered_count;
    result->key = fact->declared;
    if (attempt->discovered_count == 0) {
        return;
    }
    key_fields_init(&fields, &attempt->arena);
    key_fields_add_path(&fields, "declared", STR(""), STR(""),
                        digest_str(&fact->declared, &attempt->arena));
    for (uint32_t i = 0; i < attempt->discovered_count; i++) {
        key_fields_add_path(&fields, "found", attempt->discovered[i].path, STR(""),
                            attempt->discovered[i].missing
                                ? STR("missing")
                                : digest_str(&attempt->discovered[i].digest, &attempt->arena));
    }
    result->key = key_fields_digest(&fields);
}

/* The command ran before on exactly these inputs and gave other bytes. */
static void commit_compare(struct attempt *attempt, struct result *result)
{
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->session->arena;
    struct event event = {.type = EVENT_RESULT_DIFFERS,
                          .number = attempt->instance.n,
                          .instance = attempt->inst->name,
                          .stage = attempt->stage->name,
                          .key = digest_str(&result->key, arena)};
    struct result before;

    if (attempt->inst->no_cache || !facts_look_up(executor->facts, attempt->instance,
                                                  &result->declared, &attempt->arena, &before)) {
        return;
    }
    event.paths.items = ARENA_ARRAY(arena, struct str, result->output_count);
    for (uint32_t i = 0; i < result->output_count; i++) {
        for (uint32_t b = 0; b < before.output_count; b++) {
            if (str_equal(before.outputs[b].path, result->outputs[i].path) &&
                !digest_equal(&before.outputs[b].digest, &result->outputs[i].digest)) {
                event.paths.items[event.paths.count++] = str_dup(arena, result->outputs[i].path);
            }
        }
    }
    if (event.paths.count != 0) {
        result->flags |= RESULT_DIFFERS;
        recorder_emit(executor->recorder, &event);
    }
}

static void commit_made_rows(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        struct made_row made = {.path = row->path,
                                .executable = row->put.executable,
                                .digest = row->put.digest,
                                .size_bytes = row->put.size_bytes,
                                .stage = attempt->stage->name,
                                .instance = attempt->inst->name,
                                .run = executor->recorder->run};

        if (!row->made) {
            continue;
        }
        made.kind = row->put.type == TREE_FOLDER ? MADE_FOLDER
                    : row->put.type == TREE_LINK ? MADE_LINK
                                                 : MADE_FILE;
        made_put(executor->session->made, &made);
        executor_put_rows(executor, &row->rows);
    }
}

static void commit_index_row(struct attempt *attempt, const struct result *result)
{
    struct index *index = attempt->executor->session->index;
    struct index_instance row = {0};

    index_instance(index, attempt->inst->name, &row);
    row.key = result->key;
    row.state = INDEX_OK;
    row.peak_bytes = result->peak_bytes;
    index_instance_add_duration(&row, result->wall_ns);
    index_put_instance(index, attempt->inst->name, &row);
}

static struct result commit_new_result(const struct attempt *attempt)
{
    const struct executor *executor = attempt->executor;
    const struct session *session = executor->session;

    return (struct result){
        .workspace = session->workspace.id,
        .machine = session->machine_digest,
        .stage = attempt->stage->name,
        .instance = attempt->inst->name,
        .run = executor->recorder->run,
        .attempt = attempt->id,
        .started_ns = attempt->started_real_ns,
        .ended_ns = clock_real_ns(session->clock),
        .wall_ns = (uint64_t)attempt->wall_ns,
        .cpu_user_ns =
            (uint64_t)(attempt->end.cpu_ns > attempt->usage.cpu_ns ? attempt->end.cpu_ns
                                                                   : attempt->usage.cpu_ns),
        .peak_bytes = (uint64_t)(attempt->end.peak_bytes > attempt->usage.peak_bytes
                                     ? attempt->end.peak_bytes
                                     : attempt->usage.peak_bytes),
        .flags = attempt->stage->tools_given || session->manifest.portable ? RESULT_PORTABLE : 0};
}

void commit_mark_start(struct attempt *attempt)
{
    struct result result = commit_new_result(attempt);

    commit_result_key(attempt, &result);
    result.flags |= RESULT_UNKEYED;
    results_add(attempt->executor->session->results, &result);
}

static void commit_result(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct session *session = executor->session;
    struct result result = commit_new_result(attempt);

    commit_result_outputs(attempt, &result);
    commit_result_key(attempt, &result);
    commit_compare(attempt, &result);
    results_add(session->results, &result);
    commit_made_rows(attempt);
    commit_index_row(attempt, &result);
    facts_take_result(executor->facts, attempt->instance, &result, &attempt->outputs_changed);
}

/* An input that changed in both attempts is most likely written by the command. */
static void commit_tell_changed(struct attempt *attempt)
{
    struct inst_fact *fact = attempt->fact;

    if (str_equal(fact->unsettled, attempt->changed_path)) {
        attempt->reason = str_printf(&attempt->arena,
                                     "input '%.*s' changed while it ran, again: the command "
                                     "itself seems to write it",
                                     STR_ARG(attempt->changed_path));
    }
    fact->unsettled = str_dup(&attempt->executor->facts->arena, attempt->changed_path);
}

void commit_take(struct attempt *attempt)
{
    if (attempt->cause == CAUSE_NONE && commit_depfiles(attempt)) {
        commit_result(attempt);
    }
    if (attempt->changed_path.len != 0) {
        facts_forget_source(attempt->executor->facts, attempt->changed_path);
        commit_tell_changed(attempt);
    }
    attempt_finish(attempt);
}
