/* Owns streams that are worked ahead: while a stage makes items, those who read its items take each
 * as it comes, on a socket. Only what is known of items comes of that; when their turn has come,
 * they find it. So nothing that happens to them matters but that it is told in their log.
 *
 * Ahead is worked who does nothing outside of the workspace (so it has an output), whose items come
 * from one instance alone, all of whose other inputs are there, who needs nothing else that has not
 * ended, and who takes nothing of a pool. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/sys.h"
#include "run/log_name.h"
#include "run/side.h"
#include "run/stream_attempt.h"

struct stream_early {
    struct side side; /* first */
    struct stream_early *next;
    struct inst_id instance;
};

static void early_free(struct stream_early *early)
{
    struct stream_early **at = &early->side.executor->earlies;

    while (*at != early) {
        at = &(*at)->next;
    }
    *at = early->next;
    side_fini(&early->side);
    free(early);
}

static void early_done(struct side *side, const struct child_end *end)
{
    (void)end;
    early_free((struct stream_early *)side);
}

void stream_earlies_kill(struct executor *executor)
{
    while (executor->earlies != NULL) {
        early_free(executor->earlies);
    }
}

static bool early_runs(const struct executor *executor, struct inst_id instance)
{
    const struct stream_early *early = executor->earlies;

    while (early != NULL && early->instance.n != instance.n) {
        early = early->next;
    }
    return early != NULL;
}

/* Are its items those of this one alone? */
static bool early_reads_only(const struct plan *plan, const struct plan_instance *inst,
                             struct inst_id producer)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < inst->input_count; i++) {
        const struct plan_input *input = &plan->inputs[inst->inputs_first + i];

        if (input->is_each) {
            count++;
            if (input->producer.n != producer.n) {
                return false;
            }
        }
    }
    return count == 1;
}

/* All that it waits for beside its items has ended well, and what it takes beside slots is free: it
 * takes nothing that is counted. */
static bool early_waits_for_none(const struct executor *executor, const struct plan_instance *inst,
                                 struct inst_id producer)
{
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id other = executor->plan->edges[inst->producers_first + i];

        if (other.n != producer.n && executor->facts->decide->scope[other.n] &&
            !executor->facts->instances[other.n].good) {
            return false;
        }
    }
    return inst->pool_count == 0;
}

static bool early_may(const struct executor *executor, struct inst_id instance,
                      struct inst_id producer)
{
    const struct plan *plan = executor->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];

    return inst->stream != 0 && plan->streams[inst->stream - 1].kind == M_EACH_STAGE &&
           inst->left != PLAN_LEFT_FAILED && inst->output_count != 0 && !inst->compensates &&
           !inst->no_cache && !inst->always && !inst->late_when && inst->skip_reason.len == 0 &&
           !inst->outline && executor->facts->decide->scope[instance.n] &&
           (executor->facts->options.forced == NULL ||
            !executor->facts->options.forced[instance.n]) &&
           !early_runs(executor, instance) && early_reads_only(plan, inst, producer) &&
           early_waits_for_none(executor, inst, producer);
}

static bool early_environment(struct stream_early *early, const struct inst_reads *reads,
                              struct environment_attempt *about, struct stream_setup *setup,
                              struct err *err)
{
    struct executor *executor = early->side.executor;
    const struct plan_instance *inst = &executor->plan->instances[early->instance.n];
    const struct m_stage *stage = plan_source(executor->plan, inst);

    *about = (struct environment_attempt){
        .stage = stage->name,
        .instance = inst->name,
        .attempt_id = side_attempt_id(executor->recorder->run, SIDE_EARLY, setup->arena),
        .span = recorder_random_hex(executor->recorder, setup->arena, 16),
        .attempt = 1,
        .max_attempts = 1,
        .cpus = 1};

    setup->about = about;
    setup->attempt_id = about->attempt_id;
    return environment_build(&executor->frame, stage, &reads->command, about, setup->arena,
                             &setup->envp, err);
}

static bool early_spawn(struct stream_early *early, int source, struct err *err)
{
    struct executor *executor = early->side.executor;
    const struct plan_instance *inst = &executor->plan->instances[early->instance.n];
    struct arena *arena = &early->side.arena;
    struct inst_reads reads;
    struct str argv[3];
    struct environment_attempt about;
    struct stream_setup setup = {
        .executor = executor, .instance = early->instance, .reads = &reads, .arena = arena};
    int lives_fd = executor->session->lives.fd;
    struct spawn_fd lives = {lives_fd, lives_fd};
    struct side_start start = {
        .argv = argv,
        .argc = 3,
        .log_max_bytes = inst->log_max_bytes,
        .log_name = STR_JOIN(arena, log_name_make(inst->name, 1, arena), STR(".early"))};
    bool ok;

    stream_setup_init(&setup, &lives, lives_fd >= 0);
    ok = facts_stream_reads_of(executor->facts, early->instance, arena, &reads) &&
         early_environment(early, &reads, &about, &setup, err) && stream_setup_spec(&setup, err);
    if (ok) {
        setup.spec.early = true;
        setup.spec.workers = setup.spec.rule.workers != 0  ? setup.spec.rule.workers
                             : executor->tokens.limit != 0 ? executor->tokens.limit
                                                           : executor->session->machine.cpus;
        VEC_PUSH(&setup.ours, source);
        setup.fds[setup.fd_count++] = (struct spawn_fd){source, setup.next_fd};
        setup.spec.source_fd = setup.next_fd++;
        stream_setup_links(&setup);
        ok = stream_setup_argv(&setup, argv, err);
    } else {
        sys_close(source);
    }
    if (ok) {
        start.envp = setup.envp;
        /* The first is the one that each side has. */
        start.fds = setup.fds + (lives_fd >= 0);
        start.fd_count = setup.fd_count - (lives_fd >= 0);
        ok = side_start(&early->side, &start, err);
    }
    stream_setup_fini(&setup);
    return ok;
}

/* Takes over `source`. What goes wrong is no matter: they are worked in their turn. */
static bool early_start(struct executor *executor, struct inst_id instance, int source)
{
    struct stream_early *early = mem_calloc(1, sizeof(*early));
    struct err err = {0};

    side_init(&early->side, executor, early_done);
    early->instance = instance;
    early->next = executor->earlies;
    executor->earlies = early;
    if (early_spawn(early, source, &err)) {
        return true;
    }
    early_free(early);
    return false;
}

uint32_t stream_earlies_start(struct executor *executor, struct inst_id instance,
                              int fds[static STREAM_LINKS_MOST])
{
    const struct plan *plan = executor->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];
    uint32_t count = 0;

    for (uint32_t i = 0; i < inst->consumer_count && count < STREAM_LINKS_MOST; i++) {
        struct inst_id consumer = plan->back_edges[inst->consumers_first + i];
        int ends[2];

        if (!early_may(executor, consumer, instance) ||
            sys_socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
            continue;
        }
        if (early_start(executor, consumer, ends[1])) {
            fds[count++] = ends[0];
        } else {
            sys_close(ends[0]);
        }
    }
    return count;
}
