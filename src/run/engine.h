#ifndef PAWL_RUN_ENGINE_H
#define PAWL_RUN_ENGINE_H
/* The engine: one loop, one order. A turn is
 *
 *     wait for the world, take its notes   (engine_take_notes: decide, record)
 *     look at the machine                  (engine_adapt: decide, record)
 *     admit what may start                 (engine_admit: decide, record)
 *     write the record                     (recorder_flush)
 *     act                                  (engine_act: start, restore, signal, accept, reject)
 *     tell                                 (recorder_tell)
 *
 * When nothing is left to start, the run's last part begins: stages with `always`
 * (engine_always.c).
 *
 * The engine decides nothing about files: policy/decide does, through the facts in
 * `world`. It starts nothing itself: `world` does, and answers later with notes. A simulator that
 * stands in for the kernel is another `struct engine_world`.
 */
#include "policy/adapt.h"
#include "policy/breaker.h"
#include "policy/control.h"
#include "policy/decide.h"
#include "policy/outcome.h"
#include "policy/pace.h"
#include "policy/schedule.h"
#include "run/recorder.h"

enum note_kind {
    NOTE_EXITED,    /* the command of an attempt ended: its slots are free */
    NOTE_ENDED,     /* the attempt is over: committed, or failed for the reason given */
    NOTE_RESTORED,  /* outputs are back, or not */
    NOTE_JUDGED,    /* the commands of its checks have ended; a cause: not to the end */
    NOTE_SIGNAL,    /* pawl was sent a signal */
    NOTE_ASKED,     /* somebody asks for something: see run/control.h */
    NOTE_RECOVERED, /* the command of `recover` has ended, well or not */
    NOTE_PROGRESS,  /* the command of an attempt says how far it is */
    NOTE_BREAKER,   /* a breaker moved where items of a stream are worked */
    NOTE_UNDONE,    /* the command of `compensate` has ended, well or not */
    NOTE_BROKEN     /* the world failed: nothing more can be recorded or looked at */
};

struct note {
    enum note_kind kind;
    struct inst_id instance;
    enum cause cause;   /* CAUSE_NONE: well */
    bool changed;       /* outputs have other digests than their consumers were decided with */
    int signal;         /* NOTE_SIGNAL */
    struct event event; /* NOTE_ENDED, NOTE_RESTORED: what is recorded, but for type and state;
                           NOTE_ASKED: uid, user, pid, host and reason of who asks;
                           NOTE_PROGRESS: permille and text */
    uint32_t breaker;   /* NOTE_BREAKER: of the plan, and what it is now */
    enum breaker_state breaker_state;
    int64_t opened_ns;
    enum control_ask ask; /* NOTE_ASKED, with what follows */
    bool now;
    uint32_t ticket; /* comes back with the answer */
};

/* Of each NOTE_ASKED, once what was decided is on record and told. */
struct engine_answer {
    uint32_t ticket;
    enum control_verdict verdict;
    const char *reason;     /* static; CONTROL_REFUSE */
    enum control_stop stop; /* CONTROL_STOPPING: of note.instance */
    int64_t left_ns;        /* until it is killed */
};

/* A pool of job tokens shared with other processes (os/jobserver.h); no functions: none. The first
 * slot needs no token, each further one does. */
struct engine_tokens_world {
    void *ctx;
    /* As many as there are, `most` at most, and none if there are fewer than `least`. */
    uint32_t (*take)(void *ctx, uint32_t least, uint32_t most);
    void (*give)(void *ctx, uint32_t count);
    /* Does somebody wait for more? Then `wait` returns when there may be some. */
    void (*want)(void *ctx, bool wanted);
    /* So many slots there are now. */
    void (*limit)(void *ctx, uint32_t slots);
};

/* The fullest disk that a run writes to. */
struct engine_disk {
    struct str path;
    uint64_t free_bytes;
    uint32_t free_permille;
};
struct judgement; /* run/judge.h */

/* A failed attempt, while the command of `recover` runs. */
struct engine_recovery {
    struct inst_id instance;
    int64_t attempt, exit_code, signal;
    enum cause cause;
    struct str reason, log;
};

/* What a stage did outside the workspace, and how it is undone. Texts live as long as the world. */
struct engine_effect {
    struct str id; /* of its attempt */
    struct str stage, instance, place;
    struct inst_id number; /* PLAN_NONE: of none in this record */
    struct plan_retry retry;
};

struct engine_world {
    void *ctx;
    struct decide_facts facts;
    /* After a look that was a hit: do its consumers have to be decided anew? */
    bool (*changed)(void *ctx, struct inst_id instance);
    /* Why an instance lacks an input, and whose fault that is. */
    struct str (*lack)(void *ctx, struct inst_id instance, enum status *status);
    /* It made nothing: failed, ignored, skipped. */
    void (*made_nothing)(void *ctx, struct inst_id instance, bool ignored, bool skipped);
    int64_t (*now_ns)(void *ctx); /* monotonic */
    /* Blocks until there is a note or the time has come; false: `err`. */
    bool (*wait)(void *ctx, int64_t deadline_ns, struct err *err);
    bool (*next_note)(void *ctx, struct note *note);
    bool (*has_note)(void *ctx);
    /* Fills what attempt.started says of the attempt to come: ids, outputs, parked; the memory that
     * it is granted is there. No effect. */
    void (*describe)(void *ctx, struct inst_id instance, uint32_t attempt, uint32_t cpus,
                     struct arena *arena, struct event *event);
    /* Effects. What goes wrong comes back as a note. */
    void (*start)(void *ctx, struct inst_id instance);
    void (*signal)(void *ctx, struct inst_id instance, int signal);
    void (*restore)(void *ctx, struct inst_id instance);
    void (*accept)(void *ctx, struct inst_id instance);   /* its outputs stay */
    void (*reject)(void *ctx, struct inst_id instance);   /* what was there before returns */
    void (*consumed)(void *ctx, struct inst_id instance); /* its last consumer is done */
    /* Runs its command of `recover`; answers with NOTE_RECOVERED. `end_recovering` ends all. */
    void (*recover)(void *ctx, const struct engine_recovery *recovery);
    void (*end_recovering)(void *ctx);
    void (*breakers_moved)(void *ctx); /* they are to be kept for the next run */
    /* From here on it runs its stage's own command: plan_leave_variant() of the plan. */
    void (*leave_variant)(void *ctx, struct inst_id instance, enum plan_left how);
    /* What stages with `always` that start from now on find: how the run stands, and what ended it
     * before its time, CAUSE_NONE: nothing did. NULL: nobody asks. */
    void (*stands)(void *ctx, enum run_status status, enum cause cause);
    /* Effects (store/effects.h); NULL, as all of these: there is none, and nothing makes one.
     * How many are outstanding; `condemned`: that are to be undone, whoever decided it. */
    uint32_t (*effects)(void *ctx, bool condemned);
    /* The next to be undone, but for those given up; false: none. */
    bool (*effect_next)(void *ctx, bool condemned, struct engine_effect *effect);
    /* One of an instance that is about to start, of which it is unknown how much was done. */
    bool (*effect_unknown)(void *ctx, struct inst_id instance, struct engine_effect *effect);
    /* An effect, or all (NULL), is to be undone, and is known to be so after a kill. */
    void (*condemn)(void *ctx, const struct engine_effect *effect);
    /* Runs its command, for the `tries`-th time, from 1; answers with NOTE_UNDONE. `end_undoing`
     * ends it. */
    void (*undo)(void *ctx, const struct engine_effect *effect, uint32_t tries, bool cancelled);
    void (*end_undoing)(void *ctx);
    void (*undone)(void *ctx, const struct engine_effect *effect);
    void (*give_up)(void *ctx, const struct engine_effect *effect);
    struct engine_tokens_world tokens;
    void (*answer)(void *ctx, const struct engine_answer *answer);
    /* What the machine is at, for policy/adapt; NULL: it is not looked at. Without `adapts` only
     * memory is asked for. */
    void (*load)(void *ctx, bool adapts, struct adapt_facts *facts);
    /* Memory that the commands of an instance held at the last call of `load`; 0: not known. */
    uint64_t (*memory)(void *ctx, struct inst_id instance);
    /* False: not known. NULL: nobody asks. */
    bool (*disk)(void *ctx, struct engine_disk *disk);
    /* What the checks of an instance say of its result (run/judge.h), in `arena`; NULL, as all of
     * these: there are no checks. Does a result that is up to date have warnings? */
    void (*judge)(void *ctx, struct inst_id instance, struct arena *arena,
                  struct judgement *judgement);
    bool (*warned)(void *ctx, struct inst_id instance);
    /* The result of its attempt passed, which is about to be recorded. */
    void (*passed)(void *ctx, struct inst_id instance);
    /* Effects: runs the commands of checks, ends those that run, moves refused outputs away. */
    void (*run_checks)(void *ctx, struct inst_id instance);
    void (*end_judging)(void *ctx);
    void (*refuse)(void *ctx, struct inst_id instance);
    /* Where its stage is in the manifest, in `arena`. */
    struct str (*place)(void *ctx, struct inst_id instance, struct arena *arena);
};

struct engine_options {
    uint32_t jobs;
    uint32_t jobs_most;          /* as far as the machine bears it; 0: `jobs` is fixed */
    uint64_t memory_limit_bytes; /* 0: none */
    bool keep_going;
    int64_t timeout_ns;         /* of the run; 0: none */
    const int64_t *duration_ns; /* by instance, from earlier runs; 0: unknown */
    const uint64_t *peak_bytes; /* the same of memory; NULL: of none */
    bool no_retry;
    struct breaker
        *breakers; /* by plan->breakers, with what earlier runs left; NULL: there are none */
    /* How long an attempt of a stage may take unnoticed (policy/warn.h), more than 0; NULL: any
     * time.
     */
    int64_t (*slow_limit_ns)(void *ctx, uint32_t stage);
    void *slow_limit_ctx;
};

enum engine_stop { ENGINE_GOES, ENGINE_DRAINS, ENGINE_ENDS, ENGINE_KILLS };

struct engine_live { /* an instance whose attempt is under way */
    struct inst_id instance;
    int64_t started_ns, term_at_ns, kill_at_ns; /* monotonic; INT64_MAX: not */
    int64_t frozen_at_ns;
    enum control_stop why; /* it was told to end */
    bool exited, timed_out, told_to_end, frozen, slow;
    uint32_t breaker_began;            /* see breaker_begin() */
    struct pace pace;                  /* zeros: nobody asked for it yet */
    int64_t slow_at_ns, slow_limit_ns; /* when it is looked at again; the limit, 0: not asked */
};

struct engine_wait { /* for a time, until it is tried again */
    struct inst_id instance;
    int64_t due_ns; /* monotonic */
};

struct engine_breaker {
    struct breaker *breaker;
    int64_t open_ns;         /* monotonic: since when it is not closed, in this run; 0: it is */
    bool warned;             /* that this is long ago */
    struct inst_id woken;    /* half-open: ready to be the probe; PLAN_NONE: nobody */
    struct inst_id *waiting; /* from `next` to `end` */
    uint32_t next, end, cap;
};

struct engine_end {
    struct inst_id instance;
    bool changed;
};

struct engine_act {
    enum {
        ACT_START,
        ACT_SIGNAL,
        ACT_RESTORE,
        ACT_ACCEPT,
        ACT_REJECT,
        ACT_CONSUMED,
        ACT_JUDGE,
        ACT_REFUSE,
        ACT_RECOVER,
        ACT_CONDEMN, /* these three: engine->undo says what */
        ACT_UNDO,
        ACT_UNDONE,
        ACT_BREAKERS /* of no instance */
    } kind;
    struct inst_id instance;
    int signal;
};

struct engine_undo { /* see engine_undo.c */
    enum { UNDO_IDLE, UNDO_RUNS, UNDO_WAITS, UNDO_SETTLES } state;
    struct engine_effect effect; /* that is being undone */
    struct inst_id wanted_by;    /* which starts when it is; PLAN_NONE: nobody */
    struct inst_id woken;        /* which may start now */
    uint32_t tries;
    int64_t due_ns;         /* UNDO_WAITS, monotonic */
    struct inst_id *before; /* wait until what they did is undone */
    uint32_t before_count;
    bool inherited; /* what an earlier process had to undo comes first */
    bool told;
    bool ends; /* the run ends, and all is undone */
};

struct engine {
    const struct plan *plan;
    struct engine_world world;
    struct engine_options options;
    struct recorder *recorder;
    struct decide decide;
    struct schedule schedule;
    struct adapt adapt;
    bool waits; /* another slot would have admitted another instance: see engine_adapt */
    struct outcome outcome;
    enum engine_stop stop;
    enum engine_stop main_stop; /* what it was when the last part began */
    bool last_part, begins;     /* something of it is to start in the next turn */
    struct inst_id *always;     /* in scope, producers first */
    uint32_t always_count;
    int signals_seen;
    int64_t deadline_ns;
    struct engine_live *live;
    uint32_t live_count, live_cap;
    struct engine_act *acts;
    uint32_t act_count, act_cap;
    struct engine_end *queue; /* ended, consumers not looked at yet: see engine_spread */
    uint32_t queue_count, queue_cap;
    struct inst_id *ready;   /* room for the consumers of one instance */
    struct inst_id *blocked; /* room for everything behind one */
    uint8_t *batch;          /* by instance: enum inst_state it moves to in this turn, or 0 */
    uint32_t *batched;       /* those for which `batch` is not 0 */
    uint32_t batched_count;
    uint32_t *uses_left; /* by instance: consumers in scope that have not ended */
    uint8_t *released;   /* by instance: it does not count in uses_left of what it reads */
    uint32_t restoring;
    uint8_t *returning;    /* by instance: its outputs are being brought back from the store */
    uint8_t *brought_back; /* by instance: reopened; see engine_is_read_now */
    uint8_t *judging;      /* by instance: see engine_judge.c */
    uint32_t judging_count;
    struct inst_id *held; /* those that wait until nobody reads what they would replace */
    uint32_t held_count;
    uint8_t *unsettled;          /* by instance: its inputs changed once already */
    struct engine_wait *retries; /* a heap */
    uint32_t retry_count, retry_cap;
    struct engine_recovery *recoveries; /* under way */
    uint32_t recovery_count, recovery_cap;
    struct engine_breaker *breakers; /* by plan->breakers; NULL: there are none */
    struct inst_id *again; /* made again once what the last attempt left is out of the way */
    uint32_t again_count;
    bool frozen;          /* a pause was to freeze all */
    int64_t paused_at_ns; /* monotonic; while the run is paused */
    struct engine_answer *answers;
    uint32_t answer_count, answer_cap;
    bool closing;     /* what would be admitted waits for the acts of its last attempt: next turn */
    uint32_t tokens;  /* taken */
    bool token_lacks; /* something waits for one */
    struct err broken;
    int64_t next_disk_ns;
    bool disk_low;
    struct engine_undo undo;
};

/* `decide` is taken over: decide_plan was called on it, and something is to be done. The recorder
 * has begun. */
void engine_init(struct engine *engine, const struct decide *decide,
                 const struct engine_world *world, const struct engine_options *options,
                 struct recorder *recorder);
void engine_fini(struct engine *engine);
/* Runs to the end. The answer is the exit status; false in `err` only if the world broke. */
int engine_run(struct engine *engine, struct err *err);

/* How many instances in scope must be looked at (neither left alone nor skipped at once). */
uint32_t engine_work(const struct decide *decide);

#endif
