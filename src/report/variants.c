/* Owns the rows by variant, and how they look. */
#include "report/variants.h"

#include "base/json_write.h"
#include "base/units.h"
#include "report/table.h"

struct str variants_fallback(const struct inst_status *inst)
{
    const struct inst_told *told = inst_told(inst);

    return told->left || told->fallback ? STR("failed") : told->out ? STR("breaker") : STR("");
}

bool variants_are_some(const struct run_state *state)
{
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (inst_told(&state->instances[i])->variant.len != 0) {
            return true;
        }
    }
    return false;
}

/* --- rows --- */

/* The command whose figures the instance has. */
static struct str variants_command(const struct inst_status *inst)
{
    return variants_fallback(inst).len != 0 ? STR("") : inst_told(inst)->variant;
}

static struct variants_row *variants_row_of(struct variants *variants, struct str stage,
                                            struct str variant)
{
    struct variants_row *row = variants->rows;

    while (row < variants->rows + variants->count &&
           !(str_equal(row->stage, stage) && str_equal(row->variant, variant))) {
        row++;
    }
    if (row == variants->rows + variants->count) {
        variants->count++;
        *row = (struct variants_row){.stage = stage,
                                     .variant = variant,
                                     .metrics = ARENA_ARRAY(variants->arena, struct variants_mean,
                                                            variants->figures->column_count)};
    }
    return row;
}

static void variants_mean_add(struct variants_mean *mean, double value)
{
    mean->sum += value;
    mean->count++;
}

static void variants_take(const struct variants *variants, struct variants_row *row,
                          const struct figures_instance *inst)
{
    const struct inst_status *status = inst->status;

    row->instances++;
    row->good += inst_state_is_good(status->state);
    row->failed += status->state == INST_FAILED || status->state == INST_REFUSED ||
                   status->state == INST_UNSETTLED;
    row->fallbacks += variants_fallback(status).len != 0;
    if (status->attempts != 0) {
        variants_mean_add(&row->wall_ns, (double)status->wall_ns);
    }
    for (uint32_t i = 0; inst->metrics != NULL && i < variants->figures->column_count; i++) {
        const struct metric *metric = metrics_find(inst->metrics, variants->figures->columns[i]);

        if (metric != NULL && metric->kind != METRIC_NONE) {
            variants_mean_add(&row->metrics[i], metric->kind == METRIC_INT ? (double)metric->integer
                                                                           : metric->number);
        }
    }
}

/* Instances of one stage are neighbours: [first, return). */
static uint32_t variants_stage_end(const struct figures_run *run, uint32_t first, bool *any)
{
    uint32_t end = first;

    *any = false;
    while (end < run->count && str_equal(run->instances[end].stage, run->instances[first].stage)) {
        *any |= inst_told(run->instances[end++].status)->variant.len != 0;
    }
    return end;
}

/* As many rows as there can be: the own command and each variant that some instance names. */
static uint32_t variants_most(const struct figures_run *run)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < run->count; i++) {
        struct str variant = inst_told(run->instances[i].status)->variant;

        most += variant.len != 0 &&
                (i == 0 || !str_equal(variant, inst_told(run->instances[i - 1].status)->variant));
        most += i == 0 || !str_equal(run->instances[i].stage, run->instances[i - 1].stage);
    }
    return most;
}

void variants_make(struct variants *variants, const struct figures *figures, struct arena *arena)
{
    const struct figures_run *run = figures->run;
    uint32_t end;

    *variants = (struct variants){.figures = figures, .arena = arena};
    if (!variants_are_some(run->state)) {
        return;
    }
    variants->rows = ARENA_ARRAY(arena, struct variants_row, variants_most(run));
    for (uint32_t first = 0; first < run->count; first = end) {
        bool any;

        end = variants_stage_end(run, first, &any);
        if (any) {
            variants_row_of(variants, run->instances[first].stage, STR(""));
        }
        for (uint32_t i = first; any && i < end; i++) {
            const struct figures_instance *inst = &run->instances[i];

            variants_take(variants,
                          variants_row_of(variants, inst->stage, variants_command(inst->status)),
                          inst);
        }
    }
}

/* --- as text --- */

static struct str variants_mean_text(const struct variants_mean *mean, struct arena *arena)
{
    struct value value = value_float(mean->count != 0 ? mean->sum / mean->count : 0);

    return mean->count != 0 ? figures_short(&value, arena) : STR("");
}

static struct str variants_time_text(const struct variants_mean *mean, struct arena *arena)
{
    char text[UNITS_TEXT_BYTES] = "";

    if (mean->count != 0) {
        duration_format((int64_t)(mean->sum / mean->count), text);
    }
    return str_dup(arena, str_of(text));
}

enum { VARIANTS_FACTS = 7, VARIANTS_METRICS = 8 };

static void variants_add_row(const struct variants *variants, const struct variants_row *row,
                             uint32_t metrics, struct table *table)
{
    struct arena *arena = variants->arena;

    table_add(table, row->stage);
    table_add(table, row->variant.len != 0 ? row->variant : STR("(own)"));
    table_add(table, str_printf(arena, "%u", row->instances));
    table_add(table, str_printf(arena, "%u", row->good));
    table_add(table, str_printf(arena, "%u", row->failed));
    table_add(table, str_printf(arena, "%u", row->fallbacks));
    table_add(table, variants_time_text(&row->wall_ns, arena));
    for (uint32_t i = 0; i < metrics; i++) {
        table_add(table, variants_mean_text(&row->metrics[i], arena));
    }
}

void variants_add(const struct variants *variants, bool markdown, struct strbuf *out)
{
    static const char *const heads[VARIANTS_FACTS] = {"stage",  "variant",   "instances", "good",
                                                      "failed", "fallbacks", "mean time"};
    uint32_t metrics = variants->figures->column_count < VARIANTS_METRICS
                           ? variants->figures->column_count
                           : VARIANTS_METRICS;
    struct table table;

    if (variants->count == 0) {
        return;
    }
    table_init(&table, VARIANTS_FACTS + metrics, ~3u);
    for (uint32_t i = 0; i < VARIANTS_FACTS; i++) {
        table_add(&table, str_of(heads[i]));
    }
    for (uint32_t i = 0; i < metrics; i++) {
        table_add(&table, STR_JOIN(variants->arena, STR("mean "), variants->figures->columns[i]));
    }
    for (uint32_t i = 0; i < variants->count; i++) {
        variants_add_row(variants, &variants->rows[i], metrics, &table);
    }
    strbuf_puts(out, markdown ? "\n## Variants\n\n" : "\nVariants\n\n");
    table_render(&table, markdown ? TABLE_MARKDOWN : TABLE_TEXT, out);
    table_fini(&table);
}

/* --- as JSON --- */

static void variants_write_mean(const struct variants_mean *mean, struct json_writer *w)
{
    if (mean->count != 0) {
        json_double(w, mean->sum / mean->count);
    } else {
        json_null(w);
    }
}

static void variants_write_row(const struct variants *variants, const struct variants_row *row,
                               struct json_writer *w)
{
    json_object_begin(w);
    json_field_str(w, "stage", row->stage);
    json_field_str(w, "variant", row->variant);
    json_field_uint(w, "instances", row->instances);
    json_field_uint(w, "good", row->good);
    json_field_uint(w, "failed", row->failed);
    json_field_uint(w, "fallbacks", row->fallbacks);
    json_name(w, STR("wall_ns"));
    variants_write_mean(&row->wall_ns, w);
    json_field_object(w, "metrics");
    for (uint32_t i = 0; i < variants->figures->column_count; i++) {
        json_key(w, variants->figures->columns[i]);
        variants_write_mean(&row->metrics[i], w);
    }
    json_object_end(w);
    json_object_end(w);
}

void variants_write(const struct variants *variants, struct json_writer *w)
{
    json_field_array(w, "variants");
    for (uint32_t i = 0; i < variants->count; i++) {
        variants_write_row(variants, &variants->rows[i], w);
    }
    json_array_end(w);
}
