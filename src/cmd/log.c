/* Owns `log`: what the attempts of a stage printed. The record says which instances there are and
 * where the log of each is; one that still runs has the name that its log will have. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/suggest.h"
#include "base/sys.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "run/log_name.h"
#include "run/recorder.h"

enum { LOG_READ_BYTES = 1 << 16, LOG_WAIT_MS = 100 };

struct log_show {
    struct cli *cli;
    const struct session *session;
    struct str selection;
    int64_t *offsets; /* by instance: printed so far */
    uint32_t offset_count;
    uint32_t last, matches; /* whose text came last; how many have one */
};

static struct str log_path(const struct run_view *view, const struct inst_status *inst,
                           struct arena *arena)
{
    if (inst->state == INST_RUNNING) {
        struct str name = log_name_make(inst->name, inst->attempts, arena);

        return str_printf(arena, "runs/%s/logs/%.*s", view->id.text, STR_ARG(name));
    }
    if (inst_told(inst)->log.len == 0) {
        return STR_NONE;
    }
    return str_printf(arena, "runs/%s/%.*s", view->id.text, STR_ARG(inst_told(inst)->log));
}

static bool log_is_meant(const struct log_show *show, const struct inst_status *inst)
{
    return inst->name.len != 0 && inst->attempts != 0 && plan_selects(show->selection, inst->name);
}

static uint32_t log_count(const struct log_show *show, const struct run_view *view)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < view->state.instance_count; i++) {
        count += log_is_meant(show, &view->state.instances[i]);
    }
    return count;
}

static void log_print_head(struct log_show *show, uint32_t number, const struct inst_status *inst)
{
    if (show->matches > 1 && show->last != number) {
        strbuf_printf(&show->cli->out, "%s==> %.*s <==\n", show->last == UINT32_MAX ? "" : "\n",
                      STR_ARG(inst->name));
    }
    show->last = number;
}

/* Prints what lies behind `*offset`. */
static bool log_print_fd(struct log_show *show, uint32_t number, const struct inst_status *inst,
                         int fd, struct err *err)
{
    int64_t *offset = &show->offsets[number];

    for (;;) {
        char *at = mem_alloc(LOG_READ_BYTES);
        ssize_t got = sys_pread(fd, at, LOG_READ_BYTES, *offset);

        if (got > 0) {
            log_print_head(show, number, inst);
            strbuf_add(&show->cli->out, at, (size_t)got);
            *offset += got;
        }
        free(at);
        if (got < 0) {
            return err_sys(err, "the log of '%.*s' cannot be read", STR_ARG(inst->name));
        }
        if (got == 0 || !cli_flush(show->cli)) {
            return true;
        }
    }
}

static bool log_print_one(struct log_show *show, const struct run_view *view, uint32_t number,
                          struct err *err)
{
    const struct inst_status *inst = &view->state.instances[number];
    struct str path = log_path(view, inst, &show->cli->arena);
    bool ok;
    int fd;

    if (path.len == 0) {
        return true;
    }
    fd = sys_openat(show->session->workspace.pawlfd, path.data, O_RDONLY, 0);
    if (fd < 0) {
        /* Made at the first byte; removed with old runs. */
        return errno == ENOENT ||
               err_sys(err, "the log of '%.*s' cannot be opened", STR_ARG(inst->name));
    }
    ok = log_print_fd(show, number, inst, fd, err);
    sys_close(fd);
    return ok;
}

static bool log_print_all(struct log_show *show, const struct run_view *view, struct err *err)
{
    if (show->offset_count < view->state.instance_count) {
        show->offsets =
            mem_realloc(show->offsets, view->state.instance_count, sizeof(*show->offsets));
        while (show->offset_count < view->state.instance_count) {
            show->offsets[show->offset_count++] = 0;
        }
    }
    show->matches = log_count(show, view);
    for (uint32_t i = 0; i < view->state.instance_count; i++) {
        if (log_is_meant(show, &view->state.instances[i]) && !log_print_one(show, view, i, err)) {
            return false;
        }
    }
    return true;
}

/* --- which run --- */

/* `run` NULL: of all runs. */
static bool log_fail(const struct log_show *show, const char *run, struct str near, struct err *err)
{
    if (run != NULL) {
        err_set(err, STATUS_USAGE, "run %s did not start '%.*s'", run, STR_ARG(show->selection));
    } else {
        err_set(err, STATUS_USAGE, "no run started '%.*s'", STR_ARG(show->selection));
    }
    if (near.len != 0) {
        struct err first = *err;

        return err_set(err, STATUS_USAGE, "%s: did you mean '%.*s'?", first.text, STR_ARG(near));
    }
    return false;
}

/* The stage of a run whose name is near to what was typed, or "": also where it is that stage. */
static struct str log_near(const struct log_show *show, const struct run_view *view)
{
    struct suggest suggest;

    suggest_init(&suggest, show->selection);
    for (uint32_t i = 0; i < view->state.instance_count; i++) {
        suggest_offer(&suggest, view->state.instances[i].stage);
    }
    return str_equal(suggest.best, show->selection) ? STR("")
                                                    : str_dup(&show->cli->arena, suggest.best);
}

/* The newest run that started an attempt of what is meant. */
static bool log_find_run(const struct log_show *show, struct run_id *id, struct err *err)
{
    struct str near = STR("");
    struct run_list list;

    if (!run_dir_list(show->session->workspace.pawlfd, &show->cli->arena, &list, err)) {
        return false;
    }
    if (list.count == 0) {
        return err_set(err, STATUS_USAGE, "there is no run yet: 'pawl run' makes one");
    }
    for (uint32_t i = list.count; i > 0; i--) {
        struct run_view view;
        struct err damage = {0};
        bool found;

        *id = list.ids[i - 1];
        found = run_view_read(show->session, id, &view, &damage) && log_count(show, &view) != 0;
        if (!found && near.len == 0) {
            near = log_near(show, &view);
        }
        run_view_fini(&view);
        if (found) {
            return true;
        }
    }
    return log_fail(show, NULL, near, err);
}

static bool log_show_run(struct log_show *show, const struct run_id *id, struct err *err)
{
    bool again = true;
    bool ok = true;

    while (ok && again) {
        struct run_view view;

        ok = run_view_read(show->session, id, &view, err);
        again = show->cli->follow && view.status == RUN_RUNNING && show->cli->out_err.status == 0;
        if (ok && !again && log_count(show, &view) == 0) {
            ok = log_fail(show, view.id.text, log_near(show, &view), err);
        }
        ok = ok && log_print_all(show, &view, err);
        run_view_fini(&view);
        if (ok && again) {
            sys_poll(NULL, 0, LOG_WAIT_MS);
        }
    }
    return ok;
}

int cmd_log(struct cli *cli)
{
    struct place place;
    struct err err = {0};
    struct run_id id;
    int status = place_open(&place, cli, PLACE_WORKSPACE, SESSION_LOOK);
    struct log_show show = {.cli = cli,
                            .session = &place.session,
                            .selection = str_of(cli->operands.items[0]),
                            .last = UINT32_MAX};

    if (status == STATUS_OK) {
        bool ok = cli->run != NULL || cli->follow
                      ? run_view_find(&place.session, cli->run, &id, &err)
                      : log_find_run(&show, &id, &err);

        status = ok && log_show_run(&show, &id, &err) ? STATUS_OK : cli_fail(&err);
    }
    free(show.offsets);
    place_close(&place);
    return status;
}
