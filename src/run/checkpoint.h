#ifndef PAWL_RUN_CHECKPOINT_H
#define PAWL_RUN_CHECKPOINT_H
/* Snapshots of an attempt whose stage has a `checkpoint`: its folder is made and filled before the
 * command starts, put into the store when the command asks for it (`pawl checkpoint`, over the
 * control socket), and forgotten when the work is done.
 *
 * Order: checkpoint_prepare, which goes on with attempt_go when the folder is as the last good
 * snapshot left it; checkpoint_ask for each request; checkpoint_holds at the end of its process, as
 * a snapshot that is being taken is finished; checkpoint_end; checkpoint_free. All of it on the
 * main thread; what reads, hashes, copies and removes is a job of the pool.
 */
#include "run/executor.h"
#include "store/checkpoints.h"
#include "store/snapshot.h"

struct checkpoint;

/* Answers by attempt_go or attempt_give_up, later or at once. */
void checkpoint_prepare(struct attempt *attempt);
/* What its command finds as PAWL_CHECKPOINT_DIR; "": none. */
struct str checkpoint_dir(struct attempt *attempt);
/* While it prepares a signal is for it: true. */
bool checkpoint_takes_signal(struct attempt *attempt, int signal);

enum checkpoint_answer { CHECKPOINT_EARLY, CHECKPOINT_LATER, CHECKPOINT_REFUSED };
/* LATER: control_saved() is called with this number and the attempt's id. REFUSED: `*problem`,
 * static. */
enum checkpoint_answer checkpoint_ask(struct attempt *attempt, uint32_t *serial,
                                      const char **problem);
/* Its process has ended, and a snapshot is being taken: then attempt_ended is called later. */
bool checkpoint_holds(struct attempt *attempt);
/* The attempt is over and its end on record: a good one needs no snapshots any more. */
void checkpoint_end(struct attempt *attempt);
void checkpoint_free(struct attempt *attempt);

/* What was recorded in the last turn has been told: those who wait for it are answered. */
void checkpoints_tell(struct executor *executor);

#endif
