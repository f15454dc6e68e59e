#ifndef PAWL_RUN_STREAM_ATTEMPT_H
#define PAWL_RUN_STREAM_ATTEMPT_H
/* Streams as seen by the run: an attempt of a stage with `each` has `pawl stream` as its command
 * (run/stream_spec.h), and those who take its results early are started beside it.
 *
 * Order: stream_attempt_start in place of the spawn of the command; stream_attempt_ended when the
 * process has ended, before its end is judged; stream_attempt_free. Main thread.
 */
#include "run/executor.h"
#include "run/stream_spec.h"

/* Starts it. `spawn` is complete but for program and argv. */
bool stream_attempt_start(struct attempt *attempt, const struct environment_attempt *about,
                          struct spawn *spawn, struct err *err);
/* Takes the rest of what it said. True: that says how the attempt ended, which is set. */
bool stream_attempt_ended(struct attempt *attempt);
void stream_attempt_free(struct attempt *attempt);
/* A file came into a folder that it reads, `changed_path`: what its items gave meanwhile may have
 * been made with it, and is forgotten. Files that it knew are looked at before a result is kept. */
void stream_attempt_forget(const struct attempt *attempt);

/* stream_relay.c: what a command that is no stream writes as its standard output is handed on, line
 * by line, as it comes. Order: _open once that output is; _more when something was read of it;
 * _close when it has ended. */
bool stream_relay_open(struct attempt *attempt, struct err *err);
void stream_relay_more(struct attempt *attempt);
void stream_relay_close(struct attempt *attempt);

/* Ends all that work ahead. */
void stream_earlies_kill(struct executor *executor);

/* --- among its files --- */

/* What both have in common. `fds` gets what the process is given beyond `fd_count` it has. */
struct stream_setup {
    struct executor *executor;
    struct inst_id instance;
    const struct inst_reads *reads;
    const struct environment_attempt *about;
    const char *const *envp; /* what the command finds with that */
    struct arena *arena;
    struct str attempt_id;
    struct spawn_fd *fds;
    uint32_t fd_count;
    int next_fd; /* the number that the next one gets there */
    struct stream_spec spec;
    int spec_fd;
    VEC(int) ours; /* closed here once it was started */
};

/* The greatest number that a process of these gets, and room for more. */
void stream_setup_init(struct stream_setup *setup, const struct spawn_fd *fds, size_t count);
/* A descriptor of ours that it gets: the number it has there. */
int stream_setup_give(struct stream_setup *setup, int fd);
/* Fills the spec but for what only an attempt has. */
bool stream_setup_spec(struct stream_setup *setup, struct err *err);
/* What commands read beside the items; of signatures that are not noted yet they are taken now.
 * False: one is no more what was decided on, or the world failed. */
bool stream_setup_watch(struct stream_setup *setup, struct err *err);
/* Writes it: the arguments of the process. */
bool stream_setup_argv(struct stream_setup *setup, struct str argv[static 3], struct err *err);
void stream_setup_fini(struct stream_setup *setup);

/* Starts those who can take the items that `instance` makes early: sockets to them, how many. */
enum { STREAM_LINKS_MOST = 8 };
uint32_t stream_earlies_start(struct executor *executor, struct inst_id instance,
                              int fds[static STREAM_LINKS_MOST]);
/* The same for one that is itself a stream: the sockets go into the spec. */
void stream_setup_links(struct stream_setup *setup);

#endif
