/* Owns the making of instances: each combination of the values of a stage's axes but the excluded
 * ones, the axes in order of name, the last one running fastest, and their names:
 * `simulate@region=north,year=2026`. */
#include "model/plan_build.h"

#include "base/limits.h"

struct plan_matrix {
    struct plan_build *build;
    const struct m_stage *stage;
    struct plan_axis axes[LIMIT_AXES];
    uint32_t at[LIMIT_AXES];            /* the present combination */
    struct str (*excluded)[LIMIT_AXES]; /* by exclude and axis: the text, or STR_NONE for any */
    struct strbuf name;
};

static bool plan_matrix_read_excludes(struct plan_matrix *matrix)
{
    const struct m_stage *stage = matrix->stage;
    struct plan_scope scope = {
        .plan = matrix->build->plan, .stage = stage, .phase = PLAN_PHASE_MATRIX};

    matrix->excluded = arena_calloc(matrix->build->arena, stage->settings->exclude_count,
                                    sizeof(*matrix->excluded));
    for (uint32_t i = 0; i < stage->settings->exclude_count; i++) {
        for (uint32_t j = 0; j < stage->settings->excludes[i].count; j++) {
            for (uint32_t a = 0; a < stage->settings->axis_count; a++) {
                struct str text;

                if (!str_equal(stage->settings->axes[a].name,
                               stage->settings->excludes[i].axes[j])) {
                    continue;
                }
                if (!plan_render(matrix->build, &scope, &stage->settings->excludes[i].values[j],
                                 &text)) {
                    return false;
                }
                matrix->excluded[i][a] = str_dup(matrix->build->arena, text);
            }
        }
    }
    return true;
}

static bool plan_matrix_is_excluded(const struct plan_matrix *matrix)
{
    for (uint32_t i = 0; i < matrix->stage->settings->exclude_count; i++) {
        bool all = true;

        for (uint32_t a = 0; a < matrix->stage->settings->axis_count && all; a++) {
            struct str text = matrix->excluded[i][a];

            all = text.data == NULL || str_equal(text, matrix->axes[a].texts[matrix->at[a]]);
        }
        if (all) {
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

static struct str plan_matrix_name(struct plan_matrix *matrix)
{
    char joint = '@';

    strbuf_clear(&matrix->name);
    strbuf_add_str(&matrix->name, matrix->stage->name);
    for (uint32_t a = 0; a < matrix->stage->settings->axis_count; a++) {
        strbuf_putc(&matrix->name, joint);
        strbuf_add_str(&matrix->name, matrix->stage->settings->axes[a].name);
        strbuf_putc(&matrix->name, '=');
        strbuf_add_str(&matrix->name, matrix->axes[a].encoded[matrix->at[a]]);
        joint = ',';
    }
    return strbuf_dup(&matrix->name, matrix->build->arena);
}

static void plan_matrix_fill(struct plan_matrix *matrix, struct plan_stage *stage, uint32_t number,
                             struct plan_instance *instances)
{
    uint32_t axis_count = matrix->stage->settings->axis_count;
    struct value *axes =
        ARENA_ARRAY(matrix->build->arena, struct value, (size_t)axis_count * stage->instance_count);
    uint32_t filled = 0;

    do {
        struct plan_instance *inst = &instances[filled];

        if (plan_matrix_is_excluded(matrix)) {
            continue;
        }
        *inst = (struct plan_instance){.stage = {number}, .axes = axes + filled * axis_count};
        inst->name = axis_count != 0 ? plan_matrix_name(matrix) : stage->name;
        for (uint32_t a = 0; a < axis_count; a++) {
            inst->axes[a] = matrix->axes[a].values[matrix->at[a]];
        }
        filled++;
    } while (plan_matrix_step(matrix));
}

/* --- all stages --- */

typedef VEC(struct plan_instance) plan_instance_vec;

static bool plan_expand_stage(struct plan_build *build, uint32_t number, plan_instance_vec *all)
{
    struct plan_stage *stage = &build->plan->stages[number];
    struct plan_matrix matrix = {.build = build, .stage = stage->source};
    bool good = true;

    for (uint32_t a = 0; a < stage->source->settings->axis_count; a++) {
        good = plan_axis_expand(build, stage->source, &stage->source->settings->axes[a],
                                &matrix.axes[a]) &&
               good;
    }
    good = good && plan_matrix_read_excludes(&matrix) &&
           plan_matrix_count(&matrix, &stage->instance_count);
    if (good && all->count + stage->instance_count > LIMIT_INSTANCES) {
        diag_error(build->diags, stage->source->span, NULL, "there are more than %d instances",
                   LIMIT_INSTANCES);
        return false;
    }
    if (good) {
        VEC_RESERVE(all, stage->instance_count);
        stage->instances_first = (uint32_t)all->count;
        plan_matrix_fill(&matrix, stage, number, all->items + all->count);
        all->count += stage->instance_count;
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
