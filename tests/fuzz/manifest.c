/* Any text as a manifest, from TOML to a plan, in a workspace that is not there
 * (tests/unit/model/files_fake.h): either diagnostics, or a plan whose ids are in bounds, in which
 * producers come before consumers, and of which every command can be asked for. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/model/files_fake.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { INSTANCES_MAX = 2000 };

/* --- what would take too long --- */

static uint64_t axis_most(const struct m_axis *axis, const struct fake *fake, uint32_t size_bytes)
{
    char *from_end, *to_end;
    char from[24], to[24];
    long long low, high;

    if (axis->kind != M_AXIS_RANGE) {
        return axis->kind == M_AXIS_VALUES ? axis->values.count + 1
                                           : fake->files.count + size_bytes;
    }
    snprintf(from, sizeof(from), "%.*s", STR_ARG(axis->from.text));
    snprintf(to, sizeof(to), "%.*s", STR_ARG(axis->to.text));
    low = strtoll(from, &from_end, 10);
    high = strtoll(to, &to_end, 10);
    if (*from_end != '\0' || *to_end != '\0' || high < low) {
        return INSTANCES_MAX; /* a template, or an error */
    }
    return (uint64_t)high - (uint64_t)low + 1;
}

static bool is_small(const struct manifest *manifest, const struct fake *fake, uint32_t size_bytes)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        const struct m_settings *settings = manifest->stages[i].settings;
        uint64_t product = 1;

        for (uint32_t a = 0; a < settings->axis_count && product <= INSTANCES_MAX; a++) {
            uint64_t most = axis_most(&settings->axes[a], fake, size_bytes);

            product = most > INSTANCES_MAX ? INSTANCES_MAX + 1 : product * most;
        }
        sum += product;
    }
    return sum <= INSTANCES_MAX;
}

/* --- what a plan says --- */

static void check_order(const struct plan *plan)
{
    uint32_t *place = mem_calloc(plan->instance_count + 1, sizeof(*place));

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        assert(plan->topo[i].n < plan->instance_count && place[plan->topo[i].n] == 0);
        place[plan->topo[i].n] = i + 1;
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];

        assert(inst->producers_first + inst->producer_count <= plan->edge_count);
        assert(inst->consumers_first + inst->consumer_count <= plan->edge_count);
        for (uint32_t p = 0; p < inst->producer_count; p++) {
            struct inst_id producer = plan->edges[inst->producers_first + p];

            assert(producer.n < plan->instance_count && place[producer.n] < place[i]);
        }
    }
    free(place);
}

static void check_paths(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct plan_input *input = &plan->inputs[i];

        assert(input->path.n < plan->path_count);
        assert(!inst_is_some(input->producer) || input->producer.n < plan->instance_count);
        for (uint32_t s = 0; s < input->source_count; s++) {
            assert(plan->source_matches[input->sources_first + s].n < plan->path_count);
        }
    }
    for (uint32_t i = 0; i < plan->output_count; i++) {
        struct str name = plan_path_name(plan, plan->outputs[i].path);

        assert(plan_find_path(plan, name).n == plan->outputs[i].path.n);
        assert(name.len != 0 && !path_is_absolute(name) && !str_has_prefix(name, STR("../")));
    }
}

static bool made_has(void *ctx, struct inst_id producer, uint32_t output, struct str path)
{
    (void)ctx, (void)producer, (void)output, (void)path;
    return true;
}

static void made_list(void *ctx, struct inst_id producer, uint32_t output, struct arena *arena,
                      struct str **paths, uint32_t *count)
{
    (void)producer;
    *paths = ARENA_ARRAY(arena, struct str, 1);
    **paths = STR_JOIN(arena, plan_path_name(ctx, ((struct plan *)ctx)->outputs[output].path),
                       STR("/it's made"));
    *count = 1;
}

static void check_commands(struct plan *plan)
{
    struct plan_made made = {.ctx = plan, .has = made_has, .list = made_list};
    struct arena arena;

    arena_init(&arena);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct resolved_inputs resolved;
        struct plan_command command;
        struct err err = {0};
        struct inst_id id = {i};

        assert(plan_find_instance(plan, plan->instances[i].name).n == i);
        if (plan_inputs_resolve(plan, id, &made, &arena, &resolved) &&
            !plan_command(plan, id, &resolved, &arena, &command, &err)) {
            assert(err.status != 0 && plan->instances[i].dynamic);
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void check_selection(const struct plan *plan)
{
    static const char *const selections[] = {"a", "a@*", "out/a", "*@x=1", ""};
    uint8_t *selected = mem_calloc(plan->instance_count + 1, 1);
    struct err err;

    for (size_t i = 0; i < sizeof(selections) / sizeof(*selections); i++) {
        plan_select(plan, str_of(selections[i]), selected, &err);
    }
    plan_close_over_producers(plan, selected);
    plan_close_over_consumers(plan, selected);
    free(selected);
}

/* --- one text --- */

static void plan_text(struct manifest *manifest, struct fake *fake, struct arena *arena,
                      struct diags *diags)
{
    struct plan_files files = fake_files(fake);
    struct plan plan;
    bool fine = plan_build(&plan, manifest, &files, arena, diags);

    assert(fine == !diags_has_errors(diags));
    manifest_forget_files(manifest);
    if (fine) {
        check_order(&plan);
        check_paths(&plan);
        check_commands(&plan);
        check_selection(&plan);
    }
    plan_fini(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str text = str_n((const char *)data, size_bytes);
    struct manifest_request request = {.file = STR("pawl.toml"), .pawl_version = 1};
    struct manifest manifest;
    struct strbuf out = {0};
    struct arena arena;
    struct diags diags;
    struct fake fake;

    arena_init(&arena);
    diags_init(&diags);
    fake_init(&fake, text);
    request.document =
        toml_parse(&arena, text, diags_add_source(&diags, STR("pawl.toml"), text), &diags);
    if (request.document != NULL) {
        bool is_read = manifest_read(&manifest, &request, &arena, &diags);

        assert(is_read == !diags_has_errors(&diags));
        if (is_read && is_small(&manifest, &fake, (uint32_t)size_bytes)) {
            plan_text(&manifest, &fake, &arena, &diags);
        }
    }
    diags_render(&diags, &out, false);
    strbuf_fini(&out);
    fake_fini(&fake);
    diags_fini(&diags);
    arena_fini(&arena);
    return 0;
}
