/* Owns `clean`. What may go is what pawl's own record says it put there and what has exactly these
 * bytes still; everything else stays and is named. Rows of what is gone are taken from the record.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "cmd/place.h"
#include "cmd/targets.h"
#include "os/remove.h"
#include "run/sources.h"
#include "run/neighbours.h"

struct clean {
    struct cli *cli;
    struct session *session;
    uint8_t *selected; /* by instance; NULL: everything */
    struct str *gone;  /* paths whose rows go; heap */
    uint32_t gone_count, gone_cap;
    uint32_t removed, changed;
};

/* The number of the instance whose output a path is now, or PLAN_NONE. */
static uint32_t clean_producer(const struct clean *clean, struct str path)
{
    const struct plan *plan = &clean->session->plan;
    struct path_id id = plan_find_path(plan, path);

    return id.n == PLAN_NONE ? PLAN_NONE : plan->paths[id.n].producer.n;
}

static bool clean_is_meant(const struct clean *clean, const struct made_row *row)
{
    uint32_t producer;

    if (!clean->cli->orphans && clean->selected == NULL) {
        return true;
    }
    producer = clean_producer(clean, row->path);
    if (clean->cli->orphans) {
        return producer == PLAN_NONE && !neighbours_make(clean->session, row->path);
    }
    return producer != PLAN_NONE && clean->selected[producer];
}

static void clean_forget(struct clean *clean, struct str path)
{
    if (clean->gone_count == clean->gone_cap) {
        clean->gone_cap = clean->gone_cap * 2 + 16;
        clean->gone = mem_realloc(clean->gone, clean->gone_cap, sizeof(*clean->gone));
    }
    clean->gone[clean->gone_count++] = path;
}

static bool clean_remove(struct clean *clean, const struct made_row *row, struct err *err)
{
    if (!clean->cli->dry) {
        if (!tree_remove(clean->session->root_fd, row->path.data, err)) {
            return false;
        }
        clean_forget(clean, row->path);
    }
    strbuf_puts(&clean->cli->out, clean->cli->dry ? "would remove '" : "removed '");
    path_show(&clean->cli->out, row->path);
    strbuf_puts(&clean->cli->out, "'\n");
    clean->removed++;
    return true;
}

static bool clean_one(struct clean *clean, const struct made_row *row, struct err *err)
{
    struct output_look look;
    struct strbuf shown = {0};

    if (!source_look_known(clean->session, row->path, &look, err)) {
        return false;
    }
    if (!look.exists) {
        if (!clean->cli->dry) {
            clean_forget(clean, row->path);
        }
        return true;
    }
    if (look.known) {
        return clean_remove(clean, row, err);
    }
    path_show(&shown, row->path);
    cli_warn("'%s' stays: it was changed since pawl made it", shown.data);
    strbuf_fini(&shown);
    clean->changed++;
    return true;
}

static bool clean_all(struct clean *clean, struct err *err)
{
    struct made_row row;
    uint32_t pos = 0;
    bool ok = true;

    while (ok && clean->session->made != NULL && made_next(clean->session->made, &pos, &row)) {
        row.path = str_dup(&clean->cli->arena, row.path);
        ok = !clean_is_meant(clean, &row) || clean_one(clean, &row, err);
    }
    for (uint32_t i = 0; i < clean->gone_count; i++) {
        index_drop_path(clean->session->index, clean->gone[i]);
        made_remove(clean->session->made, clean->gone[i]);
    }
    free(clean->gone);
    if (clean->gone_count != 0) {
        ok = made_flush(clean->session->made, ok ? err : NULL) && ok;
        ok = index_flush(clean->session->index, ok ? err : NULL) && ok;
    }
    return ok;
}

static int clean_workspace(struct cli *cli, struct place *place)
{
    struct clean clean = {.cli = cli, .session = &place->session};
    struct err err = {0};

    if (cli->operands.count != 0) {
        clean.selected = ARENA_ARRAY(&cli->arena, uint8_t, place->session.plan.instance_count);
        if (!targets_select_all(&place->session, &place->cli->operands, clean.selected, &err)) {
            return cli_fail(&err);
        }
    }
    if (!clean_all(&clean, &err)) {
        return cli_fail(&err);
    }
    if (clean.removed == 0 && clean.changed == 0) {
        strbuf_puts(&cli->out, cli->orphans ? "no orphans\n" : "nothing to remove\n");
    }
    return STATUS_OK;
}

int cmd_clean(struct cli *cli)
{
    bool needs_plan = cli->orphans || cli->operands.count != 0;
    struct place place;
    int status;

    if (cli->orphans && cli->operands.count != 0) {
        cli_warn("'--orphans' and a stage exclude each other: no stage declares an orphan");
        return STATUS_USAGE;
    }
    status = place_open(&place, cli, needs_plan ? PLACE_PLAN : PLACE_STORE,
                        cli->dry ? SESSION_LOOK : SESSION_CHANGE);
    if (status == STATUS_OK) {
        status = clean_workspace(cli, &place);
    }
    place_close(&place);
    return status;
}
