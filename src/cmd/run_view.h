#ifndef PAWL_CMD_RUN_VIEW_H
#define PAWL_CMD_RUN_VIEW_H
/* A recorded run, folded, for commands that look at it. */
#include "model/run_state.h"
#include "run/session.h"
#include "store/run_dir.h"

struct run_view {
    struct run_id id;
    struct run_state state;
    enum run_status status; /* as it is: a run whose process is gone is interrupted */
};

/* `selector` NULL: the latest. Status 2: there is none, or several fit. */
bool run_view_find(const struct session *session, const char *selector, struct run_id *id,
                   struct err *err);
/* Reads the whole record. What was read before damage is in `view` all the same; run_view_fini in
 * either case. */
bool run_view_read(const struct session *session, const struct run_id *id, struct run_view *view,
                   struct err *err);
/* The same for who only looks: of a large run only the end is read (recorder_look). */
bool run_view_look(const struct session *session, const struct run_id *id, struct run_view *view,
                   struct err *err);
void run_view_fini(struct run_view *view);
/* The state of a run, given what its record says and whether a process holds the workspace. */
enum run_status run_view_status(const struct run_state *state, bool live);
/* From start to end, or to now for a run that goes on. */
int64_t run_view_wall_ns(const struct run_view *view);

/* status.c: the list that `runs` shows; the exit status. */
struct cli;
int runs_show_all(struct cli *cli, const struct session *session, const struct run_list *list);

#endif
