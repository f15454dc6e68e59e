/* Owns the steps from arguments to an opened workspace. */
#include "cmd/place.h"

#include <unistd.h>

#include "run/recover.h"

static const struct m_override *place_overrides(struct cli *cli, const struct cli_pairs *pairs)
{
    struct m_override *overrides = ARENA_ARRAY(&cli->arena, struct m_override, pairs->count);

    for (uint32_t i = 0; i < pairs->count; i++) {
        overrides[i] =
            (struct m_override){.name = pairs->items[i].name, .text = pairs->items[i].value};
    }
    return overrides;
}

static struct session_options place_options(struct cli *cli)
{
    struct session_options options = {.dir = cli->dir,
                                      .file = cli->file,
                                      .store = cli->store,
                                      .params_file = cli->params_file,
                                      .command = cli->command->name,
                                      .manifest = cli->manifest};

    options.overrides = place_overrides(cli, &cli->params);
    options.override_count = cli->params.count;
    options.flags = place_overrides(cli, &cli->flags);
    options.flag_count = cli->flags.count;
    return options;
}

bool place_recover(struct session *session, struct err *err)
{
    struct recovered recovered = {0};
    bool ok = recover_workspace(session, &recovered, err);

    recovered_fini(&recovered);
    return ok;
}

void place_init_session(struct session *session, struct cli *cli)
{
    struct session_options options = place_options(cli);

    session_init(session, &options, &clock_system, cli->origin);
}

void place_init(struct place *place, struct cli *cli)
{
    place->cli = cli;
    place_init_session(&place->session, cli);
}

bool place_read_manifest(struct place *place, bool needed, struct err *err)
{
    struct session *session = &place->session;

    if (session_read_manifest(session, err)) {
        return true;
    }
    if (needed || err->status != STATUS_MANIFEST) {
        return false;
    }
    cli_warn("'%.*s' has mistakes, and is not asked: the command line counts alone",
             STR_ARG(session->manifest_path));
    session_forget_plan(session);
    err_clear(err);
    return true;
}

bool place_advance(struct place *place, enum place_need need, enum session_access access,
                   struct err *err)
{
    struct session *session = &place->session;

    return session_find(session, err) &&
           (need < PLACE_MANIFEST || session_read_manifest(session, err)) &&
           (need < PLACE_STORE || session_open_store(session, access, place->cli->wait, err)) &&
           (need < PLACE_STORE || access == SESSION_LOOK || place_recover(session, err)) &&
           (need < PLACE_PLAN || session_plan(session, err));
}

int place_open(struct place *place, struct cli *cli, enum place_need need,
               enum session_access access)
{
    struct err err = {0};

    place_init(place, cli);
    if (!place_advance(place, need, access, &err)) {
        return place_fail(place, &err);
    }
    session_show_diags(&place->session, cli_is_colored(cli, STDERR_FILENO));
    return STATUS_OK;
}

void place_close(struct place *place)
{
    session_fini(&place->session);
}

int place_fail(struct place *place, const struct err *err)
{
    bool said = session_show_diags(&place->session, cli_is_colored(place->cli, STDERR_FILENO));

    if (said && err->status == STATUS_MANIFEST) {
        return err->status;
    }
    return cli_fail(err);
}
