/* Owns where the tokens of a run come from and whom they are lent to. */
#include "run/tokens.h"

#include <string.h>

#include "base/sys.h"

/* Where the descriptors of a pool are found in commands: above what scripts use by hand (3 to 9)
 * and shells for themselves (from 10), below where shells begin to count down (63): a process has
 * room for 64 descriptors without a table of its own, and making one costs as much as a dozen small
 * calls. Few descriptors allowed: lower. Moving them there needs some free numbers above. */
enum { TOKENS_FD_FIRST = 44, TOKENS_FD_LOW = 30, TOKENS_FD_ROOM = 20 };

/* --- opening --- */

static void tokens_note(struct tokens *tokens, const char *text, const struct err *err)
{
    tokens->note = err != NULL ? str_printf(&tokens->arena, "%s: %s", err->text, text)
                               : str_dup(&tokens->arena, str_of(text));
}

static bool tokens_join(struct tokens *tokens, const struct tokens_options *options)
{
    const struct jobserver_offer *offer = options->offer;
    struct err err = {0};

    if (offer == NULL || offer->kind == JOBSERVER_NONE) {
        return false;
    }
    if (options->jobs_given) {
        if (!offer->closed) {
            tokens_note(tokens, "-j is given: make's jobserver is not used", NULL);
        }
        return false;
    }
    if (offer->closed) {
        tokens_note(tokens,
                    "make's jobserver is not open here, so its -j does not bound this run: put '+' "
                    "before the recipe line",
                    NULL);
        return false;
    }
    if (!jobserver_join(&tokens->jobserver, offer, &err)) {
        tokens_note(tokens, "jobs of this run are not counted among make's", &err);
        return false;
    }
    tokens->jobs = offer->jobs;
    return true;
}

static bool tokens_make_fifo(const struct tokens *tokens, struct jobserver *jobserver,
                             struct str name, uint32_t count, struct arena *arena, struct err *err)
{
    struct str path = str_printf(arena, "%s/%.*s", tokens->run_dir, STR_ARG(name));

    return jobserver_make_fifo(jobserver, path, count, err);
}

static void tokens_make(struct tokens *tokens)
{
    uint32_t count = tokens->limit - 1;
    struct err err = {0};

    if (tokens->style == M_JOBSERVER_FIFO) {
        if (tokens_make_fifo(tokens, &tokens->jobserver, STR("jobserver"), count, &tokens->arena,
                             &err)) {
            return;
        }
        tokens_note(tokens, "commands find a jobserver by descriptors instead", &err);
        tokens->style = M_JOBSERVER_PIPE;
    }
    if (tokens->fd_base < 0 || tokens->style != M_JOBSERVER_PIPE) {
        return;
    }
    if (!jobserver_make_pipe(&tokens->jobserver, count, &err)) {
        tokens_note(tokens, "commands find no jobserver", &err);
        return;
    }
    tokens->jobserver.read_fd = spawn_fd_up(tokens->jobserver.read_fd);
    tokens->jobserver.write_fd = spawn_fd_up(tokens->jobserver.write_fd);
}

static int tokens_fd_base(const struct tokens_options *options)
{
    int base =
        options->descriptors < TOKENS_FD_FIRST + TOKENS_FD_ROOM ? TOKENS_FD_LOW : TOKENS_FD_FIRST;

    if (options->descriptors < (uint64_t)base + TOKENS_FD_ROOM) {
        return -1;
    }
    return options->taken_fd == base || options->taken_fd == base + 1 ? base + 2 : base;
}

void tokens_open(struct tokens *tokens, struct loop *loop, const struct tokens_options *options)
{
    *tokens = (struct tokens){.loop = loop,
                              .style = options->style,
                              .limit = options->jobs,
                              .fd_base = tokens_fd_base(options)};
    arena_init(&tokens->arena);
    tokens->source.fd = -1;
    tokens->run_dir = str_dup(&tokens->arena, options->run_dir).data;
    if (!tokens_join(tokens, options)) {
        tokens_make(tokens);
    }
}

void tokens_close(struct tokens *tokens)
{
    if (tokens->loop != NULL) {
        loop_remove(tokens->loop, &tokens->source);
    }
    jobserver_close(&tokens->jobserver);
    arena_fini(&tokens->arena);
}

/* --- for our own slots --- */

static uint32_t tokens_take(void *ctx, uint32_t least, uint32_t most)
{
    struct tokens *tokens = ctx;

    return jobserver_take(&tokens->jobserver, least, most);
}

static void tokens_give(void *ctx, uint32_t count)
{
    struct tokens *tokens = ctx;

    jobserver_give(&tokens->jobserver, count);
}

/* That the loop woke is all: the engine asks again in each turn. */
static void tokens_on_ready(void *ctx, unsigned events)
{
    (void)ctx;
    (void)events;
}

static void tokens_want(void *ctx, bool wanted)
{
    struct tokens *tokens = ctx;
    bool watched = tokens->source.fd >= 0;

    if (wanted && !watched) {
        loop_add(tokens->loop, &tokens->source, tokens->jobserver.read_fd, LOOP_READ | LOOP_EDGE,
                 tokens_on_ready, tokens, NULL);
    } else if (!wanted && watched) {
        loop_remove(tokens->loop, &tokens->source);
    }
}

static void tokens_limit(void *ctx, uint32_t slots)
{
    struct tokens *tokens = ctx;

    if (tokens->jobserver.ours &&
        (slots != tokens->limit || tokens->jobserver.issued != slots - 1)) {
        tokens->limit = slots;
        jobserver_set_total(&tokens->jobserver, slots - 1);
    }
}

struct engine_tokens_world tokens_world(struct tokens *tokens)
{
    if (tokens->jobserver.kind == JOBSERVER_NONE) {
        return (struct engine_tokens_world){.take = NULL};
    }
    return (struct engine_tokens_world){.ctx = tokens,
                                        .take = tokens_take,
                                        .give = tokens_give,
                                        .want = tokens_want,
                                        .limit = tokens_limit};
}

/* --- for commands --- */

static void tokens_lend_fds(const struct tokens *tokens, const struct jobserver *jobserver,
                            struct tokens_loan *loan)
{
    if (jobserver->kind == JOBSERVER_PIPE) {
        loan->fds[0] = (struct spawn_fd){jobserver->read_fd, tokens->fd_base};
        loan->fds[1] = (struct spawn_fd){jobserver->write_fd, tokens->fd_base + 1};
        loan->fd_count = 2;
    }
}

static bool tokens_lend_own(struct tokens *tokens, struct tokens_loan *loan, uint32_t slots,
                            struct str name, struct arena *arena)
{
    struct str path = str_printf(arena, "jobserver.%.*s", STR_ARG(name));

    return tokens->jobserver.kind == JOBSERVER_FIFO
               ? tokens_make_fifo(tokens, &loan->own, path, slots - 1, arena, NULL)
               : jobserver_make_pipe(&loan->own, slots - 1, NULL);
}

void tokens_lend(struct tokens *tokens, struct tokens_loan *loan, uint32_t slots, struct str name,
                 struct arena *arena)
{
    const struct jobserver *from = &tokens->jobserver;
    uint32_t jobs = tokens->jobserver.ours ? tokens->limit : tokens->jobs;

    *loan = (struct tokens_loan){.own = {.kind = JOBSERVER_NONE}};
    if (from->kind == JOBSERVER_NONE || tokens->style == M_JOBSERVER_NONE ||
        (from->kind == JOBSERVER_PIPE && tokens->fd_base < 0)) {
        return;
    }
    if (slots > 1 && tokens_lend_own(tokens, loan, slots, name, arena)) {
        from = &loan->own;
        jobs = slots;
    }
    loan->common = from != &loan->own;
    tokens->borrowers += loan->common;
    tokens_lend_fds(tokens, from, loan);
    loan->makeflags = jobserver_makeflags(from, arena, jobs, tokens->fd_base, tokens->fd_base + 1);
}

void tokens_started(struct tokens_loan *loan)
{
    /* A pipe lives on in the command. A name leads to its pipe as long as somebody has it open. */
    if (loan->own.kind == JOBSERVER_PIPE) {
        jobserver_close(&loan->own);
    }
}

void tokens_back(struct tokens *tokens, struct tokens_loan *loan)
{
    jobserver_close(&loan->own);
    if (loan->common && --tokens->borrowers == 0 && tokens->jobserver.ours) {
        jobserver_top_up(&tokens->jobserver);
    }
    loan->common = false;
}
