/* Owns the words for checks. */
#include "report/checks.h"

#include "report/text.h"

static const char *checks_kind(enum event_type type)
{
    return type == EVENT_GATE_REFUSED ? "gate" : "validation";
}

static void checks_add_part(const char *word, struct str text, struct strbuf *out)
{
    if (text.len != 0) {
        strbuf_printf(out, "    %s ", word);
        text_add_inline(out, text);
        strbuf_putc(out, '\n');
    }
}

void checks_add_lines(const struct inst_told *told, struct strbuf *out)
{
    for (const struct inst_check *check = told->checks; check != NULL; check = check->next) {
        if (check->type == EVENT_CHECK_WARNED) {
            continue;
        }
        strbuf_printf(out, "  %s ", checks_kind(check->type));
        text_add_inline(out, check->check);
        if (!str_equal(check->check, check->expression)) {
            strbuf_puts(out, ": ");
            text_add_inline(out, check->expression);
        }
        strbuf_putc(out, '\n');
        checks_add_part("saw:   ", check->reason, out);
        checks_add_part("passes:", check->wanted, out);
    }
}

void checks_add_warning(const struct event *event, struct strbuf *out)
{
    strbuf_puts(out, "check '");
    text_add_inline(out, event->check);
    strbuf_puts(out, "' does not pass: ");
    text_add_inline(out, event->reason);
    if (event->wanted.len != 0) {
        strbuf_puts(out, "; passes with ");
        text_add_inline(out, event->wanted);
    }
    strbuf_putc(out, '\n');
}

static const char *checks_result(enum event_type type)
{
    return type == EVENT_CHECK_WARNED ? "warning" : checks_kind(type);
}

static void checks_write_one(const struct inst_check *check, struct json_writer *w)
{
    json_object_begin(w);
    json_field_text(w, "kind", checks_result(check->type));
    json_field_str(w, "check", check->check);
    json_field_str(w, "expression", check->expression);
    json_field_str(w, "reason", check->reason);
    if (check->wanted.len != 0) {
        json_field_str(w, "wanted", check->wanted);
    }
    json_name(w, STR("saw"));
    event_write_figures(w, &check->metrics);
    json_object_end(w);
}

void checks_write_json(const struct inst_told *told, struct json_writer *w)
{
    if (told->metrics.count != 0) {
        json_name(w, STR("metrics"));
        event_write_figures(w, &told->metrics);
    }
    if (told->checks_passed != 0) {
        json_field_int(w, "checks_passed", told->checks_passed);
    }
    if (told->checks == NULL) {
        return;
    }
    json_field_array(w, "checks");
    for (const struct inst_check *check = told->checks; check != NULL; check = check->next) {
        checks_write_one(check, w);
    }
    json_array_end(w);
}
