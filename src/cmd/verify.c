/* Owns `verify`: what store/verify.h finds as lines or JSON, and the order of a repair: first the
 * files that keep the store from being opened, then what is in it, then what a killed run left. */
#include "store/verify.h"

#include "base/hex.h"
#include "base/json_write.h"
#include "base/units.h"
#include "cmd/place.h"
#include "run/recorder.h"

struct verify_call {
    struct cli *cli;
    struct place place;
    struct verify verify;
    struct digest head;
    struct err err; /* why a repair could not go on */
};

static const char *const level_names[] = {
    [VERIFY_DAMAGED] = "damaged", [VERIFY_LEFT] = "left over", [VERIFY_UNREADABLE] = "unreadable"};

static bool verify_is_held(void *ctx)
{
    const struct session *session = ctx;

    return !session->locked && session_is_held(session) != SESSION_FREE;
}

static bool verify_state_is_right(void *ctx, const struct run_id *id)
{
    const struct session *session = ctx;

    return recorder_look_is_right(session->workspace.pawlfd, id);
}

static uint32_t verify_repaired(const struct verify *verify)
{
    uint32_t count = 0;

    VEC_EACH (problem, &verify->problems) {
        count += problem->level == VERIFY_DAMAGED && problem->repair.len != 0;
    }
    return count;
}

/* --- what is said --- */

static void verify_show_problem(struct strbuf *out, const struct verify_problem *problem)
{
    strbuf_printf(out, "%s: %.*s: %.*s", level_names[problem->level], STR_ARG(problem->place),
                  STR_ARG(problem->reason));
    if (problem->cost.len != 0) {
        strbuf_printf(out, "; %.*s", STR_ARG(problem->cost));
    }
    if (problem->repair.len != 0) {
        strbuf_printf(out, "; %.*s", STR_ARG(problem->repair));
    }
    strbuf_putc(out, '\n');
}

static void verify_show_count(struct strbuf *out, uint64_t count, const char *what)
{
    if (count != 0) {
        strbuf_printf(out, ", %llu %s", (unsigned long long)count, what);
    }
}

static void verify_show(struct strbuf *out, const struct verify *verify)
{
    const struct verify_counts *counts = &verify->counts;
    char size[UNITS_TEXT_BYTES];

    VEC_EACH (problem, &verify->problems) {
        verify_show_problem(out, problem);
    }
    if (verify->run.len != 0) {
        strbuf_printf(out, "run %.*s ends in this head\n", STR_ARG(verify->run));
    }
    size_format(counts->object_bytes, size);
    strbuf_printf(out, "%llu object%s (%s), %llu result%s, %llu run%s: ",
                  (unsigned long long)counts->objects, counts->objects == 1 ? "" : "s", size,
                  (unsigned long long)counts->results, counts->results == 1 ? "" : "s",
                  (unsigned long long)counts->runs, counts->runs == 1 ? "" : "s");
    if (counts->damaged == 0) {
        strbuf_puts(out, "no damage");
    } else {
        strbuf_printf(out, "%llu damaged", (unsigned long long)counts->damaged);
    }
    verify_show_count(out, verify_repaired(verify), "repaired");
    verify_show_count(out, counts->left, "left over");
    verify_show_count(out, counts->unreadable, "unreadable");
    strbuf_putc(out, '\n');
}

static void verify_json_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.len != 0) {
        json_field_str(w, name, text);
    }
}

static void verify_json_problem(struct json_writer *w, const struct verify_problem *problem)
{
    json_object_begin(w);
    json_field_text(w, "kind", level_names[problem->level]);
    json_field_str(w, "place", problem->place);
    json_field_str(w, "reason", problem->reason);
    verify_json_text(w, "cost", problem->cost);
    verify_json_text(w, "repair", problem->repair);
    json_object_end(w);
}

static void verify_show_json(struct strbuf *out, const struct verify *verify, int status)
{
    const struct verify_counts *counts = &verify->counts;
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_int(&w, "schema", 1);
    json_field_bool(&w, "good", status == STATUS_OK);
    json_field_uint(&w, "objects", counts->objects);
    json_field_uint(&w, "object_bytes", counts->object_bytes);
    json_field_uint(&w, "results", counts->results);
    json_field_uint(&w, "checkpoints", counts->checkpoints);
    json_field_uint(&w, "runs", counts->runs);
    json_field_uint(&w, "events", counts->events);
    json_field_uint(&w, "damaged", counts->damaged);
    json_field_uint(&w, "repaired", verify_repaired(verify));
    json_field_uint(&w, "left_over", counts->left);
    json_field_uint(&w, "unreadable", counts->unreadable);
    verify_json_text(&w, "run", verify->run);
    json_field_array(&w, "problems");
    VEC_EACH (problem, &verify->problems) {
        verify_json_problem(&w, problem);
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

/* --- what is done --- */

static const char *verify_store(const struct verify_call *call)
{
    const struct session *session = &call->place.session;

    if (call->cli->store != NULL) {
        return call->cli->store;
    }
    return session->manifest.store.len != 0
               ? str_dup(&call->cli->arena, session->manifest.store).data
               : ".pawl";
}

static bool verify_open(struct verify_call *call)
{
    struct session *session = &call->place.session;

    return place_advance(&call->place, PLACE_WORKSPACE, SESSION_LOOK, &call->err) &&
           place_read_manifest(&call->place, call->cli->store == NULL, &call->err) &&
           (!session->workspace.exists ||
            session_open_folder(session, call->cli->repair ? SESSION_CHANGE : SESSION_LOOK,
                                call->cli->wait, &call->err));
}

/* What keeps it from going on is told, and what was repaired so far is. */
static bool verify_repair(struct verify_call *call)
{
    struct session *session = &call->place.session;
    struct verify *verify = &call->verify;
    struct err *err = &call->err;

    return verify_repair_records(verify, err) &&
           session_open_store(session, SESSION_CHANGE, false, err) &&
           verify_repair_objects(verify, session->objects, session->results, &session->store_lock,
                                 err) &&
           place_recover(session, err) && verify_repair_left(verify, err);
}

static int verify_status(const struct verify_call *call)
{
    const struct verify *verify = &call->verify;

    if (verify->counts.damaged > verify_repaired(verify)) {
        return STATUS_CORRUPT;
    }
    if (call->err.status != 0) {
        return call->err.status;
    }
    return verify->counts.unreadable != 0 ? STATUS_ENVIRONMENT : STATUS_OK;
}

static int verify_all(struct verify_call *call)
{
    struct session *session = &call->place.session;
    struct cli *cli = call->cli;
    struct verify_options options = {.root_fd = session->root_fd,
                                     .pawl_fd = session->workspace.pawlfd,
                                     .store_fd = session->store_fd,
                                     .store = verify_store(call),
                                     .workspace = session->workspace.id,
                                     .head = cli->head != NULL ? &call->head : NULL,
                                     .is_held = verify_is_held,
                                     .state_is_right = verify_state_is_right,
                                     .ctx = session};

    verify_init(&call->verify, &options);
    if (session->workspace.exists) {
        verify_look(&call->verify);
    }
    if (cli->repair && call->verify.problems.count != 0 && !verify_repair(call)) {
        cli_fail(&call->err);
    }
    if (cli->json) {
        verify_show_json(&cli->out, &call->verify, verify_status(call));
    } else {
        verify_show(&cli->out, &call->verify);
    }
    return verify_status(call);
}

int cmd_verify(struct cli *cli)
{
    struct verify_call call = {.cli = cli};
    int status;

    if (cli->head != NULL && !digest_parse(str_of(cli->head), &call.head)) {
        cli_warn("'%s' of '--head' is no digest: it has 64 hexadecimal digits", cli->head);
        return STATUS_USAGE;
    }
    place_init(&call.place, cli);
    if (verify_open(&call)) {
        session_show_diags(&call.place.session, cli_is_colored(cli, 2));
        status = verify_all(&call);
        verify_fini(&call.verify);
    } else {
        status = place_fail(&call.place, &call.err);
    }
    place_close(&call.place);
    return status;
}
