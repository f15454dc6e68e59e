#ifndef PAWL_RUN_SAVED_STATE_H
#define PAWL_RUN_SAVED_STATE_H
/* `runs/<run-id>/state`: the state of a large run as of some line of its record, so that who looks
 * at the run need read only what was recorded behind.
 *
 * It is a hint. The record is the truth, and nothing is decided by the hint: what runs, what is
 * skipped, goes on or is reported comes from the whole record. One that is missing, torn, damaged,
 * of another version, of another run or of lines that the record does not have costs reading all of
 * the record. That the record is undamaged before that line is what `verify` says, not who looks.
 *
 * Writing: saved_state_keep after each flush of the log; it writes only when much was recorded
 * since it did, or something and the run has ended, so small runs have none. No sync, and an error
 * is nobody's concern. Main thread.
 */
#include "model/run_state.h"
#include "store/event_log.h"

/* Of a recorder. */
struct saved_state {
    uint64_t every_bytes; /* written again when the record has grown by so much */
    uint64_t least_bytes; /* or by so much, and the run has ended */
    uint64_t offset;      /* of the line that was last then */
    uint64_t size_bytes;  /* of what was written */
};

struct saved_state saved_state_none(void);
/* `state` is that of the log's last line, of a whole plan. */
void saved_state_keep(struct saved_state *saved, int dir_fd, const struct run_state *state,
                      const struct event_log *log);

/* The state and the line that it is of, into a state that run_state_init made. False: there is none
 * that counts, and `state` is as run_state_init makes it. */
bool saved_state_read(int dir_fd, struct run_state *state, struct event_place *place);

#endif
