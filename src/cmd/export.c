/* Owns `export`: which results and runs are meant. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/path.h"
#include "base/sys.h"
#include "cmd/bundle_show.h"
#include "cmd/decided.h"
#include "cmd/run_view.h"
#include "os/files.h"
#include "run/history.h"

enum { RUN_DATE_BYTES = 8 };

struct export
{
    struct cli *cli;
    struct decided decided; /* with facts if stages are meant */
    struct bundle_export *bundle;
    const char *file;
    struct cli_texts runs;
    uint64_t left; /* instances that are not in it */
    uint64_t results;
    struct bundle_sums sums;
    struct err failed; /* while writing */
};

/* --- what is meant --- */

/* `latest`, `previous`, or what begins as an id does: a whole date. */
static bool export_is_run(const char *word)
{
    size_t digits = strspn(word, "0123456789");

    return strcmp(word, "latest") == 0 || strcmp(word, "previous") == 0 ||
           (digits == RUN_DATE_BYTES && (word[digits] == '\0' || word[digits] == 'T'));
}

/* Leaves the stages in the operands; without any word all of them. */
static void export_divide(struct export *export)
{
    static const char *everything[] = {"*"};
    struct cli *cli = export->cli;
    uint32_t stages = 0;

    export->file = cli->operands.items[0];
    export->runs.items = ARENA_ARRAY(&cli->arena, const char *, cli->operands.count);
    for (uint32_t i = 1; i < cli->operands.count; i++) {
        const char *word = cli->operands.items[i];

        if (export_is_run(word)) {
            export->runs.items[export->runs.count++] = word;
        } else {
            cli->operands.items[stages++] = word;
        }
    }
    if (cli->operands.count == 1) {
        cli->operands.items = everything;
        stages = 1;
    }
    cli->operands.count = stages;
}

static bool export_result(struct export *export, struct result_ref ref, struct str name,
                          struct err *err)
{
    bool whole = false;

    if (result_ref_is_some(ref) && !bundle_export_result(export->bundle, ref, &whole, err)) {
        return false;
    }
    export->results += whole;
    export->left += !whole;
    if (!whole) {
        cli_warn("'%.*s' is left out: its result or bytes of it are not in the store any more",
                 STR_ARG(name));
    }
    return true;
}

/* --- stages --- */

static bool export_is_current(const struct decided *decided, uint32_t i)
{
    return decided->decide.verdict[i] == DECIDE_HIT &&
           (decided->decide.action[i] == DECIDE_NOTHING ||
            decided->decide.action[i] == DECIDE_RESTORE);
}

static bool export_instance(struct export *export, uint32_t i, bool all, struct err *err)
{
    struct decided *decided = &export->decided;
    struct session *session = &decided->place.session;
    struct str name = session->plan.instances[i].name;

    if (decided->decide.verdict[i] == DECIDE_SKIP || decided_is_name(decided, i)) {
        return true;
    }
    if (export_is_current(decided, i)) {
        return export_result(
            export, results_find(session->results, &decided->facts.instances[i].key), name, err);
    }
    if (!all && decided->target[i]) {
        return err_set(err, STATUS_STALE, "'%.*s' is not up to date: 'pawl plan' says why",
                       STR_ARG(name));
    }
    export->left++;
    return true;
}

static bool export_stages(struct export *export, struct err *err)
{
    bool all = export->runs.count == 0 && str_is(str_of(export->cli->operands.items[0]), "*");
    uint64_t missing = 0;

    for (uint32_t i = 0; i < export->decided.place.session.plan.instance_count; i++) {
        uint64_t left = export->left;

        if (export->decided.scope[i] && !export_instance(export, i, all, err)) {
            return false;
        }
        missing += export->left - left;
    }
    if (export->results == 0) {
        return err_set(err, STATUS_STALE, "nothing is up to date: 'pawl run' brings it there");
    }
    if (missing != 0) {
        cli_warn("%llu instance%s not in it: not up to date", (unsigned long long)missing,
                 missing == 1 ? " is" : "s are");
    }
    return true;
}

/* --- runs --- */

static bool export_run_results(struct export *export, const struct run_id *id, struct err *err)
{
    struct history history;
    bool ok = history_of_run(&export->decided.place.session, id, NULL, NULL, &export->cli->arena,
                             &history, err);

    for (uint32_t i = 0; ok && i < history.count; i++) {
        const struct past *past = &history.items[i];
        struct result_ref ref = {past->known ? past->ref.n : RESULT_NONE};

        ok = export_result(export, ref, past->instance, err);
    }
    export->left += history.unnamed;
    return ok;
}

static bool export_named_object(struct export *export, struct str hex, struct err *err)
{
    struct digest digest;

    return !digest_parse(hex, &digest) || bundle_export_object(export->bundle, &digest, err);
}

static bool export_view(struct export *export, const struct run_view *view, struct err *err)
{
    if (!run_status_is_final(view->state.status)) {
        return err_set(err, STATUS_USAGE, "run %s is not over: a bundle takes runs that are",
                       view->id.text);
    }
    return bundle_export_run(export->bundle, &view->id, err) &&
           export_named_object(export, view->state.manifest, err) &&
           export_named_object(export, view->state.listing, err) &&
           export_run_results(export, &view->id, err);
}

static bool export_run(struct export *export, const char *word, struct err *err)
{
    struct session *session = &export->decided.place.session;
    struct run_view view;
    struct run_id id;
    bool ok;

    if (!run_view_find(session, word, &id, err)) {
        return false;
    }
    ok = run_view_read(session, &id, &view, err) && export_view(export, &view, err);
    run_view_fini(&view);
    return ok;
}

static bool export_collect(struct export *export, struct err *err)
{
    bool ok = export->cli->operands.count == 0 || export_stages(export, err);

    for (uint32_t i = 0; ok && i < export->runs.count; i++) {
        ok = export_run(export, export->runs.items[i], err);
    }
    return ok;
}

/* --- where it goes --- */

static bool export_fill(void *ctx, int fd)
{
    struct export *export = ctx;
    bool ok = bundle_export_write(export->bundle, fd, &export->sums, &export->failed);

    errno = export->failed.sys;
    return ok;
}

/* What is no file (a pipe, a device) is written to as it is. */
static bool export_to_path(struct export *export, const char *path, struct err *err)
{
    struct sys_stat stat;
    int fd;
    bool ok;

    if (sys_stat(path, &stat) != 0 || S_ISREG(stat.mode)) {
        return file_write_replace_by(AT_FDCWD, path, export_fill, export, 0666, true, err);
    }
    fd = sys_open(path, O_WRONLY, 0);
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", path);
    }
    ok = export_fill(export, fd);
    return sys_close(fd) == 0 ? ok : ok && err_sys(err, "'%s': cannot be written", path);
}

static bool export_write(struct export *export, struct err *err)
{
    struct session *session = &export->decided.place.session;
    bool ok;

    if (strcmp(export->file, "-") == 0) {
        ok = export_fill(export, STDOUT_FILENO);
    } else {
        ok = export_to_path(
            export, path_join(&session->arena, session->prefix, str_of(export->file)).data, err);
    }
    if (export->failed.status != 0) {
        *err = export->failed;
    }
    return ok;
}

static int export_all(struct export *export)
{
    struct session *session = &export->decided.place.session;
    struct err err = {0};
    bool ok;

    if (session->results == NULL) {
        err_set(&err, STATUS_STALE, "nothing is up to date: 'pawl run' brings it there");
        return cli_fail(&err);
    }
    export->bundle =
        bundle_export_new(session->objects, session->results, session->workspace.pawlfd);
    ok = export_collect(export, &err) && export_write(export, &err);
    bundle_export_free(export->bundle);
    if (!ok) {
        return cli_fail(&err);
    }
    bundle_show_export(export->cli, &export->sums, export->left, strcmp(export->file, "-") == 0);
    return STATUS_OK;
}

int cmd_export(struct cli *cli)
{
    struct export export = {.cli = cli};
    int status;

    export_divide(&export);
    if (strcmp(export.file, "-") == 0 && sys_isatty(STDOUT_FILENO)) {
        cli_warn("a bundle is nothing for a terminal: name a file, or a command behind '|'");
        return STATUS_USAGE;
    }
    status = cli->operands.count != 0
                 ? decided_open(&export.decided, cli, DECIDED_OPERANDS)
                 : place_open(&export.decided.place, cli, PLACE_STORE, SESSION_LOOK);
    if (status == STATUS_OK) {
        status = export_all(&export);
    }
    decided_close(&export.decided);
    return status;
}
