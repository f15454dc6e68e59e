/* Owns `import`: the bundle is read and checked; that its runs are over is asked of the fold. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sys.h"
#include "cmd/bundle_show.h"
#include "cmd/place.h"
#include "model/run_state.h"
#include "run/recorder.h"

enum { IMPORT_AHEAD_S = 24 * 60 * 60 };

struct import {
    struct cli *cli;
    struct session *session;
    struct bundle_import *bundle;
    struct bundle_sums sums;
};

/* A run that is not over would be gone on with here by the next `run`, with what it left on another
 * machine. */
static bool import_check_run(int fd, const struct run_id *id, struct err *err)
{
    struct run_state state;
    bool ok;

    run_state_init(&state);
    ok = recorder_replay(fd, id, &state, NULL, NULL, err);
    if (ok && (!run_status_is_final(state.status) || !str_is(state.run, id->text))) {
        ok =
            err_set(err, STATUS_CORRUPT, "run %s in the bundle: its record is not whole", id->text);
    }
    run_state_fini(&state);
    return ok;
}

/* The ids of all later runs here would come behind it. */
static bool import_check_time(const struct import *import, const struct run_id *id, struct err *err)
{
    int64_t now_s = clock_real_ns(import->session->clock) / NS_PER_SEC;

    return run_id_seconds(id) <= now_s + IMPORT_AHEAD_S ||
           err_set(err, STATUS_ENVIRONMENT,
                   "run %s in the bundle is of the future: the clock is wrong, here or there",
                   id->text);
}

static bool import_check_runs(const struct import *import, struct err *err)
{
    uint32_t count;
    int fd;
    const struct run_id *ids = bundle_import_runs(import->bundle, &count, &fd);

    for (uint32_t i = 0; i < count; i++) {
        if (!import_check_time(import, &ids[i], err) || !import_check_run(fd, &ids[i], err)) {
            return false;
        }
    }
    return true;
}

/* In a shared store no object goes between the look at it and the result that counts on it. */
static bool import_take(struct import *import, int fd, struct err *err)
{
    struct session *session = import->session;
    struct bundle_place place = {.objects = session->objects,
                                 .results = session->results,
                                 .pawlfd = session->workspace.pawlfd,
                                 .shared = session->store_fd != session->workspace.pawlfd,
                                 .workspace = session->workspace.id,
                                 .machine = session->machine_digest};
    bool ok;

    if (!store_lock_enter(&session->store_lock, session->objects, err)) {
        return false;
    }
    import->bundle = bundle_import_open(&place, err);
    ok = import->bundle != NULL && bundle_import_read(import->bundle, fd, err) &&
         import_check_runs(import, err) && bundle_import_enter(import->bundle, &import->sums, err);
    if (import->bundle != NULL) {
        bundle_import_close(import->bundle);
    }
    store_lock_leave(&session->store_lock);
    store_lock_settle(&session->store_lock);
    return ok;
}

static bool import_file(struct import *import, const char *file, struct err *err)
{
    struct session *session = import->session;
    struct str path;
    int fd;
    bool ok;

    if (strcmp(file, "-") == 0) {
        return import_take(import, STDIN_FILENO, err);
    }
    path = path_join(&session->arena, session->prefix, str_of(file));
    fd = sys_open(path.data, O_RDONLY, 0);
    if (fd < 0) {
        err_sys(err, "'%s': cannot be opened", file);
        err->status = err->sys == ENOENT ? STATUS_USAGE : err->status;
        return false;
    }
    ok = import_take(import, fd, err);
    sys_close(fd);
    return ok || err_wrap(err, "'%s'", file);
}

int cmd_import(struct cli *cli)
{
    struct place place;
    struct import import = {.cli = cli, .session = &place.session};
    struct err err = {0};
    int status = place_open(&place, cli, PLACE_STORE, SESSION_CHANGE);

    if (status == STATUS_OK) {
        status = import_file(&import, cli->operands.items[0], &err) ? STATUS_OK : cli_fail(&err);
        if (status == STATUS_OK) {
            bundle_show_import(cli, &import.sums);
        }
        if (status == STATUS_OK && import.sums.strangers != 0 && !place.session.manifest.portable) {
            cli_warn("%llu of the results count here only if their stages declare 'tools', or with "
                     "'portable = true'",
                     (unsigned long long)import.sums.strangers);
        }
    }
    place_close(&place);
    return status;
}
