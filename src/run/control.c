/* Owns the server's side of the control protocol: connections, their bounds, and what becomes of
 * their lines. */
#include "run/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "run/checkpoint.h"
#include "run/executor.h"

enum { CONTROL_BACKLOG = 64, CONTROL_DEAF_MS = 200 };

struct str control_path(const char *run, struct arena *arena)
{
    return str_printf(arena, ".pawl/runs/%s/control", run);
}

static int64_t control_now(const struct control *control)
{
    return clock_mono_ns(control->executor->session->clock);
}

/* --- answers --- */

static void control_drop(struct control_client *client)
{
    struct control *control = client->control;

    loop_remove(&control->executor->loop, &client->source);
    sys_close(client->fd);
    control->savers -= client->stage == CLIENT_SAVES;
    for (uint32_t i = 0; i < control->count; i++) {
        if (control->clients[i] == client) {
            control->clients[i] = control->clients[--control->count];
            break;
        }
    }
    free(client);
}

/* Who does not take it at once does without. */
static void control_send(const struct control *control, int fd, struct control_reply *reply)
{
    const struct run_state *state = &control->executor->recorder->state;
    struct strbuf line = {0};

    reply->run = control->executor->recorder->run;
    reply->status = state->status;
    reply->running = state->counts[INST_RUNNING];
    control_reply_write(reply, &line);
    (void)!sys_send(fd, line.data, line.len, MSG_DONTWAIT);
    strbuf_fini(&line);
}

static void control_refuse_fd(const struct control *control, int fd, const char *reason)
{
    struct control_reply reply = {.verdict = CONTROL_REFUSE, .reason = str_of(reason)};

    control_send(control, fd, &reply);
}

static void control_refuse(struct control_client *client, const char *reason)
{
    control_refuse_fd(client->control, client->fd, reason);
    control_drop(client);
}

static void control_reply(struct control_client *client, const struct engine_answer *answer)
{
    struct control_reply reply = {.verdict = answer->verdict,
                                  .reason = str_of(answer->reason),
                                  .stop = str_of(control_stop_name(answer->stop)),
                                  .left_ns = answer->left_ns};

    control_send(client->control, client->fd, &reply);
    control_drop(client);
}

void control_answer(struct control *control, const struct engine_answer *answer)
{
    enum run_status status = control->executor->recorder->state.status;

    for (uint32_t i = 0; i < control->count; i++) {
        struct control_client *client = control->clients[i];

        if (client->stage != CLIENT_ASKED || client->ticket != answer->ticket) {
            continue;
        }
        if (client->request.wait && client->request.ask == CONTROL_PAUSE &&
            answer->verdict != CONTROL_REFUSE && status == RUN_PAUSING) {
            client->stage = CLIENT_WAITS;
            client->answer = *answer;
        } else {
            control_reply(client, answer);
        }
        return;
    }
}

/* Who waits for a pause is told when the run does not pause any more. */
static void control_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct control *control = ctx;

    (void)event;
    for (uint32_t i = control->count; state->status != RUN_PAUSING && i-- > 0;) {
        if (control->clients[i]->stage == CLIENT_WAITS) {
            control_reply(control->clients[i], &control->clients[i]->answer);
        }
    }
}

/* --- requests --- */

static struct str control_user(const struct control_client *client)
{
    struct executor *executor = client->control->executor;

    if (client->peer.uid == geteuid()) {
        return str_of(executor->session->machine.user);
    }
    return STR("root");
}

static void control_note(struct control_client *client, struct inst_id instance)
{
    struct executor *executor = client->control->executor;
    struct note note = {.kind = NOTE_ASKED,
                        .instance = instance,
                        .ask = client->request.ask,
                        .now = client->request.now,
                        .ticket = client->ticket = ++client->control->tickets};

    note.event.uid = client->peer.uid;
    note.event.pid = client->peer.pid;
    note.event.user = control_user(client);
    note.event.host = str_of(executor->session->machine.host);
    note.event.reason = client->request.reason;
    client->stage = CLIENT_ASKED;
    executor_note(executor, &note);
}

/* It asks for a snapshot, and waits until that is on record. */
static void control_ask_checkpoint(struct control_client *client, struct attempt *attempt)
{
    struct engine_answer answer = {.verdict = CONTROL_IS_SO, .reason = ""};
    struct control *control = client->control;

    if (control->savers == CONTROL_SAVERS) {
        control_refuse(client, "too many wait for their snapshots");
        return;
    }
    switch (checkpoint_ask(attempt, &client->serial, &answer.reason)) {
    case CHECKPOINT_LATER:
        client->stage = CLIENT_SAVES;
        client->attempt = str_n(client->line, attempt->id.len);
        memcpy(client->line, attempt->id.data, attempt->id.len);
        control->savers++;
        return;
    case CHECKPOINT_REFUSED:
        answer.verdict = CONTROL_REFUSE;
        break;
    case CHECKPOINT_EARLY:
        break;
    }
    control_reply(client, &answer);
}

void control_saved(struct control *control, struct str attempt, uint32_t serial,
                   const char *problem)
{
    struct engine_answer answer = {.verdict = problem != NULL ? CONTROL_REFUSE : CONTROL_DO,
                                   .reason = problem != NULL ? problem : ""};

    for (uint32_t i = control->count; i-- > 0;) {
        struct control_client *client = control->clients[i];

        if (client->stage == CLIENT_SAVES && client->serial <= serial &&
            str_equal(client->attempt, attempt)) {
            control_reply(client, &answer);
        }
    }
}

/* What an attempt asks of itself: whether it is told to end; for a snapshot. */
static void control_ask_of_attempt(struct control_client *client)
{
    struct attempt *attempt = client->control->executor->live;

    while (attempt != NULL && !str_equal(attempt->id, client->request.attempt)) {
        attempt = attempt->next;
    }
    if (attempt == NULL) {
        control_refuse(client, "no such attempt runs");
    } else if (client->request.ask == CONTROL_CHECKPOINT) {
        control_ask_checkpoint(client, attempt);
    } else {
        control_note(client, attempt->instance);
    }
}

static void control_take_line(struct control_client *client, struct str line)
{
    struct executor *executor = client->control->executor;
    struct err err = {0};

    if (!control_request_read(line, &executor->note_arena, &client->request, &err)) {
        control_refuse(client, err.text);
    } else if (!loop_change(&executor->loop, &client->source, 0, &err)) {
        control_drop(client);
    } else if (client->request.ask == CONTROL_STOPPING ||
               client->request.ask == CONTROL_CHECKPOINT) {
        control_ask_of_attempt(client);
    } else {
        control_note(client, (struct inst_id){0});
    }
}

static void control_on_client(void *ctx, unsigned events)
{
    struct control_client *client = ctx;
    ssize_t got = -1;
    char *end;

    (void)events;
    if (client->stage == CLIENT_SPEAKS) {
        got = sys_recv(client->fd, client->line + client->len, sizeof(client->line) - client->len,
                       MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
    }
    if (got <= 0) {
        control_drop(client);
        return;
    }
    client->len += (size_t)got;
    end = memchr(client->line, '\n', client->len);
    if (end != NULL) {
        control_take_line(client, str_n(client->line, (size_t)(end - client->line)));
    } else if (client->len == sizeof(client->line)) {
        control_refuse(client, "the line is too long");
    }
}

/* --- connections --- */

/* The client that has been silent longest; NULL: all of them asked. */
static struct control_client *control_silent(const struct control *control)
{
    struct control_client *silent = NULL;

    for (uint32_t i = 0; i < control->count; i++) {
        struct control_client *client = control->clients[i];

        if (client->stage == CLIENT_SPEAKS &&
            (silent == NULL || client->since_ns < silent->since_ns)) {
            silent = client;
        }
    }
    return silent;
}

static bool control_has_room(struct control *control)
{
    struct control_client *silent;

    if (control->count - control->savers < CONTROL_CLIENTS) {
        return true;
    }
    silent = control_silent(control);
    if (silent != NULL) {
        control_drop(silent);
    }
    return silent != NULL;
}

static void control_take_client(struct control *control, int fd, const struct socket_peer *peer)
{
    struct control_client *client = mem_calloc(1, sizeof(*client));
    struct err err;

    client->control = control;
    client->fd = fd;
    client->peer = *peer;
    client->since_ns = control_now(control);
    control->clients[control->count++] = client;
    if (!loop_add(&control->executor->loop, &client->source, fd, LOOP_READ, control_on_client,
                  client, &err)) {
        control_drop(client);
    }
}

/* Without a descriptor the connection stays, and would wake us again and again. */
static void control_deafen(struct control *control)
{
    struct err err;

    if (loop_change(&control->executor->loop, &control->source, 0, &err)) {
        control->deaf_until_ns = control_now(control) + CONTROL_DEAF_MS * NS_PER_MS;
    }
}

/* One at a time: the others are heard in the next wait. */
static void control_on_connection(void *ctx, unsigned events)
{
    struct control *control = ctx;
    struct socket_peer peer;
    int fd = sys_accept(control->fd, NULL, NULL, SOCK_NONBLOCK);

    (void)events;
    if (fd < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED) {
            control_deafen(control);
        }
        return;
    }
    if (!socket_peer(fd, &peer) || (peer.uid != geteuid() && peer.uid != 0)) {
        control_refuse_fd(control, fd, "the run is of another user");
        sys_close(fd);
    } else if (!control_has_room(control)) {
        control_refuse_fd(control, fd, "too many are asking");
        sys_close(fd);
    } else {
        control_take_client(control, fd, &peer);
    }
}

int64_t control_tick(struct control *control, int64_t now_ns)
{
    struct control_client *silent;
    int64_t next = INT64_MAX;
    struct err err;

    if (control->deaf_until_ns != 0 && now_ns >= control->deaf_until_ns &&
        loop_change(&control->executor->loop, &control->source, LOOP_READ, &err)) {
        control->deaf_until_ns = 0;
    }
    while ((silent = control_silent(control)) != NULL) {
        next = silent->since_ns + CONTROL_SILENT_S * NS_PER_SEC;
        if (next > now_ns) {
            break;
        }
        control_drop(silent);
        next = INT64_MAX;
    }
    return control->deaf_until_ns != 0 && control->deaf_until_ns < next ? control->deaf_until_ns
                                                                        : next;
}

/* Nobody may connect to what nobody hears. */
static void control_shut(struct control *control)
{
    sys_close(control->fd);
    sys_unlink(
        control_path(control->executor->recorder->id.text, &control->executor->session->arena)
            .data);
    control->fd = -1;
}

bool control_open(struct control *control, struct executor *executor, struct err *err)
{
    struct observer observer = {.ctx = control, .tell = control_tell};
    struct str path = control_path(executor->recorder->id.text, &executor->session->arena);

    *control = (struct control){.executor = executor, .source = {.fd = -1}};
    control->fd = socket_listen(path.data, CONTROL_BACKLOG, err);
    if (control->fd < 0) {
        return false;
    }
    if (!loop_add(&executor->loop, &control->source, control->fd, LOOP_READ, control_on_connection,
                  control, err)) {
        control_shut(control);
        return false;
    }
    recorder_watch(executor->recorder, &observer);
    return true;
}

void control_close(struct control *control)
{
    if (control->executor == NULL || control->fd < 0) {
        return;
    }
    while (control->count != 0) {
        control_drop(control->clients[0]);
    }
    loop_remove(&control->executor->loop, &control->source);
    control_shut(control);
}
