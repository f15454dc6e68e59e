#ifndef PAWL_RUN_HOOKS_H
#define PAWL_RUN_HOOKS_H
/* Hooks: commands of the manifest that are told of events of the record, one after the other, in
 * the order of events, beside the run. Main thread.
 *
 * An observer of the record that holds none of it: what is told is read back from the file, so that
 * a hook that is slow costs no memory, however many events wait for it, and a run that goes on
 * tells what the one before it did not. `hook.started` is on record before a command is started:
 * what has it is never told again.
 *
 * Nothing here waits or starts a process: `world` does, and hooks_take_end says how it ended
 * (run/hook_process.h; a test has another).
 *
 * Order: hooks_open once the record has begun, recorder_watch with hooks_observer; hooks_take_end
 * after each start; at the end, as long as hooks_are_due: recorder_tick, recorder_flush,
 * recorder_tell and waiting; hooks_note_told; hooks_close.
 */
#include "model/manifest.h"
#include "run/recorder.h"
#include "store/event_walk.h"

struct hooks_world {
    void *ctx;
    /* Starts the command with `line` on its standard input. False: nothing runs. */
    bool (*start)(void *ctx, const struct m_hook *hook, const struct event *event, struct str line,
                  struct err *err);
    void (*kill)(void *ctx);
    int64_t (*now_ns)(void *ctx); /* monotonic */
};

/* How one ended. */
struct hooks_end {
    int exit_code; /* -1: by the signal */
    int signal;
    struct str log; /* relative to the run's folder; "": nothing was printed */
};

/* ANNOUNCED and FAILED: that is recorded and not told yet. */
enum hooks_phase { HOOKS_IDLE, HOOKS_ANNOUNCED, HOOKS_RUNNING, HOOKS_FAILED };

struct hooks {
    const struct manifest *manifest;
    struct recorder *recorder;
    struct hooks_world world;
    struct event_walk walk;
    bool more;      /* there may be something to tell behind the walk */
    bool has_event; /* `event` is being told */
    enum hooks_phase phase;
    struct arena arena; /* of the event that is told, and of the command */
    struct str line;
    struct event event;
    const struct m_hook *hook; /* the last of the manifest that was told of it; NULL: none yet */
    struct str name;           /* of it, as recorded */
    int64_t deadline_ns;
    bool killed;
    uint64_t told_before;   /* events up to this one were told before this process */
    uint32_t number_before; /* of the last: commands up to this one */
};

/* `goes_on`: the record was begun by another process, which may have told some of it. */
bool hooks_open(struct hooks *hooks, const struct manifest *manifest, struct recorder *recorder,
                const struct hooks_world *world, bool goes_on, struct err *err);
void hooks_close(struct hooks *hooks);
struct observer hooks_observer(struct hooks *hooks);
/* The command that was started has ended. */
void hooks_take_end(struct hooks *hooks, const struct hooks_end *end);
bool hooks_are_due(const struct hooks *hooks);
/* Records that nothing is left to tell. */
void hooks_note_told(struct hooks *hooks);

#endif
