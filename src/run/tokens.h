#ifndef PAWL_RUN_TOKENS_H
#define PAWL_RUN_TOKENS_H
/* The job tokens of a run: taken for its own slots, and lent to its commands, so that a sub-make in
 * one of them takes from the same pool. The pool is make's, where a make that started us shares its
 * own, else one of ours with as many tokens as there are slots beyond the first.
 *
 * A command that was given several slots gets a pool of its own with the others of them: what it
 * declared is what its sub-make may use, no more and no less.
 *
 * Order of calls: tokens_open; tokens_world for the engine; for each attempt tokens_lend before its
 * command is started, tokens_started after, tokens_back when it has ended and its group is gone;
 * tokens_close, which gives everything back. All on the main thread.
 */
#include "model/manifest.h"
#include "os/jobserver.h"
#include "os/loop.h"
#include "os/spawn.h"
#include "run/engine.h"

struct tokens {
    struct jobserver jobserver; /* kind NONE: there is no pool */
    enum m_jobserver style;
    struct loop *loop;
    struct loop_source source; /* watched while something waits for a token */
    uint32_t jobs;             /* said in MAKEFLAGS; 0: make did not say it to us */
    uint32_t limit;            /* slots, as last told */
    uint32_t borrowers;        /* commands that run and were lent the common pool */
    int fd_base;               /* numbers of the descriptors in commands; -1: there is no room */
    const char *run_dir;       /* where named pipes are made */
    struct arena arena;
    struct str note; /* what a person should know; empty: nothing */
};

struct tokens_options {
    const struct jobserver_offer *offer; /* of a make that started us; NULL: none */
    bool jobs_given;                     /* -j N was said: make's pool is not used */
    uint32_t jobs;                       /* slots at first */
    enum m_jobserver style;
    uint64_t descriptors; /* how many a command may have open */
    int taken_fd;         /* a number that is in use in every command; -1 */
    struct str run_dir;   /* absolute */
};

/* Never fails: what cannot be had is told in `note` and done without. */
void tokens_open(struct tokens *tokens, struct loop *loop, const struct tokens_options *options);
void tokens_close(struct tokens *tokens);

/* What the engine asks; without functions where there is no pool. */
struct engine_tokens_world tokens_world(struct tokens *tokens);

/* What one command is lent. */
struct tokens_loan {
    struct jobserver own; /* of a command with several slots; kind NONE: the common pool */
    bool common;
    struct str makeflags; /* empty: nothing is lent */
    struct spawn_fd fds[2];
    uint32_t fd_count;
};
/* `name` is what a named pipe of its own is called. */
void tokens_lend(struct tokens *tokens, struct tokens_loan *loan, uint32_t slots, struct str name,
                 struct arena *arena);
void tokens_started(struct tokens_loan *loan);
/* Also of a loan that was never made, never started, or given back already. */
void tokens_back(struct tokens *tokens, struct tokens_loan *loan);

#endif
