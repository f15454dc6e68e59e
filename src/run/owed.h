#ifndef PAWL_RUN_OWED_H
#define PAWL_RUN_OWED_H
/* Stages with `always` that a run owes: `.pawl/owed`. Written before the run begins, removed when
 * its last part is over; so one that is there when nothing runs was left by a process that was
 * killed, and the next run of the workspace does what it names, whatever else that run is about.
 * The caller holds the workspace's lock, but for owed_exists and owed_add, which only look.
 *
 * Format: text in UTF-8, lines that end with a line feed: `pawl owed 1`, then the name of an
 * instance each. The file is written whole (a new one, renamed). One that begins otherwise is
 * damaged, or of another version: it is told, and all that the plan has are owed.
 */
#include "run/session.h"

bool owed_exists(int pawl_fd);
/* Adds the instances that the file names to `scope`; `gone`: those that are no stages with `always`
 * of the plan any more, as a list to be read, in `arena`, "" for none. False: status 11, or 12 for
 * a damaged file: all are added. */
bool owed_add(const struct session *session, uint8_t *scope, struct arena *arena, struct str *gone,
              struct err *err);
/* The file as the scope has it; none when that has no stage with `always`. */
bool owed_write(const struct session *session, const uint8_t *scope, struct err *err);
bool owed_remove(const struct session *session, struct err *err);

#endif
