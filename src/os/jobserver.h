#ifndef PAWL_OS_JOBSERVER_H
#define PAWL_OS_JOBSERVER_H
/* make's jobserver: a pipe, or a named one, that holds a byte for each job that may still be
 * started by anybody who shares it. Who wants a job beyond his first reads a byte, and writes that
 * byte back when the job has ended; the first job needs none: whoever started us has paid for it.
 *
 * Client: jobserver_note first of all in main (the numbers in MAKEFLAGS must be looked at before
 * anything of ours is opened), jobserver_join, jobserver_take and jobserver_give, jobserver_close.
 * Server: jobserver_make_pipe or jobserver_make_fifo with its tokens, and from then on it is a
 * client of itself; jobserver_set_total and jobserver_top_up keep the number right.
 *
 * What is taken is remembered here, byte by byte, and jobserver_close gives all of it back. Main
 * thread. Nothing blocks.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { JOBSERVER_PATH_BYTES = 1024 };

enum jobserver_kind { JOBSERVER_NONE, JOBSERVER_PIPE, JOBSERVER_FIFO };

/* What MAKEFLAGS says. */
struct jobserver_offer {
    enum jobserver_kind kind;
    int read_fd, write_fd;           /* PIPE */
    char path[JOBSERVER_PATH_BYTES]; /* FIFO */
    uint32_t jobs;                   /* of -jN; 0: not said */
    bool dry_run;                    /* make -n, or -t: nothing is to be made */
    bool question;                   /* make -q: is there anything to be made? */
    bool closed;                     /* PIPE whose descriptors were not left open for us */
};

/* Reads a MAKEFLAGS; what it does not know it skips. Of several jobservers the last counts. */
void jobserver_parse(struct str makeflags, struct jobserver_offer *offer);
/* The same with this process's own, and a look at the descriptors: both ends of one pipe, or
 * `closed` is set. make's -n, -t and -q count only if make started us (MAKELEVEL). */
void jobserver_note(struct jobserver_offer *offer);

struct jobserver {
    enum jobserver_kind kind;
    bool ours;
    int read_fd, write_fd; /* shared with others: never made non-blocking */
    int sieve[2];          /* see jobserver.c; -1 until the first token is taken */
    char path[JOBSERVER_PATH_BYTES];
    char *taken; /* the bytes that are out with us */
    uint32_t taken_count, taken_cap;
    uint32_t issued; /* ours: how many there are in all */
    uint32_t spare; /* ours: of those, how many lie here because the pipe should not hold so many */
    int sys;        /* errno when taking is impossible; 0: it works */
};

/* Joins the jobserver of make. Its descriptors stay open until the process ends. */
bool jobserver_join(struct jobserver *jobserver, const struct jobserver_offer *offer,
                    struct err *err);
/* One of our own, with so many tokens. */
bool jobserver_make_pipe(struct jobserver *jobserver, uint32_t tokens, struct err *err);
/* `path` (absolute, made here, removed by jobserver_close) may hold only what needs no quoting in
 * MAKEFLAGS; what an earlier process left there is replaced. */
bool jobserver_make_fifo(struct jobserver *jobserver, struct str path, uint32_t tokens,
                         struct err *err);
/* Gives back what is out with us and closes. One that was never opened (kind NONE) is left alone.
 */
void jobserver_close(struct jobserver *jobserver);

/* Takes as many as there are, `most` at most; none when there are fewer than `least`, or when the
 * kernel refuses. How many. */
uint32_t jobserver_take(struct jobserver *jobserver, uint32_t least, uint32_t most);
void jobserver_give(struct jobserver *jobserver, uint32_t count);

/* Ours: from now on there are so many in all. False: some that are out with others are too many;
 * call again when something came back. */
bool jobserver_set_total(struct jobserver *jobserver, uint32_t total);
/* Ours, while nobody else can hold any: makes the number right again. How many had been lost (below
 * 0: somebody had put more in than he took). */
int64_t jobserver_top_up(struct jobserver *jobserver);

/* The value of MAKEFLAGS for who is to use it: `jobs` (0: not said) is only shown by make; the
 * numbers are those of the descriptors in that process. */
struct str jobserver_makeflags(const struct jobserver *jobserver, struct arena *arena,
                               uint32_t jobs, int read_fd, int write_fd);

#endif
