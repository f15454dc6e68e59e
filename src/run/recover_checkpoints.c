/* Owns what becomes of the snapshots of a dead process: those of work that was finished are
 * forgotten, if it was killed between the result and that. The others are there to be gone on
 * from. */
#include "run/recover_inside.h"
#include "store/checkpoints.h"

/* Is there a result of the same run for what it is a snapshot of? */
static bool recover_is_finished(const struct recovery *recovery, const struct checkpoint_row *row,
                                struct arena *arena)
{
    const struct session *session = recovery->session;
    struct result_ref ref = results_find(session->results, &row->whose.key);
    struct result result;

    return digest_equal(&row->whose.workspace, &session->workspace.id) &&
           str_is(row->run, recovery->run.text) && result_ref_is_some(ref) &&
           results_read(session->results, ref, arena, &result) &&
           (result.flags & RESULT_UNKEYED) == 0 && str_equal(result.run, row->run) &&
           str_equal(result.instance, row->whose.instance);
}

bool recover_checkpoints(struct recovery *recovery, struct err *err)
{
    struct checkpoints all;
    bool ok = true;

    /* One that cannot be read is told by who needs it. */
    if (!checkpoints_open(&all, recovery->session->store_fd, NULL)) {
        return true;
    }
    for (size_t i = all.rows.count; ok && i-- > 0;) {
        struct checkpoint_whose whose;

        if (i < all.rows.count &&
            recover_is_finished(recovery, &all.rows.items[i], &recovery->arena)) {
            whose = all.rows.items[i].whose;
            ok = checkpoints_drop(&all, &whose, err);
        }
    }
    checkpoints_close(&all);
    return ok;
}
