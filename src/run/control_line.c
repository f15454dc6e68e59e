/* Owns the control protocol, version 1.
 *
 * A run listens at `control` in its folder (`.pawl/runs/<id>/control`), a stream socket. Only the
 * user of the run and root are heard; who asks is known from the kernel. A connection is one
 * request and one answer, each a line: a JSON object (RFC 8259) of at most 4096 bytes, its end
 * `\n` included. What follows the first line is not read. After the answer the run closes.
 *
 *     {"pawl":1,"ask":"cancel","now":false,"wait":false,"reason":"wrong data","attempt":""}
 *     {"pawl":1,"run":"20261120T234112Z-7f3a","verdict":"done","state":"running","running":3,
 *      "reason":"","stop":"","left_ns":0}
 *
 * `pawl` is the version: a line of another one is refused. Of a request only `ask` must be there:
 * `state`, `pause`, `resume`, `cancel`, `stopping` or `checkpoint`; `now` and `wait` are false and
 * `reason` and `attempt` empty unless given. `wait` (of a pause) holds the answer back until the
 * run is paused, goes on or is over; that to `checkpoint` comes when the snapshot is on record, or
 * at once (`already`) when the last one is young enough. Members that are not known are passed
 * over.
 *
 * An answer has all of its members. `verdict`: `done` (it was decided and is on record), `already`
 * (it is so, or is becoming so) or `refused`, then `reason` says why. `state` is that of the run at
 * that moment, `running` how many attempts are under way. `stop` and `left_ns` answer `stopping`:
 * why the attempt was told to end, and how long until it is killed.
 *
 * A line that is no valid request is answered by `refused`. A connection that says nothing for ten
 * seconds is closed; of 32 that are open at once the one that has been silent longest goes. Those
 * that wait for a snapshot are not among them. */
#include "run/control_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"

static const char *const verdict_names[] = {
    [CONTROL_DO] = "done", [CONTROL_IS_SO] = "already", [CONTROL_REFUSE] = "refused"};

static struct str control_short(struct str reason)
{
    return str_head(reason, reason.len < CONTROL_REASON_BYTES ? reason.len : CONTROL_REASON_BYTES);
}

void control_request_write(const struct control_request *request, struct strbuf *out)
{
    struct json_writer w = json_writer_of(out, JSON_COMPACT);

    json_object_begin(&w);
    json_field_int(&w, "pawl", CONTROL_VERSION);
    json_field_text(&w, "ask", control_ask_name(request->ask));
    json_field_bool(&w, "now", request->now);
    json_field_bool(&w, "wait", request->wait);
    json_field_str(&w, "reason", control_short(request->reason));
    json_field_str(&w, "attempt", request->attempt);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

void control_reply_write(const struct control_reply *reply, struct strbuf *out)
{
    struct json_writer w = json_writer_of(out, JSON_COMPACT);

    json_object_begin(&w);
    json_field_int(&w, "pawl", CONTROL_VERSION);
    json_field_str(&w, "run", reply->run);
    json_field_text(&w, "verdict", verdict_names[reply->verdict]);
    json_field_text(&w, "state", run_status_name(reply->status));
    json_field_int(&w, "running", reply->running);
    json_field_str(&w, "reason", reply->reason);
    json_field_str(&w, "stop", reply->stop);
    json_field_int(&w, "left_ns", reply->left_ns);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

/* The object of a line that is of our version; NULL: `err`. */
static struct json_doc *control_parse(struct str line, struct err *err)
{
    struct json_problem problem;
    struct json_doc *doc = json_parse(line, &problem);
    int64_t version = 0;

    if (doc == NULL) {
        err_set(err, STATUS_USAGE, "no JSON: %s", problem.text);
        return NULL;
    }
    if (!json_get_int(json_root(doc), "pawl", &version) || version != CONTROL_VERSION) {
        err_set(err, STATUS_USAGE, "not of version %d of the control protocol", CONTROL_VERSION);
        json_free(doc);
        return NULL;
    }
    return doc;
}

/* What goes into the record and onto terminals: one line, not too long. */
static struct str control_clean(struct str text, struct arena *arena)
{
    struct str copy = control_short(text);
    char *bytes = arena_bytes(arena, copy.len + 1);

    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = (unsigned char)copy.data[i] < ' ' || copy.data[i] == 0x7f ? ' ' : copy.data[i];
    }
    return str_dup(arena, str_n(bytes, copy.len));
}

bool control_request_read(struct str line, struct arena *arena, struct control_request *request,
                          struct err *err)
{
    struct json_doc *doc = control_parse(line, err);
    struct str ask = STR("");
    struct json root;
    bool ok;

    if (doc == NULL) {
        return false;
    }
    root = json_root(doc);
    *request = (struct control_request){.reason = STR(""), .attempt = STR("")};
    json_get_bool(root, "now", &request->now);
    json_get_bool(root, "wait", &request->wait);
    json_get_str(root, "reason", &request->reason);
    json_get_str(root, "attempt", &request->attempt);
    request->reason = control_clean(request->reason, arena);
    request->attempt = str_dup(arena, request->attempt);
    json_get_str(root, "ask", &ask);
    ok = control_ask_from_name(ask, &request->ask) ||
         err_set(err, STATUS_USAGE, "'ask' is nothing that can be asked for");
    json_free(doc);
    return ok;
}

static bool control_verdict_read(struct str name, enum control_verdict *verdict)
{
    for (unsigned i = 0; i < sizeof(verdict_names) / sizeof(verdict_names[0]); i++) {
        if (str_is(name, verdict_names[i])) {
            *verdict = (enum control_verdict)i;
            return true;
        }
    }
    return false;
}

static bool control_status_read(struct str name, enum run_status *status)
{
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        if (str_is(name, run_status_name((enum run_status)i))) {
            *status = (enum run_status)i;
            return true;
        }
    }
    return false;
}

bool control_reply_read(struct str line, struct arena *arena, struct control_reply *reply,
                        struct err *err)
{
    struct json_doc *doc = control_parse(line, err);
    struct str verdict = STR(""), state = STR(""), run = STR(""), reason = STR(""), stop = STR("");
    struct json root;
    bool ok;

    if (doc == NULL) {
        return false;
    }
    root = json_root(doc);
    *reply = (struct control_reply){0};
    json_get_str(root, "verdict", &verdict);
    json_get_str(root, "state", &state);
    json_get_str(root, "run", &run);
    json_get_str(root, "reason", &reason);
    json_get_str(root, "stop", &stop);
    json_get_int(root, "running", &reply->running);
    json_get_int(root, "left_ns", &reply->left_ns);
    reply->run = str_dup(arena, run);
    reply->reason = str_dup(arena, reason);
    reply->stop = str_dup(arena, stop);
    ok = (control_verdict_read(verdict, &reply->verdict) &&
          control_status_read(state, &reply->status)) ||
         err_set(err, STATUS_USAGE, "an answer without 'verdict' or 'state'");
    json_free(doc);
    return ok;
}
