#ifndef PAWL_MODEL_RUN_STATE_H
#define PAWL_MODEL_RUN_STATE_H
/* The state of a run: a fold over its events. run_state_apply() is the only function that changes
 * it. The engine records an event and applies it; resume, status and reports read the record and
 * apply it: the same function, the same state.
 *
 * Order of calls: run_state_init, run_state_apply for each event in order of seq, run_state_fini.
 */
#include "model/event.h"
#include "model/states.h"

/* What most instances have nothing of. */
struct inst_check {       /* that did not pass */
    enum event_type type; /* GATE_REFUSED, VALIDATION_FAILED, CHECK_WARNED */
    struct str check, expression, reason, wanted;
    struct event_pairs metrics; /* the values it saw */
    struct inst_check *next;
};
enum { PROGRESS_TEXT_BYTES = 120 };
struct inst_progress {      /* by the words of its command */
    int64_t at_ns, left_ns; /* when it said so, since 1970; -1: not known */
    uint32_t permille, text_bytes;
    char text[PROGRESS_TEXT_BYTES];
};
struct inst_told {
    struct str reason, cause, log;
    struct event_pairs metrics;
    struct inst_check *checks, **checks_end;
    int64_t checks_passed;          /* all of so many */
    struct inst_progress *progress; /* of the last attempt; NULL: it said nothing */
    struct str variant;             /* that was chosen for it */
    bool left;                      /* the variant failed, and left it to the own command */
    bool out;                       /* the breaker of the variant was open when it came */
    bool fallback;                  /* its result stands in for that of the variant */
};

struct inst_status {
    int64_t ready_at_ns, started_at_ns, ended_at_ns; /* since 1970; 0: not yet */
    int64_t wall_ns, cpu_ns, max_rss_bytes;          /* of the last attempt that ended */
    int32_t exit_code, signal;
    enum inst_state state;
    uint16_t attempts;      /* started so far */
    uint16_t retries;       /* of these, made because one before failed */
    struct str name, stage; /* known once an event named it */
    struct str attempt_id;
    struct str place;       /* in the manifest, of what was attempted or failed */
    struct inst_told *told; /* NULL: nothing; see inst_told() */
};

struct run_state {
    struct arena arena; /* texts of events are copied here */
    enum run_status status;
    struct str run, trace, pipeline, workspace, plan, listing, manifest, version, user, host, boot,
        reason;
    int64_t started_at_ns, ended_at_ns, last_event_ns;
    int64_t paused_at_ns; /* 0: it is not paused */
    struct str asked_by;  /* who asked last for a pause, for going on or for the end */
    uint64_t last_seq;
    int64_t pid; /* of the process that works on it */
    uint32_t resumes;
    int64_t exit_status; /* of a finished run */
    struct event_pairs params, labels, flags, options;
    struct event_strs targets, command_line;
    struct inst_status *instances;
    uint32_t instance_count;
    uint32_t counts[INST_STATE_COUNT];
    uint32_t limit;
    uint32_t attempts_started, attempts_finished, kept_files, differing_results;
    uint64_t unknown_events;
    struct str last_place; /* that was kept: instances of one stage share it */
    bool borrows_names;    /* names of instances and stages in events outlive the state */
};

void run_state_init(struct run_state *state);
void run_state_fini(struct run_state *state);
/* Applies one event. False: the move is not legal in this state (`err` says which); nothing
 * changed. */
bool run_state_apply(struct run_state *state, const struct event *event, struct err *err);
/* Instances beyond those that the events speak of, which are in this state and stay there: they are
 * counted. */
void run_state_add_beyond(struct run_state *state, enum inst_state is, uint32_t count);
/* The text of what may be NULL. */
struct str inst_progress_text(const struct inst_progress *progress);
/* Never NULL. */
const struct inst_told *inst_told(const struct inst_status *inst);
/* Names the instances that no event named, from the text of the plan's listing. */
void run_state_take_listing(struct run_state *state, struct str listing);
/* What it exited with; -1: it has not ended, or its process was killed and another run took its
 * place. */
int run_state_exit(const struct run_state *state);
/* Instances in a state that will not change any more. */
uint32_t run_state_ended(const struct run_state *state);

#endif
