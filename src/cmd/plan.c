/* Owns `plan`: what `run` would do with the same arguments, and why. */
#include <fcntl.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/path.h"
#include "base/sys.h"
#include "cmd/decided.h"
#include "run/recover.h"
#include "run/standing.h"

/* What is done with an instance, as a person and as a program reads it. */
struct plan_word {
    const char *text, *json;
};
static const struct plan_word plan_words[] = {
    [DECIDE_WAIT] = {"may run", "may_run"},      [DECIDE_NOTHING] = {"up to date", "nothing"},
    [DECIDE_RESTORE] = {"restore", "restore"},   [DECIDE_RUN] = {"run", "run"},
    [DECIDE_END_SKIPPED] = {"skip", "skip"},     [DECIDE_END_LACKING] = {"fail", "fail"},
    [DECIDE_END_REFUSED] = {"refuse", "refuse"},
};
enum { PLAN_ACTIONS = sizeof(plan_words) / sizeof(*plan_words), PLAN_OUT_BYTES = 64 << 10 };

struct plan_show {
    struct cli *cli;
    struct decided *decided;
    struct arena arena; /* one instance */
    struct json_writer w;
    uint32_t counts[PLAN_ACTIONS];
    struct event_strs kept; /* files of somebody in the way */
};

/* --- files that are not ours --- */

static void plan_add_kept(struct plan_show *show, struct str path)
{
    struct event_strs *kept = &show->kept;
    struct arena *arena = &show->cli->arena;

    if ((kept->count & (kept->count - 1)) == 0) {
        struct str *grown = ARENA_ARRAY(arena, struct str, kept->count == 0 ? 1 : kept->count * 2);

        for (uint32_t i = 0; i < kept->count; i++) {
            grown[i] = kept->items[i];
        }
        kept->items = grown;
    }
    kept->items[kept->count++] = path;
}

/* An output path of an instance that would or may run or be restored, with bytes that neither a
 * result nor pawl's own record knows. */
static bool plan_is_in_the_way(struct plan_show *show, uint32_t output, enum decide_action action,
                               struct str path)
{
    struct session *session = &show->decided->place.session;
    const struct output_fact *fact = &show->decided->facts.outputs[output];
    struct output_look look;
    struct err err = {0};

    if (action == DECIDE_RESTORE) {
        return fact->state == OUTPUT_MADE &&
               source_look_output(session, path, fact->type, fact->executable, &fact->digest, false,
                                  &look, &err) &&
               look.exists && !look.same && !look.known;
    }
    return !session->plan.outputs[output].persist &&
           source_look_known(session, path, &look, &err) && look.exists && !look.known;
}

static void plan_look_in_the_way(struct plan_show *show, uint32_t number)
{
    const struct plan *plan = &show->decided->place.session.plan;
    const struct plan_instance *inst = &plan->instances[number];
    enum decide_action action = (enum decide_action)show->decided->decide.action[number];

    if (action != DECIDE_RUN && action != DECIDE_RESTORE && action != DECIDE_WAIT) {
        return;
    }
    for (uint32_t i = 0; i < inst->output_count; i++) {
        uint32_t output = inst->outputs_first + i;
        struct str path = plan_path_name(plan, plan->outputs[output].path);

        if (plan_is_in_the_way(show, output, action, path)) {
            plan_add_kept(show, path);
        }
    }
}

/* What a killed attempt left half done is not somebody's: a run clears it away first. */
static void plan_leave_out_partial(struct plan_show *show)
{
    struct event_strs *kept = &show->kept;
    uint32_t count = 0;
    struct map partial;
    struct err err = {0};

    map_init(&partial);
    if (kept->count != 0 &&
        recover_foresee(&show->decided->place.session, &show->cli->arena, &partial, &err)) {
        for (uint32_t i = 0; i < kept->count; i++) {
            if (map_get(&partial, kept->items[i]) == MAP_MISSING) {
                kept->items[count++] = kept->items[i];
            }
        }
        kept->count = count;
    }
    map_fini(&partial);
}

/* --- instances --- */

static void plan_show_instance(struct plan_show *show, uint32_t number)
{
    const struct plan *plan = &show->decided->place.session.plan;
    const struct plan_instance *inst = &plan->instances[number];
    const struct plan_word *word = &plan_words[show->decided->decide.action[number]];
    const struct m_variant *variant = plan_variant(plan, inst);
    struct inst_id instance = {number};
    struct reason reason;
    struct str text;

    arena_reset(&show->arena);
    reason_find(&show->decided->view, instance, &show->arena, &reason);
    text = reason_text(&show->decided->view, instance, &reason, &show->arena);
    if (!show->cli->json) {
        strbuf_printf(&show->cli->out, "%-8s %.*s", word->text, STR_ARG(inst->name));
        if (variant != NULL) {
            strbuf_printf(&show->cli->out, " (variant %.*s)", STR_ARG(variant->name));
        }
        strbuf_printf(&show->cli->out, ": %.*s\n", STR_ARG(text));
        return;
    }
    json_object_begin(&show->w);
    json_field_str(&show->w, "instance", inst->name);
    json_field_str(&show->w, "stage", plan->stages[inst->stage.n].name);
    if (variant != NULL) {
        json_field_str(&show->w, "variant", variant->name);
    }
    json_field_text(&show->w, "action", word->json);
    json_field_str(&show->w, "reason", text);
    json_object_end(&show->w);
}

/* Lines go out as they come: those of many instances are not collected. */
static void plan_flush_lines(struct plan_show *show)
{
    if (!show->cli->json && show->cli->out.len >= PLAN_OUT_BYTES) {
        cli_flush(show->cli);
    }
}

static void plan_show_instances(struct plan_show *show)
{
    const struct decided *decided = show->decided;
    const struct plan *plan = &decided->place.session.plan;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        uint32_t n = plan->topo[i].n;

        if (!decided->scope[n] || decided_is_name(decided, n)) {
            continue;
        }
        show->counts[decided->decide.action[n]]++;
        if (decided->decide.action[n] != DECIDE_NOTHING) {
            plan_show_instance(show, n);
            plan_look_in_the_way(show, n);
            plan_flush_lines(show);
        }
    }
    plan_leave_out_partial(show);
}

/* --- the whole --- */

static void plan_show_count(struct plan_show *show, enum decide_action action, const char *text,
                            bool *first)
{
    if (show->counts[action] != 0) {
        strbuf_printf(&show->cli->out, "%s%u %s", *first ? "" : ", ", show->counts[action], text);
        *first = false;
    }
}

static void plan_show_end(struct plan_show *show)
{
    bool first = true;

    for (uint32_t i = 0; i < show->kept.count; i++) {
        strbuf_puts(&show->cli->out, "keep     '");
        path_show(&show->cli->out, show->kept.items[i]);
        strbuf_puts(&show->cli->out,
                    "': pawl did not make what lies there; it would be moved to .pawl/kept\n");
    }
    plan_show_count(show, DECIDE_RUN, "would run", &first);
    plan_show_count(show, DECIDE_WAIT, "may run", &first);
    plan_show_count(show, DECIDE_RESTORE, "would be restored", &first);
    plan_show_count(show, DECIDE_END_SKIPPED, "would be skipped", &first);
    plan_show_count(show, DECIDE_END_LACKING, "would fail", &first);
    plan_show_count(show, DECIDE_END_REFUSED, "would be refused", &first);
    plan_show_count(show, DECIDE_NOTHING, "up to date", &first);
    strbuf_puts(&show->cli->out, first ? "nothing to do\n" : "\n");
}

static void plan_json_end(struct plan_show *show)
{
    struct json_writer *w = &show->w;

    json_array_end(w);
    json_field_array(w, "kept");
    for (uint32_t i = 0; i < show->kept.count; i++) {
        json_str(w, show->kept.items[i]);
    }
    json_array_end(w);
    json_field_object(w, "counts");
    for (unsigned i = 0; i < PLAN_ACTIONS; i++) {
        json_field_uint(w, plan_words[i].json, show->counts[i]);
    }
    json_object_end(w);
    json_object_end(w);
    strbuf_putc(&show->cli->out, '\n');
}

static int plan_status(const struct plan_show *show)
{
    const uint32_t *counts = show->counts;

    if (show->cli->check &&
        (counts[DECIDE_RUN] != 0 || counts[DECIDE_WAIT] != 0 || counts[DECIDE_RESTORE] != 0 ||
         counts[DECIDE_END_LACKING] != 0 || counts[DECIDE_END_REFUSED] != 0)) {
        return STATUS_STALE;
    }
    return STATUS_OK;
}

static int plan_show_all(struct cli *cli, struct decided *decided)
{
    struct plan_show show = {.cli = cli, .decided = decided};

    arena_init(&show.arena);
    show.w = json_writer_of(&cli->out, JSON_PRETTY);
    if (cli->json) {
        json_object_begin(&show.w);
        json_field_int(&show.w, "schema", 1);
        json_field_array(&show.w, "instances");
        plan_show_instances(&show);
        plan_json_end(&show);
    } else {
        plan_show_instances(&show);
        plan_show_end(&show);
    }
    arena_fini(&show.arena);
    return plan_status(&show);
}

/* The answer of a plan without work, without planning: everything stands as the last run left it.
 * Looking goes to the workspace. */
static bool plan_tells_nothing_to_do(struct cli *cli)
{
    struct standing standing = {0};
    struct guards_counts *counts = &standing.counts;
    struct place place;
    struct err err = {0};
    bool nothing;

    place_init(&place, cli);
    nothing = session_find(&place.session, &err) && sys_access(AT_FDCWD, ".pawl/owed", F_OK) != 0 &&
              standing_look(&standing, &place.session) == STANDING_ALL && counts->skipped == 0;
    if (nothing) {
        uint32_t count = counts->instances - counts->named;

        strbuf_printf(&cli->out, count == 0 ? "nothing to do\n" : "%u up to date\n", count);
    }
    standing_fini(&standing);
    place_close(&place);
    return nothing;
}

/* Where it has not told that, it has come back to where '-C' and relative paths are meant from. */
static bool plan_has_nothing_to_do(struct cli *cli, struct err *err)
{
    bool nothing;
    int here;

    if (cli->json || !cli_takes_last_state(cli)) {
        return false;
    }
    here = sys_open(".", O_PATH | O_DIRECTORY, 0);
    if (here < 0) {
        return false;
    }
    nothing = plan_tells_nothing_to_do(cli);
    if (!nothing && sys_fchdir(here) != 0) {
        err_sys(err, "cannot go back to the working folder");
    }
    sys_close(here);
    return nothing;
}

int cmd_plan(struct cli *cli)
{
    struct decided decided;
    struct err err = {0};
    int status;

    if (plan_has_nothing_to_do(cli, &err)) {
        return STATUS_OK;
    }
    if (err.status != STATUS_OK) {
        return cli_fail(&err);
    }
    status = decided_open(&decided, cli, DECIDED_TARGETS);
    if (status == STATUS_OK) {
        status = plan_show_all(cli, &decided);
    }
    decided_close(&decided);
    return status;
}
