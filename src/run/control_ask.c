/* Owns asking a run that lives, and cancelling one that does not. */
#include "run/control_ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/socket.h"
#include "run/recorder.h"

/* --- one that lives --- */

static bool control_send_request(int fd, const struct control_request *request)
{
    struct strbuf line = {0};
    bool ok;

    control_request_write(request, &line);
    ok = sys_send(fd, line.data, line.len, 0) == (ssize_t)line.len;
    strbuf_fini(&line);
    return ok;
}

/* The line until its end, or whatever came before the other side closed. */
static struct str control_receive(int fd, struct arena *arena)
{
    char *text = arena_bytes(arena, CONTROL_LINE_BYTES);
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < CONTROL_LINE_BYTES && memchr(text, '\n', len) == NULL) {
        got = sys_recv(fd, text + len, CONTROL_LINE_BYTES - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    return str_n(text, len != 0 && text[len - 1] == '\n' ? len - 1 : 0);
}

static int control_open_peer(int fd)
{
    struct socket_peer peer;

    return socket_peer(fd, &peer) && peer.pid > 0 ? sys_pidfd_open(peer.pid) : -1;
}

enum control_reach control_ask(const char *path, const struct control_request *request,
                               struct arena *arena, struct control_reply *reply, int *pidfd,
                               struct err *err)
{
    int fd = socket_connect(path, err);
    struct str line = STR("");

    if (fd < 0) {
        bool nobody = err->sys == ENOENT || err->sys == ECONNREFUSED || err->sys == ENOTDIR;

        return nobody ? CONTROL_NOBODY : CONTROL_FAILED;
    }
    if (pidfd != NULL) {
        *pidfd = control_open_peer(fd);
    }
    if (control_send_request(fd, request)) {
        line = control_receive(fd, arena);
    }
    sys_close(fd);
    if (line.len == 0) {
        return CONTROL_NOBODY;
    }
    return control_reply_read(line, arena, reply, err) ? CONTROL_ANSWERED : CONTROL_FAILED;
}

void control_wait_end(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    while (sys_poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    sys_close(pidfd);
}

/* --- one that does not --- */

struct control_record {
    struct event_log *log;
    struct run_state state;
    const struct clock *clock;
};

static void control_add(struct control_record *record, struct event *event)
{
    struct strbuf members = {0};

    event->time_ns = clock_real_ns(record->clock);
    event->run = record->state.run;
    event->trace = record->state.trace;
    event_to_json(event, &members);
    event_log_add(record->log, event->time_ns, str_of(event_types[event->type].name),
                  strbuf_str(&members));
    strbuf_fini(&members);
}

static void control_add_asked(struct control_record *record, const struct machine *machine,
                              struct str reason)
{
    struct event event = {.type = EVENT_RUN_CANCELLING,
                          .uid = geteuid(),
                          .user = str_of(machine->user),
                          .pid = getpid(),
                          .host = str_of(machine->host),
                          .reason = reason};

    control_add(record, &event);
}

static void control_add_rest(struct control_record *record)
{
    struct run_state *state = &record->state;
    struct event event = {.type = EVENT_INSTANCES_CANCELLED,
                          .reason = STR("the run was cancelled")};

    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (inst_state_may_move(state->instances[i].state, INST_CANCELLED, event.type)) {
            event_ids_add(&event.ids, &state->arena, i);
            event.count++;
        }
    }
    if (event.count != 0) {
        control_add(record, &event);
    }
}

static bool control_cancel_open(struct session *session, struct control_record *record,
                                struct str reason, enum control_verdict *verdict, const char **why,
                                struct err *err)
{
    struct event last = {.type = EVENT_RUN_CANCELLED,
                         .status = STATUS_CANCELLED,
                         .reason = str_of(status_name(STATUS_CANCELLED))};
    enum run_status status = record->state.status;
    struct control_facts facts = {.status = run_status_is_final(status) ? status : RUN_INTERRUPTED};

    *verdict = control_decide(&facts, CONTROL_CANCEL, false, why);
    if (*verdict != CONTROL_DO) {
        return true;
    }
    control_add_asked(record, &session->machine, reason);
    control_add_rest(record);
    control_add(record, &last);
    return event_log_flush(record->log, err);
}

bool control_cancel_record(struct session *session, const struct run_id *id, struct str reason,
                           enum control_verdict *verdict, enum run_status *status, const char **why,
                           struct err *err)
{
    struct control_record record = {.clock = session->clock};
    int dir_fd = run_dir_open(session->workspace.pawlfd, id, err);
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    run_state_init(&record.state);
    record.log = event_log_append_to(dir_fd, "events.jsonl", NULL, err);
    ok = record.log != NULL &&
         recorder_replay(session->workspace.pawlfd, id, &record.state, NULL, NULL, err) &&
         control_cancel_open(session, &record, reason, verdict, why, err);
    *status = record.state.status;
    if (record.log != NULL) {
        event_log_close(record.log);
    }
    run_state_fini(&record.state);
    sys_close(dir_fd);
    return ok;
}
