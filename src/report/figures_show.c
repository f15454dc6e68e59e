/* Owns how figures look: as text and Markdown, where a wide table is cut into several, and as JSON,
 * where numbers stand as they are. */
#include "report/figures.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "base/units.h"
#include "report/table.h"
#include "report/text.h"
#include "report/variants.h"

enum { FIGURES_BLOCK = 8, FIGURES_DOUBTS = 20 };

/* --- cells --- */

struct str figures_short(const struct value *value, struct arena *arena)
{
    return value->kind == VALUE_FLOAT ? str_printf(arena, "%.6g", value->number)
                                      : value_text(value, arena);
}

static struct str figures_value_text(const struct figure *figure, struct arena *arena)
{
    return figure->known ? figures_short(&figure->value, arena) : STR("");
}

static struct str figures_state(const struct figures_row *row)
{
    return row->inst != NULL ? str_of(inst_state_name(row->inst->status->state)) : STR("-");
}

/* The variant that was chosen, and whether the own command took its place. */
static struct str figures_variant(const struct figures_row *row, struct arena *arena)
{
    struct str variant = row->inst != NULL ? inst_told(row->inst->status)->variant : STR("");

    return row->inst == NULL || variants_fallback(row->inst->status).len == 0
               ? variant
               : str_printf(arena, "%.*s (own)", STR_ARG(variant));
}

/* --- tables --- */

/* What stands in the columns behind the first: metrics, then the scores of each row. */
struct figures_layout {
    const struct figures *figures;
    struct arena *arena;
    uint32_t *scores; /* numbers of those of each row */
    uint32_t score_count;
    bool markdown;
    struct strbuf *out;
};

static void figures_title(bool markdown, const char *title, struct strbuf *out)
{
    strbuf_printf(out, markdown ? "\n## %s\n\n" : "\n%s\n\n", title);
}

static struct str figures_head_text(const struct figures_layout *layout, uint32_t column)
{
    const struct figures *figures = layout->figures;

    if (column < figures->column_count) {
        return figures->columns[column];
    }
    return figures->report->scores[layout->scores[column - figures->column_count]].name;
}

static struct str figures_cell_text(const struct figures_layout *layout,
                                    const struct figures_row *row, uint32_t column)
{
    const struct figures *figures = layout->figures;
    const struct metric *metric;

    if (column >= figures->column_count) {
        return figures_value_text(&row->scores[layout->scores[column - figures->column_count]],
                                  layout->arena);
    }
    metric = figures_cell(figures, row, column);
    return metric != NULL ? metric_text(metric, layout->arena) : STR("");
}

/* How it went, where no [report] says what counts. */
static void figures_add_usage(const struct figures_layout *layout, const struct figures_row *row,
                              struct table *table)
{
    const struct inst_status *status = row->inst->status;
    char text[UNITS_TEXT_BYTES] = "";

    if (status->attempts == 0) {
        table_add(table, STR(""));
        table_add(table, STR(""));
        return;
    }
    duration_format(status->wall_ns, text);
    table_add(table, str_printf(layout->arena, "%u", status->attempts));
    table_add(table, str_dup(layout->arena, str_of(text)));
}

static void figures_add_block(const struct figures_layout *layout, uint32_t first, uint32_t count)
{
    const struct figures *figures = layout->figures;
    bool usage = !figures->given && first == 0;
    bool varied = variants_are_some(figures->run->state);
    uint32_t before = (usage ? 4u : 2u) + varied;
    struct table table;

    table_init(&table, before + count, varied ? ~7u : ~3u);
    table_add(&table, STR("instance"));
    if (varied) {
        table_add(&table, STR("variant"));
    }
    table_add(&table, STR("state"));
    if (usage) {
        table_add(&table, STR("attempts"));
        table_add(&table, STR("time"));
    }
    for (uint32_t i = 0; i < count; i++) {
        table_add(&table, figures_head_text(layout, first + i));
    }
    VEC_EACH (row, &figures->rows) {
        table_add(&table, row->name);
        if (varied) {
            table_add(&table, figures_variant(row, layout->arena));
        }
        table_add(&table, figures_state(row));
        if (usage) {
            figures_add_usage(layout, row, &table);
        }
        for (uint32_t i = 0; i < count; i++) {
            table_add(&table, figures_cell_text(layout, row, first + i));
        }
    }
    strbuf_puts(layout->out, first != 0 ? "\n" : "");
    table_render(&table, layout->markdown ? TABLE_MARKDOWN : TABLE_TEXT, layout->out);
    table_fini(&table);
}

static void figures_add_tables(const struct figures_layout *layout)
{
    uint32_t total = layout->figures->column_count + layout->score_count;
    uint32_t first = 0;

    do {
        uint32_t count = total - first < FIGURES_BLOCK ? total - first : FIGURES_BLOCK;

        figures_add_block(layout, first, count);
        first += count;
    } while (first < total);
    if (layout->figures->left_out != 0) {
        strbuf_printf(layout->out,
                      "\n%u more metrics have no column: name those that matter in "
                      "[report]\n",
                      layout->figures->left_out);
    }
}

static void figures_find_row_scores(struct figures_layout *layout)
{
    const struct m_report *report = layout->figures->report;

    layout->scores = ARENA_ARRAY(layout->arena, uint32_t, report->score_count);
    for (uint32_t i = 0; i < report->score_count; i++) {
        if (report->scores[i].of_row) {
            layout->scores[layout->score_count++] = i;
        }
    }
}

/* --- lines --- */

/* A text of the manifest or of a command in Markdown: its marks are none of ours. */
static void figures_add_words(const struct figures_layout *layout, struct str text)
{
    if (layout->markdown) {
        table_add_escaped(layout->out, text);
    } else {
        text_add_inline(layout->out, text);
    }
}

static void figures_line(const struct figures_layout *layout, struct str row, struct str text)
{
    strbuf_puts(layout->out, layout->markdown ? "- " : "  ");
    if (row.len != 0) {
        figures_add_words(layout, row);
        strbuf_puts(layout->out, ": ");
    }
    figures_add_words(layout, text);
    strbuf_putc(layout->out, '\n');
}

static void figures_add_scores(const struct figures_layout *layout)
{
    const struct figures *figures = layout->figures;
    struct table table;

    table_init(&table, 2, 2);
    table_add(&table, STR("score"));
    table_add(&table, STR("value"));
    for (uint32_t i = 0; i < figures->report->score_count; i++) {
        if (!figures->report->scores[i].of_row) {
            table_add(&table, figures->report->scores[i].name);
            table_add(&table, figures->scores[i].known
                                  ? figures_value_text(&figures->scores[i], layout->arena)
                                  : STR("-"));
        }
    }
    if (table.count > 2) {
        figures_title(layout->markdown, "Scores", layout->out);
        table_render(&table, layout->markdown ? TABLE_MARKDOWN : TABLE_TEXT, layout->out);
    }
    table_fini(&table);
}

static void figures_add_said(const struct figures_layout *layout)
{
    const struct figures *figures = layout->figures;

    if (figures->warnings.count != 0) {
        figures_title(layout->markdown, "Warnings", layout->out);
    }
    VEC_EACH (said, &figures->warnings) {
        figures_line(layout, said->row, said->text);
    }
    if (figures->recommendation.advice != NULL) {
        figures_title(layout->markdown, "Recommendation", layout->out);
        figures_line(layout, STR(""), figures->recommendation.text);
    }
}

static void figures_add_doubts(const struct figures_layout *layout)
{
    const struct figures *figures = layout->figures;
    size_t count = figures->doubts.count;

    if (count != 0) {
        figures_title(layout->markdown, "Cannot be told", layout->out);
    }
    for (size_t i = 0; i < count && i < FIGURES_DOUBTS; i++) {
        const struct figures_doubt *doubt = &figures->doubts.items[i];

        figures_line(layout, doubt->row,
                     str_printf(layout->arena, "%s '%.*s': %.*s", doubt->what, STR_ARG(doubt->name),
                                STR_ARG(doubt->reason)));
    }
    if (count > FIGURES_DOUBTS) {
        figures_line(layout, STR(""),
                     str_printf(layout->arena, "and %zu more", count - FIGURES_DOUBTS));
    }
}

void figures_add(const struct figures *figures, bool markdown, struct strbuf *out)
{
    struct arena arena;
    struct figures_layout layout = {
        .figures = figures, .arena = &arena, .markdown = markdown, .out = out};

    if (!figures_are_some(figures)) {
        return;
    }
    arena_init(&arena);
    figures_find_row_scores(&layout);
    if (figures->rows.count != 0) {
        figures_title(markdown, "Figures", out);
        figures_add_tables(&layout);
    }
    figures_add_scores(&layout);
    figures_add_said(&layout);
    figures_add_doubts(&layout);
    arena_fini(&arena);
}

/* --- JSON --- */

void figures_write_value(struct json_writer *w, const struct value *value)
{
    switch (value->kind) {
    case VALUE_INT:
        json_int(w, value->integer);
        break;
    case VALUE_FLOAT:
        json_double(w, value->number);
        break;
    case VALUE_BOOL:
        json_bool(w, value->truth);
        break;
    case VALUE_STRING:
        json_str(w, value->text);
        break;
    case VALUE_LIST:
        json_null(w);
        break;
    }
}

static void figures_write_score(const struct figures *figures, const struct figures_row *row,
                                uint32_t number, struct json_writer *w)
{
    const struct figure *figure = figures_score(figures, row, number);

    if (figure == NULL) {
        return;
    }
    json_name(w, figures->report->scores[number].name);
    if (figure->known) {
        figures_write_value(w, &figure->value);
    } else {
        json_null(w);
    }
}

static void figures_write_scores(const struct figures *figures, const struct figures_row *row,
                                 struct json_writer *w)
{
    json_field_object(w, "scores");
    for (uint32_t i = 0; i < figures->report->score_count; i++) {
        figures_write_score(figures, row, i, w);
    }
    json_object_end(w);
}

static void figures_write_metric(const struct metric *metric, struct json_writer *w)
{
    json_key(w, metric->name);
    switch (metric->kind) {
    case METRIC_INT:
        json_int(w, metric->integer);
        break;
    case METRIC_FLOAT:
        json_double(w, metric->number);
        break;
    case METRIC_NONE:
        json_str(w, metric->is);
        break;
    }
}

/* Without `columns` in the manifest all there are. */
static void figures_write_metrics(const struct figures *figures, const struct figures_row *row,
                                  struct json_writer *w)
{
    const struct metrics *all = row->inst != NULL ? row->inst->metrics : NULL;

    json_field_object(w, "metrics");
    for (uint32_t i = 0; !figures->report->columns.given && all != NULL && i < all->count; i++) {
        figures_write_metric(&all->items[i], w);
    }
    for (uint32_t i = 0; figures->report->columns.given && i < figures->column_count; i++) {
        const struct metric *metric = figures_cell(figures, row, i);

        if (metric != NULL) {
            figures_write_metric(metric, w);
        }
    }
    json_object_end(w);
}

static void figures_write_row(const struct figures *figures, const struct figures_row *row,
                              struct json_writer *w)
{
    json_object_begin(w);
    json_field_str(w, "instance", row->name);
    if (row->inst != NULL) {
        json_field_str(w, "stage", row->inst->stage);
        json_field_text(w, "state", inst_state_name(row->inst->status->state));
    }
    figures_write_metrics(figures, row, w);
    figures_write_scores(figures, row, w);
    json_object_end(w);
}

static void figures_write_said(const struct figures_said *said, struct json_writer *w)
{
    json_object_begin(w);
    if (said->row.len != 0) {
        json_field_str(w, "instance", said->row);
    }
    json_field_str(w, "text", said->text);
    if (said->advice->when != NULL) {
        json_field_str(w, "when", expr_text(said->advice->when));
    }
    json_object_end(w);
}

static void figures_write_doubt(const struct figures_doubt *doubt, struct json_writer *w)
{
    json_object_begin(w);
    json_field_text(w, "of", doubt->what);
    json_field_str(w, "name", doubt->name);
    if (doubt->row.len != 0) {
        json_field_str(w, "instance", doubt->row);
    }
    json_field_str(w, "reason", doubt->reason);
    json_object_end(w);
}

void figures_write(const struct figures *figures, struct json_writer *w)
{
    json_field_object(w, "report");
    json_field_array(w, "columns");
    for (uint32_t i = 0; i < figures->column_count; i++) {
        json_str(w, figures->columns[i]);
    }
    json_array_end(w);
    json_field_array(w, "rows");
    VEC_EACH (row, &figures->rows) {
        figures_write_row(figures, row, w);
    }
    json_array_end(w);
    figures_write_scores(figures, NULL, w);
    json_field_array(w, "warnings");
    VEC_EACH (said, &figures->warnings) {
        figures_write_said(said, w);
    }
    json_array_end(w);
    if (figures->recommendation.advice != NULL) {
        json_name(w, STR("recommendation"));
        figures_write_said(&figures->recommendation, w);
    }
    json_field_array(w, "doubts");
    VEC_EACH (doubt, &figures->doubts) {
        figures_write_doubt(doubt, w);
    }
    json_array_end(w);
    json_object_end(w);
}
