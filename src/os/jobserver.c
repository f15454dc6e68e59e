/* Owns the tokens: taking, giving back, counting.
 *
 * Taking must not block, and the pipe is shared: O_NONBLOCK is a flag of the open file, so setting
 * it would set it for make and all its children, and any of them may clear it again. A read after
 * a poll may lose the race and hang. So a token is moved by splice, which has a flag of its own for
 * not blocking, into a pipe that nobody else has (the sieve), and read from there: the same for
 * pipes of make, for named ones and for ours, with or without /proc.
 *
 * A pipe holds 64 KiB, or, when a user has many of them, one page: of more than PIPE_TOKENS the
 * rest lies here, so that giving back never blocks. Only we can use those. */
#include "os/jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/sys.h"

enum { PIPE_TOKENS = 1024, TOKEN = '+' };

#define SPLICE_NONBLOCK 2U /* SPLICE_F_NONBLOCK */

static void jobserver_init(struct jobserver *jobserver, enum jobserver_kind kind, bool ours)
{
    *jobserver = (struct jobserver){
        .kind = kind, .ours = ours, .read_fd = -1, .write_fd = -1, .sieve = {-1, -1}};
}

/* --- opening --- */

/* Reading and writing at once: so the open never waits for the other side, and never ends. */
static bool jobserver_open_fifo(struct jobserver *jobserver, struct err *err)
{
    struct sys_stat stat;
    int fd = sys_open(jobserver->path, O_RDWR | O_NONBLOCK, 0);

    if (fd < 0) {
        return err_sys(err, "'%s': the jobserver cannot be opened", jobserver->path);
    }
    jobserver->read_fd = jobserver->write_fd = fd;
    if (sys_fstat(fd, &stat) != 0 || !S_ISFIFO(stat.mode)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is no named pipe", jobserver->path);
    }
    return true;
}

bool jobserver_join(struct jobserver *jobserver, const struct jobserver_offer *offer,
                    struct err *err)
{
    jobserver_init(jobserver, offer->kind, false);
    if (offer->kind == JOBSERVER_FIFO) {
        memcpy(jobserver->path, offer->path, sizeof(jobserver->path));
        if (!jobserver_open_fifo(jobserver, err)) {
            jobserver_close(jobserver);
            return false;
        }
        return true;
    }
    jobserver->read_fd = offer->read_fd;
    jobserver->write_fd = offer->write_fd;
    return true;
}

bool jobserver_make_pipe(struct jobserver *jobserver, uint32_t tokens, struct err *err)
{
    int fds[2];

    jobserver_init(jobserver, JOBSERVER_NONE, true);
    if (sys_pipe(fds, 0) != 0) {
        return err_sys(err, "cannot make a pipe");
    }
    jobserver->kind = JOBSERVER_PIPE;
    jobserver->read_fd = fds[0];
    jobserver->write_fd = fds[1];
    jobserver_set_total(jobserver, tokens);
    return true;
}

static bool jobserver_is_plain(struct str path)
{
    static const char more[] = "/._-+:@%,=~";

    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr(more, c, sizeof(more) - 1) != NULL)) {
            return false;
        }
    }
    return path.len < JOBSERVER_PATH_BYTES;
}

bool jobserver_make_fifo(struct jobserver *jobserver, struct str path, uint32_t tokens,
                         struct err *err)
{
    jobserver_init(jobserver, JOBSERVER_NONE, true);
    if (!jobserver_is_plain(path)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%.*s': its name cannot be written in MAKEFLAGS",
                       STR_ARG(path));
    }
    memcpy(jobserver->path, path.data, path.len);
    sys_unlink(jobserver->path);
    if (sys_mkfifo(jobserver->path, 0600) != 0) {
        return err_sys(err, "'%s': cannot make a named pipe", jobserver->path);
    }
    jobserver->kind = JOBSERVER_FIFO;
    if (!jobserver_open_fifo(jobserver, err)) {
        jobserver_close(jobserver);
        return false;
    }
    jobserver_set_total(jobserver, tokens);
    return true;
}

static void jobserver_close_fd(int *fd)
{
    if (*fd >= 0) {
        sys_close(*fd);
        *fd = -1;
    }
}

void jobserver_close(struct jobserver *jobserver)
{
    if (jobserver->kind == JOBSERVER_NONE) {
        return;
    }
    jobserver_give(jobserver, jobserver->taken_count);
    jobserver_close_fd(&jobserver->sieve[0]);
    jobserver_close_fd(&jobserver->sieve[1]);
    if (jobserver->ours || jobserver->kind == JOBSERVER_FIFO) {
        jobserver_close_fd(&jobserver->read_fd);
    }
    if (jobserver->ours && jobserver->kind == JOBSERVER_PIPE) {
        jobserver_close_fd(&jobserver->write_fd);
    }
    if (jobserver->ours && jobserver->kind == JOBSERVER_FIFO) {
        sys_unlink(jobserver->path);
    }
    free(jobserver->taken);
    jobserver_init(jobserver, JOBSERVER_NONE, false);
}

/* --- taking --- */

static uint32_t jobserver_in_pipe(const struct jobserver *jobserver)
{
    int bytes = 0;

    return sys_ioctl(jobserver->read_fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

static char *jobserver_room(struct jobserver *jobserver, uint32_t count)
{
    if (jobserver->taken_cap - jobserver->taken_count < count) {
        jobserver->taken_cap = jobserver->taken_count + count + 16;
        jobserver->taken = mem_realloc(jobserver->taken, jobserver->taken_cap, 1);
    }
    return jobserver->taken + jobserver->taken_count;
}

static bool jobserver_has_sieve(struct jobserver *jobserver)
{
    if (jobserver->sieve[0] < 0 && sys_pipe(jobserver->sieve, 0) != 0) {
        jobserver->sieve[0] = jobserver->sieve[1] = -1;
        return false;
    }
    return true;
}

/* From the pipe to the end of `taken`; how many. */
static uint32_t jobserver_sift(struct jobserver *jobserver, uint32_t most)
{
    uint32_t got = 0;

    if (!jobserver_has_sieve(jobserver)) {
        return 0;
    }
    while (got < most) {
        ssize_t moved = sys_splice(jobserver->read_fd, NULL, jobserver->sieve[1], NULL, most - got,
                                   SPLICE_NONBLOCK);

        if (moved <= 0 ||
            sys_read_full(jobserver->sieve[0], jobserver_room(jobserver, (uint32_t)moved),
                          (size_t)moved) != moved) {
            break;
        }
        jobserver->taken_count += (uint32_t)moved;
        got += (uint32_t)moved;
    }
    return got;
}

static uint32_t jobserver_take_spare(struct jobserver *jobserver, uint32_t most)
{
    uint32_t count = most < jobserver->spare ? most : jobserver->spare;

    if (count != 0) {
        memset(jobserver_room(jobserver, count), TOKEN, count);
    }
    jobserver->spare -= count;
    jobserver->taken_count += count;
    return count;
}

uint32_t jobserver_take(struct jobserver *jobserver, uint32_t least, uint32_t most)
{
    uint32_t got;

    /* To take some and give them back would wake others, who would do the same to us. */
    if (least > 1 && jobserver->spare + jobserver_in_pipe(jobserver) < least) {
        return 0;
    }
    got = jobserver_take_spare(jobserver, most);
    got += jobserver_sift(jobserver, most - got);
    if (got < least) {
        jobserver_give(jobserver, got);
        return 0;
    }
    return got;
}

/* --- giving back --- */

static uint32_t jobserver_spare_room(const struct jobserver *jobserver)
{
    uint32_t most = jobserver->issued > PIPE_TOKENS ? jobserver->issued - PIPE_TOKENS : 0;

    return jobserver->spare < most ? most - jobserver->spare : 0;
}

/* The last `count` of `taken` go. */
static void jobserver_put(struct jobserver *jobserver, uint32_t count)
{
    uint32_t room = jobserver->ours ? jobserver_spare_room(jobserver) : 0;
    uint32_t kept = count < room ? count : room;

    jobserver->spare += kept;
    jobserver->taken_count -= count;
    if (count != kept) {
        sys_write_full(jobserver->write_fd, jobserver->taken + jobserver->taken_count,
                       count - kept);
    }
}

void jobserver_give(struct jobserver *jobserver, uint32_t count)
{
    if (count > jobserver->taken_count) {
        bug("%u tokens given back of %u", count, jobserver->taken_count);
    }
    if (count != 0) {
        jobserver_put(jobserver, count);
    }
}

/* --- counting --- */

static void jobserver_drop(struct jobserver *jobserver, uint32_t count)
{
    jobserver->taken_count -= count;
    jobserver->issued -= count;
}

bool jobserver_set_total(struct jobserver *jobserver, uint32_t total)
{
    uint32_t more = total > jobserver->issued ? total - jobserver->issued : 0;

    if (more != 0) {
        memset(jobserver_room(jobserver, more), TOKEN, more);
        jobserver->taken_count += more;
        jobserver->issued += more;
        jobserver_put(jobserver, more);
    } else if (jobserver->issued > total) {
        jobserver_drop(jobserver, jobserver_take(jobserver, 0, jobserver->issued - total));
    }
    return jobserver->issued == total;
}

int64_t jobserver_top_up(struct jobserver *jobserver)
{
    int64_t here = (int64_t)jobserver->taken_count + jobserver->spare;
    int64_t lost = (int64_t)jobserver->issued - here - jobserver_in_pipe(jobserver);

    if (lost > 0) {
        jobserver->issued -= (uint32_t)lost;
        jobserver_set_total(jobserver, jobserver->issued + (uint32_t)lost);
    } else if (lost < 0) {
        jobserver->taken_count -= jobserver_sift(jobserver, (uint32_t)-lost);
    }
    return lost;
}

/* As make writes a word of MAKEFLAGS; see jobserver_offer.c. */
static void jobserver_quote(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ' ' || *text == '\t' || *text == '\\') {
            strbuf_putc(out, '\\');
        } else if (*text == '$') {
            strbuf_putc(out, '$');
        }
        strbuf_putc(out, *text);
    }
}

struct str jobserver_makeflags(const struct jobserver *jobserver, struct arena *arena,
                               uint32_t jobs, int read_fd, int write_fd)
{
    char jobs_text[STR_INT_BYTES], from[STR_INT_BYTES], to[STR_INT_BYTES];
    /* The blank at the start says that there are no one-letter options. */
    struct str head = STR_JOIN(arena, STR(" -j"), jobs != 0 ? str_int(jobs, jobs_text) : STR(""),
                               STR(" --jobserver-auth="));
    struct strbuf path = {0};
    struct str flags;

    if (jobserver->kind != JOBSERVER_FIFO) {
        return STR_JOIN(arena, head, str_int(read_fd, from), STR(","), str_int(write_fd, to));
    }
    jobserver_quote(&path, jobserver->path);
    flags = STR_JOIN(arena, head, STR("fifo:"), strbuf_str(&path));
    strbuf_fini(&path);
    return flags;
}
