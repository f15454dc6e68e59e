/* Owns the way back from the record of a run to the call that began it. */
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/sys.h"
#include "cmd/control.h"
#include "os/files.h"

/* What is recorded by name was given as an option. */
static bool resume_give(struct cli *run, const struct event_pairs *pairs, struct err *err)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (!cli_give(run, str_dup(&run->arena, pairs->items[i].name).data,
                      str_dup(&run->arena, pairs->items[i].value).data, err)) {
            return false;
        }
    }
    return true;
}

static bool resume_params(struct cli *run, const struct run_state *state, struct err *err)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < state->params.count; i++) {
        const struct event_pair *param = &state->params.items[i];

        ok = cli_give(
            run, "param",
            str_printf(&run->arena, "%.*s=%.*s", STR_ARG(param->name), STR_ARG(param->value)).data,
            err);
    }
    return ok;
}

static void resume_targets(struct cli *run, const struct run_state *state)
{
    run->operands.items = ARENA_ARRAY(&run->arena, const char *, state->targets.count);
    for (uint32_t i = 0; i < state->targets.count; i++) {
        run->operands.items[run->operands.count++] =
            str_dup(&run->arena, state->targets.items[i]).data;
    }
}

/* --- the manifest --- */

static bool resume_read_object(const struct session *session, struct str store,
                               const struct digest *digest, struct strbuf *text, struct err *err)
{
    struct objects_options options = {
        .dirfd = session->workspace.pawlfd, .shown = ".pawl", .read_only = true};
    struct objects_settled settled;
    struct objects *objects;
    bool ok;

    if (store.len != 0) {
        options.dirfd = sys_open(store.data, O_RDONLY | O_DIRECTORY, 0);
        if (options.dirfd < 0) {
            return err_sys(err, "store '%s': cannot be opened", store.data);
        }
    }
    objects = objects_open(&options, &settled, err);
    ok = objects != NULL && objects_read(objects, digest, LIMIT_TOML_BYTES, text, err);
    if (objects != NULL) {
        objects_close(objects);
    }
    if (store.len != 0) {
        sys_close(options.dirfd);
    }
    return ok;
}

/* Of the store that the present manifest names, if it can be read. */
static struct str resume_store(struct session *session, const struct cli *cli)
{
    struct err err = {0};

    if (cli->store != NULL) {
        return str_of(cli->store);
    }
    return session_read_manifest(session, &err) ? str_dup(&session->arena, session->manifest.store)
                                                : STR("");
}

static bool resume_manifest(struct cli *run, const struct cli *cli, const struct run_view *view,
                            struct session *session, struct err *err)
{
    struct digest recorded, present;
    struct strbuf text = {0};
    bool ok;

    if (!digest_parse(view->state.manifest, &recorded)) {
        return err_set(err, STATUS_CORRUPT, "run %s: its record names no manifest", view->id.text);
    }
    ok = file_read(AT_FDCWD, session->manifest_path.data, LIMIT_TOML_BYTES, &text, err);
    present = sha256_of(text.data, text.len);
    strbuf_clear(&text);
    if (ok && !digest_equal(&recorded, &present)) {
        ok = cli->as_recorded
                 ? resume_read_object(session, resume_store(session, cli), &recorded, &text, err)
                 : err_set(err, STATUS_MANIFEST,
                           "'%.*s' has changed since run %s began: 'pawl run' uses it as it is and "
                           "keeps all finished work, 'pawl resume --as-recorded %s' uses the old "
                           "one",
                           STR_ARG(session->manifest_path), view->id.text, view->id.text);
        run->manifest = strbuf_dup(&text, &run->arena);
    }
    strbuf_fini(&text);
    return ok;
}

int run_go_on(struct cli *cli, const struct run_view *view, struct session *session)
{
    const struct run_state *state = &view->state;
    struct cli run;
    struct err err = {0};
    int status;

    cli_init(&run, cli->origin);
    run.command = command_find(STR("run"));
    run.argc = cli->argc;
    run.argv = cli->argv;
    run.color = cli->color;
    run.store = cli->store;
    run.file = session->manifest_path.data;
    run.resume = view->id.text;
    resume_targets(&run, state);
    if (resume_params(&run, state, &err) && resume_give(&run, &state->flags, &err) &&
        resume_give(&run, &state->options, &err) &&
        resume_manifest(&run, cli, view, session, &err)) {
        status = cmd_run(&run);
        cli_flush(&run);
    } else {
        status = cli_fail(&err);
    }
    cli_fini(&run);
    return status;
}
