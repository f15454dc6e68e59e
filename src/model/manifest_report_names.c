/* Owns the check of what [report] speaks of: rows are of stages and axes that there are, and each
 * name in its expressions is known.
 *
 * In `score` and `warn` a name that no param has is a metric of the row: such a part is of each
 * row. `metric.x` is the same, always. `recommend` is of the whole run, and knows no row. Nested
 * metrics of the row stand behind `metric.`, so that the name of a stage that is not there is a
 * mistake, not a metric. */
#include "model/manifest_read.h"

#include "base/suggest.h"
#include "model/expr.h"
#include "model/glob.h"

/* --- rows --- */

/* The nearest to what no stage is called. */
static void m_suggest_stage(const struct manifest *manifest, struct str wanted,
                            struct suggest *suggest)
{
    suggest_init(suggest, wanted);
    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        suggest_offer(suggest, manifest->stages[i].name);
    }
}

/* Is it a stage that is meant? */
static bool m_row_means(struct str wanted, const struct m_stage *stage)
{
    return name_match(wanted, stage->name);
}

static void m_row_no_stage(struct m_reader *reader, const struct m_word *row, struct str wanted)
{
    struct suggest suggest;

    m_suggest_stage(reader->manifest, wanted, &suggest);
    diag_error(reader->diags, row->span, NULL, "no stage matches '%.*s'", STR_ARG(wanted));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
}

/* One `axis=value` of a row: some stage that is meant has that axis. */
static void m_row_check_axis(struct m_reader *reader, const struct m_word *row, struct str wanted,
                             struct str axis)
{
    const struct manifest *manifest = reader->manifest;
    ptrdiff_t at = str_find(axis, '=');

    if (at < 0) {
        diag_error(reader->diags, row->span, NULL, "'%.*s' is not axis=value", STR_ARG(axis));
        return;
    }
    axis = str_head(axis, (size_t)at);
    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        if (m_row_means(wanted, &manifest->stages[i]) &&
            manifest_axis(&manifest->stages[i], axis) != UINT32_MAX) {
            return;
        }
    }
    diag_error(reader->diags, row->span, NULL, "there is no axis '%.*s' in stage '%.*s'",
               STR_ARG(axis), STR_ARG(wanted));
}

static void m_row_check(struct m_reader *reader, const struct m_word *row)
{
    const struct manifest *manifest = reader->manifest;
    struct str axes = row->text;
    struct str wanted;
    struct str axis;
    bool known;

    str_split(&axes, '@', &wanted);
    known = manifest_stage(manifest, wanted) != NULL;
    for (uint32_t i = 0; i < manifest->stage_count && !known; i++) {
        known = m_row_means(wanted, &manifest->stages[i]);
    }
    if (!known) {
        m_row_no_stage(reader, row, wanted);
        return;
    }
    while (str_split(&axes, ',', &axis)) {
        m_row_check_axis(reader, row, wanted, axis);
    }
}

/* --- names --- */

struct m_report_walk {
    struct m_reader *reader;
    const struct m_report *report;
    uint32_t scores; /* that are known here */
    bool knows_rows;
    bool of_row;
};

static void m_report_hint(struct m_report_walk *walk, const struct suggest *suggest,
                          const char *before, const char *other)
{
    if (suggest->best.len != 0) {
        diag_hint(walk->reader->diags, "did you mean '%s%.*s'?", before, STR_ARG(suggest->best));
    } else {
        diag_hint(walk->reader->diags, "%s", other);
    }
}

static const struct m_score *m_report_score(const struct m_report *report, struct str name,
                                            uint32_t *number)
{
    for (*number = 0; *number < report->score_count; ++*number) {
        if (str_equal(report->scores[*number].name, name)) {
            return &report->scores[*number];
        }
    }
    return NULL;
}

/* A metric of the row, as it seems. */
static void m_report_own(struct m_report_walk *walk, const struct expr_name *name)
{
    struct diags *diags = walk->reader->diags;
    uint32_t number;

    if (name->kind == EXPR_NAME_BARE && m_report_score(walk->report, name->member, &number)) {
        diag_error(diags, name->span, NULL, "'%.*s' is a score", STR_ARG(name->text));
        diag_hint(diags, "write score.%.*s", STR_ARG(name->text));
    } else if (!walk->knows_rows) {
        diag_error(diags, name->span, "say of which stage: STAGE.metric",
                   "'%.*s' would be of any row", STR_ARG(name->text));
    }
    walk->of_row = true;
}

static void m_report_score_name(struct m_report_walk *walk, const struct expr_name *name)
{
    struct diags *diags = walk->reader->diags;
    uint32_t number;
    const struct m_score *score = m_report_score(walk->report, name->member, &number);
    struct suggest suggest;

    if (score == NULL) {
        suggest_init(&suggest, name->member);
        for (uint32_t i = 0; i < walk->scores; i++) {
            suggest_offer(&suggest, walk->report->scores[i].name);
        }
        diag_error(diags, name->span, NULL, "there is no score '%.*s'", STR_ARG(name->member));
        m_report_hint(walk, &suggest, "score.", "add it to [report]");
    } else if (number >= walk->scores) {
        diag_error(diags, name->span, "a score knows those before it", "'%.*s' is not known yet",
                   STR_ARG(name->text));
    } else if (score->of_row && !walk->knows_rows) {
        diag_error(diags, name->span, "make one figure of it: it speaks of a row's own metrics",
                   "'%.*s' is another in each row", STR_ARG(name->text));
    } else {
        walk->of_row = walk->of_row || score->of_row;
    }
}

static void m_report_stage_name(struct m_report_walk *walk, const struct expr_name *name)
{
    const struct manifest *manifest = walk->reader->manifest;
    const struct m_stage *stage = manifest_stage(manifest, name->stage);
    struct diags *diags = walk->reader->diags;
    struct suggest suggest;

    if (stage == NULL) {
        m_suggest_stage(manifest, name->stage, &suggest);
        diag_error(diags, name->span, NULL, "there is no stage '%.*s'", STR_ARG(name->stage));
        m_report_hint(walk, &suggest, "", "a nested metric of the row stands behind 'metric.'");
        return;
    }
    for (uint32_t i = 0; i < name->selector_count; i++) {
        if (manifest_axis(stage, name->selectors[i].axis) == UINT32_MAX) {
            diag_error(diags, name->selectors[i].span, NULL, "'%.*s' is no axis of stage '%.*s'",
                       STR_ARG(name->selectors[i].axis), STR_ARG(name->stage));
        }
    }
}

static bool m_report_name(void *ctx, const struct expr_name *name, bool in_default)
{
    struct m_report_walk *walk = ctx;
    const struct manifest *manifest = walk->reader->manifest;
    bool is_stage;

    (void)in_default;
    switch (name->kind) {
    case EXPR_NAME_BARE:
        if (manifest_param(manifest, name->member) == NULL) {
            m_report_own(walk, name);
        }
        return true;
    case EXPR_NAME_METRIC:
        m_report_own(walk, name);
        return true;
    case EXPR_NAME_STAGE:
        is_stage = manifest_stage(manifest, name->stage) != NULL;
        if (str_is(name->stage, "score") && name->selector_count == 0 && !is_stage) {
            m_report_score_name(walk, name);
        } else {
            m_report_stage_name(walk, name);
        }
        return true;
    case EXPR_NAME_INPUTS:
    case EXPR_NAME_OUTPUTS:
    case EXPR_NAME_FLAG:
        break;
    }
    diag_error(walk->reader->diags, name->span, NULL, "'%.*s' is not known in [report]",
               STR_ARG(name->text));
    return true;
}

/* --- one of several instances --- */

/* Beyond doubt: the axis is not selected and has several values. */
static const struct m_axis *m_report_open_axis(const struct m_stage *stage,
                                               const struct expr_name *name)
{
    for (uint32_t a = 0; a < stage->settings->axis_count; a++) {
        const struct m_axis *axis = &stage->settings->axes[a];
        bool selected = false;

        for (uint32_t i = 0; i < name->selector_count; i++) {
            selected = selected || str_equal(name->selectors[i].axis, axis->name);
        }
        if (!selected && axis->kind == M_AXIS_VALUES && axis->values.count > 1) {
            return axis;
        }
    }
    return NULL;
}

/* Where no row has a value for the axis, it must be said which instance is meant. */
static bool m_report_is_one(void *ctx, const struct expr_name *name, bool in_default)
{
    struct m_report_walk *walk = ctx;
    const struct m_stage *stage =
        name->kind == EXPR_NAME_STAGE ? manifest_stage(walk->reader->manifest, name->stage) : NULL;
    const struct m_axis *axis = stage != NULL ? m_report_open_axis(stage, name) : NULL;

    (void)in_default;
    if (axis != NULL) {
        diag_error(walk->reader->diags, name->span, NULL,
                   "'%.*s' could be of several instances of stage '%.*s'", STR_ARG(name->text),
                   STR_ARG(name->stage));
        diag_hint(walk->reader->diags, "select one: %.*s@%.*s=(…).metric", STR_ARG(name->stage),
                  STR_ARG(axis->name));
    }
    return true;
}

/* --- the parts --- */

static struct m_report_walk m_report_walk_of(struct m_reader *reader, const struct m_report *report)
{
    return (struct m_report_walk){
        .reader = reader, .report = report, .scores = report->score_count, .knows_rows = true};
}

static void m_report_check_advice(struct m_report_walk *walk, struct m_advice *advice)
{
    walk->of_row = false;
    if (advice->when != NULL) {
        expr_names(advice->when, m_report_name, walk);
    }
    template_names(&advice->text, m_report_name, walk);
    advice->of_row = walk->of_row;
    if (!walk->of_row) {
        if (advice->when != NULL) {
            expr_names(advice->when, m_report_is_one, walk);
        }
        template_names(&advice->text, m_report_is_one, walk);
    }
}

static void m_report_check_scores(struct m_reader *reader, struct m_report *report)
{
    const struct m_stage *stage = manifest_stage(reader->manifest, STR("score"));

    if (stage != NULL && report->score_count != 0) {
        diag_error(reader->diags, report->scores[0].span, "rename the stage, or leave out scores",
                   "'score.%.*s' could be of stage 'score', too", STR_ARG(report->scores[0].name));
    }
    for (uint32_t i = 0; i < report->score_count; i++) {
        struct m_report_walk walk = m_report_walk_of(reader, report);

        walk.scores = i;
        expr_names(report->scores[i].expr, m_report_name, &walk);
        report->scores[i].of_row = walk.of_row;
        if (!walk.of_row) {
            expr_names(report->scores[i].expr, m_report_is_one, &walk);
        }
    }
}

void m_report_check(struct m_reader *reader)
{
    struct m_report *report = reader->report;
    struct m_report_walk walk;

    if (report == NULL) {
        return;
    }
    walk = m_report_walk_of(reader, report);
    for (uint32_t i = 0; i < report->rows.count; i++) {
        m_row_check(reader, &report->rows.items[i]);
    }
    m_report_check_scores(reader, report);
    for (uint32_t i = 0; i < report->warn.count; i++) {
        m_report_check_advice(&walk, &report->warn.items[i]);
    }
    walk.knows_rows = false;
    for (uint32_t i = 0; i < report->recommend.count; i++) {
        m_report_check_advice(&walk, &report->recommend.items[i]);
    }
}
