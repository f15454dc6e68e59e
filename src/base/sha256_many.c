/* Owns the lanes: which message is in which, and how far it is.
 *
 * Each message is two runs of blocks: its own, then its tail (sha256_tail). All lanes go forward by
 * as many blocks as the shortest run among them has; then the runs that ended are followed by the
 * next. Lanes without a message read what another lane reads and are not looked at. When too few
 * lanes are left for the vectors to be worth it, each message is finished alone, from where it is.
 */
#include "base/sha256_many.h"

#include <assert.h>
#include <string.h>

#include "base/sha256_engine.h"

struct lane {
    struct sha256_message *message; /* NULL: the lane is idle */
    const unsigned char *at;
    size_t blocks; /* left of this run */
    bool in_tail;
    size_t tail_blocks;
    unsigned char tail[2 * SHA256_BLOCK_BYTES];
};

struct lanes {
    const struct sha256_lane_engine *engine;
    struct sha256_message *next, *end;
    uint32_t busy;
    uint32_t state[SHA256_WORDS * SHA256_LANES_MAX];
    struct lane lanes[SHA256_LANES_MAX];
};

/* The message's own blocks if there are some left, else its tail; false when that is done too. */
static bool lane_next_run(struct lane *lane)
{
    if (lane->in_tail) {
        return false;
    }
    lane->in_tail = true;
    lane->at = lane->tail;
    lane->blocks = lane->tail_blocks;
    return true;
}

static void lane_take(struct lane *lane, struct sha256_message *message)
{
    size_t blocks = message->len / SHA256_BLOCK_BYTES;

    lane->message = message;
    lane->at = message->data;
    lane->blocks = blocks;
    lane->in_tail = false;
    lane->tail_blocks = sha256_tail(blocks != 0 ? lane->at + blocks * SHA256_BLOCK_BYTES : lane->at,
                                    message->len, lane->tail);
    if (blocks == 0) {
        lane_next_run(lane);
    }
}

static void lanes_fill(struct lanes *all, uint32_t number)
{
    struct lane *lane = &all->lanes[number];

    lane->message = NULL;
    if (all->next == all->end) {
        return;
    }
    lane_take(lane, all->next++);
    all->busy++;
    for (uint32_t w = 0; w < SHA256_WORDS; w++) {
        all->state[w * all->engine->lanes + number] = sha256_start[w];
    }
}

static void lanes_get_state(const struct lanes *all, uint32_t number,
                            uint32_t state[static SHA256_WORDS])
{
    for (uint32_t w = 0; w < SHA256_WORDS; w++) {
        state[w] = all->state[w * all->engine->lanes + number];
    }
}

static void lanes_end(struct lanes *all, uint32_t number)
{
    uint32_t state[SHA256_WORDS];

    lanes_get_state(all, number, state);
    sha256_digest_of(state, &all->lanes[number].message->digest);
    all->busy--;
    lanes_fill(all, number);
}

/* Sets `from` for every lane; returns the length of the shortest run. */
static size_t lanes_aim(const struct lanes *all, const unsigned char *from[static SHA256_LANES_MAX])
{
    const unsigned char *some = NULL;
    size_t shortest = SIZE_MAX;

    for (uint32_t i = 0; i < all->engine->lanes; i++) {
        const struct lane *lane = &all->lanes[i];

        if (lane->message != NULL && lane->blocks < shortest) {
            shortest = lane->blocks;
            some = lane->at;
        }
    }
    for (uint32_t i = 0; i < all->engine->lanes; i++) {
        from[i] = all->lanes[i].message != NULL ? all->lanes[i].at : some;
    }
    return shortest;
}

static void lanes_step(struct lanes *all)
{
    const unsigned char *from[SHA256_LANES_MAX];
    size_t blocks = lanes_aim(all, from);

    all->engine->blocks(all->state, from, blocks);
    for (uint32_t i = 0; i < all->engine->lanes; i++) {
        struct lane *lane = &all->lanes[i];

        if (lane->message != NULL) {
            lane->at += blocks * SHA256_BLOCK_BYTES;
            lane->blocks -= blocks;
            if (lane->blocks == 0 && !lane_next_run(lane)) {
                lanes_end(all, i);
            }
        }
    }
}

static void lanes_end_alone(struct lanes *all, uint32_t number)
{
    const struct sha256_engine *one = sha256_engine_best();
    struct lane *lane = &all->lanes[number];
    uint32_t state[SHA256_WORDS];

    lanes_get_state(all, number, state);
    do {
        one->blocks(state, lane->at, lane->blocks);
    } while (lane_next_run(lane));
    sha256_digest_of(state, &lane->message->digest);
}

static void lanes_run(const struct sha256_lane_engine *engine, uint32_t worth,
                      struct sha256_message *messages, size_t count)
{
    struct lanes all = {.engine = engine, .next = messages, .end = messages + count};

    assert(engine->lanes <= SHA256_LANES_MAX);
    for (uint32_t i = 0; i < engine->lanes; i++) {
        lanes_fill(&all, i);
    }
    while (all.busy >= worth) {
        lanes_step(&all);
    }
    for (uint32_t i = 0; i < engine->lanes; i++) {
        if (all.lanes[i].message != NULL) {
            lanes_end_alone(&all, i);
        }
    }
}

void sha256_many_by(const struct sha256_lane_engine *engine, struct sha256_message *messages,
                    size_t count)
{
    if (engine != NULL) {
        lanes_run(engine, 1, messages, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        messages[i].digest = sha256_of(messages[i].data, messages[i].len);
    }
}

void sha256_many(struct sha256_message *messages, size_t count)
{
    const struct sha256_lane_engine *engine = sha256_lane_engine_best();
    uint32_t worth = 0;

    if (engine != NULL) {
        worth = sha256_engine_best()->needs != 0 ? engine->worth_sha : engine->worth_alone;
    }
    if (engine == NULL || count < worth) {
        sha256_many_by(NULL, messages, count);
        return;
    }
    lanes_run(engine, worth, messages, count);
}
