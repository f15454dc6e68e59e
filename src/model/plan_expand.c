/* Owns the making of instances: each combination of the values of a stage's axes but the excluded
 * ones, the axes in order of name, the last one running fastest, and their names:
 * `simulate@region=north,year=2026`. */
#include "model/plan_build.h"

#include <assert.h>

#include "base/limits.h"

/* Values of axes: it excludes where each axis that it names has one of those it has for it. */
struct plan_exclude {
    uint32_t named; /* one bit an axis */
    uint32_t count;
    struct plan_exclude_value {
        uint32_t axis;
        struct str text;
    } * values;
};

struct plan_matrix {
    struct plan_build *build;
    const struct m_stage *stage;
    struct plan_axis axes[LIMIT_AXES];
    uint32_t at[LIMIT_AXES]; /* the present combination */
    struct plan_exclude *excludes;
    struct value *room; /* for the axes of the next instance */
    struct strbuf
        name; /* up to the value of the last axis; empty: another value came before that */
};

static bool plan_exclude_read(struct plan_matrix *matrix, const struct m_exclude *from,
                              struct plan_exclude *exclude)
{
    struct arena *arena = matrix->build->arena;
    struct plan_scope scope = {
        .plan = matrix->build->plan, .stage = matrix->stage, .phase = PLAN_PHASE_MATRIX};

    exclude->values = ARENA_ARRAY(arena, struct plan_exclude_value, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        struct plan_exclude_value *value = &exclude->values[exclude->count++];
        struct str text;

        if (!plan_render(matrix->build, &scope, &from->values[i], &text)) {
            return false;
        }
        value->axis = manifest_axis(matrix->stage, from->axes[i]);
        assert(value->axis < matrix->stage->settings->axis_count);
        value->text = str_dup(arena, text);
        exclude->named |= 1U << value->axis;
    }
    return true;
}

static bool plan_matrix_read_excludes(struct plan_matrix *matrix)
{
    const struct m_settings *settings = matrix->stage->settings;

    matrix->excludes =
        arena_calloc(matrix->build->arena, settings->exclude_count, sizeof(*matrix->excludes));
    for (uint32_t i = 0; i < settings->exclude_count; i++) {
        if (!plan_exclude_read(matrix, &settings->excludes[i], &matrix->excludes[i])) {
            return false;
        }
    }
    return true;
}

static bool plan_matrix_is_excluded(const struct plan_matrix *matrix)
{
    for (uint32_t i = 0; i < matrix->stage->settings->exclude_count; i++) {
        const struct plan_exclude *exclude = &matrix->excludes[i];
        uint32_t met = 0;

        for (uint32_t j = 0; j < exclude->count; j++) {
            uint32_t a = exclude->values[j].axis;

            if (str_equal(exclude->values[j].text, matrix->axes[a].texts[matrix->at[a]])) {
                met |= 1U << a;
            }
        }
        if (met == exclude->named) {
            return true;
        }
    }
    return false;
}

/* The next combination; false after the last. */
static bool plan_matrix_step(struct plan_matrix *matrix)
{
    for (uint32_t a = matrix->stage->settings->axis_count; a-- > 0;) {
        if (++matrix->at[a] < matrix->axes[a].count) {
            return true;
        }
        matrix->at[a] = 0;
        strbuf_clear(&matrix->name);
    }
    return false;
}

/* --- two passes over the combinations: count, then fill --- */

static bool plan_matrix_count(struct plan_matrix *matrix, uint32_t *count)
{
    uint64_t all = 1;

    for (uint32_t a = 0; a < matrix->stage->settings->axis_count; a++) {
        all *= matrix->axes[a].count;
        if (all > LIMIT_INSTANCES) {
            diag_error(matrix->build->diags, matrix->stage->span, NULL,
                       "stage '%.*s' has more than %d instances", STR_ARG(matrix->stage->name),
                       LIMIT_INSTANCES);
            return false;
        }
    }
    *count = (uint32_t)all;
    if (matrix->stage->settings->exclude_count != 0) {
        *count = 0;
        do {
            *count += !plan_matrix_is_excluded(matrix);
        } while (plan_matrix_step(matrix));
    }
    if (*count == 0) {
        diag_error(matrix->build->diags, matrix->stage->span, NULL,
                   "'exclude' leaves no instance of stage '%.*s'", STR_ARG(matrix->stage->name));
    }
    return *count != 0;
}

static void plan_matrix_begin_name(struct plan_matrix *matrix)
{
    const struct m_settings *settings = matrix->stage->settings;

    strbuf_add_str(&matrix->name, matrix->stage->name);
    for (uint32_t a = 0; a < settings->axis_count; a++) {
        strbuf_putc(&matrix->name, a == 0 ? '@' : ',');
        strbuf_add_str(&matrix->name, settings->axes[a].name);
        strbuf_putc(&matrix->name, '=');
        if (a + 1 < settings->axis_count) {
            strbuf_add_str(&matrix->name, matrix->axes[a].encoded[matrix->at[a]]);
        }
    }
}

static struct str plan_matrix_name(struct plan_matrix *matrix)
{
    uint32_t last = matrix->stage->settings->axis_count - 1;
    struct str value = matrix->axes[last].encoded[matrix->at[last]];

    if (matrix->name.len == 0) {
        plan_matrix_begin_name(matrix);
    }
    return str_concat(matrix->build->arena, strbuf_str(&matrix->name), value);
}

/* The present combination as an instance. */
static void plan_matrix_put(struct plan_matrix *matrix, const struct plan_stage *stage,
                            uint32_t number, struct plan_instance *inst)
{
    uint32_t axis_count = matrix->stage->settings->axis_count;

    *inst = (struct plan_instance){.stage = {number}, .axes = matrix->room};
    matrix->room += axis_count;
    inst->name = axis_count != 0 ? plan_matrix_name(matrix) : stage->name;
    for (uint32_t a = 0; a < axis_count; a++) {
        inst->axes[a] = matrix->axes[a].values[matrix->at[a]];
    }
}

static void plan_matrix_fill(struct plan_matrix *matrix, struct plan_stage *stage, uint32_t number,
                             struct plan_instance *instances)
{
    uint32_t filled = 0;

    do {
        if (!plan_matrix_is_excluded(matrix)) {
            MEM_TOUCH_NEXT(instances, filled, stage->instance_count);
            plan_matrix_put(matrix, stage, number, &instances[filled++]);
        }
    } while (plan_matrix_step(matrix));
}

/* --- a slice: some of the combinations --- */

/* The combination of that number, where none is excluded. */
static void plan_matrix_seek(struct plan_matrix *matrix, uint32_t ordinal)
{
    for (uint32_t a = matrix->stage->settings->axis_count; a-- > 0;) {
        matrix->at[a] = ordinal % matrix->axes[a].count;
        ordinal /= matrix->axes[a].count;
    }
    strbuf_clear(&matrix->name);
}

/* Goes on to the combination with the place `ordinal` among those that are left in; the present one
 * has the place `*place`. */
static void plan_matrix_walk(struct plan_matrix *matrix, uint32_t *place, uint32_t ordinal)
{
    while (plan_matrix_is_excluded(matrix)) {
        plan_matrix_step(matrix);
    }
    while (*place < ordinal) {
        plan_matrix_step(matrix);
        *place += !plan_matrix_is_excluded(matrix);
    }
}

/* The stage has `all` instances. */
static bool plan_matrix_fill_slice(struct plan_matrix *matrix, struct plan_stage *stage,
                                   uint32_t number, uint32_t all, struct plan_instance *instances)
{
    const struct plan_slice *slice = matrix->build->slice;
    uint32_t first = slice->first[number];
    uint32_t place = 0;

    for (uint32_t i = 0; i < stage->instance_count; i++) {
        uint32_t ordinal = slice->ordinals[first + i];

        if (ordinal >= all) {
            diag_error(matrix->build->diags, matrix->stage->span, NULL,
                       "stage '%.*s' has other instances than before",
                       STR_ARG(matrix->stage->name));
            return false;
        }
        if (matrix->stage->settings->exclude_count == 0) {
            plan_matrix_seek(matrix, ordinal);
        } else {
            plan_matrix_walk(matrix, &place, ordinal);
        }
        plan_matrix_put(matrix, stage, number, &instances[i]);
        instances[i].outline = slice->outline[first + i];
    }
    return true;
}

/* --- all stages --- */

typedef VEC(struct plan_instance) plan_instance_vec;

static bool plan_matrix_begin(struct plan_matrix *matrix, uint32_t *all)
{
    const struct m_stage *stage = matrix->stage;
    bool good = true;

    for (uint32_t a = 0; a < stage->settings->axis_count; a++) {
        good =
            plan_axis_expand(matrix->build, stage, &stage->settings->axes[a], &matrix->axes[a]) &&
            good;
    }
    return good && plan_matrix_read_excludes(matrix) && plan_matrix_count(matrix, all);
}

static bool plan_expand_stage(struct plan_build *build, uint32_t number, plan_instance_vec *all)
{
    struct plan_stage *stage = &build->plan->stages[number];
    struct plan_matrix matrix = {.build = build, .stage = stage->source};
    const struct plan_slice *slice = build->slice;
    uint32_t combinations;
    bool good;

    stage->instances_first = (uint32_t)all->count;
    if (slice != NULL && slice->first[number] == slice->first[number + 1]) {
        return true;
    }
    good = plan_matrix_begin(&matrix, &combinations);
    if (good) {
        stage->instance_count =
            slice != NULL ? slice->first[number + 1] - slice->first[number] : combinations;
    }
    if (good && all->count + stage->instance_count > LIMIT_INSTANCES) {
        diag_error(build->diags, stage->source->span, NULL, "there are more than %d instances",
                   LIMIT_INSTANCES);
        good = false;
    }
    if (good) {
        struct plan_instance *instances;

        matrix.room =
            ARENA_ARRAY(build->arena, struct value,
                        (size_t)stage->source->settings->axis_count * stage->instance_count);
        VEC_RESERVE(all, stage->instance_count);
        instances = all->items + all->count;
        all->count += stage->instance_count;
        if (slice != NULL) {
            good = plan_matrix_fill_slice(&matrix, stage, number, combinations, instances);
        } else {
            plan_matrix_fill(&matrix, stage, number, instances);
        }
    }
    strbuf_fini(&matrix.name);
    return good;
}

/* At most half of the slots are taken. */
static void plan_index_names(struct plan *plan)
{
    uint32_t slots = 4;

    while (slots / 2 < plan->instance_count) {
        slots *= 2;
    }
    plan->name_slots = mem_calloc(slots, sizeof(*plan->name_slots));
    mem_touch(plan->name_slots, slots * sizeof(*plan->name_slots));
    plan->name_mask = slots - 1;
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        uint32_t at = (uint32_t)str_hash(plan->instances[i].name) & plan->name_mask;

        while (plan->name_slots[at] != 0) {
            at = (at + 1) & plan->name_mask;
        }
        plan->name_slots[at] = i + 1;
    }
}

void plan_expand(struct plan_build *build)
{
    struct plan *plan = build->plan;
    plan_instance_vec all = {0};
    bool good = true;

    for (uint32_t i = 0; i < plan->stage_count && (good || build->diags->errors < 100); i++) {
        good = plan_expand_stage(build, i, &all) && good;
    }
    plan->instances = all.items;
    plan->instance_count = (uint32_t)all.count;
    plan_index_names(plan);
}
