/* Owns `pause`, `resume`, `cancel` and `wait`. A run that lives is asked over its socket; of one
 * whose process is gone its record is what counts. */
#include "cmd/control.h"

#include "base/sys.h"
#include "report/story.h"
#include "run/cancel.h"
#include "run/control.h"
#include "run/owed.h"

enum { CONTROL_RETRY_MS = 20, CONTROL_RETRIES = 150, CONTROL_LOOK_MS = 100 };

/* --- asking --- */

static bool control_is_over(struct control_call *call)
{
    struct run_view view;
    struct err err = {0};
    bool over = !control_call_view(call, &view, &err) || run_status_is_final(view.status);

    run_view_fini(&view);
    return over;
}

/* Somebody holds the workspace and nobody listens: the run is about to begin, or to end. */
static bool control_may_come(struct control_call *call, uint32_t tries)
{
    return tries < CONTROL_RETRIES && (tries != 1 || !control_is_over(call)) &&
           session_is_held(&call->place.session) == SESSION_HELD;
}

static int control_reach(struct control_call *call)
{
    struct str path = control_path(call->id.text, &call->cli->arena);
    struct err err = {0};
    uint32_t tries = 0;

    do {
        if (tries != 0) {
            sys_poll(NULL, 0, CONTROL_RETRY_MS);
        }
        err_clear(&err);
        call->reach = control_ask(path.data, &call->request, &call->cli->arena, &call->reply,
                                  &call->pidfd, &err);
    } while (call->reach == CONTROL_NOBODY && control_may_come(call, ++tries));
    if (call->reach == CONTROL_FAILED) {
        err_wrap(&err, "run %s", call->id.text);
        return cli_fail(&err);
    }
    return STATUS_OK;
}

static int control_call_find(struct control_call *call, struct cli *cli)
{
    int status;
    struct err err = {0};

    *call = (struct control_call){.cli = cli, .pidfd = -1};
    status = place_open(&call->place, cli, PLACE_WORKSPACE, SESSION_LOOK);
    if (status == STATUS_OK &&
        !run_view_find(&call->place.session, cli->operands.items[0], &call->id, &err)) {
        status = cli_fail(&err);
    }
    return status;
}

int control_call_open(struct control_call *call, struct cli *cli, enum control_ask ask)
{
    int status = control_call_find(call, cli);

    call->request = (struct control_request){
        .ask = ask, .now = cli->now, .wait = !cli->no_wait, .attempt = STR("")};
    call->request.reason = str_of(cli->reason != NULL ? cli->reason : "");
    return status == STATUS_OK ? control_reach(call) : status;
}

void control_call_close(struct control_call *call)
{
    if (call->pidfd >= 0) {
        sys_close(call->pidfd);
    }
    place_close(&call->place);
}

int control_call_refuse(const struct control_call *call, const char *reason, enum run_status status)
{
    static const char *const participles[CONTROL_ASK_COUNT] = {
        [CONTROL_PAUSE] = "paused", [CONTROL_RESUME] = "resumed", [CONTROL_CANCEL] = "cancelled"};

    cli_warn("run %s is %s and cannot be %s: %s", call->id.text, run_status_name(status),
             participles[call->request.ask], reason);
    return STATUS_USAGE;
}

void control_call_say(struct control_call *call, const char *word)
{
    strbuf_printf(&call->cli->out, "run %s is %s\n", call->id.text, word);
}

bool control_call_view(struct control_call *call, struct run_view *view, struct err *err)
{
    return run_view_read(&call->place.session, &call->id, view, err);
}

/* Until its process is gone, and with it its lock on the workspace. Where it is not known which
 * process that is, the lock alone can tell. */
static void control_wait_gone(struct control_call *call)
{
    if (call->pidfd >= 0) {
        control_wait_end(call->pidfd);
        call->pidfd = -1;
        return;
    }
    while (session_is_held(&call->place.session) == SESSION_HELD) {
        sys_poll(NULL, 0, CONTROL_LOOK_MS);
    }
}

/* --- pause --- */

static int control_pause_end(struct control_call *call)
{
    enum run_status status = call->reply.status;

    if (call->reply.verdict == CONTROL_REFUSE) {
        return control_call_refuse(call, str_dup(&call->cli->arena, call->reply.reason).data,
                                   status);
    }
    if (call->request.wait && status != RUN_PAUSED) {
        cli_warn("run %s was not paused: it is %s", call->id.text, run_status_name(status));
        return STATUS_USAGE;
    }
    control_call_say(call, run_status_name(status));
    return STATUS_OK;
}

static int control_dead(struct control_call *call)
{
    struct run_view view;
    struct err err = {0};
    struct control_facts facts;
    const char *reason = "";
    int status = STATUS_OK;

    if (!control_call_view(call, &view, &err)) {
        run_view_fini(&view);
        return cli_fail(&err);
    }
    facts = (struct control_facts){.status = view.status};
    if (session_is_held(&call->place.session) == SESSION_HELD &&
        !run_status_is_final(view.status)) {
        cli_warn("run %s: no process answers for it, and another holds the workspace: try again "
                 "when that has ended",
                 call->id.text);
        status = STATUS_LOCKED;
    } else if (control_decide(&facts, call->request.ask, call->request.now, &reason) ==
               CONTROL_REFUSE) {
        status = control_call_refuse(call, reason, view.status);
    } else if (call->request.ask == CONTROL_RESUME) {
        status = run_go_on(call->cli, &view, &call->place.session);
    } else {
        control_call_say(call, run_status_name(view.status));
    }
    run_view_fini(&view);
    return status;
}

int cmd_pause(struct cli *cli)
{
    struct control_call call;
    int status = control_call_open(&call, cli, CONTROL_PAUSE);

    if (status == STATUS_OK) {
        status = call.reach == CONTROL_ANSWERED ? control_pause_end(&call) : control_dead(&call);
    }
    control_call_close(&call);
    return status;
}

/* --- resume --- */

int cmd_resume(struct cli *cli)
{
    struct control_call call;
    int status = control_call_open(&call, cli, CONTROL_RESUME);

    if (status == STATUS_OK && call.reach == CONTROL_NOBODY) {
        status = control_dead(&call);
    } else if (status == STATUS_OK && call.reply.verdict == CONTROL_REFUSE) {
        status = control_call_refuse(&call, str_dup(&cli->arena, call.reply.reason).data,
                                     call.reply.status);
    } else if (status == STATUS_OK) {
        control_call_say(&call, run_status_name(call.reply.status));
    }
    control_call_close(&call);
    return status;
}

/* --- cancel --- */

struct control_story {
    struct cli *cli;
    struct story story;
};

/* What is undone is told as it happens. */
static void control_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct control_story *told = ctx;

    story_tell(&told->story, event, state, &told->cli->out);
    cli_flush(told->cli);
}

/* Nothing was run for it. */
static void control_say_owed(struct control_call *call)
{
    if (owed_exists(call->place.session.workspace.pawlfd)) {
        strbuf_puts(&call->cli->out, "its stages with 'always' run at the end of the next 'pawl "
                                     "run', whatever that is about\n");
    }
}

/* Nobody works on it: its record is what can be cancelled, by one at a time. */
static int control_cancel_record(struct control_call *call, struct place *place)
{
    struct cli *cli = call->cli;
    struct report_options options = {.output = REPORT_OUTPUT_FAILED, .quiet = cli->quiet};
    struct control_story told = {.cli = cli};
    struct observer observer = {&told, control_tell, NULL};
    struct cancel_end end;
    struct err err = {0};
    bool ok;

    story_init(&told.story, &options, true);
    ok = cancel_record(&place->session, &call->id, call->request.reason, &observer, &end, &err);
    story_effects_end(&told.story, &cli->out);
    story_fini(&told.story);
    if (!ok) {
        return cli_fail(&err);
    }
    if (end.verdict == CONTROL_REFUSE) {
        return control_call_refuse(call, end.why, end.status);
    }
    control_call_say(call, run_status_name(end.status));
    control_say_owed(call);
    return end.exit_status == STATUS_CANCELLED ? STATUS_OK : end.exit_status;
}

static bool control_open_store(struct place *place, struct cli *cli, struct err *err)
{
    return place_advance(place, PLACE_WORKSPACE, SESSION_LOOK, err) &&
           place_read_manifest(place, cli->store == NULL, err) &&
           session_open_store(&place->session, SESSION_CHANGE, cli->wait, err) &&
           place_recover(&place->session, err);
}

static int control_cancel_dead(struct control_call *call)
{
    const struct session *session = &call->place.session;
    struct place place;
    struct err err = {0};
    int status;

    if (session_is_held(session) == SESSION_HELD ||
        (control_is_over(call) && !effects_exist(session->workspace.pawlfd))) {
        return control_dead(call);
    }
    call->cli->dir = NULL; /* we are there by now */
    place_init(&place, call->cli);
    status = control_open_store(&place, call->cli, &err) ? control_cancel_record(call, &place)
                                                         : place_fail(&place, &err);
    place_close(&place);
    return status;
}

static int control_cancel_end(struct control_call *call)
{
    struct run_view view;
    struct err err = {0};
    int status = STATUS_OK;

    if (call->reply.verdict == CONTROL_REFUSE) {
        return control_call_refuse(call, str_dup(&call->cli->arena, call->reply.reason).data,
                                   call->reply.status);
    }
    control_wait_gone(call);
    if (!control_call_view(call, &view, &err)) {
        status = cli_fail(&err);
    } else if (view.status != RUN_CANCELLED) {
        cli_warn("run %s was not cancelled: it is %s", call->id.text, run_status_name(view.status));
        status = STATUS_USAGE;
    } else {
        control_call_say(call, run_status_name(RUN_CANCELLED));
        if (run_state_exit(&view.state) == STATUS_COMPENSATION) {
            cli_warn("run %s: not all that it did could be undone: its output says what",
                     call->id.text);
            status = STATUS_COMPENSATION;
        }
    }
    run_view_fini(&view);
    return status;
}

int cmd_cancel(struct cli *cli)
{
    struct control_call call;
    int status = control_call_open(&call, cli, CONTROL_CANCEL);

    if (status == STATUS_OK) {
        status =
            call.reach == CONTROL_ANSWERED ? control_cancel_end(&call) : control_cancel_dead(&call);
    }
    control_call_close(&call);
    return status;
}

/* --- wait --- */

int cmd_wait(struct cli *cli)
{
    struct control_call call;
    struct run_view view;
    struct err err = {0};
    int status = control_call_open(&call, cli, CONTROL_STATE);

    if (status == STATUS_OK) {
        if (call.reach == CONTROL_ANSWERED || !control_is_over(&call)) {
            control_wait_gone(&call);
        }
        if (!control_call_view(&call, &view, &err)) {
            status = cli_fail(&err);
        } else {
            control_call_say(&call, run_status_name(view.status));
            status = run_state_exit(&view.state);
            /* Its process was killed, which left no word; or a newer run took its place. */
            status = status >= 0 ? status : STATUS_SIGNAL + SIGKILL;
        }
        run_view_fini(&view);
    }
    control_call_close(&call);
    return status;
}
