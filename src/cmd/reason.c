/* Owns the words for what changed. Fields of one name (a list) are compared in their order. */
#include "cmd/reason.h"

#include "base/hex.h"
#include "base/map.h"
#include "base/path.h"
#include "run/judge.h"

/* --- the difference of two lists of fields --- */

/* Fields of the last result by name, each chained to the next one of its name. */
struct reason_fields {
    struct map heads;
    uint32_t *next;
    bool *used;
};

enum { REASON_END = UINT32_MAX - 1 };

static void reason_index(struct reason_fields *fields, const struct result *last,
                         struct arena *arena)
{
    map_init(&fields->heads);
    fields->next = ARENA_ARRAY(arena, uint32_t, last->field_count);
    fields->used = ARENA_ARRAY(arena, bool, last->field_count);
    for (uint32_t i = last->field_count; i-- > 0;) {
        uint32_t head = map_get(&fields->heads, last->fields[i].name);

        fields->next[i] = head == MAP_MISSING ? REASON_END : head;
        map_put(&fields->heads, last->fields[i].name, i);
    }
}

/* The next field of that name that was not taken yet, or REASON_END. */
static uint32_t reason_take(struct reason_fields *fields, struct str name)
{
    uint32_t at = map_get(&fields->heads, name);

    if (at == MAP_MISSING || at == REASON_END) {
        return REASON_END;
    }
    map_put(&fields->heads, name, fields->next[at]);
    fields->used[at] = true;
    return at;
}

static void reason_add(struct reason *reason, struct str name, struct str was, struct str now)
{
    reason->changes[reason->change_count++] = (struct reason_change){name, was, now};
}

static void reason_compare(struct reason *reason, const struct key_fields *now, struct arena *arena)
{
    const struct result *last = &reason->last;
    struct reason_fields fields = {0};

    reason_index(&fields, last, arena);
    for (uint32_t i = 0; i < now->count; i++) {
        const struct key_field *field = &now->items[i];
        uint32_t at = reason_take(&fields, field->name);

        if (at == REASON_END) {
            reason_add(reason, field->name, STR_NONE, field->value);
        } else if (!str_equal(last->fields[at].value, field->value)) {
            reason_add(reason, field->name, last->fields[at].value, field->value);
        }
    }
    for (uint32_t i = 0; i < last->field_count; i++) {
        if (!fields.used[i] && !str_is(last->fields[i].name, RESULT_FIELD_FALLBACK)) {
            reason_add(reason, last->fields[i].name, last->fields[i].value, STR_NONE);
        }
    }
    map_fini(&fields.heads);
}

/* --- what a depfile named --- */

/* False: not there. */
static bool reason_digest_now(const struct reason_view *view, struct str path,
                              struct digest *digest)
{
    const struct plan *plan = &view->session->plan;
    struct path_id id = plan_find_path(plan, path);
    struct source_fact source;

    if (id.n != PLAN_NONE && inst_is_some(plan->paths[id.n].producer)) {
        const struct output_fact *made = &view->facts->outputs[plan->paths[id.n].output];

        *digest = made->digest;
        return made->state == OUTPUT_MADE;
    }
    if (!facts_source(view->facts, path, &source) || !source.exists || source.folder) {
        return false;
    }
    *digest = source.digest;
    return true;
}

static void reason_compare_found(const struct reason_view *view, struct reason *reason,
                                 struct arena *arena)
{
    for (uint32_t i = 0; i < reason->last.discovered_count; i++) {
        const struct result_input *input = &reason->last.discovered[i];
        struct digest now;
        bool is_there = reason_digest_now(view, input->path, &now);

        if (is_there != input->missing && (!is_there || digest_equal(&now, &input->digest))) {
            continue;
        }
        reason_add(reason, str_printf(arena, "found %.*s", STR_ARG(input->path)),
                   input->missing ? STR_NONE : digest_str(&input->digest, arena),
                   is_there ? digest_str(&now, arena) : STR_NONE);
    }
}

/* The result that counts now, else the last one of the instance here. */
static struct result_ref reason_result(const struct reason_view *view, struct inst_id instance)
{
    const struct session *session = view->session;
    const struct plan_instance *inst = &session->plan.instances[instance.n];
    const struct inst_fact *fact = &view->facts->instances[instance.n];

    if (session->results == NULL) {
        return (struct result_ref){RESULT_NONE};
    }
    if (fact->hit) {
        return results_find(session->results, &fact->key);
    }
    return results_find_last(session->results, session->plan.stages[inst->stage.n].name, inst->name,
                             &session->workspace.id);
}

void reason_find(const struct reason_view *view, struct inst_id instance, struct arena *arena,
                 struct reason *reason)
{
    const struct inst_fact *fact = &view->facts->instances[instance.n];
    struct result_ref ref = reason_result(view, instance);
    struct inst_reads reads;

    *reason = (struct reason){.has_key = fact->keyed &&
                                         view->decide->verdict[instance.n] != DECIDE_UNKNOWN};
    reason->has_last =
        result_ref_is_some(ref) && results_read(view->session->results, ref, arena, &reason->last);
    if (!reason->has_last || !reason->has_key || fact->hit ||
        !facts_reads_of(view->facts, instance, arena, &reads)) {
        return;
    }
    reason->changes = ARENA_ARRAY(arena, struct reason_change,
                                  (size_t)reads.fields.count + reason->last.field_count +
                                      reason->last.discovered_count);
    reason_compare(reason, &reads.fields, arena);
    reason_compare_found(view, reason, arena);
}

/* --- words --- */

static const struct {
    const char *prefix;
    const char *noun; /* %s stands before the quoted rest; NULL: no rest is shown */
    const char *whole;
} reason_words[] = {
    {"command", NULL, "the command"},
    {"argv[", NULL, "the command"},
    {"shell[", NULL, "the shell"},
    {"dir", NULL, "the folder it works in"},
    {"version", NULL, "the pipeline's version"},
    {"format", NULL, "the form of keys"},
    {"env.", "variable", NULL},
    {"pass_env.", "passed variable", NULL},
    {"tool ", "tool", NULL},
    {"input ", "input", NULL},
    {"stdin ", "standard input", NULL},
    {"each ", "the stream's", NULL},
    {"mode", NULL, "how the stream is worked"},
    {"stream", NULL, "how the stream is worked"},
    {"output ", "the declaration of output", NULL},
    {"stdout ", "the declaration of stdout", NULL},
    {"dead_letter ", "the declaration of dead_letter", NULL},
    {"depfile ", "the declaration of depfile", NULL},
    {"found ", "discovered input", NULL},
    {"when ", "metric", NULL},
    {"metrics ", "the declaration of metrics", NULL},
};

void reason_change_text(const struct reason_change *change, struct strbuf *out)
{
    const char *verb = change->was.data == NULL   ? "is new"
                       : change->now.data == NULL ? "is gone"
                                                  : "changed";

    for (size_t i = 0; i < sizeof(reason_words) / sizeof(*reason_words); i++) {
        struct str prefix = str_of(reason_words[i].prefix);

        if (!str_has_prefix(change->name, prefix)) {
            continue;
        }
        if (reason_words[i].whole != NULL) {
            strbuf_printf(out, "%s changed", reason_words[i].whole);
        } else {
            struct str rest = str_skip(change->name, prefix.len);

            strbuf_printf(out, "%s '", reason_words[i].noun);
            path_show(out, rest);
            strbuf_printf(out, "' %s", verb);
        }
        return;
    }
    strbuf_printf(out, "'%.*s' %s", STR_ARG(change->name), verb);
}

/* The first demanded output that is not as its result says. */
static struct str reason_lost_output(const struct reason_view *view, struct inst_id instance)
{
    struct session *session = view->session;
    const struct plan_instance *inst = &session->plan.instances[instance.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        uint32_t output = inst->outputs_first + i;
        const struct output_fact *fact = &view->facts->outputs[output];
        struct str path = plan_path_name(&session->plan, session->plan.outputs[output].path);
        struct output_look look;
        struct err err = {0};

        if (decide_is_demanded(view->decide, output) && fact->state == OUTPUT_MADE &&
            (!source_look_output(session, path, fact->type, fact->executable, &fact->digest, false,
                                 &look, &err) ||
             !look.same)) {
            return path;
        }
    }
    return STR("");
}

/* The producer that must be done before anything can be said. */
static struct str reason_waits_for(const struct reason_view *view, struct inst_id instance)
{
    const struct plan *plan = &view->session->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        uint32_t p = plan->edges[inst->producers_first + i].n;

        if (view->decide->scope[p] && !view->decide->ended[p]) {
            return plan->instances[p].name;
        }
    }
    return STR("");
}

static struct str reason_changes_text(const struct reason *reason, struct arena *arena)
{
    struct strbuf text = {0};
    struct str copy;

    reason_change_text(&reason->changes[0], &text);
    if (reason->change_count > 1) {
        strbuf_printf(&text, ", and %u more", reason->change_count - 1);
    }
    copy = strbuf_dup(&text, arena);
    strbuf_fini(&text);
    return copy;
}

/* Nothing differs, yet the result does not count. */
static struct str reason_of_useless(const struct reason_view *view, struct inst_id instance,
                                    const struct reason *reason)
{
    const struct session *session = view->session;

    if (effects_forget(&session->effects, session->plan.instances[instance.n].name)) {
        return STR("what it did was undone");
    }
    if ((reason->last.flags & RESULT_UNKEYED) != 0) {
        return STR("its last attempt did not end well");
    }
    if ((reason->last.flags & RESULT_FALLBACK) != 0) {
        return STR("its result was made in place of its variant, by a command that changed");
    }
    if (!digest_equal(&reason->last.machine, &session->machine_digest)) {
        return STR("its last result is of another machine, and it declares no 'tools'");
    }
    if (session->plan.instances[instance.n].last_only) {
        return STR("its last attempt had another key");
    }
    return STR("its result is not in the store any more");
}

static struct str reason_of_output(const struct reason_view *view, struct inst_id instance,
                                   const char *what, struct arena *arena)
{
    struct strbuf text = {0};
    struct str said;

    strbuf_puts(&text, "output '");
    path_show(&text, reason_lost_output(view, instance));
    strbuf_printf(&text, "' %s", what);
    said = str_dup(arena, strbuf_str(&text));
    strbuf_fini(&text);
    return said;
}

static struct str reason_to_run(const struct reason_view *view, struct inst_id instance,
                                const struct reason *reason, struct arena *arena)
{
    const struct plan_instance *inst = &view->session->plan.instances[instance.n];

    if (view->facts->instances[instance.n].hit) {
        return reason_of_output(view, instance, "is neither here nor in the store", arena);
    }
    if (view->forced[instance.n]) {
        return STR("forced");
    }
    if (inst->always) {
        return STR("runs at the end of each run: always = true");
    }
    if (inst->no_cache) {
        return inst->input_count == 0 && inst->output_count == 0
                   ? STR("runs in each run: it has neither inputs nor outputs")
                   : STR("runs in each run: cache = false");
    }
    if (!reason->has_last) {
        return STR("never finished here");
    }
    return reason->change_count != 0 ? reason_changes_text(reason, arena)
                                     : reason_of_useless(view, instance, reason);
}

static struct str reason_to_skip(const struct reason_view *view, struct inst_id instance)
{
    const struct plan_instance *inst = &view->session->plan.instances[instance.n];

    if (inst->late_when) {
        return inst_trouble(&view->facts->instances[instance.n])->lack;
    }
    return inst->skip_reason.len != 0 ? inst->skip_reason : STR("what it reads would be skipped");
}

static struct str reason_to_refuse(const struct reason_view *view, struct inst_id instance,
                                   struct arena *arena)
{
    struct judgement judgement;

    facts_judge(view->facts, instance, arena, &judgement);
    return judgement.reason;
}

struct str reason_text(const struct reason_view *view, struct inst_id instance,
                       const struct reason *reason, struct arena *arena)
{
    struct str path;

    switch ((enum decide_action)view->decide->action[instance.n]) {
    case DECIDE_WAIT:
        path = reason_waits_for(view, instance);
        return str_printf(arena, "depends on what '%.*s' makes", STR_ARG(path));
    case DECIDE_NOTHING:
        return STR("up to date");
    case DECIDE_RESTORE:
        path = reason_lost_output(view, instance);
        return path.len == 0 ? STR("its checks were not asked yet")
                             : reason_of_output(view, instance,
                                                "is not as it was, and the store has it", arena);
    case DECIDE_RUN:
        return reason_to_run(view, instance, reason, arena);
    case DECIDE_END_SKIPPED:
        return reason_to_skip(view, instance);
    case DECIDE_END_REFUSED:
        return reason_to_refuse(view, instance, arena);
    case DECIDE_END_LACKING:
        break;
    }
    return inst_trouble(&view->facts->instances[instance.n])->lack;
}
