/* Streams with a fake world and a clock turned by hand, many seeds: items fail by a draw, are tried
 * again after their delays, calls of a breaker among them. No item is lost or ends twice, no more
 * than the queue allows are under way, none is tried more often than its rule says, a breaker lets
 * nothing through while it is open, and it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy/breaker.h"
#include "policy/items.h"
#include "policy/retry.h"

enum { SEEDS = 3000, ITEMS_MOST = 200, QUEUE_MOST = 20, STEPS_MOST = 1000000 };

enum sim_state { SIM_ABSENT, SIM_READY, SIM_WAITS, SIM_WORKED, SIM_KEPT, SIM_DEAD };

struct sim_item {
    enum sim_state state;
    uint32_t attempts, began;
    int64_t due_ns; /* WAITS: when it is tried again; WORKED: when it ends */
};

struct sim {
    uint64_t draw;
    int64_t now_ns;
    uint32_t count, taken, in_flight, queue, workers, at_work, ended;
    struct plan_retry retry;
    struct plan_breaker rule;
    struct breaker breaker;
    bool has_breaker;
    struct sim_item items[ITEMS_MOST];
};

static uint64_t sim_draw(struct sim *sim)
{
    sim->draw ^= sim->draw << 13;
    sim->draw ^= sim->draw >> 7;
    sim->draw ^= sim->draw << 17;
    return sim->draw;
}

static uint32_t sim_below(struct sim *sim, uint32_t limit)
{
    return (uint32_t)(sim_draw(sim) % limit);
}

static void sim_init(struct sim *sim, uint64_t seed)
{
    *sim = (struct sim){.draw = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .now_ns = NS_PER_SEC};
    sim->count = sim_below(sim, ITEMS_MOST) + 1;
    sim->queue = sim_below(sim, QUEUE_MOST) + 1;
    sim->workers = sim_below(sim, 5) + 1;
    sim->retry = (struct plan_retry){.max = sim_below(sim, 4),
                                     .on = RETRY_ON_EXIT,
                                     .backoff = (enum retry_backoff)sim_below(sim, 3),
                                     .delay_ns = NS_PER_MS,
                                     .max_delay_ns = NS_PER_SEC,
                                     .jitter = sim_below(sim, 2) != 0};
    sim->rule = (struct plan_breaker){
        .failure_ratio = 0.5, .min_calls = 5, .window_ns = NS_PER_SEC, .open_for_ns = NS_PER_SEC};
    sim->has_breaker = sim_below(sim, 2) != 0;
    breaker_init(&sim->breaker, &sim->rule);
}

static void sim_take(struct sim *sim)
{
    while (sim->taken < sim->count && items_may_take(sim->queue, sim->in_flight, 0)) {
        sim->items[sim->taken++].state = SIM_READY;
        sim->in_flight++;
        assert_true(sim->in_flight <= sim->queue);
    }
}

static void sim_hand(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->taken && sim->at_work < sim->workers; i++) {
        struct sim_item *item = &sim->items[i];

        if (item->state == SIM_WAITS && item->due_ns <= sim->now_ns) {
            item->state = SIM_READY;
        }
        if (item->state != SIM_READY ||
            (sim->has_breaker && breaker_ask(&sim->breaker) != BREAKER_CALL)) {
            continue;
        }
        assert_true(!sim->has_breaker || sim->breaker.state != BREAKER_OPEN);
        item->began = sim->has_breaker ? breaker_begin(&sim->breaker) : 0;
        item->state = SIM_WORKED;
        item->attempts++;
        assert_true(item->attempts <= sim->retry.max + 1);
        item->due_ns = sim->now_ns + sim_below(sim, 50) * NS_PER_MS + 1;
        sim->at_work++;
    }
}

static void sim_end(struct sim *sim, struct sim_item *item)
{
    bool fails = sim_below(sim, 3) == 0;
    struct item_end end = {.cause = !fails                   ? CAUSE_NONE
                                    : sim_below(sim, 8) == 0 ? CAUSE_TRANSIENT
                                                             : CAUSE_EXIT,
                           .exit_code = fails,
                           .for_good = fails && sim_below(sim, 8) == 0};

    sim->at_work--;
    if (sim->has_breaker) {
        breaker_end(&sim->breaker, item->began, fails ? BREAKER_FAILED : BREAKER_GOOD, sim->now_ns);
    }
    switch (item_fate(&sim->retry, item->attempts, &end)) {
    case ITEM_IS_KEPT:
        assert_false(fails);
        item->state = SIM_KEPT;
        break;
    case ITEM_IS_DEAD:
        assert_true(fails);
        item->state = SIM_DEAD;
        break;
    case ITEM_IS_TRIED_AGAIN:
        assert_true(fails && !end.for_good);
        item->state = SIM_WAITS;
        item->due_ns = sim->now_ns + retry_delay_ns(&sim->retry, item->attempts, sim_draw(sim));
        return;
    }
    sim->ended++;
    sim->in_flight--;
}

/* To the next moment in which something happens. */
static void sim_advance(struct sim *sim)
{
    int64_t next_ns = sim->has_breaker ? breaker_next_ns(&sim->breaker, sim->now_ns) : INT64_MAX;

    for (uint32_t i = 0; i < sim->taken; i++) {
        const struct sim_item *item = &sim->items[i];
        bool worked = item->state == SIM_WORKED;

        if ((worked || (item->state == SIM_WAITS && item->due_ns > sim->now_ns)) &&
            item->due_ns < next_ns) {
            next_ns = item->due_ns;
        }
    }
    assert_true(next_ns != INT64_MAX);
    sim->now_ns = next_ns > sim->now_ns ? next_ns : sim->now_ns;
    if (sim->has_breaker) {
        breaker_tick(&sim->breaker, sim->now_ns);
    }
    for (uint32_t i = 0; i < sim->taken; i++) {
        if (sim->items[i].state == SIM_WORKED && sim->items[i].due_ns <= sim->now_ns) {
            sim_end(sim, &sim->items[i]);
        }
    }
}

static void sim_run(struct sim *sim)
{
    struct plan_stream all = {.max_dead_is_share = true, .max_dead = 1000000};
    struct plan_stream none = {.max_dead = 0};
    uint32_t dead = 0;

    for (uint32_t step = 0; sim->ended < sim->count; step++) {
        assert_true(step < STEPS_MOST);
        sim_take(sim);
        sim_hand(sim);
        sim_advance(sim);
    }
    assert_int_equal(sim->in_flight, 0);
    for (uint32_t i = 0; i < sim->count; i++) {
        assert_true(sim->items[i].state == SIM_KEPT || sim->items[i].state == SIM_DEAD);
        dead += sim->items[i].state == SIM_DEAD;
    }
    assert_false(items_too_many_dead(&all, dead, sim->count, true));
    assert_int_equal(items_too_many_dead(&none, dead, sim->count, true), dead != 0);
}

static void many_streams(void **state)
{
    struct sim *sim = malloc(sizeof(*sim));

    (void)state;
    assert_non_null(sim);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_init(sim, seed);
        sim_run(sim);
        breaker_fini(&sim->breaker);
    }
    free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_streams)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
