/* Owns what the tables of a report hold. */
#include "report/tables.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/units.h"
#include "report/story.h"
#include "report/table.h"
#include "report/text.h"
#include "report/variants.h"

bool report_format_from(struct str text, enum report_format *format)
{
    static const char *const names[] = {[REPORT_TEXT] = "text",
                                        [REPORT_JSON] = "json",
                                        [REPORT_CSV] = "csv",
                                        [REPORT_MARKDOWN] = "markdown"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(text, names[i])) {
            *format = (enum report_format)i;
            return true;
        }
    }
    return false;
}

struct report {
    const struct run_state *state;
    const struct result_options *options;
    const struct figures *figures;
    enum table_form form;
    struct arena arena;
    bool varied; /* some instance has a variant */
    struct strbuf *out;
};

static void report_title(struct report *report, const char *title)
{
    strbuf_printf(report->out, report->form == TABLE_MARKDOWN ? "\n## %s\n\n" : "\n%s\n\n", title);
}

static struct str report_duration(struct report *report, int64_t ns)
{
    char text[UNITS_TEXT_BYTES];

    duration_format(ns, text);
    return str_dup(&report->arena, str_of(text));
}

static struct str report_size(struct report *report, int64_t bytes)
{
    char text[UNITS_TEXT_BYTES];

    if (bytes <= 0) {
        return STR("");
    }
    size_format((uint64_t)bytes, text);
    return str_dup(&report->arena, str_of(text));
}

/* --- the head --- */

static void report_fact(struct report *report, const char *name, struct str value)
{
    if (value.len == 0) {
        return;
    }
    strbuf_printf(report->out, report->form == TABLE_MARKDOWN ? "- %s: " : "%-9s ", name);
    text_add_inline(report->out, value);
    strbuf_putc(report->out, '\n');
}

static uint32_t report_total(const struct report *report)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < report->state->instance_count; i++) {
        total += report->options->scope == NULL || report->options->scope[i];
    }
    return total;
}

static struct str report_state_text(struct report *report)
{
    enum run_status now = result_run_status(report->state, report->options);
    int status = result_status(report->state, report->options);

    if (status < 0) {
        return str_of(run_status_name(now));
    }
    return str_printf(&report->arena, "%s, status %d (%s)", run_status_name(now), status,
                      status_name(status));
}

static void report_head(struct report *report)
{
    const struct run_state *state = report->state;
    char time[TIME_TEXT_BYTES] = "";
    struct strbuf summary = {0};
    int64_t end_ns = state->ended_at_ns != 0 ? state->ended_at_ns : state->last_event_ns;

    if (report->form == TABLE_MARKDOWN) {
        strbuf_printf(report->out, "# Run %.*s\n\n", STR_ARG(state->run));
    } else {
        report_fact(report, "run", state->run);
    }
    report_fact(report, "pipeline", state->pipeline);
    report_fact(report, "state", report_state_text(report));
    report_fact(report, "reason", state->reason);
    if (state->started_at_ns != 0) {
        time_format_rfc3339(state->started_at_ns, time);
    }
    report_fact(report, "started", str_of(time));
    story_add_summary(state, report_total(report), end_ns - state->started_at_ns, &summary);
    report_fact(report, "result", strbuf_str(&summary));
    report_fact(report, "head", report->options->head);
    strbuf_fini(&summary);
}

/* --- instances --- */

static struct str report_name(struct report *report, uint32_t number)
{
    struct str name = result_instance_name(report->state, report->options, number);

    return name.len != 0 ? name : str_printf(&report->arena, "#%u", number);
}

static void report_instance_row(struct report *report, struct table *table, uint32_t number)
{
    const struct inst_status *inst = &report->state->instances[number];
    bool ran = inst->attempts != 0;

    table_add(table, str_of(inst_state_name(inst->state)));
    table_add(table, report_name(report, number));
    table_add(table, ran ? report_duration(report, inst->wall_ns) : STR(""));
    table_add(table, ran ? str_printf(&report->arena, "%u", inst->attempts) : STR(""));
    table_add(table, ran ? report_duration(report, inst->cpu_ns) : STR(""));
    table_add(table, report_size(report, inst->max_rss_bytes));
    table_add(table, result_reason(report->state, report->options, number));
}

static void table_add_heads(struct table *table, const char *const *heads)
{
    for (uint32_t i = 0; i < table->columns; i++) {
        table_add(table, str_of(heads[i]));
    }
}

static void report_instances(struct report *report)
{
    static const char *const heads[] = {"state", "instance", "time",  "attempts",
                                        "cpu",   "memory",   "reason"};
    struct table table;

    table_init(&table, 7, 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5);
    table_add_heads(&table, heads);
    for (uint32_t i = 0; i < report->state->instance_count; i++) {
        if (result_has_instance(report->state, report->options, i)) {
            report_instance_row(report, &table, i);
        }
    }
    if (table.count > table.columns) {
        report_title(report, "Instances");
        table_render(&table, report->form, report->out);
    }
    table_fini(&table);
}

/* --- CSV --- */

static void report_csv_facts(struct report *report, struct table *table, uint32_t number)
{
    const struct inst_status *inst = &report->state->instances[number];
    struct arena *arena = &report->arena;
    char time[TIME_TEXT_BYTES] = "";

    table_add(table, report_name(report, number));
    table_add(table, result_stage_name(report->state, report->options, number));
    table_add(table, str_of(inst_state_name(inst->state)));
    table_add(table, str_printf(arena, "%u", inst->attempts));
    if (inst->started_at_ns != 0) {
        time_format_rfc3339(inst->started_at_ns, time);
    }
    table_add(table, str_dup(arena, str_of(time)));
    table_add(table, str_printf(arena, "%" PRId64, inst->wall_ns));
    table_add(table, str_printf(arena, "%" PRId64, inst->cpu_ns));
    table_add(table, str_printf(arena, "%" PRId64, inst->max_rss_bytes));
    table_add(table, str_printf(arena, "%" PRId32, inst->exit_code));
    table_add(table, str_printf(arena, "%" PRId32, inst->signal));
    table_add(table, inst_told(inst)->cause);
    table_add(table, result_reason(report->state, report->options, number));
    table_add(table, inst_told(inst)->log);
    table_add(table, inst->place);
    if (report->varied) {
        table_add(table, inst_told(inst)->variant);
        table_add(table, variants_fallback(inst));
    }
}

enum { REPORT_FACTS = 14, REPORT_FACTS_VARIED = 16 };

static uint32_t report_fact_count(const struct report *report)
{
    return report->varied ? REPORT_FACTS_VARIED : REPORT_FACTS;
}

/* Metrics, then scores of each row; `row` NULL: it has no figures. */
static void report_csv_figures(struct report *report, struct table *table,
                               const struct figures_row *row)
{
    const struct figures *figures = report->figures;

    for (uint32_t i = 0; i < figures->column_count; i++) {
        const struct metric *metric = row != NULL ? figures_cell(figures, row, i) : NULL;

        table_add(table, metric != NULL ? metric_text(metric, &report->arena) : STR(""));
    }
    for (uint32_t i = 0; i < figures->report->score_count; i++) {
        const struct figure *score = row != NULL ? figures_score(figures, row, i) : NULL;

        if (figures->report->scores[i].of_row) {
            table_add(table, score != NULL && score->known
                                 ? value_text(&score->value, &report->arena)
                                 : STR(""));
        }
    }
}

static uint32_t report_row_scores(const struct figures *figures)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < figures->report->score_count; i++) {
        count += figures->report->scores[i].of_row;
    }
    return count;
}

static void report_csv_heads(struct report *report, struct table *table)
{
    static const char *const heads[REPORT_FACTS_VARIED] = {
        "instance", "stage",         "state",   "attempts", "started_at", "wall_ns",
        "cpu_ns",   "max_rss_bytes", "exit",    "signal",   "cause",      "reason",
        "log",      "place",         "variant", "fallback"};
    const struct figures *figures = report->figures;

    for (uint32_t i = 0; i < report_fact_count(report); i++) {
        table_add(table, str_of(heads[i]));
    }
    for (uint32_t i = 0; i < figures->column_count; i++) {
        table_add(table, STR_JOIN(&report->arena, STR("metric."), figures->columns[i]));
    }
    for (uint32_t i = 0; i < figures->report->score_count; i++) {
        if (figures->report->scores[i].of_row) {
            table_add(table,
                      STR_JOIN(&report->arena, STR("score."), figures->report->scores[i].name));
        }
    }
}

/* The rows that the manifest names. */
static void report_csv_rows(struct report *report, struct table *table)
{
    VEC_EACH (row, &report->figures->rows) {
        if (row->inst != NULL) {
            report_csv_facts(report, table,
                             (uint32_t)(row->inst - report->figures->run->instances));
        } else {
            table_add(table, row->name);
            for (uint32_t i = 1; i < report_fact_count(report); i++) {
                table_add(table, STR(""));
            }
        }
        report_csv_figures(report, table, row);
    }
}

/* Every instance something happened to, and those with figures. */
static void report_csv_instances(struct report *report, struct table *table)
{
    const struct figures *figures = report->figures;
    size_t next = 0;

    for (uint32_t i = 0; i < report->state->instance_count; i++) {
        const struct figures_row *row =
            next < figures->rows.count ? &figures->rows.items[next] : NULL;

        if (row != NULL && row->inst != &figures->run->instances[i]) {
            row = NULL;
        }
        next += row != NULL;
        if (row != NULL || result_has_instance(report->state, report->options, i)) {
            report_csv_facts(report, table, i);
            report_csv_figures(report, table, row);
        }
    }
}

static void report_csv(struct report *report)
{
    const struct figures *figures = report->figures;
    struct table table;

    table_init(&table,
               report_fact_count(report) + figures->column_count + report_row_scores(figures), 0);
    report_csv_heads(report, &table);
    if (figures->report->rows.given) {
        report_csv_rows(report, &table);
    } else {
        report_csv_instances(report, &table);
    }
    table_render(&table, TABLE_CSV, report->out);
    table_fini(&table);
}

/* --- totals by stage --- */

struct report_stage {
    struct str name;
    uint32_t instances, ran, good, bad;
    int64_t wall_ns, cpu_ns, max_rss_bytes;
};

static void report_stage_add(struct report_stage *stage, const struct inst_status *inst)
{
    stage->instances++;
    stage->ran += inst->attempts != 0;
    stage->good += inst_state_is_good(inst->state);
    stage->bad +=
        inst->state == INST_FAILED || inst->state == INST_REFUSED || inst->state == INST_UNSETTLED;
    stage->wall_ns += inst->wall_ns;
    stage->cpu_ns += inst->cpu_ns;
    if (inst->max_rss_bytes > stage->max_rss_bytes) {
        stage->max_rss_bytes = inst->max_rss_bytes;
    }
}

static void report_stage_row(struct report *report, struct table *table,
                             const struct report_stage *stage)
{
    struct arena *arena = &report->arena;

    table_add(table, stage->name.len != 0 ? stage->name : STR("(not named)"));
    table_add(table, str_printf(arena, "%u", stage->instances));
    table_add(table, str_printf(arena, "%u", stage->good));
    table_add(table, str_printf(arena, "%u", stage->ran));
    table_add(table, str_printf(arena, "%u", stage->bad));
    table_add(table, report_duration(report, stage->wall_ns));
    table_add(table, report_duration(report, stage->cpu_ns));
    table_add(table, report_size(report, stage->max_rss_bytes));
}

/* In the order of the first instance of each. */
static void report_stages(struct report *report)
{
    static const char *const heads[] = {"stage",  "instances", "up to date", "ran",
                                        "failed", "time",      "cpu",        "memory"};
    const struct run_state *state = report->state;
    struct report_stage *stages =
        ARENA_ARRAY(&report->arena, struct report_stage, state->instance_count);
    struct intern names;
    uint32_t count = 0;
    struct table table;

    intern_init(&names, &report->arena);
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (report->options->scope == NULL || report->options->scope[i]) {
            struct str name = result_stage_name(state, report->options, i);
            uint32_t n = intern_add(&names, name);

            count = n >= count ? n + 1 : count;
            stages[n].name = name;
            report_stage_add(&stages[n], &state->instances[i]);
        }
    }
    table_init(&table, 8, 0xfe);
    table_add_heads(&table, heads);
    for (uint32_t i = 0; i < count; i++) {
        report_stage_row(report, &table, &stages[i]);
    }
    if (count != 0) {
        report_title(report, "Stages");
        table_render(&table, report->form, report->out);
    }
    table_fini(&table);
    intern_fini(&names);
}

/* --- failures and the critical path --- */

static bool report_is_failure(enum inst_state state)
{
    return state == INST_FAILED || state == INST_REFUSED || state == INST_UNSETTLED;
}

static void report_failures(struct report *report)
{
    static const char *const heads[] = {"instance", "reason", "place", "log"};
    struct table table;

    table_init(&table, 4, 0);
    table_add_heads(&table, heads);
    for (uint32_t i = 0; i < report->state->instance_count; i++) {
        const struct inst_status *inst = &report->state->instances[i];

        if (report_is_failure(inst->state)) {
            table_add(&table, report_name(report, i));
            table_add(&table, inst_told(inst)->reason.len != 0 ? inst_told(inst)->reason
                                                               : inst_told(inst)->cause);
            table_add(&table, inst->place);
            table_add(&table, inst_told(inst)->log);
        }
    }
    if (table.count > table.columns) {
        report_title(report, "Failures");
        table_render(&table, report->form, report->out);
    }
    table_fini(&table);
}

uint32_t report_critical_path(const struct run_state *state, const struct plan *plan,
                              struct arena *arena, uint32_t **numbers)
{
    int64_t *until_ns = ARENA_ARRAY(arena, int64_t, plan->instance_count);
    uint32_t *before = ARENA_ARRAY(arena, uint32_t, plan->instance_count);
    uint32_t last = PLAN_NONE, count = 0;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        uint32_t n = plan->topo[i].n;
        const struct plan_instance *inst = &plan->instances[n];

        before[n] = PLAN_NONE;
        for (uint32_t p = 0; p < inst->producer_count; p++) {
            uint32_t producer = plan->edges[inst->producers_first + p].n;

            if (until_ns[producer] > until_ns[n]) {
                until_ns[n] = until_ns[producer];
                before[n] = producer;
            }
        }
        until_ns[n] += state->instances[n].wall_ns;
        if (until_ns[n] > 0 && (last == PLAN_NONE || until_ns[n] > until_ns[last])) {
            last = n;
        }
    }
    for (uint32_t n = last; n != PLAN_NONE; n = before[n]) {
        count += state->instances[n].wall_ns > 0;
    }
    *numbers = ARENA_ARRAY(arena, uint32_t, count);
    for (uint32_t n = last, at = count; n != PLAN_NONE; n = before[n]) {
        if (state->instances[n].wall_ns > 0) {
            (*numbers)[--at] = n;
        }
    }
    return count;
}

static void report_path(struct report *report)
{
    static const char *const heads[] = {"instance", "time", "so far"};
    const struct plan *plan = report->options->plan;
    uint32_t *numbers, count;
    int64_t sum_ns = 0;
    struct table table;

    if (plan == NULL || plan->instance_count != report->state->instance_count) {
        return;
    }
    count = report_critical_path(report->state, plan, &report->arena, &numbers);
    if (count < 2) {
        return;
    }
    table_init(&table, 3, 1u << 1 | 1u << 2);
    table_add_heads(&table, heads);
    for (uint32_t i = 0; i < count; i++) {
        int64_t wall_ns = report->state->instances[numbers[i]].wall_ns;

        sum_ns += wall_ns;
        table_add(&table, report_name(report, numbers[i]));
        table_add(&table, report_duration(report, wall_ns));
        table_add(&table, report_duration(report, sum_ns));
    }
    report_title(report, "Critical path");
    table_render(&table, report->form, report->out);
    table_fini(&table);
}

/* --- all of it --- */

static void report_write_variants(const struct figures *figures, struct json_writer *w)
{
    struct variants variants;
    struct arena arena;

    arena_init(&arena);
    variants_make(&variants, figures, &arena);
    variants_write(&variants, w);
    arena_fini(&arena);
}

static void report_more(void *ctx, struct json_writer *w)
{
    const struct report_view *view = ctx;
    struct compare compare = {view->figures, view->other};

    figures_write(view->figures, w);
    report_write_variants(view->figures, w);
    if (view->other != NULL) {
        compare_write(&compare, w);
    }
}

static void report_json(const struct report_view *view, struct strbuf *out)
{
    struct result_options options = *view->options;
    struct report_view copy = *view;

    options.more = report_more;
    options.more_ctx = &copy;
    result_json(view->state, &options, out);
}

static void report_pages(struct report *report, const struct report_view *view)
{
    struct compare compare = {view->figures, view->other};
    bool markdown = report->form == TABLE_MARKDOWN;
    struct variants variants;

    report_head(report);
    figures_add(view->figures, markdown, report->out);
    variants_make(&variants, view->figures, &report->arena);
    variants_add(&variants, markdown, report->out);
    if (view->other != NULL) {
        compare_add(&compare, markdown, report->out);
    }
    report_instances(report);
    report_stages(report);
    report_failures(report);
    report_path(report);
}

void report_add(const struct report_view *view, enum report_format format, struct strbuf *out)
{
    struct report report = {.state = view->state,
                            .options = view->options,
                            .figures = view->figures,
                            .varied = variants_are_some(view->state),
                            .out = out};
    struct compare compare = {view->figures, view->other};

    if (format == REPORT_JSON) {
        report_json(view, out);
        return;
    }
    if (format == REPORT_CSV && view->other != NULL) {
        compare_add_csv(&compare, out);
        return;
    }
    report.form = format == REPORT_MARKDOWN ? TABLE_MARKDOWN : TABLE_TEXT;
    arena_init(&report.arena);
    if (format == REPORT_CSV) {
        report_csv(&report);
    } else {
        report_pages(&report, view);
    }
    arena_fini(&report.arena);
}
