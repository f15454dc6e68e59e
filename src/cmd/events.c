/* Owns `events`: the record of a run as it was written, its chain checked on the way. */
#include "base/sys.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "store/event_log.h"

enum { EVENTS_FLUSH_BYTES = 1 << 16, EVENTS_WAIT_MS = 100 };

static bool events_print(struct cli *cli, struct event_reader *reader)
{
    struct event_line line;

    while (event_reader_next(reader, &line)) {
        strbuf_add_str(&cli->out, line.json);
        strbuf_putc(&cli->out, '\n');
        if (cli->out.len >= EVENTS_FLUSH_BYTES && !cli_flush(cli)) {
            return false;
        }
    }
    return cli_flush(cli);
}

/* Until nobody writes any more: what came between the last look and the end is printed too. */
static bool events_follow(struct cli *cli, const struct session *session,
                          struct event_reader *reader, struct err *err)
{
    bool live = true;

    while (live) {
        live = session_is_held(session) == SESSION_HELD;
        if (live) {
            sys_poll(NULL, 0, EVENTS_WAIT_MS);
        }
        if (!event_reader_refresh(reader, err)) {
            return false;
        }
        if (!events_print(cli, reader)) {
            return true;
        }
    }
    return true;
}

static int events_show(struct cli *cli, const struct session *session, struct event_reader *reader)
{
    struct err err = {0};

    if (events_print(cli, reader) && cli->follow && !events_follow(cli, session, reader, &err)) {
        return cli_fail(&err);
    }
    if (!event_reader_check(reader, &err)) {
        return cli_fail(&err);
    }
    return STATUS_OK;
}

static int events_of_run(struct cli *cli, const struct session *session)
{
    struct err err = {0};
    struct event_reader *reader;
    struct run_id id;
    int status;
    int fd;

    if (!run_view_find(session, cli->operands.count != 0 ? cli->operands.items[0] : NULL, &id,
                       &err)) {
        return cli_fail(&err);
    }
    fd = run_dir_open(session->workspace.pawlfd, &id, &err);
    if (fd < 0) {
        return cli_fail(&err);
    }
    reader = event_reader_open(fd, "events.jsonl", &err);
    status = reader != NULL ? events_show(cli, session, reader) : cli_fail(&err);
    if (reader != NULL) {
        event_reader_close(reader);
    }
    sys_close(fd);
    return status;
}

int cmd_events(struct cli *cli)
{
    struct place place;
    int status = place_open(&place, cli, PLACE_WORKSPACE, SESSION_LOOK);

    if (status == STATUS_OK) {
        status = events_of_run(cli, &place.session);
    }
    place_close(&place);
    return status;
}
