/* Owns step 4 of the commit protocol: what a good command left behind is as declared, and what it
 * read is as it was. */
#include <fcntl.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/replace.h"
#include "os/walk.h"
#include "run/commit_inside.h"

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

bool commit_check_output(struct attempt *attempt, struct attempt_output *row, uint64_t *size_bytes)
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

/* In tmp/ it was for nobody else to write; as an output it is what the umask makes of it. */
static void commit_open_stdout(const struct attempt *attempt)
{
    const struct origin *origin = attempt->executor->session->origin;

    if (origin != NULL && (origin->umask & S_IWOTH) == 0) {
        (void)sys_fchmod(attempt->out_fd, 0666 & ~origin->umask);
    }
}

/* `stdout = …` was collected in tmp/ and appears whole. */
bool commit_place_stdout(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct err err = {0};

    if (attempt->out_tmp.len == 0) {
        return true;
    }
    commit_open_stdout(attempt);
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
 * with another mtime or inode, is a change. Where only some values count, they are read. */
static bool commit_input_changed(const struct attempt *attempt, const struct read_fact *read,
                                 struct err *err)
{
    const struct plan_input *input = &attempt->executor->plan->inputs[read->input];
    struct signature now;
    struct digest digest;

    if (!read->has_signature || !signature_read(AT_FDCWD, read->path.data, true, &now, err)) {
        return false;
    }
    if (signature_equal(&now, &read->signature)) {
        if (read->firm) {
            return false;
        }
    } else if (now.ino != read->signature.ino || now.mtime_ns != read->signature.mtime_ns ||
               now.mode != read->signature.mode || now.size != read->signature.size) {
        return true;
    }
    /* Only the ctime is another, or the signature could not be trusted: the bytes decide. */
    if (input->key_count != 0) {
        return !value_keys_are(read->path, input, &read->digest);
    }
    return file_hash(AT_FDCWD, read->path.data, &digest, NULL, err) &&
           !digest_equal(&digest, &read->digest);
}

const struct read_fact *commit_changed_input(const struct attempt *attempt, struct err *err)
{
    for (uint32_t i = 0; i < attempt->what.count && err->status == 0; i++) {
        if (commit_input_changed(attempt, &attempt->what.items[i], err)) {
            return &attempt->what.items[i];
        }
    }
    return NULL;
}

void commit_check_inputs(struct attempt *attempt)
{
    struct err err = {0};
    const struct read_fact *changed = commit_changed_input(attempt, &err);

    if (err.status != 0) {
        commit_fail_err(attempt, &err);
    }
    if (changed != NULL) {
        attempt->changed_path = changed->path;
        commit_fail(attempt, CAUSE_UNSETTLED,
                    str_printf(&attempt->arena, "input '%.*s' changed while it ran",
                               STR_ARG(attempt->changed_path)));
    }
}
