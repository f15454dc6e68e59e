/* Owns records of runs on their way in. Each waits in a folder of its own, which takes its name
 * below `runs` in one step. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "os/files.h"
#include "store/bundle_import_inside.h"

/* What it says of outputs is nothing about what lay in this workspace. */
static bool import_mark_run(struct bundle_import *import, const struct run_id *run, struct err *err)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "runs/%s/imported", run->text);
    fd = sys_openat(import->staging_fd, path, O_WRONLY | O_CREAT | O_EXCL, SYS_OWN_FILE);
    if (fd < 0 || sys_close(fd) != 0) {
        return err_sys(err, "'.pawl/" BUNDLE_STAGING "/%s': cannot be made", path);
    }
    return true;
}

static bool import_begin_run(struct bundle_import *import, const struct bundle_name *name,
                             struct err *err)
{
    char path[64];
    struct sys_stat stat;

    if (!str_is(name->file, "events.jsonl")) {
        return import_member_fail(import, err, "there is no record of this run");
    }
    import->run = name->run;
    import->sums.runs++;
    snprintf(path, sizeof(path), "runs/%s", name->run.text);
    import->run_is_here = sys_statat(import->place.pawlfd, path, AT_SYMLINK_NOFOLLOW, &stat) == 0;
    if (import->run_is_here) {
        return true;
    }
    VEC_PUSH(&import->runs, name->run);
    snprintf(path, sizeof(path), "runs/%s/logs", name->run.text);
    return folder_make(import->staging_fd, path, err) && import_mark_run(import, &name->run, err);
}

/* Hashes a member's bytes and, with a descriptor, writes them. */
static bool import_copy(struct bundle_import *import, int fd, const struct digest *digest,
                        struct err *err)
{
    unsigned char data[BUNDLE_COPY_BYTES];
    struct digest found;
    struct sha256 sha;
    ssize_t got;

    sha256_init(&sha);
    while ((got = tar_read(&import->tar, data, sizeof(data), err)) > 0) {
        sha256_update(&sha, data, (size_t)got);
        if (fd >= 0 && !file_write_all(fd, data, (size_t)got)) {
            return err_sys(err, "'.pawl/" BUNDLE_STAGING "/%.*s': cannot be written",
                           STR_ARG(import->tar.name));
        }
    }
    if (got < 0) {
        return false;
    }
    sha256_finish(&sha, &found);
    return digest_equal(&found, digest) ||
           import_member_fail(import, err, "its bytes have another digest");
}

bool import_file(struct bundle_import *import, const struct bundle_name *name,
                 const struct digest *digest, struct err *err)
{
    int fd = -1;
    bool ok;

    if (strcmp(import->run.text, name->run.text) != 0 && !import_begin_run(import, name, err)) {
        return false;
    }
    if (str_is(name->file, "events.jsonl") && import->tar.size_bytes > BUNDLE_EVENTS_BYTES) {
        return import_member_fail(import, err, "it is too large");
    }
    if (!import->run_is_here) {
        fd = sys_openat(import->staging_fd, import->tar.name_text, O_WRONLY | O_CREAT | O_EXCL,
                        SYS_OWN_FILE);
        if (fd < 0) {
            return err_sys(err, "'.pawl/" BUNDLE_STAGING "/%.*s': cannot be made",
                           STR_ARG(import->tar.name));
        }
    }
    ok = import_copy(import, fd, digest, err);
    if (fd >= 0 && sys_close(fd) != 0 && ok) {
        ok = err_sys(err, "'.pawl/" BUNDLE_STAGING "/%.*s': cannot be written",
                     STR_ARG(import->tar.name));
    }
    return ok;
}

/* The lock is held, so nobody makes a run of this id meanwhile. */
bool import_enter_runs(struct bundle_import *import, struct err *err)
{
    if (import->runs.count != 0 && !folder_make(import->place.pawlfd, "runs", err)) {
        return false;
    }
    VEC_EACH (id, &import->runs) {
        char path[64];

        snprintf(path, sizeof(path), "runs/%s", id->text);
        if (sys_renameat(import->staging_fd, path, import->place.pawlfd, path) != 0) {
            return err_sys(err, "'.pawl/%s': cannot be made", path);
        }
        import->sums.new_runs++;
    }
    return true;
}
