/* Owns the processes that work items: their start, their pipes, their end, their time.
 *
 * A process for one item finds it on its standard input, a pipe where it fits into one, else a file
 * without a name; what it writes is read as it comes. Its standard error is ours, the log of the
 * attempt. A process that lives long has a pipe on each side, and one more on which it says that an
 * item failed (stream_worker.c). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"
#include "run/environment.h"
#include "run/stream.h"

enum {
    SLOT_PIPE_BYTES = 64 << 10,
    SLOT_READ_BYTES = 64 << 10,
    SLOT_KEPT_BYTES = 256 << 10,
    SLOT_STATUS_FD_LEAST = 3
};

/* --- all slots --- */

bool stream_slots_open(struct stream *stream)
{
    /* Long-lived ones of each way stay where they are; never more than `workers` are at work. */
    stream->slot_count =
        (stream->spec.workers != 0 ? stream->spec.workers : 1) * stream->spec.way_count;
    stream->slots = mem_calloc(stream->slot_count, sizeof(*stream->slots));
    for (uint32_t i = 0; i < stream->slot_count; i++) {
        struct stream_slot *slot = &stream->slots[i];

        slot->stream = stream;
        arena_init(&slot->arena);
        slot->in_fd = slot->out_fd = slot->status_fd = -1;
        slot->in_source.fd = slot->out_source.fd = slot->status_source.fd = -1;
        slot->batch = 1;
        slot->child.pidfd = -1;
        slot->way = (uint8_t)(i % stream->spec.way_count);
        slot->due_ns = slot->kill_ns = slot->warn_ns = INT64_MAX;
        slot->items = mem_calloc(ITEMS_BATCH_MOST, sizeof(struct stream_item *));
    }
    return true;
}

static void slot_close(struct stream_slot *slot, struct loop_source *source, int *fd)
{
    if (*fd >= 0) {
        loop_remove(&slot->stream->loop, source);
        sys_close(*fd);
        *fd = -1;
    }
}

static void slot_close_pipes(struct stream_slot *slot)
{
    slot_close(slot, &slot->in_source, &slot->in_fd);
    slot_close(slot, &slot->out_source, &slot->out_fd);
    slot_close(slot, &slot->status_source, &slot->status_fd);
}

void stream_slots_close(struct stream *stream)
{
    struct child_end end;

    for (uint32_t i = 0; stream->slots != NULL && i < stream->slot_count; i++) {
        struct stream_slot *slot = &stream->slots[i];

        if (slot->child.pid != 0) {
            child_kill_group(&slot->child, SIGKILL);
            child_reap(&slot->child, &end);
        }
        slot_close_pipes(slot);
        strbuf_fini(&slot->in);
        strbuf_fini(&slot->out);
        strbuf_fini(&slot->status);
        free(slot->items);
        arena_fini(&slot->arena);
    }
    free(stream->slots);
}

bool stream_slots_run(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->slot_count; i++) {
        if (stream->slots[i].child.pid != 0) {
            return true;
        }
    }
    return false;
}

void stream_slots_signal(struct stream *stream, int signal)
{
    for (uint32_t i = 0; i < stream->slot_count; i++) {
        if (stream->slots[i].child.pid != 0) {
            child_kill_group(&stream->slots[i].child, signal);
        }
    }
}

void stream_slot_end_input(struct stream_slot *slot)
{
    if (slot->child.pid != 0 && slot->in_fd >= 0) {
        slot_close(slot, &slot->in_source, &slot->in_fd);
        slot->kill_ns = stream_now(slot->stream) + slot->stream->spec.grace_ns;
    }
}

void stream_slots_end_input(struct stream *stream)
{
    for (uint32_t i = 0; i < stream->slot_count; i++) {
        struct stream_slot *slot = &stream->slots[i];

        if (!stream->spec.rule.worker || slot->child.pid == 0 || slot->in_fd < 0) {
            continue;
        }
        /* Half an item would be answered as one. */
        if (slot->in_at == slot->in.len) {
            stream_slot_end_input(slot);
        } else if (slot->kill_ns == INT64_MAX) {
            slot->kill_ns = stream_now(stream) + stream->spec.grace_ns;
        }
    }
}

/* --- a start --- */

static bool slot_fault(struct stream_slot *slot, const char *what)
{
    struct err err = {0};

    err_sys(&err, "%s", what);
    stream_broken(slot->stream, &err);
    return false;
}

/* An item as standard input. -1: told. */
static int slot_item_file(struct stream_slot *slot, struct str bytes)
{
    struct err err = {0};
    int fd = file_open_nameless(AT_FDCWD, ".pawl/tmp", &err);

    if (fd < 0) {
        stream_broken(slot->stream, &err);
        return -1;
    }
    if (!file_write_all(fd, bytes.data, bytes.len) || sys_seek(fd, 0, SEEK_SET) < 0) {
        slot_fault(slot, "an item cannot be written for its command");
        sys_close(fd);
        return -1;
    }
    return fd;
}

static int slot_item_input(struct stream_slot *slot, struct str bytes)
{
    int ends[2];
    bool fits;

    if (bytes.len > SLOT_PIPE_BYTES) {
        return slot_item_file(slot, bytes);
    }
    if (sys_pipe(ends, 0) != 0) {
        slot_fault(slot, "no pipe can be made");
        return -1;
    }
    sys_set_nonblock(ends[1], true);
    fits = bytes.len == 0 || sys_write(ends[1], bytes.data, bytes.len) == (ssize_t)bytes.len;
    sys_close(ends[1]);
    if (!fits) {
        sys_close(ends[0]);
        return slot_item_file(slot, bytes);
    }
    return ends[0];
}

/* A pipe of which `ours` stays here, without blocking. */
static bool slot_pipe(struct stream_slot *slot, bool child_reads, int *ours, int *theirs)
{
    int ends[2];

    if (sys_pipe(ends, 0) != 0) {
        return slot_fault(slot, "no pipe can be made");
    }
    *ours = ends[child_reads ? 1 : 0];
    *theirs = ends[child_reads ? 0 : 1];
    return sys_set_nonblock(*ours, true) == 0 || slot_fault(slot, "a pipe cannot be set up");
}

static const char *const *slot_strings(struct arena *arena, const struct str *items, uint32_t count,
                                       struct str more)
{
    const char **list = ARENA_ARRAY(arena, const char *, count + 2);

    for (uint32_t i = 0; i < count; i++) {
        list[i] = items[i].data;
    }
    if (more.len != 0) {
        list[count] = more.data;
    }
    return list;
}

struct slot_start {
    struct spawn spawn;
    struct spawn_fd fds[2];
    int theirs[3]; /* closed here when it has started; -1: none */
};

static bool slot_open_streams(struct stream_slot *slot, struct stream_item *item,
                              struct slot_start *start, struct str *more)
{
    const struct stream_spec *spec = &slot->stream->spec;
    struct spawn *spawn = &start->spawn;
    /* One digit: more are no number of a descriptor for some shells. */
    int status_fd = SLOT_STATUS_FD_LEAST + (spec->lives_fd == SLOT_STATUS_FD_LEAST);

    *more = STR("");
    if (item != NULL) {
        start->theirs[0] = slot_item_input(slot, strbuf_str(&item->bytes));
        if (item->path.len != 0) {
            *more = STR_JOIN(&slot->arena, STR("PAWL_ITEM="), item->path);
        }
    } else if (!slot_pipe(slot, true, &slot->in_fd, &start->theirs[0]) ||
               !slot_pipe(slot, false, &slot->status_fd, &start->theirs[2])) {
        return false;
    } else {
        *more = str_printf(&slot->arena, "PAWL_STATUS_FD=%d", status_fd);
        start->fds[spawn->fd_count++] = (struct spawn_fd){start->theirs[2], status_fd};
    }
    if (start->theirs[0] < 0 || !slot_pipe(slot, false, &slot->out_fd, &start->theirs[1])) {
        return false;
    }
    spawn->stdin_fd = start->theirs[0];
    spawn->stdout_fd = start->theirs[1];
    return true;
}

static bool slot_watch(struct stream_slot *slot)
{
    struct loop *loop = &slot->stream->loop;
    struct err err = {0};
    bool ok =
        loop_add(loop, &slot->out_source, slot->out_fd, LOOP_READ, stream_slot_out, slot, &err);

    if (ok && slot->status_fd >= 0) {
        ok = loop_add(loop, &slot->status_source, slot->status_fd, LOOP_READ, stream_slot_out, slot,
                      &err) &&
             loop_add(loop, &slot->in_source, slot->in_fd, 0, stream_worker_in, slot, &err);
    }
    if (!ok) {
        stream_broken(slot->stream, &err);
    }
    return ok;
}

static bool slot_execute(struct stream_slot *slot, struct slot_start *start, struct str more)
{
    struct stream *stream = slot->stream;
    const struct stream_way *way = &stream->ways[slot->way];
    const struct stream_command *command = slot->direct ? &way->spec->direct : &way->spec->shell;
    struct spawn *spawn = &start->spawn;
    struct err err = {0};

    spawn->program = command->program.data;
    spawn->sooner = command->sooner_count != 0 ? slot_strings(&slot->arena, command->sooner,
                                                              command->sooner_count, STR(""))
                                               : NULL;
    spawn->argv = slot_strings(&slot->arena, command->argv, command->argc, STR(""));
    spawn->envp = slot_strings(&slot->arena, command->envp, command->envc, more);
    if (spawn_start(spawn, &slot->child, NULL, &err)) {
        return true;
    }
    slot->child.pid = 0;
    stream_fail(stream,
                err.sys == ENOENT || err.sys == EACCES || err.sys == ENOEXEC ? CAUSE_NOT_FOUND
                                                                             : CAUSE_ENVIRONMENT,
                -1, str_of(err.text));
    return false;
}

bool stream_slot_spawn(struct stream_slot *slot, struct stream_item *item)
{
    struct stream *stream = slot->stream;
    struct slot_start start = {.spawn = {.stdin_fd = -1,
                                         .stdout_fd = -1,
                                         .stderr_fd = STDERR_FILENO,
                                         .early = &slot->arena,
                                         .by_signal = true,
                                         .rss_floor_bytes = &stream->rss_floor_bytes,
                                         .tty_fd = -1,
                                         .origin = &stream->origin},
                               .theirs = {-1, -1, -1}};
    struct str more;
    bool ok;

    arena_reset(&slot->arena);
    strbuf_clear(&slot->in);
    strbuf_clear(&slot->out);
    strbuf_clear(&slot->status);
    slot->in_at = 0;
    slot->lines = 0;
    slot->killed = slot->has_answered = false;
    slot->direct = stream->ways[slot->way].direct;
    start.spawn.fds = start.fds;
    start.spawn.dir =
        stream->spec.ways[slot->way].dir.len != 0 ? stream->spec.ways[slot->way].dir.data : NULL;
    if (stream->spec.lives_fd >= 0) {
        start.fds[start.spawn.fd_count++] =
            (struct spawn_fd){stream->spec.lives_fd, stream->spec.lives_fd};
    }
    ok = slot_open_streams(slot, item, &start, &more) && slot_execute(slot, &start, more) &&
         slot_watch(slot);
    for (unsigned i = 0; i < sizeof(start.theirs) / sizeof(start.theirs[0]); i++) {
        if (start.theirs[i] >= 0) {
            sys_close(start.theirs[i]);
        }
    }
    if (!ok && slot->child.pid == 0) {
        slot_close_pipes(slot);
    }
    return ok;
}

/* --- handing out --- */

/* An item that may be worked now: its time has come, and its breaker lets it. While the probe of
 * one that is half-open is under way, no item fails for that: they wait for what comes of it. Those
 * of a variant wait for nothing. */
static bool slot_may_hand(struct stream *stream, struct stream_way *way)
{
    static const struct item_end refused = {.cause = CAUSE_BREAKER, .for_good = true};

    while (way->ready.first != NULL && !stream_is_over(stream) &&
           !stream_links_hold(&stream->links)) {
        enum breaker_answer answer =
            way->spec->has_breaker ? breaker_ask(&way->breaker) : BREAKER_CALL;

        if (answer == BREAKER_CALL) {
            return true;
        }
        if (way != stream->ways) {
            stream_item_to_own(stream, stream_queue_pop(&way->ready));
        } else if (answer == BREAKER_FAIL && way->breaker.state == BREAKER_OPEN) {
            stream_item_ended(stream, stream_queue_pop(&way->ready), &refused,
                              STR("its circuit breaker is open"));
        } else {
            return false;
        }
    }
    return false;
}

static void slot_begin(struct stream_slot *slot, struct stream_item *item)
{
    struct stream *stream = slot->stream;

    item->attempts++;
    item->began_ns = stream_now(stream);
    item->breaker_began = stream->ways[item->way].spec->has_breaker
                              ? breaker_begin(&stream->ways[item->way].breaker)
                              : 0;
    slot->items[slot->item_count++] = item;
    if (stream->spec.rule.timeout_ns != 0) {
        slot->due_ns = item->began_ns + stream->spec.rule.timeout_ns;
    }
}

static void slot_hand_one(struct stream_slot *slot)
{
    struct stream_item *item = stream_queue_pop(&slot->stream->ways[slot->way].ready);

    slot_begin(slot, item);
    stream_slot_spawn(slot, item);
}

/* As many as it may have at once. */
static void slot_hand_batch(struct stream_slot *slot)
{
    struct stream *stream = slot->stream;
    size_t bytes = 0;
    struct stream_way *way = &stream->ways[slot->way];
    uint32_t most = stream->spec.one_by_one || way->spec->has_breaker ? 1 : slot->batch;

    if (slot->child.pid == 0 && !stream_slot_spawn(slot, NULL)) {
        return;
    }
    while (slot->item_count < most && slot_may_hand(stream, way)) {
        struct stream_item *item = way->ready.first;

        bytes += item->bytes.len;
        if (slot->item_count != 0 && (item->alone || bytes > SLOT_PIPE_BYTES / 2)) {
            break;
        }
        slot_begin(slot, stream_queue_pop(&way->ready));
        if (item->alone) {
            break;
        }
    }
    if (slot->item_count != 0) {
        stream_worker_hand(slot);
    }
}

/* How many of them are at work. */
static uint32_t slots_at_work(const struct stream *stream)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->slot_count; i++) {
        count += stream->slots[i].item_count != 0;
    }
    return count;
}

void stream_slots_dispatch(struct stream *stream)
{
    uint32_t free = stream->slot_count / stream->spec.way_count - slots_at_work(stream);

    /* Variants first: what one of them may not have now goes to the stage's own way. */
    for (uint32_t i = stream->slot_count; i-- > 0 && free != 0;) {
        struct stream_slot *slot = &stream->slots[i];

        if (slot->item_count != 0 || slot->killed || (slot->child.pid != 0 && slot->in_fd < 0) ||
            !slot_may_hand(stream, &stream->ways[slot->way])) {
            continue;
        }
        if (stream->spec.rule.worker) {
            slot_hand_batch(slot);
        } else {
            slot_hand_one(slot);
        }
        free -= slot->item_count != 0;
    }
}

/* --- what they write --- */

/* What was read is not all: nothing of it counts. */
static bool slot_unreadable(struct stream_slot *slot)
{
    static const char text[] = "what a command writes cannot be read";

    slot_fault(slot, text);
    slot->killed = true;
    slot->why = (struct item_end){.cause = CAUSE_ENVIRONMENT, .exit_code = -1};
    slot->why_text = text;
    if (slot->child.pid != 0) {
        child_kill_group(&slot->child, SIGKILL);
    }
    return false;
}

/* Takes what is in a pipe; false: it has ended. */
static bool slot_read(struct stream_slot *slot, int fd, struct strbuf *into, bool all)
{
    for (;;) {
        ssize_t got = sys_read(fd, strbuf_reserve(into, SLOT_READ_BYTES), SLOT_READ_BYTES);

        if (got == 0) {
            return false;
        }
        if (got < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK || slot_unreadable(slot);
        }
        into->len += (size_t)got;
        if (!all || into->len > LIMIT_RECORD_BYTES * (size_t)2) {
            return true;
        }
    }
}

void stream_slot_out(void *ctx, unsigned events)
{
    struct stream_slot *slot = ctx;

    (void)events;
    /* First what it answered, then what it said instead of an answer: whatever it said before an
     * answer that was read is there by then. */
    if (slot->out_fd >= 0 && !slot_read(slot, slot->out_fd, &slot->out, false)) {
        slot_close(slot, &slot->out_source, &slot->out_fd);
        /* A worker that answers no more is of no use. */
        stream_slot_end_input(slot);
    }
    if (slot->status_fd >= 0 && !slot_read(slot, slot->status_fd, &slot->status, false)) {
        slot_close(slot, &slot->status_source, &slot->status_fd);
    }
    if (slot->out.len > LIMIT_RECORD_BYTES) {
        static const struct item_end why = {.cause = CAUSE_OUTPUT, .for_good = true};

        stream_slot_kill(slot, &why, "its result is larger than 64 MiB");
    } else if (slot->stream->spec.rule.worker) {
        stream_worker_look(slot);
    }
}

/* --- its end --- */

void stream_slot_kill(struct stream_slot *slot, const struct item_end *why, const char *text)
{
    if (!slot->killed && slot->child.pid != 0) {
        slot->killed = true;
        slot->why = *why;
        slot->why_text = text;
        slot->due_ns = slot->kill_ns = INT64_MAX;
        child_kill_group(&slot->child, SIGKILL);
    }
}

struct item_end stream_slot_end(struct stream_slot *slot, const struct child_end *end,
                                struct str *reason)
{
    struct arena *arena = &slot->arena;

    if (slot->killed) {
        *reason = str_of(slot->why_text);
        return slot->why;
    }
    if (end->signal != 0) {
        *reason =
            str_printf(arena, "killed by signal %d (%s)", end->signal, strsignal(end->signal));
        return (struct item_end){.cause = CAUSE_SIGNAL, .exit_code = -1};
    }
    *reason = str_printf(arena, "exit %d", end->exit_code);
    if (end->exit_code == 126 || end->exit_code == 127) {
        *reason = str_printf(arena, "exit %d: a program was %s", end->exit_code,
                             end->exit_code == 127 ? "not found" : "not executable");
        return (struct item_end){.cause = CAUSE_NOT_FOUND, .exit_code = end->exit_code};
    }
    return (struct item_end){.cause = end->exit_code != 0 ? CAUSE_EXIT : CAUSE_NONE,
                             .exit_code = end->exit_code};
}

/* A process for one item has ended. */
static void slot_item_exited(struct stream_slot *slot, const struct child_end *end)
{
    struct stream *stream = slot->stream;
    struct stream_item *item = slot->items[0];
    struct str reason;
    struct item_end how = stream_slot_end(slot, end, &reason);

    slot->item_count = 0;
    if (stream->stopping) {
        stream_item_back(stream, item, false);
        return;
    }
    stream_item_ended(stream, item, &how,
                      how.cause == CAUSE_NONE ? strbuf_str(&slot->out) : reason);
}

/* The program was never executed: through the shell it may be, and what fails is its to say. */
static void slot_never_ran(struct stream_slot *slot, const struct err *err)
{
    struct stream *stream = slot->stream;

    if (slot->direct) {
        stream->ways[slot->way].direct = false;
        while (slot->item_count != 0) {
            stream_item_back(stream, slot->items[--slot->item_count], false);
        }
        return;
    }
    stream_fail(stream, CAUSE_NOT_FOUND, -1, str_of(err->text));
    while (slot->item_count != 0) {
        stream_item_back(stream, slot->items[--slot->item_count], false);
    }
}

static void slot_exited(struct stream_slot *slot)
{
    struct child_end end = {.exit_code = -1};
    struct err err = {0};
    bool never = child_never_ran(&slot->child, &err);

    slot->child.ended = true;
    child_reap(&slot->child, &end);
    slot->child.pid = 0;
    if (slot->out_fd >= 0) {
        slot_read(slot, slot->out_fd, &slot->out, true);
    }
    if (slot->status_fd >= 0) {
        slot_read(slot, slot->status_fd, &slot->status, true);
    }
    slot_close_pipes(slot);
    slot->due_ns = slot->kill_ns = slot->warn_ns = INT64_MAX;
    if (never && slot->item_count != 0) {
        slot_never_ran(slot, &err);
    } else if (slot->stream->spec.rule.worker) {
        stream_worker_exited(slot, &end);
    } else {
        slot_item_exited(slot, &end);
    }
    slot->killed = false;
    if (slot->out.cap > SLOT_KEPT_BYTES) {
        strbuf_fini(&slot->out);
    }
}

struct slot_search {
    struct stream *stream;
    struct stream_slot *found;
};

static bool slot_is_ours(void *ctx, pid_t pid)
{
    struct slot_search *search = ctx;

    for (uint32_t i = 0; i < search->stream->slot_count; i++) {
        if (search->stream->slots[i].child.pid == pid) {
            search->found = &search->stream->slots[i];
            return true;
        }
    }
    return false;
}

void stream_slots_take_exits(struct stream *stream)
{
    while (stream->child_signal) {
        struct slot_search search = {.stream = stream};
        pid_t pid = children_next_ended(slot_is_ours, &search);

        stream->child_signal = pid != 0;
        if (pid <= 0) {
            return;
        }
        slot_exited(search.found);
    }
}

/* --- time --- */

enum { SLOT_SILENCE_S = 10 };

static void slot_take_time(struct stream_slot *slot, int64_t now_ns)
{
    static const struct item_end late = {.cause = CAUSE_TIMEOUT, .exit_code = -1};

    if (now_ns >= slot->kill_ns) {
        slot->kill_ns = INT64_MAX;
        child_kill_group(&slot->child, SIGKILL);
    }
    if (now_ns >= slot->due_ns && !slot->killed) {
        slot->due_ns = INT64_MAX;
        slot->killed = true;
        slot->why = late;
        slot->why_text = "it took longer than its timeout";
        child_kill_group(&slot->child, SIGTERM);
        slot->kill_ns = now_ns + slot->stream->spec.grace_ns;
    }
    if (now_ns >= slot->warn_ns) {
        static const char text[] =
            "pawl: a worker has not answered for 10 s: does it take and answer "
            "one line at a time (mawk: -W interactive and fflush())?\n";

        slot->warn_ns = INT64_MAX;
        (void)!sys_write(STDERR_FILENO, text, sizeof(text) - 1);
    }
}

void stream_slots_take_time(struct stream *stream, int64_t now_ns)
{
    for (uint32_t i = 0; i < stream->slot_count; i++) {
        if (stream->slots[i].child.pid != 0) {
            slot_take_time(&stream->slots[i], now_ns);
        }
    }
}

int64_t stream_slots_next_time(const struct stream *stream)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t i = 0; i < stream->slot_count; i++) {
        const struct stream_slot *slot = &stream->slots[i];
        int64_t times[] = {slot->due_ns, slot->kill_ns, slot->warn_ns};

        for (unsigned k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
            next_ns = times[k] < next_ns ? times[k] : next_ns;
        }
    }
    return next_ns;
}
