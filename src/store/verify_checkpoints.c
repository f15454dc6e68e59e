/* Owns the question whether snapshots of attempts can be gone on from. */
#include "base/path.h"
#include "store/verify_inside.h"

static bool snapshot_is_there(struct verify *verify, struct objects *objects,
                              const struct checkpoint_row *row)
{
    return verify_object_is_there(verify, objects, &row->tree) &&
           verify_tree_is_there(verify, objects, &row->tree);
}

static void snapshot_lost(struct verify *verify, const struct checkpoint_row *row)
{
    struct strbuf place = {0};
    size_t problem;

    strbuf_puts(&place, "checkpoint of '");
    path_show(&place, row->whose.instance);
    strbuf_putc(&place, '\'');
    problem = verify_say(verify, VERIFY_DAMAGED, strbuf_str(&place),
                         STR("missing from the store, or damaged there"),
                         STR("its stage goes on from the one before it, or begins anew"));
    strbuf_fini(&place);
    VEC_PUSH(&verify->snapshots,
             ((struct verify_snapshot){.problem = problem,
                                       .whose = {row->whose.workspace, row->whose.key,
                                                 str_dup(&verify->arena, row->whose.instance)},
                                       .tree = row->tree}));
}

/* A process that works there takes new ones and forgets old ones: what seems to be lost is looked
 * at again with what it appended meanwhile. */
void verify_checkpoints(struct verify *verify, struct objects *objects)
{
    struct checkpoints all;
    struct err err = {0};
    bool lost = false;

    if (!checkpoints_open(&all, verify->options.store_fd, &err)) {
        verify_say_err(verify, verify_in_store(verify, "checkpoints"), &err, "");
        return;
    }
    VEC_EACH (row, &all.rows) {
        lost = lost || !snapshot_is_there(verify, objects, row);
    }
    if (lost && checkpoints_refresh(&all, &err)) {
        VEC_EACH (row, &all.rows) {
            if (!snapshot_is_there(verify, objects, row)) {
                snapshot_lost(verify, row);
            }
        }
    }
    verify->counts.checkpoints = all.rows.count;
    checkpoints_close(&all);
}

bool verify_repair_checkpoints(struct verify *verify, struct err *err)
{
    struct checkpoints all;
    bool ok = verify->snapshots.count == 0 || checkpoints_open(&all, verify->options.store_fd, err);

    if (!ok || verify->snapshots.count == 0) {
        return ok;
    }
    VEC_EACH (snapshot, &verify->snapshots) {
        ok = ok && checkpoints_drop_one(&all, &snapshot->whose, &snapshot->tree, err);
        if (ok) {
            verify_repaired(verify, snapshot->problem, STR("forgotten"));
        }
    }
    checkpoints_close(&all);
    return ok;
}
