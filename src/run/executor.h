#ifndef PAWL_RUN_EXECUTOR_H
#define PAWL_RUN_EXECUTOR_H
/* The real world behind the engine: attempts as processes, their outputs into the store, outputs
 * back from it. Main thread; hashing and copying of what is large goes to the pool.
 *
 * An attempt's life: describe (ids, which outputs exist and will be parked) → start (parents made,
 * outputs parked, spawned) → its process ends (group killed, pipe drained, NOTE_EXITED) → commit
 * (outputs and inputs checked, outputs put into the store, in a worker unless small) → result
 * added, NOTE_ENDED → accept (parked files dropped, or kept when they were somebody's) or reject
 * (partial outputs moved to failed/, parked ones return).
 *
 * Order of calls: executor_init, executor_open_tokens, executor_open_control, executor_world for
 * the engine, engine_run, executor_finish (last barrier), executor_fini.
 */
#include "os/loop.h"
#include "base/mask.h"
#include "os/pipe_log.h"
#include "os/pool.h"
#include "os/spawn.h"
#include "os/usage.h"
#include "run/control.h"
#include "run/direct.h"
#include "run/engine.h"
#include "run/environment.h"
#include "run/facts.h"
#include "run/tokens.h"
#include "run/breakers.h"
#include "store/barrier.h"
#include "store/park.h"
#include "store/restore.h"

struct executor;
struct checkpoint;  /* run/checkpoint.c */
struct checkpoints; /* store/checkpoints.h */
struct hook_process;
struct slice;

struct attempt_output {
    uint32_t output; /* of the plan */
    struct str path;
    bool exists;          /* something lay there before */
    bool known;           /* and it is what pawl put there: may be dropped */
    bool parked;          /* put aside by this attempt */
    struct digest before; /* digest of what was parked, when known */
    /* after the commit */
    bool made;
    struct put_output put;
    struct output_rows rows;
};

/* What a worker's job begins with: who goes on when it is done, on the main thread. */
struct executor_job {
    void (*take)(struct executor_job *job);
};

struct attempt {
    struct executor_job head; /* first: the job's argument is the attempt */
    struct executor *executor;
    struct attempt *next; /* in one of the executor's lists */
    struct inst_id instance;
    const struct plan_instance *inst;
    const struct m_stage *stage;
    struct inst_fact *fact;
    struct arena arena;
    uint32_t number, cpus;
    uint64_t memory_bytes; /* granted */
    struct str id, span, log_name, failed_name;
    struct child child;
    bool started, exited, has_tty;
    bool direct;       /* a shell's command, started without it */
    bool needs_shell;  /* that was tried */
    bool signalled;    /* by us */
    bool told_to_end;  /* signalled while it ran: its end says nothing of its outputs */
    bool parked;       /* parking is done: outputs at their paths are this attempt's */
    bool has_progress; /* its command said how far it is */
    bool acts_outside; /* its effect is on record */
    struct loop_source log_source, out_source;
    struct pipe_log log;
    struct pipe_file out;
    /* What the command has as its streams, open here too while it runs: the child may still take
     * them from our table, and the end of the log's pipe would be an event of its own. -1: none. */
    int in_end, log_end, out_end;
    int out_fd;
    bool has_log, has_out;
    struct tokens_loan loan;
    struct str out_tmp; /* where `stdout = …` is collected */
    int64_t started_real_ns, started_mono_ns, started_coarse_ns, wall_ns;
    int64_t frozen_at_ns, frozen_ns; /* monotonic, 0: it goes; how long it stood still before */
    struct child_end end;
    struct str last_words; /* what the shell would have said of that end */
    struct usage_group usage;
    struct attempt_output *outputs;
    uint32_t output_count;
    struct inst_reads what;        /* with signatures noted at the start */
    struct checkpoint *checkpoint; /* NULL: its stage has none */
    struct str depfile_path;
    /* the commit */
    struct pool_job job;
    bool in_pool;
    enum cause cause;
    struct str reason;
    struct str changed_path; /* an input that changed meanwhile */
    uint64_t put_bytes;
    struct result_input *discovered;
    uint32_t discovered_count;
    uint8_t *ancestors;         /* by instance; NULL until somebody asks */
    struct stream_run *stream;  /* NULL: it works no items */
    struct stream_relay *relay; /* NULL: nobody takes its output as it comes */
    struct metrics metrics;
    bool outputs_changed, unkeyed;
    struct err err;
};

/* A snapshot was taken, or not, which is on record: whoever asked for it is told. */
struct checkpoint_done {
    struct checkpoint_done *next;
    struct str attempt;
    uint32_t serial;
    struct str problem; /* data NULL: there is none */
};

struct check_process; /* run/check_commands.c */
struct side;          /* run/side.h */
struct remedy;        /* run/remedy.c */
struct compensation;  /* run/compensation.c */
struct stream_run;    /* run/stream_attempt.c */
struct stream_early;  /* run/stream_early.c */
struct stream_relay;  /* run/stream_relay.c */

struct restore_job {
    struct executor_job head; /* first */
    struct executor *executor;
    struct inst_id instance;
    struct arena arena;
    struct pool_job job;
    struct err err;
    struct attempt_output *outputs;
    uint32_t output_count;
    uint64_t size_bytes;
    bool inside; /* the store's lock: its objects stay */
};

enum { EXECUTOR_SPARE_ARENAS = 8 };

struct executor {
    struct session *session;
    struct facts *facts;
    struct recorder *recorder;
    const struct plan *plan;
    const struct slice *slice; /* that the plan is of; NULL: it is whole */
    struct loop loop;
    struct signals signals;
    struct origin origin; /* for children: with what we changed since */
    struct loop_source signal_source;
    struct control control;
    struct pool pool;
    struct tokens tokens;
    struct park_place place;
    struct clone_memory clone;
    struct ways ways;   /* from objects to the workspace */
    struct str run_dir; /* absolute */
    struct environment_frame frame;
    struct mask_words secrets; /* of all stages */
    struct direct direct;
    struct attempt **by_instance; /* by number of the instance; NULL: no attempt */
    struct attempt *live;         /* spawned */
    struct attempt *ended;        /* ended well, to be committed: see executor_commit_later */
    struct attempt **ended_last;
    struct note *notes;
    uint32_t note_count, note_cap, note_next;
    struct arena spare[EXECUTOR_SPARE_ARENAS]; /* of attempts that are over, for the next ones */
    uint32_t spare_count;
    struct arena note_arena; /* texts of notes: until they were taken, recorded and told */
    struct str *drops;       /* attempts whose parked files wait for a barrier */
    uint32_t drop_count, drop_cap;
    struct barrier barrier;
    struct pool_job barrier_job;
    bool barrier_running, barrier_ok, multigrain;
    uint64_t barrier_position; /* of the index, and the last event written, when it began */
    uint64_t barrier_event;
    uint64_t barrier_checkpoints; /* of those that this run took */
    uint32_t barrier_drops;
    struct err barrier_err;
    int64_t next_barrier_ns, next_usage_ns;
    struct check_process *checks; /* those that run, and wait to */
    uint32_t checks_running;
    struct remedy *remedies;
    struct compensation *compensation; /* NULL: none runs */
    struct stream_early *earlies;      /* streams that are worked before their turn */
    struct side *sides;                /* commands beside the attempts that run */
    struct checkpoints *checkpoints;   /* NULL: nobody asked for them yet */
    struct checkpoint_done *checkpoints_done;
    uint64_t oom_kills; /* seen so far: see machine_oom_kills */
    int tty_fd;
    int64_t rss_floor_bytes;   /* see struct spawn */
    int empty_fd;              /* the standard input of commands without one */
    struct hook_process *hook; /* NULL: the manifest has none */
    bool child_signal;         /* somebody ended: see executor_take_exits */
    /* What commands print, as it comes; NULL: nobody wants it. */
    void (*stream)(void *ctx, struct inst_id instance, const char *data, size_t len);
    /* The terminal is needed for something else, and is free again; NULL: nobody shows anything. */
    void (*pause)(void *ctx, bool pause);
    void *show_ctx; /* of both */
    struct breakers *breakers;
    enum run_status stands; /* for stages with `always`; see struct engine_world */
    enum cause stands_cause;
    int interrupts;
    bool no_retry;
};

bool executor_init(struct executor *executor, struct session *session, struct facts *facts,
                   struct recorder *recorder, struct err *err);
/* How outputs come from the store, by `pipeline.link`. */
struct ways executor_ways(const struct manifest *manifest);
/* The job tokens of the run, for `jobs` slots at first; `given`: by -j. What a person should know
 * about them is in tokens.note. */
void executor_open_tokens(struct executor *executor, uint32_t jobs, bool given);
/* The control socket of the run; without one it goes on, and the record says why. */
void executor_open_control(struct executor *executor);
struct engine_world executor_world(struct executor *executor);
/* Between turns that only hooks want, once the engine has ended: until something happened or the
 * monotonic clock reads `deadline_ns`. */
bool executor_wait_hook(struct executor *executor, int64_t deadline_ns, struct err *err);
/* Ends what may still run, but for a hook, waits for the workers, makes everything durable, drops
 * what was parked.
 */
bool executor_finish(struct executor *executor, struct err *err);
void executor_fini(struct executor *executor);

/* --- among the executor's files --- */
void executor_note(struct executor *executor, const struct note *note);
/* Commits it in the next wait: its slots go to the next command first, which runs meanwhile. */
void executor_commit_later(struct executor *executor, struct attempt *attempt);
void executor_pause(struct executor *executor, bool pause);
void executor_broken(struct executor *executor, const struct err *err);
/* always.c */
void always_stands(void *ctx, enum run_status status, enum cause cause);
/* What a stage with `always` is told of the run. */
void always_about(const struct executor *executor, struct arena *arena,
                  struct environment_attempt *about);
/* failure.c: the first failure of the run, with empty texts where there is none; false: no failure.
 */
bool failure_about(const struct executor *executor, struct arena *arena,
                   struct environment_attempt *about);
/* attempt.c */
void attempt_describe(void *ctx, struct inst_id instance, uint32_t number, uint32_t cpus,
                      struct arena *arena, struct event *event);
void attempt_start(void *ctx, struct inst_id instance);
void attempt_signal(void *ctx, struct inst_id instance, int signal);
void attempt_accept(void *ctx, struct inst_id instance);
void attempt_reject(void *ctx, struct inst_id instance);
/* All of it is prepared: parked, spawned. */
void attempt_go(struct attempt *attempt);
/* Nothing of it runs; its cause is that of the error unless it has one. */
void attempt_give_up(struct attempt *attempt, const struct err *err);
/* The process has ended: reaped, its pipes drained. */
void attempt_take_exit(struct attempt *attempt);
/* And nothing of it is worked on any more: its slots are free, its commit comes. */
void attempt_ended(struct attempt *attempt);
/* The commit is done, or was not needed: posts NOTE_ENDED. */
void attempt_finish(struct attempt *attempt);
void attempt_free(struct attempt *attempt);
/* commit.c */
void commit_begin(struct attempt *attempt);
/* A stage of which only its own last attempt counts is about to start: whatever comes of it,
 * results of before say nothing any more. */
void commit_mark_start(struct attempt *attempt);
void commit_take(struct attempt *attempt);
/* An input changed while it ran: `changed_path`. */
void commit_note_changed(struct attempt *attempt);
/* What it made is moved to refused/, what was there before returns. Of one without an attempt: what
 * lies there is moved away if it is what is refused. */
void attempt_refuse(void *ctx, struct inst_id instance);
/* remedy.c: the command of `recover` */
void remedy_begin(void *ctx, const struct engine_recovery *recovery);
void remedies_end(void *ctx);
void remedies_kill(struct executor *executor);
/* compensation.c: the command of `compensate`, and effects: see struct engine_world */
uint32_t compensation_count(void *ctx, bool condemned);
bool compensation_next(void *ctx, bool condemned, struct engine_effect *effect);
bool compensation_unknown(void *ctx, struct inst_id instance, struct engine_effect *effect);
void compensation_condemn(void *ctx, const struct engine_effect *effect);
void compensation_begin(void *ctx, const struct engine_effect *effect, uint32_t tries,
                        bool cancelled);
void compensation_end(void *ctx);
void compensation_undone(void *ctx, const struct engine_effect *effect);
void compensation_give_up(void *ctx, const struct engine_effect *effect);
void compensation_kill(struct executor *executor);
/* An attempt is about to start, or has ended: on the disk before anything else happens. */
bool compensation_start(struct executor *executor, const struct attempt *attempt,
                        struct arena *arena, struct err *err);
void compensation_finish(struct executor *executor, struct str id, bool good);
/* Those of earlier runs have secrets of their own, whatever the manifest says now. */
void compensation_note_secrets(struct executor *executor);
/* check_commands.c */
void check_commands_begin(void *ctx, struct inst_id instance);
void check_commands_end(void *ctx);
void check_commands_kill(struct executor *executor);
/* restore_work.c */
void restore_begin(void *ctx, struct inst_id instance);
void restore_take(struct restore_job *job);
/* Nothing may lie at an output that its command did not make, or whose stage took no part: what is
 * in the store is removed, anything else moves to kept/. */
bool restore_clear(struct executor *executor, struct inst_id instance, uint32_t output,
                   struct err *err);
/* durable.c: barriers, and what waits for them. durable_begin notes what a sync that begins now
 * covers; durable_start begins one in a worker when it is time; durable_next says when to wake up
 * for it, if a run that is paused has something left to sync. */
void durable_begin(struct executor *executor);
void durable_start(struct executor *executor);
int64_t durable_next(const struct executor *executor);
void durable_take(struct executor *executor);
void durable_drop_later(struct executor *executor, struct str attempt_id);

/* usage.c: what commands take, and what the machine is at */
enum { USAGE_PERIOD_S = 1, USAGE_LEAST_MS = 1500 };
/* Now and then, so that the peaks of whole process groups are known. */
void usage_look(struct executor *executor, int64_t now_ns);
void usage_load(void *ctx, bool adapts, struct adapt_facts *facts);
uint64_t usage_memory(void *ctx, struct inst_id instance);
bool usage_disk(void *ctx, struct engine_disk *disk);

#endif
