/* Owns `why`. */
#include "base/clock.h"
#include "base/hex.h"
#include "base/json_write.h"
#include "cmd/decided.h"
#include "model/flag.h"

enum { WHY_DIGEST_SHOWN = 12 };

static bool why_is_digest(struct str value)
{
    struct digest digest;

    return digest_parse(str_head(value, DIGEST_HEX_BYTES), &digest);
}

/* A digest cut short, a text of one line as it is, one of several below its word. */
static void why_show_value(struct strbuf *out, const char *word, struct str value)
{
    struct str line;

    strbuf_printf(out, "    %s ", word);
    if (value.data == NULL) {
        strbuf_puts(out, "not there\n");
    } else if (why_is_digest(value)) {
        strbuf_printf(out, "%.*s%.*s\n", WHY_DIGEST_SHOWN, value.data,
                      STR_ARG(str_skip(value, DIGEST_HEX_BYTES)));
    } else if (str_find(value, '\n') < 0) {
        strbuf_printf(out, "%.*s\n", STR_ARG(value));
    } else {
        strbuf_putc(out, '\n');
        while (str_split(&value, '\n', &line)) {
            strbuf_printf(out, "      | %.*s\n", STR_ARG(line));
        }
    }
}

static const char *why_verdict(const struct decided *decided, uint32_t instance)
{
    switch ((enum decide_action)decided->decide.action[instance]) {
    case DECIDE_WAIT:
        return "may run";
    case DECIDE_NOTHING:
        return "up to date";
    case DECIDE_RESTORE:
        return "would be restored";
    case DECIDE_RUN:
        return "would run";
    case DECIDE_END_SKIPPED:
        return "would be skipped";
    case DECIDE_END_LACKING:
        return "would fail";
    case DECIDE_END_REFUSED:
        break;
    }
    return "refused";
}

static void why_show_last(struct strbuf *out, const struct reason *reason)
{
    char ended[TIME_TEXT_BYTES];

    if (!reason->has_last) {
        return;
    }
    time_format_rfc3339(reason->last.ended_ns, ended);
    if ((reason->last.flags & RESULT_ADOPTED) != 0) {
        strbuf_printf(out, "  last result: adopted %s, nothing ran\n", ended);
    } else {
        strbuf_printf(out, "  last result: %s, run %.*s%s%s\n", ended, STR_ARG(reason->last.run),
                      (reason->last.flags & RESULT_DIFFERS) != 0
                          ? ", with other bytes than the same key gave before"
                          : "",
                      (reason->last.flags & RESULT_FALLBACK) != 0
                          ? ", by the stage's own command: its variant had failed"
                          : "");
    }
}

/* Which variant it is, or why it is none. */
static void why_show_variant(struct decided *decided, const struct plan_instance *inst,
                             struct strbuf *out)
{
    const struct plan *plan = &decided->place.session.plan;
    const struct m_variants *variants = plan->stages[inst->stage.n].source->settings->variants;
    const struct m_variant *variant = plan_variant(plan, inst);
    struct strbuf share = {0};

    for (uint32_t i = 0; variants != NULL && i < variants->count; i++) {
        const struct m_variant *one = &variants->items[i];

        if (variant != NULL && variant != one) {
            continue;
        }
        strbuf_clear(&share);
        flag_render(one->flag->percent, &share);
        strbuf_puts(&share, flag_is_settled(one->flag) ? "" : " %");
        strbuf_printf(out, "  variant %.*s: flag '%.*s' (%s) is %s for it\n", STR_ARG(one->name),
                      STR_ARG(one->flag->name), share.data, variant != NULL ? "on" : "off");
    }
    strbuf_fini(&share);
}

static void why_show(struct decided *decided, struct inst_id instance, const struct reason *reason,
                     struct arena *arena, struct strbuf *out)
{
    const struct plan_instance *inst = &decided->place.session.plan.instances[instance.n];

    strbuf_printf(out, "%.*s: %s", STR_ARG(inst->name), why_verdict(decided, instance.n));
    if (decided->decide.action[instance.n] != DECIDE_NOTHING) {
        strbuf_printf(out, ": %.*s", STR_ARG(reason_text(&decided->view, instance, reason, arena)));
    }
    strbuf_putc(out, '\n');
    why_show_variant(decided, inst, out);
    why_show_last(out, reason);
    for (uint32_t i = 0; i < reason->change_count; i++) {
        strbuf_puts(out, "  ");
        reason_change_text(&reason->changes[i], out);
        strbuf_putc(out, '\n');
        why_show_value(out, "was", reason->changes[i].was);
        why_show_value(out, "now", reason->changes[i].now);
    }
}

static void why_json_value(struct json_writer *w, const char *key, struct str value)
{
    json_name(w, str_of(key));
    if (value.data != NULL) {
        json_str(w, value);
    } else {
        json_null(w);
    }
}

static void why_json_last(struct json_writer *w, const struct result *last)
{
    char ended[TIME_TEXT_BYTES];

    time_format_rfc3339(last->ended_ns, ended);
    json_field_object(w, "last");
    json_field_str(w, "run", last->run);
    json_field_text(w, "ended", ended);
    json_field_bool(w, "adopted", (last->flags & RESULT_ADOPTED) != 0);
    json_field_bool(w, "fallback", (last->flags & RESULT_FALLBACK) != 0);
    json_object_end(w);
}

static void why_show_json(struct decided *decided, struct inst_id instance,
                          const struct reason *reason, struct arena *arena, struct json_writer *w)
{
    const struct plan *plan = &decided->place.session.plan;
    const struct plan_instance *inst = &plan->instances[instance.n];

    json_object_begin(w);
    json_field_str(w, "instance", inst->name);
    json_field_str(w, "stage", plan->stages[inst->stage.n].name);
    if (plan_variant(plan, inst) != NULL) {
        json_field_str(w, "variant", plan_variant(plan, inst)->name);
    }
    json_field_text(w, "verdict", why_verdict(decided, instance.n));
    json_field_str(w, "reason", reason_text(&decided->view, instance, reason, arena));
    if (reason->has_last) {
        why_json_last(w, &reason->last);
    }
    json_field_array(w, "changes");
    for (uint32_t i = 0; i < reason->change_count; i++) {
        json_object_begin(w);
        json_field_str(w, "field", reason->changes[i].name);
        why_json_value(w, "was", reason->changes[i].was);
        why_json_value(w, "now", reason->changes[i].now);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void why_show_all(struct cli *cli, struct decided *decided)
{
    struct json_writer w = json_writer_of(&cli->out, JSON_PRETTY);
    struct arena arena;

    arena_init(&arena);
    if (cli->json) {
        json_array_begin(&w);
    }
    for (uint32_t i = 0; i < decided->place.session.plan.instance_count; i++) {
        struct inst_id instance = {i};
        struct reason reason;

        if (!decided->target[i]) {
            continue;
        }
        arena_reset(&arena);
        reason_find(&decided->view, instance, &arena, &reason);
        if (cli->json) {
            why_show_json(decided, instance, &reason, &arena, &w);
        } else {
            why_show(decided, instance, &reason, &arena, &cli->out);
        }
    }
    if (cli->json) {
        json_array_end(&w);
        strbuf_putc(&cli->out, '\n');
    }
    arena_fini(&arena);
}

int cmd_why(struct cli *cli)
{
    struct decided decided;
    int status = decided_open(&decided, cli, DECIDED_OPERANDS);

    if (status == STATUS_OK) {
        why_show_all(cli, &decided);
    }
    decided_close(&decided);
    return status;
}
