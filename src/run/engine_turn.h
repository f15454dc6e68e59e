#ifndef PAWL_RUN_ENGINE_TURN_H
#define PAWL_RUN_ENGINE_TURN_H
/* What the parts of the engine share among themselves; for others there is run/engine.h. */
#include "run/engine.h"

struct event engine_event(const struct engine *engine, enum event_type type,
                          struct inst_id instance);
enum inst_state engine_state(const struct engine *engine, struct inst_id instance);
void engine_act_later(struct engine *engine, int kind, struct inst_id instance, int signal);
int64_t engine_now(const struct engine *engine);
/* Nothing runs, and nothing is left that could. */
bool engine_work_is_over(const struct engine *engine);
/* And nothing is left to undo. */
bool engine_is_over(const struct engine *engine);
/* What never started: of all, or but for those with `always`. */
void engine_cancel_rest(struct engine *engine, bool but_always);

/* engine_stop.c: how a run comes to an early end. */

/* TERM, and KILL after its grace. */
void engine_end_live(struct engine *engine, struct engine_live *live, enum control_stop why,
                     int64_t now_ns);
void engine_stop(struct engine *engine, enum engine_stop how, int signal, struct str reason);
void engine_take_signal(struct engine *engine, int signal);
void engine_take_broken(struct engine *engine, const struct note *note);
/* Timeouts of attempts and of the run, and the grace between TERM and KILL. */
void engine_take_time(struct engine *engine);
/* When the next of them is due. */
int64_t engine_next_time(const struct engine *engine);

/* engine_control.c: what others ask of the run. */

void engine_take_asked(struct engine *engine, const struct note *note);
/* It neither pauses nor ends. */
bool engine_may_start(const struct engine *engine);
/* Nothing runs, and no time passes for what waits. */
bool engine_is_paused(const struct engine *engine);
/* At the end of the notes: a run that pauses is paused once nothing runs. */
void engine_settle_pause(struct engine *engine);
/* An attempt that is frozen goes on. */
void engine_thaw(struct engine *engine, struct engine_live *live, int64_t now_ns);
/* At the end of the turn: who asked is answered. */
void engine_answer(struct engine *engine);

/* engine_judge.c: checks of results */

/* It ended well, by an attempt or brought back: judged, then handed on or refused. */
void engine_ask_checks(struct engine *engine, struct inst_id instance, bool changed, bool attempt);
/* Its result is known, and refused. */
void engine_refuse_known(struct engine *engine, struct inst_id instance);
/* It is up to date, and there may be something to say of it all the same. */
void engine_tell_warnings(struct engine *engine, struct inst_id instance);
void engine_take_judged(struct engine *engine, const struct note *note);
/* The run ends: no command of a check goes on. */
void engine_end_judging(struct engine *engine);

/* engine_always.c: the last part of a run, once nothing else runs or can start. */
void engine_always_init(struct engine *engine);
/* Called when the engine would be over. True: there is more to do, in the turn to come. */
bool engine_always_takes_over(struct engine *engine);
/* The last part begins, if it has not: what never started is cancelled. */
void engine_begin_last_part(struct engine *engine);
/* At the end of the notes: those that waited for others of them. */
void engine_always_go_on(struct engine *engine);
void engine_always_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                          enum status status);
/* It waits for nothing: what it reads is there, or it takes what there is. */
bool engine_may_settle(const struct engine *engine, struct inst_id instance);
/* Somebody wants the run to end, or its time is up. */
bool engine_must_end(const struct engine *engine);
/* In the last part: what would end a run is told; its stages with `always` go on. */
void engine_let_last_part_end(struct engine *engine, int signal, struct str reason);

/* engine_tokens.c: slots that have to be had of other processes as well. */

/* Takes what `next`, which would be admitted, needs. False: it has to wait. */
bool engine_take_tokens(struct engine *engine, struct inst_id next);
/* The slots that the instance admitted last was really given. */
uint32_t engine_granted_slots(const struct engine *engine, struct inst_id instance);
/* After admitting: what nothing needs now is given back. */
void engine_settle_tokens(struct engine *engine);
/* engine_retry.c: what waits for a time or for a breaker. */
void engine_retry_init(struct engine *engine);
void engine_retry_fini(struct engine *engine);
/* Is the attempt to be made again after this end? Then, when that is on record, engine_retry_later.
 */
bool engine_may_retry(const struct engine *engine, const struct note *note, enum cause cause);
void engine_retry_later(struct engine *engine, const struct note *note, enum cause cause,
                        struct str reason);
void engine_take_recovered(struct engine *engine, const struct note *note);
/* The act: its command is started. */
void engine_recover(struct engine *engine, struct inst_id instance);
/* What helps before a retry is ended: nothing is retried any more. */
void engine_end_recovering(struct engine *engine);
/* Asked just before admitting, of what is next in the schedule. False: it was taken out, and waits
 * or has failed. */
bool engine_may_call(struct engine *engine, struct inst_id instance);
void engine_call_begins(struct engine *engine, struct engine_live *live);
/* Items of a stream are called where they are worked: what that did to a breaker. */
void engine_take_breaker(struct engine *engine, const struct note *note);
void engine_call_ended(struct engine *engine, const struct engine_live *live,
                       const struct note *note, enum cause cause);
/* Does anything wait? */
bool engine_waits(const struct engine *engine);
/* It waits no longer, whatever for. */
void engine_forget_wait(struct engine *engine, struct inst_id instance);
/* What need not wait any more is decided anew; the next time when that may be. */
void engine_take_due(struct engine *engine);
int64_t engine_next_due(const struct engine *engine);
/* Time stood still: what waits for one waits that much longer. */
void engine_move_due(struct engine *engine, int64_t from_ns, int64_t to_ns);

/* It waits no longer, and is decided anew. */
void engine_wake(struct engine *engine, struct inst_id instance);

/* engine_undo.c: compensations. */
void engine_undo_init(struct engine *engine);
void engine_undo_fini(struct engine *engine);
/* Asked just before admitting. False: it was taken out of the schedule, and waits until what an
 * earlier attempt did is undone. */
bool engine_undo_lets(struct engine *engine, struct inst_id instance);
/* At the start of the notes: what waited is decided anew. */
void engine_undo_wake(struct engine *engine);
void engine_take_undone(struct engine *engine, const struct note *note);
/* At the end of the notes: begins the next. */
void engine_undo_turn(struct engine *engine);
/* The acts. */
void engine_undo_act(struct engine *engine, int kind);
/* Something is being undone, or waits for it: nothing else ends the run. */
bool engine_undo_works(const struct engine *engine);
/* The work is over: is there nothing left to undo? */
bool engine_undo_is_over(const struct engine *engine);
int64_t engine_undo_next(const struct engine *engine);
void engine_undo_kill(struct engine *engine);

/* engine_adapt.c: how many slots there are, and what memory there is. */
void engine_adapt_init(struct engine *engine);
/* Looks at the machine if it is time to, and something might be admitted beside what runs. */
void engine_adapt(struct engine *engine);
/* When it is time; INT64_MAX: not while nothing waits. */
int64_t engine_adapt_next(const struct engine *engine);

/* engine_watch.c: warnings. */
/* An attempt began; it ended. */
void engine_watch_live(const struct engine *engine, struct engine_live *live);
void engine_watch_ended(struct engine *engine, const struct engine_live *live);
/* Once a turn; when it is time for the next look. */
void engine_watch(struct engine *engine);
int64_t engine_watch_next(const struct engine *engine);

/* engine_progress.c: how far an attempt is, by its own words; NULL: it is over. */
void engine_thaw_progress(struct engine_live *live, int64_t now_ns);
void engine_take_progress(struct engine *engine, struct engine_live *live, const struct note *note);

/* engine_variant.c: instances that leave their variant for their stage's own command. */
/* The variant that an attempt of it is of; "": none. */
struct str engine_variant(const struct engine *engine, struct inst_id instance);
/* May the own command take the place of one that failed for good? Then it does, next turn. */
bool engine_may_leave(const struct engine *engine, struct inst_id instance, enum cause cause);
void engine_leave_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                         struct str reason);
/* The same where the breaker lets no attempt through; the caller sees to it that it is decided
 * anew. */
bool engine_may_leave_out(const struct engine *engine, struct inst_id instance);
void engine_leave_out(struct engine *engine, struct inst_id instance, struct str reason);
/* Whoever left before a process ended stays away from it. */
void engine_leave_again(struct engine *engine);

/* engine_spread.c: what the end of one instance means for others. All of these emit events; sets
 * (ready, up to date, skipped, blocked) are collected and emitted by engine_spread once a turn. */

/* The first turn: what the two passes found. */
void engine_start_spread(struct engine *engine);
/* Decides an instance that waits for nothing. */
void engine_settle(struct engine *engine, struct inst_id instance);
/* An instance ended well; consumers are looked at in engine_spread. */
void engine_ended(struct engine *engine, struct inst_id instance, bool changed);
void engine_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                   enum status status);
/* Does what was decided of it. */
void engine_do(struct engine *engine, struct inst_id instance, enum decide_action action);
/* What waited until nobody reads the bytes it would replace. */
void engine_release_held(struct engine *engine);
/* Works off what ended, and emits the sets. */
void engine_spread(struct engine *engine);

#endif
