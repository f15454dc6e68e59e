#ifndef PAWL_RUN_RECOVER_INSIDE_H
#define PAWL_RUN_RECOVER_INSIDE_H
/* What the parts of recovery share among themselves (recover.c and recover_*.c); nobody else
 * includes this. */
#include "base/map.h"
#include "base/vec.h"
#include "run/recover.h"
#include "store/park.h"

enum { RECOVER_LIMIT_S = 5 };

/* An attempt that started, and what is known of its end. */
struct recover_attempt {
    struct str id, instance, stage, boot, host;
    uint32_t number;
    int64_t attempt, started_ns, ended_ns;
    struct event_pairs outputs, parked;
    bool ended, good;
    bool settled; /* what its end asks for is done */
    bool checked; /* only with a record of it its result was accepted */
    bool whole;   /* it ended well */
};

struct recovery {
    struct session *session;
    struct recovered *recovered; /* what is told of it */
    struct event_log *log;       /* NULL for a run that ended, whose record stays as it is */
    struct arena arena;
    struct run_id run;
    struct run_state state;
    VEC(struct recover_attempt) attempts;
    struct map by_id;
    struct map parked;  /* ids of attempts with a folder below parked/ */
    VEC(uint32_t) done; /* instances that ended well at some time in this run */
    struct map last; /* of each instance: its last attempt, the only one that lies at its outputs */
    struct str boot, host;
};

/* recover_record.c: what the record of one run says of its attempts. */
void recovery_init(struct recovery *recovery, struct session *session, struct recovered *recovered);
void recovery_fini(struct recovery *recovery);
/* For recorder_replay; `ctx` is the recovery. */
void recover_note(void *ctx, const struct event *event);
bool recovery_find_parked(struct recovery *recovery, struct err *err);

/* recover_attempts.c: setting right what they left. */
bool recover_kill_survivors(struct recovery *recovery, struct err *err);
bool recover_attempts(struct recovery *recovery, struct err *err);

/* recover_find.c: which run was the last, and `found`: whether it is not finished. */
bool recover_find(struct session *session, struct arena *arena, struct recovered *recovered,
                  struct err *err);

/* recover_find.c: removes the files of a folder that were about to replace others when their writer
 * was killed. */
bool recover_remove_new(int dir_fd, struct arena *arena, struct err *err);

/* recover_checkpoints.c: those of work that is finished are forgotten. */
bool recover_checkpoints(struct recovery *recovery, struct err *err);

#endif
