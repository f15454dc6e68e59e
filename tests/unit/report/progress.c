/* Progress: a virtual run, played by a scheduler of its own, and what is said of it on the way. */
#include "scene.h"

#include <stdio.h>

#include "report/progress.h"

enum { MOST = 64, SECONDS_MOST = 10000 };

struct play {
    struct scene scene;
    struct progress progress;
    struct progress_view views[SECONDS_MOST];
    int64_t real_ns[MOST]; /* what each takes */
    int64_t end_ns[MOST];  /* of those that run */
    uint32_t running;
    int64_t now_ns;
    uint32_t view_count;
};

static int64_t play_rank(const struct play *play, const int64_t *durations, uint32_t n)
{
    const struct plan_instance *inst = &play->scene.plan.instances[n];
    int64_t behind = 0;

    for (uint32_t c = 0; c < inst->consumer_count; c++) {
        uint32_t consumer = play->scene.plan.back_edges[inst->consumers_first + c].n;
        int64_t rank = play_rank(play, durations, consumer);

        behind = rank > behind ? rank : behind;
    }
    return behind + durations[n];
}

static bool play_is_ready(const struct play *play, uint32_t n)
{
    const struct plan_instance *inst = &play->scene.plan.instances[n];

    if (play->scene.state.instances[n].state != INST_PENDING) {
        return false;
    }
    for (uint32_t p = 0; p < inst->producer_count; p++) {
        uint32_t producer = play->scene.plan.edges[inst->producers_first + p].n;

        if (!inst_state_is_good(play->scene.state.instances[producer].state)) {
            return false;
        }
    }
    return true;
}

static void play_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct play *play = ctx;

    (void)state;
    progress_tell(&play->progress, event, play->scene.time.mono_ns);
}

/* Starts what fits, longest remaining path first. */
static void play_admit(struct play *play, const int64_t *durations, uint32_t limit)
{
    while (play->running < limit) {
        uint32_t best = PLAN_NONE;

        for (uint32_t i = 0; i < play->scene.plan.instance_count; i++) {
            if (play_is_ready(play, i) &&
                (best == PLAN_NONE ||
                 play_rank(play, durations, i) > play_rank(play, durations, best))) {
                best = i;
            }
        }
        if (best == PLAN_NONE) {
            return;
        }
        scene_start(&play->scene, best);
        play->end_ns[best] = play->now_ns + play->real_ns[best];
        play->running++;
    }
}

static uint32_t play_next(const struct play *play)
{
    uint32_t next = PLAN_NONE;

    for (uint32_t i = 0; i < play->scene.plan.instance_count; i++) {
        if (play->scene.state.instances[i].state == INST_RUNNING &&
            (next == PLAN_NONE || play->end_ns[i] < play->end_ns[next])) {
            next = i;
        }
    }
    return next;
}

/* A look every second; each is checked against the state. */
static void play_look_until(struct play *play, int64_t until_ns)
{
    while ((int64_t)play->view_count * NS_PER_SEC <= until_ns) {
        struct progress_view *view = &play->views[play->view_count];
        const uint32_t *counts = play->scene.state.counts;

        progress_look(&play->progress, &play->scene.state,
                      1000 * NS_PER_SEC + (int64_t)play->view_count * NS_PER_SEC, view);
        assert_int_equal(view->running, counts[INST_RUNNING]);
        assert_int_equal(view->up_to_date, counts[INST_UP_TO_DATE]);
        assert_int_equal(view->ended, counts[INST_DONE] + counts[INST_UP_TO_DATE]);
        if (play->view_count > 0) {
            assert_true(view->percent >= view[-1].percent);
        }
        play->view_count++;
    }
}

/* Plays the run to its end; returns how long it took. */
static int64_t play_run(struct play *play, const int64_t *durations, uint32_t limit)
{
    uint32_t next;

    play->scene.observer = (struct observer){play, play_tell, NULL};
    play_admit(play, durations, limit);
    while ((next = play_next(play)) != PLAN_NONE) {
        play_look_until(play, play->end_ns[next] - 1);
        clock_virtual_advance(&play->scene.time, play->end_ns[next] - play->now_ns);
        play->now_ns = play->end_ns[next];
        play->running--;
        scene_done(&play->scene, next, play->real_ns[next] / NS_PER_MS);
        play_admit(play, durations, limit);
    }
    return play->now_ns;
}

/* Two prices, twelve optimisations each, a best of each, a report: as the backtest example. */
static const char *const names[] = {
    "prices@i=a", "prices@i=b", "opt@a=1",  "opt@a=2",  "opt@a=3", "opt@a=4", "opt@a=5", "opt@a=6",
    "opt@a=7",    "opt@a=8",    "opt@b=1",  "opt@b=2",  "opt@b=3", "opt@b=4", "opt@b=5", "opt@b=6",
    "opt@b=7",    "opt@b=8",    "best@i=a", "best@i=b", "report",  NULL};

static void play_init(struct play *play)
{
    static uint32_t edges[64][2];
    uint32_t count = 0;

    for (uint32_t i = 2; i < 18; i++) {
        edges[count][0] = i < 10 ? 0 : 1;
        edges[count++][1] = i;
        edges[count][0] = i;
        edges[count++][1] = i < 10 ? 18 : 19;
    }
    for (uint32_t i = 18; i < 20; i++) {
        edges[count][0] = i;
        edges[count++][1] = 20;
    }
    memset(play, 0, sizeof(*play));
    scene_init(&play->scene, names, (const uint32_t(*)[2])edges, count);
    scene_begin(&play->scene);
}

static void play_fini(struct play *play)
{
    progress_fini(&play->progress);
    scene_fini(&play->scene);
}

static int64_t expected_ns(uint32_t n)
{
    return (n < 2 ? 8 : n < 18 ? 20 + n * 7 % 30 : n < 20 ? 15 : 25) * NS_PER_SEC;
}

/* With history, from half way on, the time left is right within a fifth. */
static void test_eta(void **state)
{
    static struct play play;

    (void)state;
    for (uint32_t limit = 1; limit <= 8; limit++) {
        for (uint32_t seed = 0; seed < 8; seed++) {
            int64_t durations[MOST], took_ns;

            play_init(&play);
            for (uint32_t i = 0; i < play.scene.plan.instance_count; i++) {
                durations[i] = expected_ns(i);
                /* Up to 15 % off. */
                play.real_ns[i] = durations[i] / 100 * (85 + (int64_t)((i * 13 + seed * 17) % 31));
            }
            progress_init(&play.progress, &play.scene.plan, durations, NULL, limit,
                          1000 * NS_PER_SEC);
            took_ns = play_run(&play, durations, limit);
            for (uint32_t s = 0; s < play.view_count; s++) {
                int64_t left_ns = took_ns - (int64_t)s * NS_PER_SEC;
                int64_t off_ns = play.views[s].left_ns - left_ns;

                assert_true(play.views[s].percent >= 0);
                assert_false(play.views[s].estimated);
                if ((int64_t)s * NS_PER_SEC * 2 >= took_ns &&
                    llabs(off_ns) > left_ns / 5 + 4 * NS_PER_SEC) {
                    fail_msg("limit %u seed %u second %u: %lld s left, said %lld s", limit, seed, s,
                             (long long)(left_ns / NS_PER_SEC),
                             (long long)(play.views[s].left_ns / NS_PER_SEC));
                }
            }
            play_fini(&play);
        }
    }
}

/* Exact history gives the exact end, from the start, on any number of slots. */
static void test_eta_is_exact(void **state)
{
    static struct play play;
    int64_t durations[MOST], took_ns;

    (void)state;
    for (uint32_t limit = 1; limit <= 8; limit++) {
        play_init(&play);
        for (uint32_t i = 0; i < play.scene.plan.instance_count; i++) {
            play.real_ns[i] = durations[i] = expected_ns(i);
        }
        progress_init(&play.progress, &play.scene.plan, durations, NULL, limit, 1000 * NS_PER_SEC);
        took_ns = play_run(&play, durations, limit);
        for (uint32_t s = 0; s < play.view_count; s++) {
            assert_int_equal(play.views[s].left_ns, took_ns - (int64_t)s * NS_PER_SEC);
        }
        play_fini(&play);
    }
}

static void test_without_history(void **state)
{
    static struct play play;
    struct progress_view view;
    struct strbuf text = {0};

    (void)state;
    play_init(&play);
    play.scene.observer = (struct observer){&play, play_tell, NULL};
    progress_init(&play.progress, &play.scene.plan, NULL, NULL, 2, 1000 * NS_PER_SEC);
    scene_start(&play.scene, 0);
    scene_start(&play.scene, 1);
    scene_wait(&play.scene, 2000);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    progress_format(&view, play.scene.time.real_ns, &text);
    assert_string_equal(text.data, "? % [0/21] 2 running, 0 up to date, 0 failed, 2s, ETA ?");
    strbuf_clear(&text);
    scene_done(&play.scene, 0, 2000);
    scene_wait(&play.scene, 2000);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    progress_format(&view, play.scene.time.real_ns, &text);
    /* 2 s and 4 s spent; 4 s and 19 times 2 s left. */
    assert_string_equal(text.data,
                        "~12 % [1/21] 1 running, 0 up to date, 0 failed, 4s, ETA ~22s (23:41)");
    strbuf_fini(&text);
    play_fini(&play);
}

static void test_up_to_date_costs_no_time(void **state)
{
    static struct play play;
    int64_t durations[MOST];
    uint8_t scope[MOST];
    struct progress_view view;

    (void)state;
    play_init(&play);
    play.scene.observer = (struct observer){&play, play_tell, NULL};
    for (uint32_t i = 0; i < play.scene.plan.instance_count; i++) {
        durations[i] = 10 * NS_PER_SEC;
        scope[i] = i < 10;
    }
    progress_init(&play.progress, &play.scene.plan, durations, scope, 4, 1000 * NS_PER_SEC);
    scene_set(&play.scene, EVENT_INSTANCES_UP_TO_DATE, 0, 1, "");
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    assert_int_equal(view.total, 10);
    assert_int_equal(view.ended, 2);
    assert_int_equal(view.percent, 0);
    assert_int_equal(view.left_ns, 20 * NS_PER_SEC);
    scene_set(&play.scene, EVENT_INSTANCES_UP_TO_DATE, 2, 9, "");
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    assert_int_equal(view.percent, 100);
    assert_int_equal(view.left_ns, 0);
    play_fini(&play);
}

/* A change of the limit is taken from the events; work that comes back does not make it fall. */
static void test_limit_and_reopening(void **state)
{
    static struct play play;
    int64_t durations[MOST];
    struct progress_view view;
    int percent;

    (void)state;
    play_init(&play);
    play.scene.observer = (struct observer){&play, play_tell, NULL};
    for (uint32_t i = 0; i < play.scene.plan.instance_count; i++) {
        durations[i] = 10 * NS_PER_SEC;
    }
    progress_init(&play.progress, &play.scene.plan, durations, NULL, 1, 1000 * NS_PER_SEC);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    assert_int_equal(view.left_ns, 210 * NS_PER_SEC);
    scene_tell(&play.scene, (struct event){.type = EVENT_LIMIT_CHANGED, .limit = 100});
    scene_wait(&play.scene, 1000);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    assert_int_equal(view.left_ns, 40 * NS_PER_SEC);
    scene_start(&play.scene, 0);
    scene_wait(&play.scene, 10000);
    scene_done(&play.scene, 0, 10000);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    percent = view.percent;
    assert_int_equal(percent, 4);
    scene_tell(&play.scene, scene_event(&play.scene, EVENT_INSTANCE_REOPENED, 0));
    scene_wait(&play.scene, 1000);
    progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
    assert_int_equal(view.percent, percent);
    play_fini(&play);
}

static void play_say(struct play *play, uint32_t number, int64_t permille, int64_t left_s)
{
    struct event event = scene_event(&play->scene, EVENT_ATTEMPT_PROGRESS, number);

    event.permille = permille;
    event.left_ns = left_s * NS_PER_SEC;
    event.text = STR("fold\t3\033[2J");
    scene_tell(&play->scene, event);
}

/* What a command says of itself counts for more than history, but not from the first moment on, and
 * where there is no history at once; no time passes for it in a pause. */
static void test_own_words(void **state)
{
    static struct play play;
    int64_t durations[MOST] = {0};
    uint8_t scope[MOST] = {1};
    struct progress_view view;
    struct progress_running running;
    struct strbuf text = {0};

    (void)state;
    for (int known = 0; known < 2; known++) {
        play_init(&play);
        play.scene.observer = (struct observer){&play, play_tell, NULL};
        durations[0] = known * 100 * NS_PER_SEC;
        progress_init(&play.progress, &play.scene.plan, durations, scope, 1, 1000 * NS_PER_SEC);
        scene_start(&play.scene, 0);
        scene_wait(&play.scene, 10000);
        play_say(&play, 0, 40, 240);
        progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
        assert_int_equal(view.left_ns, (known ? 90 : 240) * NS_PER_SEC);
        assert_int_equal(view.percent, known ? 10 : 4);
        assert_false(view.estimated);
        scene_wait(&play.scene, 10000);
        play_say(&play, 0, 505, 20);
        scene_wait(&play.scene, 5000);
        scene_tell(&play.scene, (struct event){.type = EVENT_RUN_PAUSING});
        scene_tell(&play.scene, (struct event){.type = EVENT_RUN_PAUSED});
        scene_wait(&play.scene, 3600000);
        scene_tell(&play.scene, (struct event){.type = EVENT_RUN_CONTINUED});
        progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
        assert_int_equal(view.left_ns, 15 * NS_PER_SEC);
        assert_int_equal(view.percent, 62);
        assert_int_equal(progress_longest(&play.progress, &running, 1), 1);
        progress_add_said(&play.progress, &running, &play.scene.state, play.scene.time.mono_ns, "[",
                          "]", &text);
        assert_string_equal(text.data, "[50.5 % fold 3, ETA 15s]");
        strbuf_clear(&text);
        /* It takes longer than it said. */
        scene_wait(&play.scene, 60000);
        progress_look(&play.progress, &play.scene.state, play.scene.time.mono_ns, &view);
        assert_true(view.left_ns == 8500 * NS_PER_MS);
        assert_int_equal(view.percent, 90);
        progress_add_said(&play.progress, &running, &play.scene.state, play.scene.time.mono_ns, "",
                          "", &text);
        assert_string_equal(text.data, "50.5 % fold 3");
        strbuf_clear(&text);
        play_fini(&play);
    }
    strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eta),
        cmocka_unit_test(test_eta_is_exact),
        cmocka_unit_test(test_without_history),
        cmocka_unit_test(test_up_to_date_costs_no_time),
        cmocka_unit_test(test_limit_and_reopening),
        cmocka_unit_test(test_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
