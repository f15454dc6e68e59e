#ifndef PAWL_RUN_PROGRESS_FILE_H
#define PAWL_RUN_PROGRESS_FILE_H
/* What the command of an attempt says of how far it is: tmp/<attempt>.progress of the workspace,
 * written over by each call of `progress`, and looked at by the run once a second at most. So
 * whoever says it waits for nobody, a thousand words a second cost no more than the last of them,
 * and nobody need listen.
 */
#include "run/executor.h"

struct str progress_file_path(struct str pawl, struct str attempt, struct arena *arena);
/* Whatever comes of it: nobody is told. Of a longer text the first PROGRESS_TEXT_BYTES count. */
void progress_file_write(const char *path, uint32_t permille, struct str text);
/* A note for each attempt under way that has said something. */
void progress_file_look(struct executor *executor);
/* The command has ended: what was seen of it goes at once, so that a command that says nothing
 * costs nothing; at the end of the run what was never looked at. */
void progress_file_drop(const struct attempt *attempt);
void progress_files_remove(const struct executor *executor);

#endif
