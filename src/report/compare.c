/* Owns the walk over two runs: it makes a list of pairs, of which text, Markdown, CSV and JSON show
 * the same. */
#include "report/compare.h"

#include <math.h>

#include "base/json_write.h"
#include "report/table.h"
#include "report/text.h"

/* --- differences --- */

struct compare_difference compare_values(const struct value *now, const struct value *then)
{
    static const struct compare_difference none = {.known = false};
    struct compare_difference difference = {.known = true};
    double size;
    double by;
    int64_t exact;

    if (!value_is_number(now) || !value_is_number(then)) {
        return none;
    }
    by = value_as_double(now) - value_as_double(then);
    size = fabs(value_as_double(then));
    difference.value = value_float(by);
    if (now->kind == VALUE_INT && then->kind == VALUE_INT &&
        !__builtin_sub_overflow(now->integer, then->integer, &exact)) {
        difference.value = value_int(exact);
        by = (double)exact;
    }
    if (!isfinite(by)) {
        return none;
    }
    difference.relative = size != 0 ? by / size : 0;
    difference.relative_known = size != 0 && isfinite(difference.relative);
    return difference;
}

/* --- pairs --- */

enum compare_kind { COMPARE_STATE, COMPARE_METRIC, COMPARE_SCORE, COMPARE_PARAM, COMPARE_STAGE };

/* A figure that has a value, or a text for what is none. */
struct compare_side {
    bool there;
    bool is_value;
    bool is_good; /* a state */
    struct value value;
    struct str text;
};

struct compare_pair {
    enum compare_kind kind;
    struct str instance, name;
    struct compare_side now, then;
    struct compare_difference difference;
};

struct compare_pairs {
    const struct compare *compare;
    struct arena arena;
    VEC(struct compare_pair) items;
};

static void compare_push(struct compare_pairs *pairs, enum compare_kind kind, struct str instance,
                         struct str name, const struct compare_side *sides)
{
    struct compare_pair *pair;

    if (!sides[0].there && !sides[1].there) {
        return;
    }
    VEC_RESERVE(&pairs->items, 1);
    pair = &pairs->items.items[pairs->items.count++];
    pair->kind = kind;
    pair->instance = instance;
    pair->name = name;
    pair->now = sides[0];
    pair->then = sides[1];
    pair->difference = (struct compare_difference){.known = false};
    if (pair->now.is_value && pair->then.is_value) {
        pair->difference = compare_values(&pair->now.value, &pair->then.value);
    }
}

/* Two texts; one without data is not there. */
static void compare_texts(struct compare_pairs *pairs, enum compare_kind kind, struct str name,
                          struct str now, struct str then)
{
    struct compare_side sides[2] = {{.there = now.data != NULL, .text = now},
                                    {.there = then.data != NULL, .text = then}};

    compare_push(pairs, kind, STR(""), name, sides);
}

static void compare_take_state(struct compare_side *side, const struct figures_row *row)
{
    *side = (struct compare_side){.there = row != NULL && row->inst != NULL};
    if (side->there) {
        side->text = str_of(inst_state_name(row->inst->status->state));
        side->is_good = inst_state_is_good(row->inst->status->state);
    }
}

static void compare_take_metric(struct compare_pairs *pairs, struct compare_side *side,
                                const struct figures_row *row, struct str name)
{
    const struct metric *metric = row != NULL && row->inst != NULL && row->inst->metrics != NULL
                                      ? metrics_find(row->inst->metrics, name)
                                      : NULL;

    *side = (struct compare_side){.there = metric != NULL};
    if (metric != NULL) {
        side->text = metric_text(metric, &pairs->arena);
        side->is_value = metric->kind != METRIC_NONE;
        side->value =
            metric->kind == METRIC_INT ? value_int(metric->integer) : value_float(metric->number);
    }
}

static void compare_take_score(struct compare_pairs *pairs, struct compare_side *side,
                               const struct figure *figure)
{
    *side = (struct compare_side){.there = figure != NULL && figure->known};
    if (side->there) {
        side->is_value = true;
        side->value = figure->value;
        side->text = value_text(&figure->value, &pairs->arena);
    }
}

/* Of a row, or of the runs as a whole: both rows are NULL. */
static void compare_scores(struct compare_pairs *pairs, struct str name,
                           const struct figures_row *const *rows)
{
    const struct figures *both[2] = {pairs->compare->now, pairs->compare->then};
    const struct m_report *report = both[0]->report;
    bool of_row = rows[0] != NULL || rows[1] != NULL;
    struct compare_side sides[2];

    for (uint32_t i = 0; i < report->score_count; i++) {
        for (unsigned k = 0; k < 2; k++) {
            compare_take_score(pairs, &sides[k],
                               of_row && rows[k] == NULL ? NULL
                                                         : figures_score(both[k], rows[k], i));
        }
        compare_push(pairs, COMPARE_SCORE, name, report->scores[i].name, sides);
    }
}

static void compare_row(struct compare_pairs *pairs, struct str name, const struct figures_row *now,
                        const struct figures_row *then)
{
    const struct figures_row *const rows[2] = {now, then};
    const struct figures *figures = pairs->compare->now;
    struct compare_side sides[2];

    compare_take_state(&sides[0], now);
    compare_take_state(&sides[1], then);
    compare_push(pairs, COMPARE_STATE, name, STR("state"), sides);
    for (uint32_t i = 0; i < figures->column_count; i++) {
        compare_take_metric(pairs, &sides[0], now, figures->columns[i]);
        compare_take_metric(pairs, &sides[1], then, figures->columns[i]);
        compare_push(pairs, COMPARE_METRIC, name, figures->columns[i], sides);
    }
    compare_scores(pairs, name, rows);
}

static void compare_index(struct map *map, const struct figures *figures)
{
    map_init(map);
    for (size_t i = 0; i < figures->rows.count; i++) {
        map_put(map, figures->rows.items[i].name, (uint32_t)i);
    }
}

static const struct figures_row *compare_find(const struct map *map, const struct figures *figures,
                                              struct str name)
{
    uint32_t number = map_get(map, name);

    return number != MAP_MISSING ? &figures->rows.items[number] : NULL;
}

static void compare_rows(struct compare_pairs *pairs)
{
    const struct figures *now = pairs->compare->now;
    const struct figures *then = pairs->compare->then;
    struct map of_now, of_then;

    compare_index(&of_now, now);
    compare_index(&of_then, then);
    VEC_EACH (row, &now->rows) {
        compare_row(pairs, row->name, row, compare_find(&of_then, then, row->name));
    }
    VEC_EACH (row, &then->rows) {
        if (compare_find(&of_now, now, row->name) == NULL) {
            compare_row(pairs, row->name, NULL, row);
        }
    }
    map_fini(&of_now);
    map_fini(&of_then);
}

/* --- params, stages --- */

static void compare_params(struct compare_pairs *pairs)
{
    const struct event_pairs *now = &pairs->compare->now->run->state->params;
    const struct event_pairs *then = &pairs->compare->then->run->state->params;

    for (uint32_t i = 0; i < now->count; i++) {
        struct str other = event_pairs_find(then, now->items[i].name);

        if (other.data == NULL || !str_equal(other, now->items[i].value)) {
            compare_texts(pairs, COMPARE_PARAM, now->items[i].name, now->items[i].value, other);
        }
    }
    for (uint32_t i = 0; i < then->count; i++) {
        if (event_pairs_find(now, then->items[i].name).data == NULL) {
            compare_texts(pairs, COMPARE_PARAM, then->items[i].name, STR_NONE,
                          then->items[i].value);
        }
    }
}

static void compare_stages_of(struct map *map, const struct figures_run *run)
{
    map_init(map);
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->instances[i].stage.len != 0) {
            map_put_new(map, run->instances[i].stage, i);
        }
    }
}

static void compare_only_in(struct compare_pairs *pairs, const struct figures_run *run,
                            const struct map *own, const struct map *other, bool now)
{
    for (uint32_t i = 0; i < run->count; i++) {
        struct str stage = run->instances[i].stage;

        if (stage.len != 0 && map_get(own, stage) == i && map_get(other, stage) == MAP_MISSING) {
            compare_texts(pairs, COMPARE_STAGE, stage, now ? STR("there") : STR_NONE,
                          now ? STR_NONE : STR("there"));
        }
    }
}

static void compare_stages(struct compare_pairs *pairs)
{
    const struct figures_run *now = pairs->compare->now->run;
    const struct figures_run *then = pairs->compare->then->run;
    struct map of_now, of_then;

    compare_stages_of(&of_now, now);
    compare_stages_of(&of_then, then);
    compare_only_in(pairs, now, &of_now, &of_then, true);
    compare_only_in(pairs, then, &of_then, &of_now, false);
    map_fini(&of_now);
    map_fini(&of_then);
}

static void compare_pairs_init(struct compare_pairs *pairs, const struct compare *compare)
{
    static const struct figures_row *const none[2] = {NULL, NULL};

    *pairs = (struct compare_pairs){.compare = compare};
    arena_init(&pairs->arena);
    compare_rows(pairs);
    compare_scores(pairs, STR(""), none);
    compare_params(pairs);
    compare_stages(pairs);
}

static void compare_pairs_fini(struct compare_pairs *pairs)
{
    VEC_FREE(&pairs->items);
    arena_fini(&pairs->arena);
}

/* --- text and Markdown --- */

static struct str compare_shown(struct compare_pairs *pairs, const struct compare_pair *pair,
                                const struct compare_side *side)
{
    if (!side->there) {
        return STR("-");
    }
    return pair->kind == COMPARE_SCORE ? figures_short(&side->value, &pairs->arena) : side->text;
}

static struct str compare_by(struct compare_pairs *pairs, const struct compare_pair *pair)
{
    const struct value *value = &pair->difference.value;

    if (!pair->difference.known) {
        return STR("");
    }
    return str_printf(&pairs->arena, "%s%.*s", value_as_double(value) > 0 ? "+" : "",
                      STR_ARG(figures_short(value, &pairs->arena)));
}

static struct str compare_percent(struct compare_pairs *pairs, const struct compare_pair *pair)
{
    return pair->difference.relative_known
               ? str_printf(&pairs->arena, "%+.1f %%", pair->difference.relative * 100)
               : STR("");
}

static bool compare_is_figure(const struct compare_pair *pair)
{
    return pair->kind == COMPARE_STATE || pair->kind == COMPARE_METRIC ||
           pair->kind == COMPARE_SCORE;
}

/* A state that both have says nothing, nor whether it ran or was up to date. */
static bool compare_is_shown(const struct compare_pair *pair)
{
    return pair->kind != COMPARE_STATE ||
           (!(pair->now.is_good && pair->then.is_good) &&
            !(pair->now.there && pair->then.there && str_equal(pair->now.text, pair->then.text)));
}

static void compare_title(const char *title, struct str of, bool markdown, struct strbuf *out)
{
    strbuf_printf(out, markdown ? "\n## %s" : "\n%s", title);
    if (markdown) {
        table_add_escaped(out, of);
    } else {
        text_add_inline(out, of);
    }
    strbuf_puts(out, "\n\n");
}

static void compare_add_table(struct compare_pairs *pairs, bool figures, bool markdown,
                              struct strbuf *out)
{
    struct table table;

    table_init(&table, figures ? 6 : 3, figures ? 0x3c : 0);
    table_add(&table, figures ? STR("instance") : STR("param"));
    if (figures) {
        table_add(&table, STR("figure"));
    }
    table_add(&table, STR("this run"));
    table_add(&table, STR("the other"));
    if (figures) {
        table_add(&table, STR("difference"));
        table_add(&table, STR("relative"));
    }
    VEC_EACH (pair, &pairs->items) {
        if (figures ? !compare_is_figure(pair) || !compare_is_shown(pair)
                    : pair->kind != COMPARE_PARAM) {
            continue;
        }
        if (figures) {
            table_add(&table, pair->instance);
        }
        table_add(&table, pair->name);
        table_add(&table, compare_shown(pairs, pair, &pair->now));
        table_add(&table, compare_shown(pairs, pair, &pair->then));
        if (figures) {
            table_add(&table, compare_by(pairs, pair));
            table_add(&table, compare_percent(pairs, pair));
        }
    }
    if (table.count > table.columns) {
        if (!figures) {
            compare_title("Params that differ", STR(""), markdown, out);
        }
        table_render(&table, markdown ? TABLE_MARKDOWN : TABLE_TEXT, out);
    } else if (figures) {
        strbuf_puts(out, "none of them has figures\n");
    }
    table_fini(&table);
}

static void compare_add_stages(struct compare_pairs *pairs, bool markdown, struct strbuf *out)
{
    struct table table;

    table_init(&table, 2, 0);
    table_add(&table, STR("stage"));
    table_add(&table, STR("is in"));
    VEC_EACH (pair, &pairs->items) {
        if (pair->kind == COMPARE_STAGE) {
            table_add(&table, pair->name);
            table_add(&table, pair->now.there ? STR("this run") : STR("the other"));
        }
    }
    if (table.count > 2) {
        compare_title("Stages of one alone", STR(""), markdown, out);
        table_render(&table, markdown ? TABLE_MARKDOWN : TABLE_TEXT, out);
    }
    table_fini(&table);
}

void compare_add(const struct compare *compare, bool markdown, struct strbuf *out)
{
    struct compare_pairs pairs;

    compare_pairs_init(&pairs, compare);
    compare_title("Compared with ", compare->then->run->state->run, markdown, out);
    compare_add_table(&pairs, true, markdown, out);
    compare_add_table(&pairs, false, markdown, out);
    compare_add_stages(&pairs, markdown, out);
    compare_pairs_fini(&pairs);
}

/* --- CSV --- */

static const char *compare_kind_name(enum compare_kind kind)
{
    static const char *const names[] = {[COMPARE_STATE] = "state",
                                        [COMPARE_METRIC] = "metric",
                                        [COMPARE_SCORE] = "score",
                                        [COMPARE_PARAM] = "param",
                                        [COMPARE_STAGE] = "stage"};

    return names[kind];
}

static struct str compare_exact(struct compare_pairs *pairs, bool known, double number)
{
    struct value value = value_float(number);

    return known ? value_text(&value, &pairs->arena) : STR("");
}

void compare_add_csv(const struct compare *compare, struct strbuf *out)
{
    static const char *const heads[] = {"kind",  "instance",   "name",    "value",
                                        "other", "difference", "relative"};
    struct compare_pairs pairs;
    struct table table;

    compare_pairs_init(&pairs, compare);
    table_init(&table, 7, 0);
    for (uint32_t i = 0; i < 7; i++) {
        table_add(&table, str_of(heads[i]));
    }
    VEC_EACH (pair, &pairs.items) {
        const struct compare_difference *by = &pair->difference;

        table_add(&table, str_of(compare_kind_name(pair->kind)));
        table_add(&table, pair->instance);
        table_add(&table, pair->name);
        table_add(&table, pair->now.there ? pair->now.text : STR(""));
        table_add(&table, pair->then.there ? pair->then.text : STR(""));
        table_add(&table, by->known ? value_text(&by->value, &pairs.arena) : STR(""));
        table_add(&table, compare_exact(&pairs, by->relative_known, by->relative));
    }
    table_render(&table, TABLE_CSV, out);
    table_fini(&table);
    compare_pairs_fini(&pairs);
}

/* --- JSON --- */

static void compare_write_side(struct json_writer *w, const char *key,
                               const struct compare_side *side)
{
    if (!side->there) {
        return;
    }
    json_name(w, str_of(key));
    if (side->is_value) {
        figures_write_value(w, &side->value);
    } else {
        json_str(w, side->text);
    }
}

static void compare_write_pair(struct json_writer *w, const struct compare_pair *pair)
{
    json_object_begin(w);
    json_field_text(w, "kind", compare_kind_name(pair->kind));
    if (pair->instance.len != 0) {
        json_field_str(w, "instance", pair->instance);
    }
    json_field_str(w, "name", pair->name);
    compare_write_side(w, "value", &pair->now);
    compare_write_side(w, "other", &pair->then);
    if (pair->difference.known) {
        json_name(w, STR("difference"));
        figures_write_value(w, &pair->difference.value);
    }
    if (pair->difference.relative_known) {
        json_field_double(w, "relative", pair->difference.relative);
    }
    json_object_end(w);
}

void compare_write(const struct compare *compare, struct json_writer *w)
{
    struct compare_pairs pairs;

    compare_pairs_init(&pairs, compare);
    json_field_object(w, "compare");
    json_field_str(w, "run", compare->then->run->state->run);
    json_field_array(w, "differences");
    VEC_EACH (pair, &pairs.items) {
        compare_write_pair(w, pair);
    }
    json_array_end(w);
    json_object_end(w);
    compare_pairs_fini(&pairs);
}
