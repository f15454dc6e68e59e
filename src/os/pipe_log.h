#ifndef PAWL_OS_PIPE_LOG_H
#define PAWL_OS_PIPE_LOG_H
/* What a command prints. A pipe_log takes one pipe into a log file that is made at the first byte,
 * with words masked that must not be seen, and hands every piece to a callback. The file is never
 * longer than its limit and a line: of more than that, head and tail are kept, and the line between
 * them says how much is not. The tail waits in memory, a megabyte at most. A pipe_file takes the
 * standard output of a command into one file as it is, by splice where the kernel can.
 *
 * Order: …_open gives the end for the child, closed here with sys_close after the spawn; the loop
 * watches `fd`; …_read at each readiness until it says PIPE_ENDED; after the process has ended
 * …_drain (it takes what is in the pipe and never waits, whoever else holds the other end); then
 * …_close. Our end does not block; the child's end does, as a command expects.
 *
 * A file that cannot be written never stops the command: reading goes on, the bytes are counted and
 * dropped, and `sys` holds the first errno for the caller to look at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mask.h"
#include "base/str.h"

enum pipe_state { PIPE_OPEN, PIPE_ENDED };

struct pipe_log {
    int fd;                           /* our end; -1 once closed */
    int log_fd;                       /* -1: nothing printed so far */
    char *path;                       /* of the log; owned */
    uint64_t bytes;                   /* printed so far, as masked */
    int sys;                          /* first errno of opening or writing the log; 0: none */
    uint64_t limit_bytes, head_bytes; /* of the file; of what goes there at once */
    char *tail;                       /* ring of the last bytes behind the head, made when full */
    size_t tail_cap;
    bool in_line, is_cut; /* the head ends within a line; the line between is begun */
    struct mask mask;
    void (*tell)(void *ctx, const char *data, size_t len); /* may be NULL */
    void *ctx;
};

/* `path` is copied; nothing is made there before the first byte; an existing log is appended to.
 * `*child_fd`: the writing end, for spawn.stdout_fd and stderr_fd. */
bool pipe_log_open(struct pipe_log *log, const char *path, uint64_t limit_bytes, int *child_fd,
                   struct err *err);
/* From now on these are masked; they must live as long as the log. */
void pipe_log_mask(struct pipe_log *log, const struct mask_words *words);
void pipe_log_on_data(struct pipe_log *log, void (*tell)(void *ctx, const char *data, size_t len),
                      void *ctx);
/* Takes what is there, 256 KiB at most a call (others want their turn). */
enum pipe_state pipe_log_read(struct pipe_log *log);
/* Takes everything that is in the pipe at this moment, without waiting. */
void pipe_log_drain(struct pipe_log *log);
/* Adds to the log as if it had come through the pipe. */
void pipe_log_add(struct pipe_log *log, struct str text);
/* Closes the pipe and the log, with its tail; false with `sys` set when that is not complete. The
 * counts stay. */
bool pipe_log_close(struct pipe_log *log);
void pipe_log_free(struct pipe_log *log);

struct pipe_file {
    int fd;      /* our end of the pipe */
    int file_fd; /* not owned, not O_APPEND */
    uint64_t bytes;
    int sys;        /* first errno of writing; the file is worthless then */
    bool no_splice; /* the file's file system cannot */
};

bool pipe_file_open(struct pipe_file *pipe, int file_fd, int *child_fd, struct err *err);
enum pipe_state pipe_file_read(struct pipe_file *pipe);
void pipe_file_drain(struct pipe_file *pipe);
/* Closes the pipe only; true: the file holds all that was printed. */
bool pipe_file_close(struct pipe_file *pipe);

#endif
