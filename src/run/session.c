/* Owns opening and closing of a workspace. */
#include "run/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"

enum { SESSION_LOCK_RETRY_MS = 100, SESSION_LOCK_GONE_MS = 2000, SESSION_LIVES_LIMIT_MS = 5000 };

void session_init(struct session *session, const struct session_options *options,
                  const struct clock *clock, const struct origin *origin)
{
    *session = (struct session){
        .options = *options, .clock = clock, .origin = origin, .root_fd = -1, .store_fd = -1};
    session->workspace.pawlfd = -1;
    session->lock.fd = session->lives.fd = session->store_lock.fd = -1;
    arena_init(&session->arena);
    arena_init(&session->files);
    consulted_init(&session->consulted, &session->arena, clock);
    diags_init(&session->diags);
    machine_read(&session->machine, "");
}

static void session_drop_plan(struct session *session)
{
    if (session->planned) {
        plan_fini(&session->plan);
    }
    arena_fini(&session->files);
    consulted_fini(&session->consulted);
    diags_fini(&session->diags);
    for (uint32_t i = 0; i < session->text_count; i++) {
        strbuf_fini(&session->texts[i]);
    }
    session->text_count = 0;
    session->planned = session->manifest_read = false;
}

void session_forget_files(struct session *session)
{
    manifest_forget_files(&session->manifest);
    arena_fini(&session->files);
}

void session_forget_plan(struct session *session)
{
    session_drop_plan(session);
    session->manifest = (struct manifest){0};
    session->manifest_text = STR_NONE;
    consulted_init(&session->consulted, &session->arena, session->clock);
    diags_init(&session->diags);
}

void session_close_records(struct session *session)
{
    made_close(session->made);
    results_close(session->results);
    session->made = NULL;
    session->results = NULL;
}

void session_fini(struct session *session)
{
    session_drop_plan(session);
    session_close_records(session);
    effects_close(&session->effects);
    if (session->index != NULL) {
        index_close(session->index);
    }
    if (session->objects != NULL) {
        objects_close(session->objects);
    }
    store_lock_close(&session->store_lock);
    if (session->times != NULL) {
        signature_times_free(session->times);
    }
    if (session->store_fd >= 0 && session_store_is_shared(session)) {
        sys_close(session->store_fd);
    }
    workspace_close(&session->workspace);
    lock_release(&session->lives);
    lock_release(&session->lock);
    if (session->root_fd >= 0) {
        sys_close(session->root_fd);
    }
    map_fini(&session->foreign);
    arena_fini(&session->arena);
}

/* --- where --- */

bool session_go(const char *dir, struct err *err)
{
    if (dir != NULL && sys_chdir(dir) != 0) {
        err_sys(err, "'%s': cannot go there", dir);
        if (err->sys == ENOENT || err->sys == ENOTDIR) {
            err->status = STATUS_USAGE;
        }
        return false;
    }
    return true;
}

static bool session_here(struct session *session, struct str *here, struct err *err)
{
    char path[PATH_MAX];

    if (!session_go(session->options.dir, err)) {
        return false;
    }
    if (getcwd(path, sizeof(path)) == NULL) {
        return err_sys(err, "the working folder cannot be found");
    }
    *here = str_dup(&session->arena, str_of(path));
    return true;
}

/* The nearest folder from here upwards that holds pawl.toml. */
static bool session_search(struct session *session, struct str here, struct str *folder,
                           struct err *err)
{
    struct str at = here;

    for (;;) {
        struct str file = path_join(&session->arena, at, STR("pawl.toml"));

        if (sys_access(AT_FDCWD, file.data, F_OK) == 0) {
            *folder = at;
            return true;
        }
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
            return err_sys(err, "'%s': cannot be looked for", file.data);
        }
        if (at.len <= 1) {
            return err_set(err, STATUS_USAGE,
                           "no 'pawl.toml' here or above; 'pawl init' writes a first one, -f names "
                           "another");
        }
        at = str_dup(&session->arena, path_dir(at));
    }
}

static bool session_named_file(struct session *session, struct str *folder, struct err *err)
{
    struct str file = str_of(session->options.file);
    struct str dir = path_dir(file);
    char *real;

    if (sys_access(AT_FDCWD, session->options.file, R_OK) != 0) {
        int sys = errno;

        err_errno(err, sys, "'%s': cannot be read", session->options.file);
        err->status = sys == ENOENT ? STATUS_USAGE : STATUS_ENVIRONMENT;
        return false;
    }
    real = sys_realpath(dir.len != 0 ? str_dup(&session->arena, dir).data : ".");
    if (real == NULL) {
        return err_sys(err, "'%s': its folder cannot be found", session->options.file);
    }
    *folder = str_dup(&session->arena, str_of(real));
    free(real);
    session->manifest_path = str_dup(&session->arena, path_base(file));
    return true;
}

static void session_name_machine(struct session *session)
{
    struct strbuf text = {0};
    struct err err;

    if (!file_read(AT_FDCWD, "/etc/machine-id", 4096, &text, &err)) {
        strbuf_puts(&text, session->machine.host);
    }
    session->machine_text = strbuf_dup(&text, &session->arena);
    strbuf_fini(&text);
}

bool session_find(struct session *session, struct err *err)
{
    struct str here;

    session_name_machine(session);
    if (!session_here(session, &here, err)) {
        return false;
    }
    if (session->options.file != NULL) {
        if (!session_named_file(session, &session->root, err)) {
            return false;
        }
    } else {
        session->manifest_path = STR("pawl.toml");
        if (!session_search(session, here, &session->root, err)) {
            return false;
        }
    }
    session->prefix = STR("");
    if (path_is_below(here, session->root) && here.len > session->root.len) {
        session->prefix = str_skip(here, session->root.len + (session->root.len > 1 ? 1u : 0u));
    }
    if (sys_chdir(session->root.data) != 0) {
        return err_sys(err, "'%s': cannot go there", session->root.data);
    }
    session->root_fd = sys_open(".", O_RDONLY | O_DIRECTORY, 0);
    if (session->root_fd < 0) {
        return err_sys(err, "'%s': cannot be opened", session->root.data);
    }
    return workspace_find(&session->workspace, session->root_fd, err);
}

bool session_user_path(struct session *session, struct str typed, struct str *path)
{
    struct str joined = path_join(&session->arena, session->prefix, typed);
    struct str normal;

    if (path_is_absolute(typed) && path_is_below(typed, session->root)) {
        joined = str_skip(typed, session->root.len + 1);
    }
    return path_normalise(&session->arena, joined, path, NULL) == PATH_FINE &&
           path_normalise(&session->arena, *path, &normal, NULL) == PATH_FINE &&
           !path_is_absolute(normal);
}

/* --- what was recorded --- */

static void session_put_text(char *to, size_t size, const char *text)
{
    size_t len = strlen(text);

    len = len < size ? len : size - 1;
    memcpy(to, text, len);
    to[len] = '\0';
}

static struct lock_holder session_holder(const struct session *session, const char *run)
{
    struct lock_holder me = {.pid = getpid(), .since_ns = clock_real_ns(session->clock)};

    session_put_text(me.host, sizeof(me.host), session->machine.host);
    session_put_text(me.what, sizeof(me.what),
                     session->options.command != NULL ? session->options.command : "");
    session_put_text(me.run, sizeof(me.run), run);
    return me;
}

void session_tell_holder(struct session *session, const char *run)
{
    struct lock_holder me = session_holder(session, run);

    lock_tell(&session->lock, &me, NULL);
}

static bool session_lock_once(struct session *session, enum lock_answer *answer,
                              struct lock_holder *other, struct err *err)
{
    struct lock_holder me = session_holder(session, "");

    *answer = lock_take(&session->lock, ".pawl/lock", &me, other, err);
    session->locked = *answer == LOCK_HELD;
    return session->locked;
}

enum session_held session_is_held(const struct session *session)
{
    int fd;
    int held;

    if (session->workspace.pawlfd < 0) {
        return SESSION_FREE;
    }
    fd = sys_openat(session->workspace.pawlfd, "lock", O_RDONLY, 0);
    if (fd < 0) {
        return errno == ENOENT ? SESSION_FREE : SESSION_HELD_UNKNOWN;
    }
    held = sys_lock_probe(fd, F_WRLCK, 0, 0);
    sys_close(fd);
    return held == 0 ? SESSION_FREE : held == 1 ? SESSION_HELD : SESSION_HELD_UNKNOWN;
}

static void session_tell_waiting(const struct err *err)
{
    struct strbuf line = {0};

    strbuf_printf(&line, "pawl: %s: waiting\n", err->text);
    sys_write_full(STDERR_FILENO, line.data, line.len);
    strbuf_fini(&line);
}

/* A pawl that was killed while it started a command: until that child has executed or died it holds
 * copies of all descriptors, the lock's too. */
static bool session_holder_is_gone(const struct session *session, const struct lock_holder *other)
{
    struct lock_holder me = session_holder(session, "");

    return other->pid > 0 && strcmp(other->host, me.host) == 0 && sys_kill(other->pid, 0) != 0 &&
           errno == ESRCH;
}

static bool session_take_lock(struct session *session, bool wait, struct err *err)
{
    enum lock_answer answer;
    struct lock_holder other;
    uint32_t gone_ms = 0;
    bool told = false;

    while (!session_lock_once(session, &answer, &other, err)) {
        bool gone = answer == LOCK_BUSY && gone_ms < SESSION_LOCK_GONE_MS &&
                    session_holder_is_gone(session, &other);

        gone_ms += gone ? SESSION_LOCK_RETRY_MS : 0;
        if (answer != LOCK_BUSY || (!wait && !gone)) {
            return false;
        }
        if (!told && !gone) {
            session_tell_waiting(err);
            told = true;
        }
        err_clear(err);
        sys_poll(NULL, 0, SESSION_LOCK_RETRY_MS);
    }
    return true;
}

/* `.pawl` by another name: the workspace's lock is enough for it. */
static bool session_is_own_store(const struct session *session, struct str store)
{
    struct sys_stat named, own;

    return session->workspace.pawlfd >= 0 && sys_fstat(session->workspace.pawlfd, &own) == 0 &&
           sys_statat(AT_FDCWD, store.data, 0, &named) == 0 && named.ino == own.ino &&
           named.dev_major == own.dev_major && named.dev_minor == own.dev_minor;
}

/* A shared store is a folder of its own; it may lie anywhere. */
static bool session_open_store_folder(struct session *session, enum session_access access,
                                      struct err *err)
{
    struct str store =
        session->options.store != NULL ? str_of(session->options.store) : session->manifest.store;

    store = str_dup(&session->arena, store);
    if (store.len == 0 || session_is_own_store(session, store)) {
        session->store_fd = session->workspace.pawlfd;
        return access == SESSION_LOOK || !signature_is_network(session->store_fd) ||
               lock_probe(".pawl", err);
    }
    if (access == SESSION_CHANGE && sys_mkdir(store.data, SYS_OWN_FOLDER) != 0 && errno != EEXIST) {
        return err_sys(err, "store '%s': cannot be made", store.data);
    }
    session->store_fd = sys_open(store.data, O_RDONLY | O_DIRECTORY, 0);
    if (session->store_fd < 0) {
        return err_sys(err, "store '%s': cannot be opened", store.data);
    }
    if (signature_is_network(session->store_fd)) {
        return err_set(
            err, STATUS_ENVIRONMENT,
            "store '%s': is on a network file system, which has no locks and no order of "
            "writes to rely on; use a local one, or a private '.pawl'",
            store.data);
    }
    return true;
}

bool session_store_is_shared(const struct session *session)
{
    return session->store_fd != session->workspace.pawlfd;
}

static bool session_open_store_lock(struct session *session, enum session_access access,
                                    struct err *err)
{
    bool shared = session_store_is_shared(session);

    if (access == SESSION_CHANGE) {
        return store_lock_open(&session->store_lock, session->store_fd, shared, err);
    }
    if (shared) {
        store_lock_look(&session->store_lock, session->store_fd);
    }
    return true;
}

static bool session_open_records(struct session *session, enum session_access access,
                                 struct err *err)
{
    struct objects_options options = {
        .dirfd = session->store_fd, .shown = ".pawl", .read_only = access == SESSION_LOOK};
    struct objects_settled settled;
    struct digest epoch;

    if (!session_open_store_lock(session, access, err)) {
        return false;
    }
    session->objects = objects_open(&options, &settled, err);
    if (session->objects == NULL) {
        return false;
    }
    epoch = objects_epoch(session->objects);
    session->results = results_open(session->store_fd, err);
    if (session->results == NULL) {
        return false;
    }
    session->index = index_open_beside(session->workspace.pawlfd, &epoch, session->last, NULL, err);
    if (session->index == NULL) {
        return false;
    }
    session->made = made_open(session->workspace.pawlfd, err);
    if (session->made == NULL) {
        return false;
    }
    if (!effects_open(&session->effects, session->workspace.pawlfd, &session->effects_damage) &&
        session->effects_damage.status != STATUS_CORRUPT) {
        *err = session->effects_damage;
        return false;
    }
    if (session->locked) {
        index_own(session->index);
        made_own(session->made);
    }
    if (session->locked && !session_store_is_shared(session)) {
        results_own(session->results);
    }
    return true;
}

bool session_has_effects(const struct session *session, struct err *err)
{
    if (session->effects_damage.status == 0) {
        return true;
    }
    *err = session->effects_damage;
    return err_wrap(err, "what may have to be undone outside is not known, and nothing is done "
                         "before a person has looked: undo by hand what '.pawl/effects' names, and "
                         "move it away");
}

static bool session_probe_times(struct session *session, struct err *err)
{
    int fd;

    if (!workspace_folder(&session->workspace, "tmp", err)) {
        return false;
    }
    fd = folder_open(session->workspace.pawlfd, "tmp", err);
    if (fd < 0) {
        return false;
    }
    signature_times_probe(session->times, fd);
    sys_close(fd);
    return true;
}

bool session_open_folder(struct session *session, enum session_access access, bool wait,
                         struct err *err)
{
    if (access == SESSION_CHANGE &&
        (!workspace_create(&session->workspace, err) || !session_take_lock(session, wait, err))) {
        return false;
    }
    return session_open_store_folder(session, access, err);
}

bool session_open_store(struct session *session, enum session_access access, bool wait,
                        struct err *err)
{
    session->times = signature_times_new();
    session->machine_digest = sha256_of(session->machine_text.data, session->machine_text.len);
    if (access == SESSION_LOOK && !session->workspace.exists) {
        return true;
    }
    return (session->store_fd >= 0 || session_open_folder(session, access, wait, err)) &&
           session_open_records(session, access, err) &&
           (access == SESSION_LOOK || session_probe_times(session, err));
}

bool session_show_diags(struct session *session, bool color)
{
    struct strbuf text = {0};
    bool errors = diags_has_errors(&session->diags);

    if (session->diags.count != 0) {
        diags_render(&session->diags, &text, color);
        sys_write_full(STDERR_FILENO, text.data, text.len);
        strbuf_fini(&text);
        session->diags.count = session->diags.errors = session->diags.warnings = 0;
    }
    return errors;
}
