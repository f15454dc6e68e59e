/* The control law, fact by fact. What comes of it over a run is in tests/unit/run/adapt.c. */
#include "policy/adapt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

enum { CPUS = 4 };

/* Facts that run on: shares of the processors in thousandths. */
struct feed {
    struct adapt adapt;
    struct adapt_facts facts;
    struct adapt_change change;
    int64_t now_ns;
    bool changed;
};

static void begin(struct feed *feed)
{
    *feed = (struct feed){.now_ns = 100 * NS_PER_SEC,
                          .facts = {.total_bytes = 1000, .used_bytes = 100, .pressure = 0}};
    adapt_init(&feed->adapt, CPUS, CPUS * ADAPT_SLOTS_A_PROCESSOR);
    feed->changed = adapt_take(&feed->adapt, &feed->facts, feed->now_ns, true, &feed->change);
    assert_false(feed->changed);
}

/* Until facts are wanted; the time that took. */
static int64_t look(struct feed *feed, bool waits, int busy, int others, int waited)
{
    int64_t pause_ns = adapt_next_ns(&feed->adapt) - feed->now_ns;

    assert_true(pause_ns == NS_PER_SEC || pause_ns == NS_PER_SEC / 4);
    feed->now_ns += pause_ns;
    feed->facts.busy_ns += pause_ns / 1000 * busy * CPUS;
    feed->facts.own_ns += pause_ns / 1000 * (busy - others) * CPUS;
    feed->facts.waited_ns += pause_ns / 1000 * waited;
    feed->changed = adapt_take(&feed->adapt, &feed->facts, feed->now_ns, waits, &feed->change);
    return pause_ns;
}

static void looks_to(struct feed *feed, uint32_t limit, int busy, int others, int waited)
{
    for (int i = 0; i < 100 && feed->adapt.limit != limit; i++) {
        look(feed, true, busy, others, waited);
    }
    assert_int_equal(feed->adapt.limit, limit);
}

/* Beside so many others that compute, while each of our slots computes. */
static void beside(struct feed *feed, int threads, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        int all = threads + (int)feed->adapt.limit;

        look(feed, true, 1000, all > CPUS ? threads * 1000 / all : threads * 1000 / CPUS, 1000);
    }
}

static void idle_processors_are_filled_step_by_step(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    look(&feed, true, 300, 0, 0);
    assert_true(feed.changed);
    assert_int_equal(feed.change.before, 4);
    assert_int_equal(feed.change.limit, 6); /* (80 % - 30 %) of 4 */
    assert_string_equal(feed.change.reason, "processors 30 % busy, instances wait for a slot");
    assert_int_equal(look(&feed, true, 790, 0, 0), NS_PER_SEC / 4);
    assert_int_equal(feed.change.limit, 7);
    looks_to(&feed, 16, 0, 0, 0);
    for (int i = 0; i < 20; i++) {
        look(&feed, true, 0, 0, 0);
        assert_false(feed.changed);
    }
    /* At the top it is looked at once a second. */
    assert_int_equal(look(&feed, true, 0, 0, 0), NS_PER_SEC);
}

static void nothing_waits_nothing_moves(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    for (int i = 0; i < 20; i++) {
        look(&feed, false, 100, 0, 0);
        assert_false(feed.changed);
    }
}

static void own_work_may_fill_the_processors(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    looks_to(&feed, 8, 0, 0, 0);
    for (int i = 0; i < 20; i++) {
        look(&feed, true, 1000, 190, 490);
        assert_false(feed.changed);
    }
    /* In each other's way. */
    look(&feed, true, 1000, 0, 600);
    assert_int_equal(feed.adapt.limit, 7);
    assert_string_equal(feed.change.reason, "processors 100 % busy, waited for 60 % of the time");
    /* Whatever they do to each other: the processors are theirs. */
    looks_to(&feed, 4, 1000, 0, 1000);
    for (int i = 0; i < 20; i++) {
        look(&feed, true, 1000, 100, 1000);
        assert_false(feed.changed);
    }
}

static void one_slot_fewer_a_second_for_others(void **state)
{
    struct feed feed;
    int64_t began_ns;

    (void)state;
    begin(&feed);
    looks_to(&feed, 16, 0, 0, 0);
    began_ns = feed.now_ns;
    look(&feed, true, 1000, 500, 0);
    assert_true(feed.changed);
    assert_int_equal(feed.adapt.limit, 15);
    assert_string_equal(feed.change.reason, "processors 100 % busy, 50 % by others");
    looks_to(&feed, 4, 1000, 500, 1000);
    assert_int_equal(feed.now_ns - began_ns, 12 * NS_PER_SEC);
    /* A slot for each processor that others want. */
    beside(&feed, 1, 5);
    assert_int_equal(feed.adapt.limit, 3);
    beside(&feed, 2, 1);
    assert_int_equal(feed.adapt.limit, 2);
    beside(&feed, 2, 20);
    assert_int_equal(feed.adapt.limit, 2);
    beside(&feed, 4, 20);
    assert_int_equal(feed.adapt.limit, 1);
}

static void a_crowd_is_competed_with(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    beside(&feed, 40, 20);
    assert_int_equal(feed.adapt.limit, CPUS);
    beside(&feed, 3, 20);
    assert_int_equal(feed.adapt.limit, 1);
    beside(&feed, 40, 20);
    assert_int_equal(feed.adapt.limit, CPUS);
}

static void back_when_others_leave_room(void **state)
{
    struct feed feed;
    int64_t began_ns;

    (void)state;
    begin(&feed);
    beside(&feed, 3, 10);
    assert_int_equal(feed.adapt.limit, 1);
    began_ns = feed.now_ns;
    look(&feed, true, 790, 600, 0); /* 1.6 of 4 are left: less than two */
    assert_false(feed.changed);
    looks_to(&feed, 4, 250, 0, 0);
    assert_true(feed.now_ns - began_ns <= 4 * NS_PER_SEC);
    /* Beyond the processors five seconds after the last crowded one. */
    looks_to(&feed, 6, 500, 0, 0);
    assert_true(feed.now_ns - began_ns >= 5 * NS_PER_SEC);
}

static void back_at_ten_points_less(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    looks_to(&feed, 8, 0, 0, 0);
    looks_to(&feed, 7, 1000, 500, 1000);
    for (int i = 0; i < 20; i++) {
        look(&feed, true, 710, 500, 0);
        assert_false(feed.changed);
    }
    for (int i = 0; i < 20 && !feed.changed; i++) {
        look(&feed, true, 690, 500, 0);
    }
    assert_int_equal(feed.adapt.limit, 8);
}

/* What had to be taken back at once is tried again more and more seldom. */
static void a_refuted_step_waits_longer(void **state)
{
    struct feed feed;
    int64_t pause_ns[5];

    (void)state;
    begin(&feed);
    looks_to(&feed, 8, 0, 0, 0);
    for (int i = 0; i < 5; i++) {
        int64_t fell_ns;

        looks_to(&feed, 7, 1000, 0, 1000);
        fell_ns = feed.now_ns;
        looks_to(&feed, 8, 690, 0, 400);
        pause_ns[i] = feed.now_ns - fell_ns;
    }
    assert_in_range(pause_ns[0], 5 * NS_PER_SEC, 7 * NS_PER_SEC);
    assert_in_range(pause_ns[2], 20 * NS_PER_SEC, 22 * NS_PER_SEC);
    assert_in_range(pause_ns[4], 60 * NS_PER_SEC, 61 * NS_PER_SEC);
}

static void without_facts_nothing_moves(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    for (int i = 0; i < 20; i++) {
        feed.now_ns += NS_PER_SEC;
        feed.facts.busy_ns = feed.facts.own_ns = feed.facts.waited_ns = -1;
        assert_false(adapt_take(&feed.adapt, &feed.facts, feed.now_ns, true, &feed.change));
    }
    /* Others unknown: no lower than the processors. */
    begin(&feed);
    looks_to(&feed, 6, 300, 0, 0);
    for (int i = 0; i < 20; i++) {
        feed.now_ns += NS_PER_SEC;
        feed.facts.busy_ns += NS_PER_SEC * CPUS;
        feed.facts.own_ns = feed.facts.waited_ns = -1;
        adapt_take(&feed.adapt, &feed.facts, feed.now_ns, true, &feed.change);
    }
    assert_int_equal(feed.adapt.limit, CPUS);
}

static void memory_in_use_and_pressure(void **state)
{
    struct feed feed;

    (void)state;
    begin(&feed);
    feed.facts.used_bytes = 850;
    look(&feed, false, 0, 0, 0);
    assert_false(feed.adapt.stopped);
    feed.facts.used_bytes = 851;
    look(&feed, false, 0, 0, 0);
    assert_true(feed.changed && feed.adapt.stopped);
    assert_int_equal(feed.change.limit, feed.change.before);
    assert_string_equal(feed.change.reason, "memory 85 % in use, pressure 0 %: nothing is started "
                                            "beside what runs");
    feed.facts.used_bytes = 500;
    look(&feed, false, 0, 0, 0);
    assert_true(feed.changed && !feed.adapt.stopped);
    feed.facts.pressure = 1000;
    look(&feed, false, 0, 0, 0);
    assert_false(feed.adapt.stopped);
    feed.facts.pressure = 1001;
    look(&feed, false, 0, 0, 0);
    assert_true(feed.adapt.stopped);
    feed.facts.total_bytes = 0;
    feed.facts.pressure = -1;
    look(&feed, false, 0, 0, 0);
    assert_false(feed.adapt.stopped);
}

static void a_fixed_limit_only_looks_at_memory(void **state)
{
    struct adapt adapt;
    struct adapt_facts facts = {.total_bytes = 1000, .used_bytes = 900};
    struct adapt_change change;

    (void)state;
    adapt_init(&adapt, 3, 0);
    assert_true(adapt_take(&adapt, &facts, NS_PER_SEC, true, &change));
    assert_true(adapt.stopped);
    for (int i = 2; i < 20; i++) {
        facts.busy_ns += i % 2 == 0 ? 0 : 3 * NS_PER_SEC;
        assert_false(adapt_take(&adapt, &facts, i * NS_PER_SEC, true, &change));
        assert_int_equal(adapt_next_ns(&adapt), (i + 1) * NS_PER_SEC);
    }
    assert_int_equal(adapt.limit, 3);
}

static void memory_beside_what_runs(void **state)
{
    struct adapt_facts facts = {.total_bytes = 1000, .used_bytes = 600};

    (void)state;
    assert_int_equal(adapt_memory_base(&facts, 200, 0), 400);
    assert_int_equal(adapt_memory_base(&facts, 200, 50), 450);
    /* Shared pages count more than once. */
    assert_int_equal(adapt_memory_base(&facts, 700, 50), 50);
    facts.total_bytes = 0;
    assert_int_equal(adapt_memory_base(&facts, 200, 50), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_processors_are_filled_step_by_step),
        cmocka_unit_test(nothing_waits_nothing_moves),
        cmocka_unit_test(own_work_may_fill_the_processors),
        cmocka_unit_test(one_slot_fewer_a_second_for_others),
        cmocka_unit_test(a_crowd_is_competed_with),
        cmocka_unit_test(back_when_others_leave_room),
        cmocka_unit_test(back_at_ten_points_less),
        cmocka_unit_test(a_refuted_step_waits_longer),
        cmocka_unit_test(without_facts_nothing_moves),
        cmocka_unit_test(memory_in_use_and_pressure),
        cmocka_unit_test(a_fixed_limit_only_looks_at_memory),
        cmocka_unit_test(memory_beside_what_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
