#ifndef PAWL_TESTS_SIMULATION_WORLD_H
#define PAWL_TESTS_SIMULATION_WORLD_H
/* The simulator that stands in for the kernel: a `struct engine_world` over the simulated world. */
#include "run/engine_turn.h"
#include "simulation_hooks.h"
#include "simulation_variants.h"

/* --- the facts --- */

static void world_take(struct world *world, uint32_t number, uint64_t value)
{
    struct fact *fact = &world->facts[number];
    bool changed = fact->is != FACT_UNKNOWN && (fact->is != FACT_MADE || fact->value != value);

    *fact = (struct fact){.is = FACT_MADE, .value = value, .changed = changed};
}

static void world_made_nothing(void *ctx, struct inst_id instance, bool ignored, bool skipped)
{
    (void)ignored;
    ((struct world *)ctx)->facts[instance.n] =
        (struct fact){.is = FACT_MISSING, .skipped = skipped};
}

/* False: something that it needs was not made; `*skipped`: on purpose. */
static bool world_key(const struct world *world, uint32_t number, uint64_t *key, bool *skipped)
{
    const struct job *job = &world->jobs[number];
    bool lacks = job->source == 0;

    *key = mix(number, job->source);
    *skipped = false;
    for (uint32_t i = 0; i < world_instance(world, number)->producer_count; i++) {
        uint32_t producer = world_producer(world, number, i);
        const struct fact *fact = &world->facts[producer];
        bool made = fact->is == FACT_MADE;

        if (world_instance(world, number)->always) {
            /* What is not there is left out. */
            *key = mix(*key, made && world->jobs[producer].file == fact->value ? fact->value : 0);
            continue;
        }
        assert_true(fact->is != FACT_UNKNOWN);
        *key = mix(*key, made ? fact->value : 0);
        if (fact->is == FACT_MISSING && !job->tolerates) {
            lacks = true;
            *skipped |= fact->skipped;
        }
    }
    return !lacks;
}

static enum decide_verdict world_look(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;
    const struct plan_instance *inst = world_instance(world, instance.n);
    const struct sim_result *result;
    uint64_t key;
    bool skipped = inst->skip_reason.len != 0;

    if (skipped || !world_key(world, instance.n, &key, &skipped)) {
        if (skipped) {
            world_made_nothing(world, instance, false, true);
        }
        return skipped ? DECIDE_SKIP : DECIDE_LACK;
    }
    result = job_find_result(&world->jobs[instance.n], key, inst->last_only);
    if (result == NULL || inst->always || (inst->no_cache && !world->ran[instance.n]) ||
        effect_forgotten(world, instance.n)) {
        return DECIDE_MISS;
    }
    world_take(world, instance.n, result->value);
    return DECIDE_HIT;
}

static enum decide_bytes world_bytes(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;
    struct job *job = &world->jobs[instance.n];
    const struct fact *fact = &world->facts[instance.n];

    if (fact->is != FACT_MADE || job->file == fact->value) {
        return DECIDE_BYTES_PRESENT;
    }
    return job_object(job, fact->value) != NULL ? DECIDE_BYTES_IN_STORE : DECIDE_BYTES_NOWHERE;
}

static void world_demand(void *ctx, struct inst_id instance, struct decide *decide)
{
    struct world *world = ctx;

    for (uint32_t i = 0; i < world_instance(world, instance.n)->producer_count; i++) {
        uint32_t producer = world_producer(world, instance.n, i);

        if (world->facts[producer].is == FACT_MADE) {
            decide_demand(decide, (struct inst_id){producer}, producer);
        }
    }
}

static bool world_changed(void *ctx, struct inst_id instance)
{
    return ((struct world *)ctx)->facts[instance.n].changed;
}

static struct str world_lack(void *ctx, struct inst_id instance, enum status *status)
{
    struct world *world = ctx;

    *status = world->jobs[instance.n].source == 0 ? STATUS_MANIFEST : STATUS_STAGE_FAILED;
    return STR("something is not there");
}

/* --- attempts --- */

static void world_describe(void *ctx, struct inst_id instance, uint32_t attempt, uint32_t cpus,
                           struct arena *arena, struct event *event)
{
    struct world *world = ctx;

    assert_true(cpus > 0);
    assert_false(world->failed && !world->options.keep_going &&
                 !world_instance(world, instance.n)->always);
    check_variant(world, instance.n, event->variant);
    world->granted[instance.n] = cpus;
    event->attempt_id = str_printf(arena, "%u.%u", instance.n, attempt);
    event->place = STR("pawl.toml:1:1");
    for (uint32_t i = 0; i < world_instance(world, instance.n)->producer_count; i++) {
        uint32_t producer = world_producer(world, instance.n, i);
        enum inst_state state = world->sim.recorder.state.instances[producer].state;

        if (!inst_state_is_good(state) && !world_instance(world, instance.n)->always &&
            !(world->jobs[instance.n].tolerates &&
              (state == INST_SKIPPED || world_instance(world, producer)->ignore_failure))) {
            fail_msg("%u starts while %u, which it reads, is %s", instance.n, producer,
                     inst_state_name(state));
        }
    }
}

/* True if all that it reads is what it was decided with. */
static bool world_reads(struct world *world, uint32_t number)
{
    for (uint32_t i = 0; i < world_instance(world, number)->producer_count; i++) {
        uint32_t producer = world_producer(world, number, i);
        const struct fact *fact = &world->facts[producer];

        if (fact->is == FACT_MADE && world->jobs[producer].file != fact->value) {
            return false;
        }
    }
    return true;
}

static enum cause world_outcome(struct world *world)
{
    static const enum cause causes[] = {CAUSE_EXIT,   CAUSE_EXIT,        CAUSE_OOM,
                                        CAUSE_OUTPUT, CAUSE_ENVIRONMENT, CAUSE_NOT_FOUND};

    if (world->script != NULL) {
        return *world->script++;
    }
    return world->calm || !sim_chance(&world->sim, 14)
               ? CAUSE_NONE
               : causes[sim_random(&world->sim, sizeof(causes) / sizeof(*causes))];
}

static void world_start(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;
    struct sim *sim = &world->sim;
    uint32_t number = instance.n;
    struct sim_running running = {.number = number, .cpus = world->granted[number]};
    bool skipped;

    if (world_dies(world)) {
        return;
    }
    assert_true(sim->recorder.state.status == RUN_RUNNING ||
                (sim->recorder.state.status == RUN_PAUSING && engine_must_end(&sim->engine)));
    assert_true(world_key(world, number, &running.key, &skipped));
    if (world_instance(world, number)->always) {
        check_is_last(world, number);
    } else {
        assert_true(world_reads(world, number));
    }
    check_is_needed(world, number, running.key);
    check_nobody_reads(world, number);
    running.attempt = ++world->attempts;
    if (world_instance(world, number)->compensates) {
        effect_begin(world, number, running.attempt);
    }
    running.started_ns = sim_now(sim);
    running.cause = world_outcome(world);
    running.end_ns = sim_now(sim) + world->jobs[number].duration_ns;
    running.hangs = world->script == NULL && world_instance(world, number)->timeout_ns != 0 &&
                    sim_chance(sim, 2);
    if (!world->calm && sim_chance(sim, 20)) {
        world->jobs[number].source = mix(world->jobs[number].source, 1);
        running.cause = CAUSE_UNSETTLED;
    }
    job_park(&world->jobs[number], running.attempt);
    world->running[world->running_count++] = running;
    check_limits(world, number);
    check_breaker(world, number);
    check_retries(world, number);
    if (sim_chance(sim, 16)) {
        check_record(world); /* it was written before it started */
        assert_int_equal(sim->recorder.state.instances[number].state, INST_RUNNING);
    }
}

static void running_freeze(struct world *world, struct sim_running *running, bool freeze)
{
    int64_t now_ns = sim_now(world);

    assert_true(running->frozen != freeze);
    running->frozen = freeze;
    if (freeze) {
        running->frozen_at_ns = now_ns;
    } else {
        running->end_ns = control_later(running->end_ns, running->frozen_at_ns, now_ns);
        running->frozen_ns += now_ns - running->frozen_at_ns;
    }
}

static void running_signal(struct world *world, struct sim_running *running, int signal)
{
    if (signal == SIGTERM) {
        check_timeout(world, running);
    }
    running->cause = CAUSE_SIGNAL;
    /* Half of them need the second word. */
    running->hangs = signal != SIGKILL && running->number % 2 != 0;
    running->end_ns = running->frozen ? running->frozen_at_ns : sim_now(world);
    running->frozen = running->frozen && signal != SIGKILL;
}

static void world_signal(void *ctx, struct inst_id instance, int signal)
{
    struct world *world = ctx;

    for (uint32_t i = 0; i < world->running_count && !world_dies(world); i++) {
        struct sim_running *running = &world->running[i];

        if (running->number == instance.n && running->phase == GOES) {
            if (signal == SIGSTOP || signal == SIGCONT) {
                running_freeze(world, running, signal == SIGSTOP);
            } else {
                running_signal(world, running, signal);
            }
        }
    }
}

static uint64_t world_value(struct world *world, const struct sim_running *running)
{
    const struct job *job = &world->jobs[running->number];

    if (job->coarse) {
        return mix(running->number, 0);
    }
    return job->moody ? mix(running->key, running->attempt) : mix(running->key, 0);
}

static void world_commit(struct world *world, const struct sim_running *running, struct note *note)
{
    struct job *job = &world->jobs[running->number];
    uint64_t value = world_value(world, running);

    job->file = value;
    if (world->sim.fake.plan.outputs[running->number].store) {
        job_put_object(job, value);
    }
    job_add_result(job, (struct sim_result){running->key, value, running->attempt, false});
    world_take(world, running->number, value);
    note->changed = world->facts[running->number].changed;
}

static void world_end(struct world *world, uint32_t at)
{
    struct sim *sim = &world->sim;
    struct sim_running running = world->running[at];
    struct note note = {.kind = NOTE_EXITED, .instance = {running.number}, .cause = running.cause};

    if (running.phase == GOES) {
        sim_note(sim, note);
        if (world->script == NULL) {
            world->running[at].phase = COMMITS;
            world->running[at].end_ns = sim_now(sim) + sim_random(sim, 3) * NS_PER_SEC;
            return;
        }
    }
    world->running[at] = world->running[--world->running_count];
    if (world_instance(world, running.number)->compensates) {
        effect_end(world, running.number, running.attempt, running.cause == CAUSE_NONE);
    }
    note.kind = NOTE_ENDED;
    note.event.attempt_id = str_printf(&sim->session.arena, "%u.%u", running.number,
                                       sim->recorder.state.instances[running.number].attempts);
    note.event.attempt = sim->recorder.state.instances[running.number].attempts;
    note.event.exit_code = running.cause == CAUSE_EXIT ? 1 : 0;
    note.event.signal = running.cause == CAUSE_SIGNAL ? SIGTERM : 0;
    note.event.wall_ns = world->jobs[running.number].duration_ns;
    note.event.cpu_user_ns = sim_random(sim, 1000);
    note.event.max_rss_bytes = sim_random(sim, 300);
    note.event.log = STR("logs/x");
    if (running.cause == CAUSE_NONE) {
        world_commit(world, &running, &note);
    }
    sim_note(sim, note);
}

static void world_restore(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;

    if (!world_dies(world)) {
        check_nobody_reads(world, instance.n);
        world->restoring[world->restoring_count++] = (struct sim_restoring){
            instance.n, sim_now(world) + sim_random(&world->sim, 2) * NS_PER_SEC};
    }
}

static void world_restored(struct world *world, uint32_t at)
{
    uint32_t number = world->restoring[at].number;
    struct job *job = &world->jobs[number];
    struct sim_object *object = job_object(job, world->facts[number].value);
    struct note note = {.kind = NOTE_RESTORED, .instance = {number}};

    world->restoring[at] = world->restoring[--world->restoring_count];
    assert_non_null(object);
    check_nobody_reads(world, number);
    if (object->corrupt) {
        job_drop_object(job, object);
        note.cause = CAUSE_CORRUPT;
        note.event.reason = STR("an object is damaged");
    } else if (!world->calm && sim_chance(&world->sim, 30)) {
        note.cause = CAUSE_ENVIRONMENT;
        note.event.reason = STR("no space left");
    } else {
        job->file = object->value;
    }
    sim_note(&world->sim, note);
}

/* Called after the turn's record was written. */
static void world_accept(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;

    job_record_results(&world->jobs[instance.n]);
    if (!world_dies(world)) {
        world->jobs[instance.n].parked_by = 0;
    }
}

static void world_reject(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;

    if (!world_dies(world)) {
        job_return_parked(&world->jobs[instance.n]);
    }
}

static void world_consumed(void *ctx, struct inst_id instance)
{
    struct world *world = ctx;

    if (!world_dies(world) && world->sim.fake.plan.outputs[instance.n].temp) {
        check_nobody_reads(world, instance.n);
        world->jobs[instance.n].file = 0;
    }
}

/* What helps before a retry does so at once, or not at all. */
static void world_help(void *ctx, const struct engine_recovery *recovery)
{
    struct world *world = ctx;
    struct note note = {.kind = NOTE_RECOVERED, .instance = recovery->instance};

    assert_int_equal(world->sim.recorder.state.instances[recovery->instance.n].state, INST_WAITING);
    assert_true(recovery->cause != CAUSE_NONE && recovery->cause != CAUSE_CANCELLED);
    if (!world_dies(world)) {
        note.cause = world->calm || sim_chance(&world->sim, 4) ? CAUSE_NONE : CAUSE_EXIT;
        note.event.reason = note.cause == CAUSE_NONE ? STR("") : STR("exit 1");
        sim_note(&world->sim, note);
    }
}

static void world_end_recovering(void *ctx)
{
    (void)ctx;
}

/* What a process that is killed leaves of them. */
static void world_breakers_moved(void *ctx)
{
    struct world *world = ctx;

    for (uint32_t i = 0; i < SIM_BREAKERS && !world->dead; i++) {
        breaker_set(&world->kept_breakers[i], world->breakers[i].state,
                    world->breakers[i].opened_ns);
    }
}

/* --- tokens --- */

static uint32_t tokens_take(void *ctx, uint32_t least, uint32_t most)
{
    struct world *world = ctx;
    uint32_t count = world->tokens_free < most ? world->tokens_free : most;

    assert_true(least <= most);
    if (count < least) {
        return 0;
    }
    world->tokens_free -= count;
    world->tokens_ours += count;
    return count;
}

static void tokens_give(void *ctx, uint32_t count)
{
    struct world *world = ctx;

    assert_true(count != 0 && count <= world->tokens_ours);
    world->tokens_ours -= count;
    world->tokens_free += count;
}

static void tokens_want(void *ctx, bool wanted)
{
    ((struct world *)ctx)->token_wanted = wanted;
}

static void tokens_limit(void *ctx, uint32_t slots)
{
    (void)ctx;
    assert_true(slots > 0);
}

/* Others take and give back. Only who wants a token is woken by one. */
static bool tokens_move(struct world *world)
{
    bool before = world->tokens_free != 0;

    if (world->tokens_others != 0 && sim_chance(&world->sim, 2)) {
        world->tokens_others--;
        world->tokens_free++;
    } else if (world->tokens_free != 0 && sim_chance(&world->sim, 2)) {
        world->tokens_free--;
        world->tokens_others++;
    }
    return world->token_wanted && !before && world->tokens_free != 0;
}

/* What could start and did not waits for a token, and says so. */
static void check_wanted(const struct world *world)
{
    struct inst_id next;
    bool fits = schedule_peek(&world->sim.engine.schedule, &next) == SCHEDULE_ADMITTED;

    assert_true(!fits || world->sim.engine.stop != ENGINE_GOES ||
                world->sim.recorder.state.status != RUN_RUNNING ||
                world->sim.engine.undo.inherited || world->token_wanted);
}

/* --- time --- */

static int64_t world_next(const struct world *world, int64_t deadline_ns)
{
    int64_t next = world->signal_at_ns < deadline_ns ? world->signal_at_ns : deadline_ns;

    next = world->ask_at_ns < next ? world->ask_at_ns : next;
    for (uint32_t i = 0; i < world->running_count; i++) {
        if (!world->running[i].hangs && !world->running[i].frozen &&
            world->running[i].end_ns < next) {
            next = world->running[i].end_ns;
        }
    }
    for (uint32_t i = 0; i < world->restoring_count; i++) {
        next = world->restoring[i].end_ns < next ? world->restoring[i].end_ns : next;
    }
    if (world->hook_runs && world->hook_end_ns < next) {
        next = world->hook_end_ns;
    }
    return next;
}

static uint32_t control_random(struct world *world, uint32_t below)
{
    world->control_random =
        world->control_random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(world->control_random >> 33) % below;
}

/* Anybody asks for anything at any moment; the last word is to go on. */
static void world_ask(struct world *world)
{
    struct note note = {.kind = NOTE_ASKED, .ticket = world->asked++};
    uint32_t what = control_random(world, 12);
    enum run_status status = world->sim.recorder.state.status;

    note.now = control_random(world, 2) == 0;
    note.ask = what < 5 ? CONTROL_PAUSE : what < 10 ? CONTROL_RESUME : CONTROL_STATE;
    if (what == 11 && !world->calm && control_random(world, 3) == 0) {
        note.ask = CONTROL_CANCEL;
    }
    if (world->asks_left == 0) {
        note.ask = CONTROL_RESUME;
    }
    note.event.user = STR("somebody");
    world->asks_left -= world->asks_left != 0;
    world->ask_at_ns = world->asks_left != 0 || status != RUN_RUNNING
                           ? sim_now(world) + control_random(world, 3000) * NS_PER_MS
                           : INT64_MAX;
    sim_note(&world->sim, note);
}

static void world_answer(void *ctx, const struct engine_answer *answer)
{
    struct world *world = ctx;

    assert_int_equal(answer->ticket, world->answered++);
    assert_int_equal(answer->verdict == CONTROL_REFUSE, answer->reason[0] != '\0');
    if (world->answered == world->asked && world->asks_left == 0 &&
        world->sim.recorder.state.status != RUN_RUNNING && world->ask_at_ns == INT64_MAX) {
        world->ask_at_ns = sim_now(world) + NS_PER_SEC;
    }
}

/* Commands say how far they are, forwards and backwards, whenever they like. */
static void world_say(struct world *world)
{
    static const char *const texts[] = {"", "at it", "nearly done"};
    struct note note = {.kind = NOTE_PROGRESS};

    if (world->running_count != 0 && control_random(world, 3) == 0) {
        note.instance.n = world->running[control_random(world, world->running_count)].number;
        note.event.permille = control_random(world, 1001);
        note.event.text = str_of(texts[control_random(world, 3)]);
        sim_note(&world->sim, note);
    }
}

static void world_take_ends(struct world *world)
{
    int64_t now_ns = sim_now(world);

    while (now_ns >= world->ask_at_ns) {
        world_ask(world);
    }

    if (now_ns >= world->signal_at_ns) {
        world->signal_at_ns = INT64_MAX;
        sim_note(&world->sim, (struct note){.kind = NOTE_SIGNAL, .signal = SIGINT});
    }
    world_hook_take_end(world);
    world_say(world);
    for (uint32_t i = world->running_count; i-- > 0;) {
        if (!world->running[i].hangs && !world->running[i].frozen &&
            world->running[i].end_ns <= now_ns) {
            world_end(world, i);
        }
    }
    for (uint32_t i = world->restoring_count; i-- > 0;) {
        if (world->restoring[i].end_ns <= now_ns) {
            world_restored(world, i);
        }
    }
}

static bool world_wait(void *ctx, int64_t deadline_ns, struct err *err)
{
    struct world *world = ctx;
    int64_t next = world_next(world, deadline_ns);

    if (sim_chance(&world->sim, 16)) {
        check_record(world);
    }
    if (world->dead || world_dies(world)) {
        return err_set(err, STATUS_BUG, "the process is dead");
    }
    assert_true(++world->waits < SIM_WAITS); /* every run ends */
    if (sim_has_note(world)) {
        return true;
    }
    check_wanted(world);
    check_pause(world);
    assert_true(next != INT64_MAX); /* else it would wait for ever */
    if (tokens_move(world)) {
        return true;
    }
    if (next > sim_now(world)) {
        clock_virtual_advance(&world->sim.virtual_clock, next - sim_now(world));
    }
    world_take_ends(world);
    if (world_dies(world)) {
        return err_set(err, STATUS_BUG, "the process is dead");
    }
    return true;
}

/* Any load: it may slow the run down, never harm it. */
static void world_load(void *ctx, bool adapts, struct adapt_facts *facts)
{
    struct world *world = ctx;
    struct sim *sim = &world->sim;
    int64_t now_ns = sim_now(sim);

    *facts = (struct adapt_facts){.busy_ns = -1, .own_ns = -1, .waited_ns = -1, .pressure = -1};
    facts->total_bytes = SIM_MEMORY;
    facts->used_bytes = sim_random(sim, SIM_MEMORY + 100);
    facts->pressure = (int32_t)sim_random(sim, 1200) - 1;
    if (adapts) {
        facts->busy_ns = now_ns / 1000 * sim_random(sim, 8000);
        facts->own_ns = now_ns / 1000 * sim_random(sim, 8000);
        facts->waited_ns = sim_chance(sim, 2) ? -1 : now_ns / 1000 * sim_random(sim, 1000);
    }
}

static uint64_t world_memory(void *ctx, struct inst_id instance)
{
    (void)instance;
    return sim_random(ctx, 300);
}

static void world_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct world *world = ctx;
    bool ended = event->type == EVENT_ATTEMPT_FINISHED || event->type == EVENT_INSTANCE_ENDED;
    bool bad = event->type == EVENT_INSTANCE_ENDED || str_is(event->state, "failed") ||
               str_is(event->state, "unsettled");

    (void)state;
    world->failed |= ended && bad && !world_instance(world, event->number)->ignore_failure;
}

/* Any disk, and any durations of earlier attempts. */
static bool world_disk(void *ctx, struct engine_disk *disk)
{
    *disk = (struct engine_disk){STR("."), 1000, sim_random(ctx, 100)};
    return !sim_chance(ctx, 4);
}

static inline int64_t world_slow_limit(void *ctx, uint32_t stage)
{
    assert_int_equal(stage, 0);
    return sim_chance(ctx, 4) ? INT64_MAX : NS_PER_SEC + (int64_t)sim_random(ctx, 3000) * NS_PER_MS;
}

static struct engine_world world_engine(struct world *world)
{
    return (struct engine_world){.ctx = world,
                                 .facts = {world, world_look, world_bytes, world_demand},
                                 .changed = world_changed,
                                 .lack = world_lack,
                                 .made_nothing = world_made_nothing,
                                 .now_ns = sim_now,
                                 .wait = world_wait,
                                 .next_note = sim_next_note,
                                 .has_note = sim_has_note,
                                 .describe = world_describe,
                                 .start = world_start,
                                 .signal = world_signal,
                                 .restore = world_restore,
                                 .accept = world_accept,
                                 .reject = world_reject,
                                 .consumed = world_consumed,
                                 .breakers_moved = world_breakers_moved,
                                 .recover = world_help,
                                 .leave_variant = world_leave_variant,
                                 .end_recovering = world_end_recovering,
                                 .answer = world_answer,
                                 .tokens = {world, world->tokens_total != 0 ? tokens_take : NULL,
                                            tokens_give, tokens_want, tokens_limit},
                                 .load = world->loaded ? world_load : NULL,
                                 .memory = world_memory,
                                 .disk = world->full ? world_disk : NULL,
                                 .effects = world->acts_outside ? world_effects : NULL,
                                 .effect_next = world_effect_next,
                                 .effect_unknown = world_effect_unknown,
                                 .condemn = world_condemn,
                                 .undo = world_undo,
                                 .end_undoing = world_end_undoing,
                                 .undone = world_undone,
                                 .give_up = world_give_up};
}

#endif
