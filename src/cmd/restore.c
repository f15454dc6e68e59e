/* Owns `restore`: what is meant by the words, then all outputs looked at before the first one is
 * written, then one after the other. */
#include <stdlib.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/json_write.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "cmd/targets.h"
#include "run/checkout.h"
#include "run/history.h"

struct restore_call {
    struct cli *cli;
    struct session *session;
    struct checkout checkout;
    bool by_run;
    bool part; /* more may have been up to date in the run */
    struct run_id run;
    const char *word;      /* the stage, or "" */
    struct cli_texts rest; /* paths, as typed */
    struct str *paths;     /* workspace paths */
    bool *used;            /* by path: some output has it */
    struct past *pasts;
    uint32_t past_count;
    VEC(struct checkout_item) items;
    uint32_t counts[CHECKOUT_DONE + 1];
    int status; /* the worst so far */
};

/* Damage before what the machine lacks, that before what was asked wrongly. */
static void restore_fails(struct restore_call *call, int status)
{
    if (status > call->status) {
        call->status = status;
    }
}

/* --- what is meant --- */

static bool restore_wants(void *ctx, struct str instance)
{
    const struct restore_call *call = ctx;

    return call->word[0] == '\0' || plan_selects(str_of(call->word), instance);
}

static bool restore_take_run(struct restore_call *call, struct err *err)
{
    struct arena *arena = &call->session->arena;
    struct history history;

    if (!history_of_run(call->session, &call->run, restore_wants, call, arena, &history, err)) {
        return false;
    }
    if (history.count == 0 && call->word[0] != '\0') {
        /* No instance that was good in it: then it is a path. */
        call->word = "";
        call->rest = call->cli->operands;
        return restore_take_run(call, err);
    }
    call->pasts = history.items;
    call->past_count = history.count;
    if (history.unnamed != 0) {
        cli_warn("%u instances of run %s were up to date, and their names are not on record any "
                 "more",
                 history.unnamed, call->run.text);
        restore_fails(call, STATUS_USAGE);
    }
    call->part = history.part;
    return true;
}

static void restore_take_stages(struct restore_call *call, const uint8_t *selected)
{
    const struct plan *plan = &call->session->plan;

    call->pasts = ARENA_ARRAY(&call->session->arena, struct past, plan->instance_count);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];

        if (selected[i] && inst->output_count != 0) {
            history_last(call->session, plan->stages[inst->stage.n].name, inst->name,
                         &call->session->arena, &call->pasts[call->past_count++]);
        }
    }
}

/* The latest, the previous, or something like an id: who means a run is told of runs. */
static bool restore_is_like_run(const char *word)
{
    return (word[0] >= '0' && word[0] <= '9') || str_is(str_of(word), "latest") ||
           str_is(str_of(word), "previous");
}

/* The first word: a stage before a run. */
static bool restore_take_word(struct restore_call *call, struct err *err)
{
    struct session *session = call->session;
    uint8_t *selected = ARENA_ARRAY(&session->arena, uint8_t, session->plan.instance_count);
    struct err no_run = {0};

    if (session->planned && targets_select(session, call->word, selected, err)) {
        restore_take_stages(call, selected);
        return true;
    }
    if (history_find_run(session, call->word, &call->run, &no_run)) {
        err_clear(err);
        call->by_run = true;
        call->word = "";
        return restore_take_run(call, err);
    }
    if (restore_is_like_run(call->word)) {
        *err = no_run;
    }
    return false;
}

static bool restore_take_words(struct restore_call *call, struct err *err)
{
    const struct cli_texts *words = &call->cli->operands;
    uint32_t first = words->count != 0 ? 1 : 0;

    call->word = first != 0 ? words->items[0] : "";
    call->rest = (struct cli_texts){words->items + first, words->count - first};
    if (call->cli->run == NULL) {
        return restore_take_word(call, err);
    }
    call->by_run = true;
    return history_find_run(call->session, call->cli->run, &call->run, err) &&
           restore_take_run(call, err);
}

/* --- which outputs --- */

static void restore_add(struct restore_call *call, const struct past *past,
                        const struct result_output *output, struct str path)
{
    struct checkout_item item;

    checkout_add(&call->checkout, &past->result, output, path, &item);
    VEC_PUSH(&call->items, item);
}

static void restore_add_output(struct restore_call *call, const struct past *past,
                               const struct result_output *output)
{
    if (call->rest.count == 0) {
        restore_add(call, past, output, output->path);
    }
    for (uint32_t p = 0; p < call->rest.count; p++) {
        bool whole = str_equal(call->paths[p], output->path);

        if (whole ||
            (output->kind == RESULT_FOLDER && path_is_below(call->paths[p], output->path))) {
            call->used[p] = true;
            restore_add(call, past, output, call->paths[p]);
        }
    }
}

static void restore_say_unknown(struct restore_call *call, const struct past *past)
{
    if (!call->by_run) {
        cli_warn("'%.*s' has no result on record", STR_ARG(past->instance));
    } else {
        cli_warn("what '%.*s' had in run %s is not on record any more", STR_ARG(past->instance),
                 call->run.text);
    }
    restore_fails(call, STATUS_USAGE);
}

static bool restore_read_paths(struct restore_call *call, struct err *err)
{
    call->paths = ARENA_ARRAY(&call->cli->arena, struct str, call->rest.count);
    call->used = ARENA_ARRAY(&call->cli->arena, bool, call->rest.count);
    for (uint32_t p = 0; p < call->rest.count; p++) {
        if (!session_user_path(call->session, str_of(call->rest.items[p]), &call->paths[p])) {
            return err_set(err, STATUS_USAGE, "'%s' is no path in the workspace",
                           call->rest.items[p]);
        }
    }
    return true;
}

static bool restore_check_paths(const struct restore_call *call, struct err *err)
{
    for (uint32_t p = 0; p < call->rest.count; p++) {
        if (!call->used[p]) {
            return call->by_run
                       ? err_set(err, STATUS_USAGE,
                                 "'%s' is nothing that is known of run %s: neither an "
                                 "instance that was good in it nor an output",
                                 call->rest.items[p], call->run.text)
                       : err_set(err, STATUS_USAGE, "'%s' is no output of the last result of '%s'",
                                 call->rest.items[p], call->word);
        }
    }
    return true;
}

/* An instance nothing is known of matters when a path was not found elsewhere. */
static bool restore_choose(struct restore_call *call, struct err *err)
{
    bool ok;

    if (!restore_read_paths(call, err)) {
        return false;
    }
    for (uint32_t i = 0; i < call->past_count; i++) {
        const struct past *past = &call->pasts[i];

        for (uint32_t o = 0; past->known && o < past->result.output_count; o++) {
            restore_add_output(call, past, &past->result.outputs[o]);
        }
    }
    ok = restore_check_paths(call, err);
    for (uint32_t i = 0; i < call->past_count; i++) {
        if (!call->pasts[i].known && (!ok || call->rest.count == 0)) {
            restore_say_unknown(call, &call->pasts[i]);
        }
    }
    if (call->part && call->rest.count == 0 && call->word[0] == '\0') {
        cli_warn(
            "the record of run %s is gone: what it did not look at because nothing had changed "
            "is not known",
            call->run.text);
        restore_fails(call, STATUS_USAGE);
    }
    return ok;
}

/* --- looking and doing --- */

static void restore_say_foreign(const struct restore_call *call, const struct checkout_item *item)
{
    if (call->cli->to != NULL) {
        cli_warn("'%.*s' is there already, with other bytes: nothing was restored",
                 STR_ARG(item->place));
    } else {
        cli_warn("'%.*s' is not what pawl put there: nothing was restored; '--force' moves it to "
                 ".pawl/kept",
                 STR_ARG(item->path));
    }
}

/* What lies in another one comes with that. */
static bool restore_is_covered(const struct restore_call *call, size_t n)
{
    const struct checkout_item *item = &call->items.items[n];

    for (size_t i = 0; i < call->items.count; i++) {
        const struct checkout_item *other = &call->items.items[i];

        if (i != n && path_is_below(item->path, other->path) &&
            (i < n || item->path.len != other->path.len)) {
            return true;
        }
    }
    return false;
}

/* Only paths that were named can be parts of others, or come twice. */
static void restore_drop_covered(struct restore_call *call)
{
    bool *covered = ARENA_ARRAY(&call->cli->arena, bool, call->items.count);
    size_t count = 0;

    if (call->rest.count < 2) {
        return;
    }
    for (size_t i = 0; i < call->items.count; i++) {
        covered[i] = restore_is_covered(call, i);
    }
    for (size_t i = 0; i < call->items.count; i++) {
        if (!covered[i]) {
            call->items.items[count++] = call->items.items[i];
        }
    }
    call->items.count = count;
}

/* False: `err`, or something lies in the way that was named. */
static bool restore_look(struct restore_call *call, struct err *err)
{
    bool free = true;

    VEC_EACH (item, &call->items) {
        if (!checkout_look(&call->checkout, item, err)) {
            return false;
        }
    }
    restore_drop_covered(call);
    VEC_EACH (item, &call->items) {
        if (item->fate == CHECKOUT_FOREIGN && !call->cli->overwrite) {
            restore_say_foreign(call, item);
            free = false;
        }
    }
    if (!free) {
        restore_fails(call, STATUS_USAGE);
    }
    return free;
}

static bool restore_is_named(const struct restore_call *call)
{
    return call->rest.count != 0;
}

/* What comes back no more. */
static void restore_say_lack(struct restore_call *call, const struct checkout_item *item)
{
    if (item->fate == CHECKOUT_LOST || (item->fate == CHECKOUT_FOREIGN && item->err.status != 0)) {
        cli_warn("%s", item->err.text);
        restore_fails(call, item->err.status);
    } else if (item->fate == CHECKOUT_UNSTORED && restore_is_named(call)) {
        cli_warn("'%.*s' of '%.*s' cannot be restored: its stage stores no bytes of it",
                 STR_ARG(item->path), STR_ARG(item->result->instance));
        restore_fails(call, STATUS_ENVIRONMENT);
    }
}

static bool restore_is_to_do(const struct checkout_item *item)
{
    return item->fate == CHECKOUT_FREE || item->fate == CHECKOUT_ONLY ||
           item->fate == CHECKOUT_FOREIGN;
}

/* Nothing is changed before it stands by the runs that did not do it. */
static bool restore_note(struct restore_call *call, struct err *err)
{
    struct str *instances = ARENA_ARRAY(&call->session->arena, struct str, call->items.count);
    uint32_t count = 0;

    if (call->cli->dry || call->cli->to != NULL) {
        return true;
    }
    VEC_EACH (item, &call->items) {
        if (restore_is_to_do(item) && checkout_is_news(&call->checkout, item)) {
            instances[count++] = item->result->instance;
        }
    }
    return count == 0 || history_note_hand(call->session, instances, count, err);
}

static bool restore_do(struct restore_call *call, struct err *err)
{
    bool ok = restore_note(call, err);

    VEC_EACH (item, &call->items) {
        if (ok && !call->cli->dry && restore_is_to_do(item)) {
            ok = checkout_do(&call->checkout, item, err);
        }
        if (ok) {
            restore_say_lack(call, item);
        }
        call->counts[item->fate]++;
    }
    return checkout_save(&call->checkout, ok ? err : NULL) && ok;
}

/* --- showing --- */

static const char *restore_fate_name(const struct checkout_item *item)
{
    switch (item->fate) {
    case CHECKOUT_RIGHT:
        return "unchanged";
    case CHECKOUT_FREE:
    case CHECKOUT_ONLY:
    case CHECKOUT_FOREIGN:
        return "not_restored";
    case CHECKOUT_UNSTORED:
        return "not_stored";
    case CHECKOUT_LOST:
        return "lost";
    case CHECKOUT_DONE:
        break;
    }
    return "restored";
}

static void restore_json_item(const struct restore_call *call, const struct checkout_item *item,
                              struct json_writer *w)
{
    char hex[DIGEST_HEX_BYTES + 1];

    json_object_begin(w);
    json_field_str(w, "path", item->path);
    json_field_str(w, "instance", item->result->instance);
    json_field_str(w, "stage", item->result->stage);
    json_field_str(w, "output", item->output->path);
    json_field_text(w, "digest", digest_hex(&item->output->digest, hex));
    json_field_str(w, "made_by", item->result->run);
    json_field_text(w, "state",
                    call->cli->dry && restore_is_to_do(item) ? "would_restore"
                                                             : restore_fate_name(item));
    if (item->kept.len != 0) {
        json_field_str(w, "kept", item->kept);
    }
    if (item->err.status != 0) {
        json_field_text(w, "reason", item->err.text);
    }
    json_object_end(w);
}

static void restore_show_json(struct restore_call *call)
{
    struct json_writer w = json_writer_of(&call->cli->out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_int(&w, "schema", 1);
    if (call->by_run) {
        json_field_text(&w, "run", call->run.text);
    }
    json_field_bool(&w, "dry_run", call->cli->dry);
    json_field_array(&w, "unknown");
    for (uint32_t i = 0; i < call->past_count; i++) {
        if (!call->pasts[i].known) {
            json_str(&w, call->pasts[i].instance);
        }
    }
    json_array_end(&w);
    json_field_array(&w, "outputs");
    VEC_EACH (item, &call->items) {
        restore_json_item(call, item, &w);
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(&call->cli->out, '\n');
}

/* Whose word it is that an instance that was up to date had this. */
static void restore_show_source(const struct restore_call *call, const struct checkout_item *item,
                                struct strbuf *out)
{
    const struct past *past = NULL;

    for (uint32_t i = 0; call->by_run && past == NULL && i < call->past_count; i++) {
        past = item->result == &call->pasts[i].result ? &call->pasts[i] : NULL;
    }
    if (past == NULL) {
        return;
    }
    if (past->said_by.len != 0 && !str_is(past->said_by, call->run.text)) {
        strbuf_printf(out, " (up to date then; as of run %.*s)", STR_ARG(past->said_by));
    } else if (past->said_by.len == 0 && (past->result.flags & RESULT_ADOPTED) != 0) {
        strbuf_puts(out, " (up to date then; adopted)");
    } else if (past->said_by.len == 0 && !str_is(past->result.run, call->run.text)) {
        strbuf_printf(out, " (up to date then; made by run %.*s)", STR_ARG(past->result.run));
    }
}

static void restore_show_item(const struct restore_call *call, const struct checkout_item *item)
{
    struct strbuf *out = &call->cli->out;

    if (item->kept.len != 0) {
        strbuf_puts(out, "kept '");
        path_show(out, item->path);
        strbuf_puts(out, "' in '");
        path_show(out, item->kept);
        strbuf_puts(out, "'\n");
    }
    if (item->fate == CHECKOUT_DONE || (call->cli->dry && restore_is_to_do(item))) {
        strbuf_puts(out, call->cli->dry ? "would restore '" : "restored '");
        path_show(out, item->place);
        strbuf_putc(out, '\'');
        restore_show_source(call, item, out);
        strbuf_putc(out, '\n');
    }
}

static void restore_show(struct restore_call *call)
{
    struct strbuf *out = &call->cli->out;

    if (call->cli->json) {
        restore_show_json(call);
        return;
    }
    if (call->cli->quiet) {
        return;
    }
    VEC_EACH (item, &call->items) {
        restore_show_item(call, item);
    }
    if (call->counts[CHECKOUT_RIGHT] != 0) {
        strbuf_printf(out, "%u as they were already\n", call->counts[CHECKOUT_RIGHT]);
    }
    if (call->counts[CHECKOUT_UNSTORED] != 0 && !restore_is_named(call)) {
        strbuf_printf(out, "%u not stored by their stages\n", call->counts[CHECKOUT_UNSTORED]);
    }
    if (call->items.count == 0 && call->status == STATUS_OK) {
        strbuf_puts(out, "nothing to restore\n");
    }
}

/* --- the command --- */

/* What is seen to be in the store stays until it is restored. */
static int restore_workspace(struct restore_call *call)
{
    struct err err = {0};
    bool looked = store_lock_enter(&call->session->store_lock, call->session->objects, &err) &&
                  restore_take_words(call, &err) && restore_choose(call, &err) &&
                  restore_look(call, &err);
    bool ok = looked && restore_do(call, &err);

    if (looked || call->cli->json) {
        restore_show(call);
    }
    if (!ok && err.status != STATUS_OK) {
        restore_fails(call, cli_fail(&err));
    }
    return call->status;
}

/* DIR as the user typed it, seen from the workspace. */
static struct str restore_to(struct restore_call *call)
{
    return call->cli->to == NULL
               ? STR_NONE
               : path_join(&call->session->arena, call->session->prefix, str_of(call->cli->to));
}

/* What is in .pawl is nobody's to write but pawl's. */
static bool restore_goes_inside(struct restore_call *call)
{
    struct str path;

    if (call->cli->to == NULL || !session_user_path(call->session, str_of(call->cli->to), &path) ||
        !path_is_below(path, STR(".pawl"))) {
        return false;
    }
    cli_warn("'%s': '--to' leads into '.pawl'", call->cli->to);
    return true;
}

static bool restore_is_sound(const struct cli *cli)
{
    if (cli->operands.count == 0 && cli->run == NULL) {
        cli_warn("'restore' needs RUN|STAGE [PATH...]: see 'pawl help restore'");
        return false;
    }
    if (cli->to != NULL && (cli->overwrite || cli->to[0] == '\0')) {
        cli_warn(cli->overwrite ? "'--to' and '--force' exclude each other: nothing below DIR is "
                                  "overwritten"
                                : "'--to' needs the name of a folder");
        return false;
    }
    return true;
}

/* A run's record tells all that restoring needs, once it is known which run and where the store is.
 */
static bool restore_needs_no_plan(const struct cli *cli)
{
    return cli->run != NULL || restore_is_like_run(cli->operands.items[0]);
}

/* Whatever the manifest would say of a store: results are where they were put. */
static bool restore_knows_store(const struct session *session)
{
    return session->options.store != NULL || session->manifest_read ||
           (session->workspace.exists &&
            sys_access(session->workspace.pawlfd, "results", F_OK) == 0);
}

/* The manifest's mistakes are told, and then left alone. */
static bool restore_open_without(struct place *place, enum session_access access, struct err *err)
{
    struct session *session = &place->session;

    session_show_diags(session, cli_is_colored(place->cli, STDERR_FILENO));
    cli_warn("the manifest has mistakes: the run is restored by its record");
    if (session->manifest_read) {
        return true;
    }
    session_forget_plan(session);
    return session_open_store(session, access, place->cli->wait, err) &&
           (access == SESSION_LOOK || place_recover(session, err));
}

static int restore_open(struct place *place, struct cli *cli, enum session_access access)
{
    struct err err = {0};

    place_init(place, cli);
    if (place_advance(place, PLACE_PLAN, access, &err)) {
        session_show_diags(&place->session, cli_is_colored(cli, STDERR_FILENO));
        return STATUS_OK;
    }
    if (err.status != STATUS_MANIFEST || !restore_needs_no_plan(cli) ||
        !restore_knows_store(&place->session)) {
        return place_fail(place, &err);
    }
    err_clear(&err);
    return restore_open_without(place, access, &err) ? STATUS_OK : place_fail(place, &err);
}

int cmd_restore(struct cli *cli)
{
    struct place place;
    struct restore_call call = {.cli = cli, .session = &place.session};
    int status;

    if (!restore_is_sound(cli)) {
        return STATUS_USAGE;
    }
    status = restore_open(&place, cli, cli->dry || cli->to != NULL ? SESSION_LOOK : SESSION_CHANGE);
    if (status == STATUS_OK && restore_goes_inside(&call)) {
        status = STATUS_USAGE;
    }
    if (status == STATUS_OK) {
        checkout_init(&call.checkout, &place.session, restore_to(&call), &place.session.arena);
        status = restore_workspace(&call);
        checkout_fini(&call.checkout);
    }
    VEC_FREE(&call.items);
    place_close(&place);
    return status;
}
