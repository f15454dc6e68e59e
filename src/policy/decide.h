#ifndef PAWL_POLICY_DECIDE_H
#define PAWL_POLICY_DECIDE_H
/* What must be done to bring targets up to date. Pure: everything about the world comes through
 * `struct decide_facts`.
 *
 * Two passes over the plan. *Forward*, in topological order: an input made by an up-to-date
 * producer has the digest of that producer's result, present or not, so a key is known without
 * bytes. *Backward* from the targets: bytes are demanded by an instance that must run (its inputs)
 * and by a target (its own outputs that are not `temp`). Bytes that are present cost nothing, bytes
 * in the store are restored, bytes that are nowhere make their producer run again, and so on
 * backward. An up-to-date instance of which nothing is demanded is left alone.
 *
 * An instance behind one that must run cannot be decided yet: its verdict is UNKNOWN and
 * decide_settle() decides it by the same rules when its producers have ended.
 *
 * Order of calls: decide_init, decide_plan once; then for each instance that ends decide_ended(),
 * which hands out the consumers that have nothing to wait for any more; decide_settle() for each of
 * those.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/plan.h"

enum decide_verdict {
    DECIDE_UNKNOWN, /* a producer has not ended */
    DECIDE_HIT,     /* its key is known: the result holds */
    DECIDE_MISS,    /* it must run */
    DECIDE_SKIP,    /* `when` is false, or a skipped stage should have made what it reads */
    DECIDE_LACK,    /* an input is missing: it fails without running */
    DECIDE_REFUSED, /* its key is known, and a check refuses the result */
    DECIDE_UNJUDGED /* its key is known; a check must look at the outputs, which have to be there */
};

enum decide_bytes { DECIDE_BYTES_PRESENT, DECIDE_BYTES_IN_STORE, DECIDE_BYTES_NOWHERE };

enum decide_action {
    DECIDE_WAIT,    /* for producers */
    DECIDE_NOTHING, /* up to date, nothing is asked of it */
    DECIDE_RESTORE, /* up to date, demanded outputs come from the store */
    DECIDE_RUN,
    DECIDE_END_SKIPPED,
    DECIDE_END_LACKING,
    DECIDE_END_REFUSED
};

struct decide;

struct decide_facts {
    void *ctx;
    /* Makes the key of an instance whose producers have all ended (or are up to date) and looks it
     * up. Never answers UNKNOWN. */
    enum decide_verdict (*look)(void *ctx, struct inst_id instance);
    /* Where the demanded outputs (decide_is_demanded) of an up-to-date instance are: the worst of
     * them. */
    enum decide_bytes (*bytes)(void *ctx, struct inst_id instance);
    /* Calls decide_demand() for each output that the instance reads. */
    void (*demand_inputs)(void *ctx, struct inst_id instance, struct decide *decide);
};

struct decide {
    const struct plan *plan;
    struct decide_facts facts;
    uint8_t *scope;    /* by instance: taken part in this run */
    uint8_t *target;   /* by instance: asked for itself */
    uint8_t *verdict;  /* enum decide_verdict */
    uint8_t *action;   /* enum decide_action */
    uint8_t *ended;    /* by instance: it ended (or was left alone) and its digests are known */
    uint8_t *stale;    /* an input came out differently after it was decided */
    uint8_t *demanded; /* by output */
    uint32_t *waiting; /* by instance: producers in scope that have not ended */
    struct inst_id *touched; /* producers with a demand since the last call, see decide_settle */
    uint32_t touched_count, touched_cap;
};

/* `scope` and `target` are copied. */
void decide_init(struct decide *decide, const struct plan *plan, const struct decide_facts *facts,
                 const uint8_t *scope, const uint8_t *target);
void decide_fini(struct decide *decide);

/* Both passes. Afterwards every instance in scope has its verdict and action, `ended` is set for
 * those that need nothing, and `waiting` counts the others' producers. */
void decide_plan(struct decide *decide);

/* From facts.demand_inputs: somebody needs the bytes of this output. */
void decide_demand(struct decide *decide, struct inst_id producer, uint32_t output);
bool decide_is_demanded(const struct decide *decide, uint32_t output);

/* Decides one instance that waits for nothing (waiting == 0). The answer is WAIT when bytes it
 * needs must be brought back first: then `*reopened` (valid until the next call) lists producers
 * that had ended and have something to do again (action RESTORE, RUN or WAIT). */
enum decide_action decide_settle(struct decide *decide, struct inst_id instance,
                                 const struct inst_id **reopened, uint32_t *reopened_count);

/* Decides one with `always`, whatever its producers came to: nothing is brought back for it any
 * more. Before, by decide_plan(), it is one that must run and whose inputs are demanded. */
enum decide_action decide_settle_last(struct decide *decide, struct inst_id instance);

/* An instance ended: its consumers wait for one less. `changed`: its outputs have other digests
 * than its consumers were decided with. Appends to `ready` (room for its consumers) those that now
 * wait for nothing; the caller settles those that are pending and reopens those that had ended and
 * are `stale`. */
uint32_t decide_ended(struct decide *decide, struct inst_id instance, bool changed,
                      struct inst_id *ready);
/* An instance that had ended is to be decided again: its consumers wait for it once more. */
void decide_reopen(struct decide *decide, struct inst_id instance);

#endif
