/* Owns which rows and columns there are, and the order in which all is asked: scores, then
 * warnings, then recommendations. */
#include "report/figures.h"

#include <string.h>

/* --- a run --- */

/* What an event says of a metric is its value as text. */
static const struct metrics *figures_metrics_of(const struct event_pairs *pairs,
                                                struct arena *arena)
{
    struct metrics *metrics = ARENA_NEW(arena, struct metrics);
    struct metric_list list;

    metric_list_init(&list, arena);
    for (uint32_t i = 0; i < pairs->count; i++) {
        const struct event_pair *pair = &pairs->items[i];

        if (metrics_add_text(&list, pair->name, pair->value, NULL) &&
            list.items[list.count - 1].kind == METRIC_NONE) {
            list.items[list.count - 1].is = pair->value;
        }
    }
    *metrics = metrics_of(&list);
    return metrics;
}

void figures_run_init(struct figures_run *run, const struct run_state *state,
                      const struct result_options *options, struct arena *arena)
{
    *run = (struct figures_run){
        .arena = arena,
        .state = state,
        .instances = ARENA_ARRAY(arena, struct figures_instance, state->instance_count),
        .count = state->instance_count};
    map_init(&run->by_name);
    for (uint32_t i = 0; i < state->instance_count; i++) {
        struct figures_instance *inst = &run->instances[i];
        const struct event_pairs *pairs = &inst_told(&state->instances[i])->metrics;

        inst->status = &state->instances[i];
        inst->name = result_instance_name(state, options, i);
        inst->stage = inst->name;
        str_split(&(struct str){inst->name.data, inst->name.len}, '@', &inst->stage);
        if (pairs->count != 0) {
            inst->metrics = figures_metrics_of(pairs, arena);
        }
        if (inst->name.len != 0) {
            map_put(&run->by_name, inst->name, i);
        }
    }
}

void figures_run_fini(struct figures_run *run)
{
    map_fini(&run->by_name);
}

bool figures_run_wants(const struct figures_run *run, struct str instance)
{
    uint32_t number = map_get(&run->by_name, instance);

    return number != MAP_MISSING && run->instances[number].metrics == NULL &&
           (run->instances[number].status->state == INST_UP_TO_DATE ||
            run->instances[number].status->state == INST_RESTORED);
}

void figures_run_set(struct figures_run *run, struct str instance, const struct metrics *metrics)
{
    uint32_t number = map_get(&run->by_name, instance);
    struct metrics *copy = ARENA_NEW(run->arena, struct metrics);

    if (number == MAP_MISSING) {
        return;
    }
    copy->count = metrics->count;
    copy->items = ARENA_ARRAY(run->arena, struct metric, metrics->count);
    for (uint32_t i = 0; i < metrics->count; i++) {
        copy->items[i] = metrics->items[i];
        copy->items[i].name = str_dup(run->arena, metrics->items[i].name);
        copy->items[i].is = str_dup(run->arena, metrics->items[i].is);
    }
    run->instances[number].metrics = copy;
}

/* --- rows --- */

static void figures_add_row(struct figures *figures, struct str name,
                            const struct figures_instance *inst)
{
    VEC_PUSH(&figures->rows, (struct figures_row){.name = name, .inst = inst});
}

/* Those that a word selects and that have no row yet. */
static void figures_select(struct figures *figures, struct str word, uint8_t *has_row)
{
    const struct figures_run *run = figures->run;
    size_t before = figures->rows.count;
    bool any = false;

    for (uint32_t i = 0; i < run->count; i++) {
        if (run->instances[i].name.len != 0 && plan_selects(word, run->instances[i].name)) {
            any = true;
            if (!has_row[i]) {
                has_row[i] = 1;
                figures_add_row(figures, run->instances[i].name, &run->instances[i]);
            }
        }
    }
    if (!any && figures->rows.count == before) {
        figures_add_row(figures, word, NULL);
    }
}

static void figures_make_rows(struct figures *figures)
{
    const struct figures_run *run = figures->run;
    const struct m_words *words = &figures->report->rows;
    uint8_t *has_row = ARENA_ARRAY(figures->arena, uint8_t, run->count);

    for (uint32_t i = 0; i < words->count; i++) {
        figures_select(figures, words->items[i].text, has_row);
    }
    for (uint32_t i = 0; i < run->count && !words->given; i++) {
        const struct figures_instance *inst = &run->instances[i];

        if (inst->metrics != NULL && inst->metrics->count != 0 && inst->name.len != 0) {
            figures_add_row(figures, inst->name, inst);
        }
    }
}

/* --- columns --- */

static void figures_add_columns(struct figures *figures, struct intern *names,
                                const struct metrics *metrics)
{
    for (uint32_t i = 0; metrics != NULL && i < metrics->count; i++) {
        struct str name = metrics->items[i].name;

        if (names->count < LIMIT_METRICS && intern_add(names, name) == figures->column_count &&
            figures->column_count < FIGURES_COLUMNS_MOST) {
            figures->columns[figures->column_count++] = name;
        }
    }
}

static void figures_find_columns(struct figures *figures, const struct figures_run *other)
{
    struct intern names;

    intern_init(&names, figures->arena);
    VEC_EACH (row, &figures->rows) {
        figures_add_columns(figures, &names, row->inst != NULL ? row->inst->metrics : NULL);
    }
    for (uint32_t i = 0; other != NULL && i < other->count; i++) {
        uint32_t number = map_get(&figures->run->by_name, other->instances[i].name);

        if (!figures->report->rows.given || number != MAP_MISSING) {
            figures_add_columns(figures, &names, other->instances[i].metrics);
        }
    }
    figures->left_out = names.count - figures->column_count;
    intern_fini(&names);
}

static void figures_make_columns(struct figures *figures, const struct figures_run *other)
{
    const struct m_words *words = &figures->report->columns;

    figures->columns = ARENA_ARRAY(figures->arena, struct str, FIGURES_COLUMNS_MOST);
    for (uint32_t i = 0; i < words->count; i++) {
        figures->columns[figures->column_count++] = words->items[i].text;
    }
    if (!words->given) {
        figures_find_columns(figures, other);
    }
}

const struct metric *figures_cell(const struct figures *figures, const struct figures_row *row,
                                  uint32_t column)
{
    if (row->inst == NULL || row->inst->metrics == NULL) {
        return NULL;
    }
    return metrics_find(row->inst->metrics, figures->columns[column]);
}

/* --- scores --- */

static void figures_add_doubt(struct figures *figures, const char *what, struct str name,
                              const struct figures_row *row, struct str reason)
{
    VEC_PUSH(&figures->doubts, (struct figures_doubt){.what = what,
                                                      .name = name,
                                                      .row = row != NULL ? row->name : STR(""),
                                                      .reason = reason});
}

static void figures_score_one(struct figures *figures, uint32_t number, struct figures_row *row)
{
    const struct m_score *score = &figures->report->scores[number];
    struct figures_scope scope = {figures, row};
    struct figure *figure = row != NULL ? &row->scores[number] : &figures->scores[number];

    if (!figures_eval(&scope, score->expr, figure)) {
        figures_add_doubt(figures, "score", score->name, row, figure->why);
    }
}

static void figures_make_scores(struct figures *figures)
{
    uint32_t count = figures->report->score_count;

    figures->scores = ARENA_ARRAY(figures->arena, struct figure, count);
    VEC_EACH (row, &figures->rows) {
        row->scores = ARENA_ARRAY(figures->arena, struct figure, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!figures->report->scores[i].of_row) {
            figures_score_one(figures, i, NULL);
            continue;
        }
        VEC_EACH (row, &figures->rows) {
            figures_score_one(figures, i, row);
        }
    }
}

const struct figure *figures_score(const struct figures *figures, const struct figures_row *row,
                                   uint32_t number)
{
    if (figures->report->scores[number].of_row != (row != NULL)) {
        return NULL;
    }
    return row != NULL ? &row->scores[number] : &figures->scores[number];
}

/* --- warnings, recommendation --- */

static struct str figures_advice_name(const struct m_advice *advice)
{
    return advice->when != NULL ? expr_text(advice->when) : advice->text.text;
}

/* Does it hold? Then what it says. */
static bool figures_ask(struct figures *figures, const char *what, const struct m_advice *advice,
                        const struct figures_row *row, struct figures_said *said)
{
    struct figures_scope scope = {figures, row};
    struct str why = STR_NONE;

    if (advice->when != NULL && !figures_holds(&scope, advice->when, &why)) {
        if (why.len != 0) {
            figures_add_doubt(figures, what, figures_advice_name(advice), row, why);
        }
        return false;
    }
    *said = (struct figures_said){advice, row != NULL ? row->name : STR(""), advice->text.text};
    if (!figures_text(&scope, &advice->text, &said->text, &why)) {
        figures_add_doubt(figures, what, figures_advice_name(advice), row, why);
    }
    return true;
}

static void figures_warn(struct figures *figures, const struct m_advice *advice,
                         const struct figures_row *row)
{
    struct figures_said said;

    if (figures_ask(figures, "warn", advice, row, &said)) {
        VEC_PUSH(&figures->warnings, said);
    }
}

static void figures_make_warnings(struct figures *figures)
{
    const struct m_advices *advices = &figures->report->warn;

    for (uint32_t i = 0; i < advices->count; i++) {
        if (!advices->items[i].of_row) {
            figures_warn(figures, &advices->items[i], NULL);
            continue;
        }
        VEC_EACH (row, &figures->rows) {
            figures_warn(figures, &advices->items[i], row);
        }
    }
}

static void figures_recommend(struct figures *figures)
{
    const struct m_advices *advices = &figures->report->recommend;

    for (uint32_t i = 0; i < advices->count && figures->recommendation.advice == NULL; i++) {
        figures_ask(figures, "recommend", &advices->items[i], NULL, &figures->recommendation);
    }
}

/* --- all of it --- */

void figures_make(struct figures *figures, const struct figures_run *run,
                  const struct figures_run *other, const struct manifest *manifest)
{
    static const struct m_report none = {.rows = {.items = NULL}};
    bool given = manifest != NULL && manifest->report != NULL;

    *figures = (struct figures){.run = run,
                                .manifest = manifest,
                                .report = given ? manifest->report : &none,
                                .arena = run->arena,
                                .given = given};
    figures_make_rows(figures);
    figures_make_columns(figures, other);
    figures_make_scores(figures);
    figures_make_warnings(figures);
    figures_recommend(figures);
}

void figures_fini(struct figures *figures)
{
    VEC_FREE(&figures->rows);
    VEC_FREE(&figures->warnings);
    VEC_FREE(&figures->doubts);
}

bool figures_are_some(const struct figures *figures)
{
    return figures->given || figures->rows.count != 0;
}
