#ifndef PAWL_TESTS_SCENE_H
#define PAWL_TESTS_SCENE_H
/* A run played by hand for tests of displays: a small plan, a state, a clock, and events that are
 * applied and told. What displays write is in `out`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "model/observer.h"
#include "model/plan.h"
#include "report/sink.h"

struct scene {
    struct arena arena;
    struct plan plan;
    struct run_state state;
    struct clock_virtual time;
    struct clock clock;
    struct strbuf out;
    struct sink sink;
    struct observer observer;
    uint64_t seq;
};

#define SCENE_RUN "20261120T234112Z-7f3a"

/* `names`: "stage@rest" or "stage", instances of a stage side by side, ended by NULL; `edges`:
 * pairs producer < consumer, in order of the producer; 0..count-1 is a topological order. */
static void scene_init(struct scene *scene, const char *const *names, const uint32_t (*edges)[2],
                       uint32_t edge_count)
{
    static const struct m_settings settings = {.cpu = {.given = false}};
    static const struct m_stage stage_source = {.settings = &settings};
    struct plan *plan = &scene->plan;
    uint32_t at = 0, back = 0;

    setenv("TZ", "UTC", 1);
    tzset();
    memset(scene, 0, sizeof(*scene));
    arena_init(&scene->arena);
    while (names[plan->instance_count] != NULL) {
        plan->instance_count++;
    }
    plan->instances = ARENA_ARRAY(&scene->arena, struct plan_instance, plan->instance_count);
    plan->stages = ARENA_ARRAY(&scene->arena, struct plan_stage, plan->instance_count);
    plan->topo = ARENA_ARRAY(&scene->arena, struct inst_id, plan->instance_count);
    plan->edges = ARENA_ARRAY(&scene->arena, struct inst_id, edge_count);
    plan->back_edges = ARENA_ARRAY(&scene->arena, struct inst_id, edge_count);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct plan_instance *inst = &plan->instances[i];
        struct str rest = str_of(names[i]), stage;

        str_split(&rest, '@', &stage);
        if (plan->stage_count == 0 || !str_equal(plan->stages[plan->stage_count - 1].name, stage)) {
            plan->stages[plan->stage_count].instances_first = i;
            plan->stages[plan->stage_count].source = &stage_source;
            plan->stages[plan->stage_count++].name = stage;
        }
        plan->stages[plan->stage_count - 1].instance_count++;
        inst->name = str_of(names[i]);
        inst->stage.n = plan->stage_count - 1;
        inst->cpu = 1;
        plan->topo[i].n = i;
        inst->producers_first = at;
        inst->consumers_first = back;
        for (uint32_t e = 0; e < edge_count; e++) {
            if (edges[e][1] == i) {
                plan->edges[at++].n = edges[e][0];
                inst->producer_count++;
            }
            if (edges[e][0] == i) {
                plan->back_edges[back++].n = edges[e][1];
                inst->consumer_count++;
            }
        }
    }
    run_state_init(&scene->state);
    scene->time = (struct clock_virtual){1000 * NS_PER_SEC, 1795218072 * NS_PER_SEC};
    scene->clock = clock_of_virtual(&scene->time);
    scene->sink = sink_of_buffer(&scene->out);
}

static void scene_fini(struct scene *scene)
{
    run_state_fini(&scene->state);
    arena_fini(&scene->arena);
    strbuf_fini(&scene->out);
}

static void scene_tell(struct scene *scene, struct event event)
{
    struct err err = {0};

    event.seq = ++scene->seq;
    event.time_ns = scene->time.real_ns;
    event.run = STR(SCENE_RUN);
    if (!run_state_apply(&scene->state, &event, &err)) {
        fail_msg("%s", err.text);
    }
    if (scene->observer.tell != NULL) {
        scene->observer.tell(scene->observer.ctx, &event, &scene->state);
    }
}

static __attribute__((unused)) int64_t scene_tick(struct scene *scene)
{
    return scene->observer.tick(scene->observer.ctx, scene->time.mono_ns, &scene->state);
}

static __attribute__((unused)) void scene_wait(struct scene *scene, int64_t ms)
{
    clock_virtual_advance(&scene->time, ms * NS_PER_MS);
}

static void scene_begin(struct scene *scene)
{
    scene_tell(scene, (struct event){.type = EVENT_RUN_STARTED,
                                     .instances = scene->plan.instance_count,
                                     .pipeline = STR("demo"),
                                     .pid = 1});
}

static void scene_set(struct scene *scene, enum event_type type, uint32_t first, uint32_t last,
                      const char *reason)
{
    struct event_range range = {first, last};

    scene_tell(scene, (struct event){.type = type,
                                     .ids = {&range, 1},
                                     .count = last - first + 1,
                                     .reason = str_of(reason)});
}

static struct event scene_event(struct scene *scene, enum event_type type, uint32_t number)
{
    const struct plan_instance *inst = &scene->plan.instances[number];

    return (struct event){.type = type,
                          .number = number,
                          .instance = inst->name,
                          .stage = scene->plan.stages[inst->stage.n].name};
}

static void scene_start(struct scene *scene, uint32_t number)
{
    struct event event = scene_event(scene, EVENT_ATTEMPT_STARTED, number);

    scene_set(scene, EVENT_INSTANCES_READY, number, number, "");
    event.attempt = 1;
    event.place = STR("pawl.toml:4:1");
    scene_tell(scene, event);
}

static void scene_end(struct scene *scene, uint32_t number, enum inst_state state, int64_t wall_ms,
                      const char *reason, const char *log)
{
    struct event event = scene_event(scene, EVENT_ATTEMPT_FINISHED, number);

    event.state = str_of(inst_state_name(state));
    event.cause = state == INST_DONE ? STR("none") : STR("exit");
    event.exit_code = state == INST_DONE ? 0 : 1;
    event.reason = str_of(reason);
    event.log = str_of(log);
    event.wall_ns = wall_ms * NS_PER_MS;
    event.cpu_user_ns = wall_ms * NS_PER_MS / 2;
    event.max_rss_bytes = 3 << 20;
    scene_tell(scene, event);
}

static __attribute__((unused)) void scene_done(struct scene *scene, uint32_t number,
                                               int64_t wall_ms)
{
    scene_end(scene, number, INST_DONE, wall_ms, "", "");
}

/* What was written since the last call is exactly this. */
static __attribute__((unused)) void scene_expect(struct scene *scene, const char *want)
{
    assert_string_equal(scene->out.data != NULL ? scene->out.data : "", want);
    strbuf_clear(&scene->out);
}

#endif
