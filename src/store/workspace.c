/* Owns `.pawl` and its file `format`:
 *
 *     pawl 1\n
 *     <id of the workspace, 64 hex digits>\n
 *
 * The file is made beside its place and linked there, so that it is whole or not there and the
 * first of two processes wins. A `.pawl` without it is one whose making was cut short (or a store
 * put there by hand): workspace_create completes it. */
#include "store/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/str.h"
#include "base/sys.h"
#include "os/files.h"

enum { FORMAT_LIMIT_BYTES = 4096 };

static bool workspace_parse(struct str text, struct workspace *ws, struct err *err)
{
    struct str line;
    uint64_t number;

    if (!str_split(&text, '\n', &line) || !str_has_prefix(line, STR("pawl ")) ||
        !str_to_u64(str_skip(line, 5), &number)) {
        return err_set(err, STATUS_ENVIRONMENT,
                       "'.pawl/format': is not what pawl wrote: restore it or remove '.pawl'");
    }
    if (number != WORKSPACE_FORMAT) {
        return err_set(err, STATUS_ENVIRONMENT,
                       "'.pawl/format': format %llu is not known to this version, which knows %d: "
                       "use another version of pawl",
                       (unsigned long long)number, WORKSPACE_FORMAT);
    }
    if (!str_split(&text, '\n', &line) || !digest_parse(line, &ws->id)) {
        return err_set(err, STATUS_ENVIRONMENT,
                       "'.pawl/format': has no id: restore it or remove '.pawl'");
    }
    ws->exists = true;
    return true;
}

static bool workspace_read_format(struct workspace *ws, struct err *err)
{
    struct strbuf text;
    struct sys_stat stat;
    bool ok;

    if (sys_statat(ws->pawlfd, "format", AT_SYMLINK_NOFOLLOW, &stat) != 0) {
        return errno == ENOENT ? true : err_sys(err, "'.pawl/format': cannot read");
    }
    strbuf_init(&text);
    ok = file_read(ws->pawlfd, "format", FORMAT_LIMIT_BYTES, &text, err);
    ok = ok ? workspace_parse(strbuf_str(&text), ws, err) : err_wrap(err, "'.pawl'");
    strbuf_fini(&text);
    return ok;
}

static bool workspace_look(struct workspace *ws, struct err *err)
{
    ws->pawlfd = sys_openat(ws->rootfd, ".pawl", O_RDONLY | O_DIRECTORY, 0);
    if (ws->pawlfd < 0) {
        return errno == ENOENT ? true : err_sys(err, "'.pawl': cannot open");
    }
    if (!workspace_read_format(ws, err)) {
        workspace_close(ws);
        return false;
    }
    return true;
}

bool workspace_find(struct workspace *ws, int rootfd, struct err *err)
{
    *ws = (struct workspace){.rootfd = rootfd, .pawlfd = -1};
    return workspace_look(ws, err);
}

void workspace_close(struct workspace *ws)
{
    if (ws->pawlfd >= 0) {
        sys_close(ws->pawlfd);
    }
    ws->pawlfd = -1;
    ws->exists = false;
}

static bool workspace_make_folder(struct workspace *ws, struct err *err)
{
    if (ws->pawlfd >= 0) {
        return true;
    }
    if (sys_mkdirat(ws->rootfd, ".pawl", SYS_OWN_FOLDER) != 0 && errno != EEXIST) {
        return err_sys(err, "'.pawl': cannot make this folder in the workspace, which must be "
                            "writable");
    }
    ws->pawlfd = sys_openat(ws->rootfd, ".pawl", O_RDONLY | O_DIRECTORY, 0);
    return ws->pawlfd >= 0 || err_sys(err, "'.pawl': cannot open");
}

/* Writes and syncs the file under a name of its own, then links it: the first one wins. */
static bool workspace_put_format(struct workspace *ws, struct str text, struct err *err)
{
    char name[48];
    uint64_t random;
    int fd;
    bool ok;

    if (sys_getrandom(&random, sizeof(random)) != 0) {
        return err_sys(err, "'.pawl': cannot draw a random number");
    }
    memcpy(name, "format.", 7);
    hex_encode(&random, sizeof(random), name + 7);
    fd = sys_openat(ws->pawlfd, name, O_WRONLY | O_CREAT | O_EXCL, SYS_OWN_FILE);
    if (fd < 0) {
        return err_sys(err, "'.pawl': cannot write in this folder");
    }
    ok = sys_write_full(fd, text.data, text.len) == 0 && sys_fsync(fd) == 0;
    ok = sys_close(fd) == 0 && ok;
    /* Where there are no hard links a rename does it. */
    ok = ok && (sys_linkat(ws->pawlfd, name, ws->pawlfd, "format", 0) == 0 || errno == EEXIST ||
                sys_renameat2(ws->pawlfd, name, ws->pawlfd, "format", SYS_RENAME_NOREPLACE) == 0 ||
                errno == EEXIST);
    if (!ok) {
        err_sys(err, "'.pawl/format': cannot write");
    }
    sys_unlinkat(ws->pawlfd, name, 0);
    return ok;
}

static bool workspace_make_format(struct workspace *ws, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest id;
    struct strbuf text;
    bool ok;

    if (sys_getrandom(id.bytes, sizeof(id.bytes)) != 0) {
        return err_sys(err, "'.pawl': cannot draw a random number");
    }
    strbuf_init(&text);
    strbuf_printf(&text, "pawl %d\n%s\n", WORKSPACE_FORMAT, digest_hex(&id, hex));
    ok = workspace_put_format(ws, strbuf_str(&text), err);
    strbuf_fini(&text);
    return ok;
}

/* Whole or not at all: on a full disk an empty one would stay. Of several that make a workspace at
 * once one may have its lock by now, and remove the temporary file of another for one that a killed
 * process left: that one tries again. */
static bool workspace_make_gitignore(struct workspace *ws, struct err *err)
{
    enum { TRIES = 100 };
    struct err why = {0};
    int tries = 0;

    do {
        err_clear(&why);
        if (sys_access(ws->pawlfd, ".gitignore", F_OK) == 0 ||
            file_write_replace(ws->pawlfd, ".gitignore", STR("*\n"), SYS_OWN_FILE, false, &why)) {
            return true;
        }
    } while (why.sys == ENOENT && ++tries < TRIES);
    return err_set(err, (enum status)why.status, "'.pawl': %s", why.text);
}

bool workspace_create(struct workspace *ws, struct err *err)
{
    if (ws->exists) {
        return true;
    }
    if (!workspace_make_folder(ws, err) || !workspace_read_format(ws, err)) {
        return false;
    }
    return ws->exists || (workspace_make_gitignore(ws, err) && workspace_make_format(ws, err) &&
                          workspace_read_format(ws, err));
}

bool workspace_folder(const struct workspace *ws, const char *path, struct err *err)
{
    return folder_make(ws->pawlfd, path, err) || err_wrap(err, "'.pawl'");
}
