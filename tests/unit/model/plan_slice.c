/* A slice is planned as the whole plan is: each instance of a plan, alone with outlines of those it
 * waits for, has the same edges, paths and command; from a text without the stages it leaves out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/plan.h"
#include "model/toml.h"

/* --- a world in which every file of `in` is there --- */

static bool world_list(void *ctx, struct str folder, struct arena *arena,
                       struct plan_entry **entries, uint32_t *count)
{
    static const char *const names[] = {"a", "b", "c"};

    (void)ctx;
    *entries = ARENA_ARRAY(arena, struct plan_entry, 3);
    *count = 0;
    for (uint32_t i = 0; str_is(folder, "in") && i < 3; i++) {
        (*entries)[(*count)++] = (struct plan_entry){.name = str_of(names[i])};
    }
    return true;
}

static enum plan_exists world_exists(void *ctx, struct str path)
{
    (void)ctx;
    return path_is_below(path, STR("in")) ? PLAN_EXISTS_FILE : PLAN_EXISTS_NOT;
}

static bool world_was_made(void *ctx, struct str path)
{
    (void)ctx;
    (void)path;
    return false;
}

static bool world_read(void *ctx, struct str path, struct arena *arena, struct str *text)
{
    (void)ctx;
    (void)path;
    (void)arena;
    *text = STR("x\ny\n");
    return true;
}

static bool world_has_pipefail(void *ctx, struct str shell)
{
    (void)ctx;
    (void)shell;
    return false;
}

static struct str world_find_program(void *ctx, struct str name, struct arena *arena)
{
    (void)ctx;
    return path_join(arena, STR("/bin"), name);
}

static const struct plan_files world = {
    NULL,           world_list, world_list,         world_exists,
    world_was_made, world_read, world_has_pipefail, world_find_program};

/* --- planning, whole or in part --- */

struct planning {
    struct arena arena;
    struct diags diags;
    struct manifest manifest;
    struct plan plan;
};

static void planning_init(struct planning *p, struct str text, const struct str_range *gaps,
                          uint32_t gap_count, const uint8_t *outlines,
                          const struct plan_slice *slice)
{
    struct manifest_request request = {
        .file = STR("pawl.toml"), .outlines = outlines, .pawl_version = 1};
    struct strbuf out = {0};

    memset(p, 0, sizeof(*p));
    arena_init(&p->arena);
    diags_init(&p->diags);
    request.document =
        toml_parse_between(&p->arena, &p->arena, text, gaps, gap_count,
                           diags_add_source(&p->diags, STR("pawl.toml"), text), &p->diags);
    if (request.document == NULL || !manifest_read(&p->manifest, &request, &p->arena, &p->diags) ||
        !plan_build_slice(&p->plan, &p->manifest, slice, &world, &p->arena, &p->diags)) {
        diags_render(&p->diags, &out, false);
        fail_msg("%s", out.data);
    }
}

static void planning_fini(struct planning *p)
{
    plan_fini(&p->plan);
    arena_fini(&p->arena);
    diags_fini(&p->diags);
}

/* --- one instance and who it waits for --- */

struct cut {
    uint32_t *units, *firsts, *ordinals;
    uint8_t *outline, *outlines; /* by instance, by stage */
    uint32_t count, stages;
    struct str_range *gaps;
    uint32_t gap_count;
};

static void cut_init(struct cut *cut, const struct planning *whole, uint32_t member)
{
    const struct plan *plan = &whole->plan;
    const struct plan_instance *inst = &plan->instances[member];
    uint8_t *taken = mem_calloc(plan->instance_count, 1);

    *cut = (struct cut){
        .units = mem_calloc(plan->instance_count, sizeof(uint32_t)),
        .firsts = mem_calloc((size_t)plan->stage_count + 1, sizeof(uint32_t)),
        .ordinals = mem_calloc(plan->instance_count, sizeof(uint32_t)),
        .outline = mem_calloc(plan->instance_count, 1),
        .outlines = mem_calloc(plan->stage_count, 1),
        .gaps = mem_calloc(plan->stage_count, sizeof(struct str_range)),
    };
    taken[member] = 2;
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        taken[plan->edges[inst->producers_first + i].n] = 1;
    }
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        uint32_t before = cut->count;

        for (uint32_t i = 0; i < plan->stages[s].instance_count; i++) {
            uint32_t unit = plan->stages[s].instances_first + i;

            if (taken[unit] != 0) {
                cut->outline[cut->count] = taken[unit] == 1;
                cut->ordinals[cut->count] = i;
                cut->units[cut->count++] = unit;
            }
        }
        if (cut->count == before && whole->manifest.stage_texts[s].to != 0) {
            cut->gaps[cut->gap_count++] = whole->manifest.stage_texts[s];
        } else {
            cut->outlines[cut->stages] = plan->instances[member].stage.n != s;
            if (cut->outlines[cut->stages] && whole->manifest.stage_inputs[s].to != 0) {
                cut->gaps[cut->gap_count++] = whole->manifest.stage_inputs[s];
            }
            cut->firsts[cut->stages++] = before;
        }
    }
    cut->firsts[cut->stages] = cut->count;
    free(taken);
}

static void cut_fini(struct cut *cut)
{
    free(cut->units);
    free(cut->firsts);
    free(cut->ordinals);
    free(cut->outline);
    free(cut->outlines);
    free(cut->gaps);
}

static void assert_same_str(struct str a, struct str b)
{
    if (!str_equal(a, b)) {
        fail_msg("'%.*s' is not '%.*s'", STR_ARG(a), STR_ARG(b));
    }
}

static void assert_same_outputs(const struct plan *whole, uint32_t unit, const struct plan *part,
                                uint32_t number)
{
    const struct plan_instance *a = &whole->instances[unit];
    const struct plan_instance *b = &part->instances[number];

    assert_int_equal(a->output_count, b->output_count);
    for (uint32_t i = 0; i < a->output_count; i++) {
        const struct plan_output *x = &whole->outputs[a->outputs_first + i];
        const struct plan_output *y = &part->outputs[b->outputs_first + i];

        assert_same_str(plan_path_name(whole, x->path), plan_path_name(part, y->path));
        assert_int_equal(x->folder, y->folder);
        assert_int_equal(x->temp, y->temp);
        assert_int_equal(x->is_depfile, y->is_depfile);
    }
}

static void assert_same_inputs(const struct plan *whole, uint32_t unit, const struct plan *part,
                               uint32_t number, const uint32_t *units)
{
    const struct plan_instance *a = &whole->instances[unit];
    const struct plan_instance *b = &part->instances[number];

    assert_int_equal(a->input_count, b->input_count);
    assert_int_equal(a->producer_count, b->producer_count);
    for (uint32_t i = 0; i < a->producer_count; i++) {
        assert_int_equal(whole->edges[a->producers_first + i].n,
                         units[part->edges[b->producers_first + i].n]);
    }
    for (uint32_t i = 0; i < a->input_count; i++) {
        const struct plan_input *x = &whole->inputs[a->inputs_first + i];
        const struct plan_input *y = &part->inputs[b->inputs_first + i];

        assert_same_str(plan_path_name(whole, x->path), plan_path_name(part, y->path));
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->is_made, y->is_made);
        assert_int_equal(x->source_count, y->source_count);
    }
}

static void assert_same_command(const struct plan *whole, uint32_t unit, const struct plan *part,
                                uint32_t number)
{
    struct plan_command a;
    struct plan_command b;
    struct arena arena;

    if (whole->instances[unit].dynamic) {
        return; /* what it reads is known later */
    }
    arena_init(&arena);
    assert_true(plan_command(whole, (struct inst_id){unit}, NULL, &arena, &a, NULL));
    assert_true(plan_command(part, (struct inst_id){number}, NULL, &arena, &b, NULL));
    assert_int_equal(a.argc, b.argc);
    for (uint32_t i = 0; i < a.argc; i++) {
        assert_same_str(a.argv[i], b.argv[i]);
    }
    assert_same_str(a.dir, b.dir);
    assert_int_equal(a.env_count, b.env_count);
    for (uint32_t i = 0; i < a.env_count; i++) {
        assert_same_str(a.env[i], b.env[i]);
    }
    arena_fini(&arena);
}

/* A copy in which nobody can read the gaps. */
static char *cut_text(const struct cut *cut, struct str text)
{
    char *copy = mem_alloc(text.len);

    memcpy(copy, text.data, text.len);
    for (uint32_t i = 0; i < cut->gap_count; i++) {
        memset(copy + cut->gaps[i].from, 1, cut->gaps[i].to - cut->gaps[i].from);
    }
    return copy;
}

static void check_slice(const struct planning *whole, struct str text, uint32_t member)
{
    struct planning part;
    struct cut cut;
    char *copy;

    cut_init(&cut, whole, member);
    struct plan_slice slice = {cut.firsts, cut.ordinals, cut.outline};

    copy = cut_text(&cut, text);
    planning_init(&part, str_n(copy, text.len), cut.gaps, cut.gap_count, cut.outlines, &slice);
    assert_int_equal(part.manifest.stage_count, cut.stages);
    assert_int_equal(part.plan.instance_count, cut.count);
    for (uint32_t i = 0; i < cut.count; i++) {
        const struct plan_instance *a = &whole->plan.instances[cut.units[i]];
        const struct plan_instance *b = &part.plan.instances[i];

        assert_same_str(a->name, b->name);
        assert_same_str(a->skip_reason, b->skip_reason);
        assert_int_equal(b->outline, cut.outline[i]);
        assert_same_outputs(&whole->plan, cut.units[i], &part.plan, i);
        if (a->skip_reason.len != 0) {
            continue; /* it reads nothing and waits for nobody */
        }
        if (b->outline) {
            assert_int_equal(b->producer_count, 0);
            assert_int_equal(b->input_count, 0);
            continue;
        }
        assert_int_equal(a->no_cache, b->no_cache);
        assert_int_equal(a->last_only, b->last_only);
        assert_int_equal(a->priority, b->priority);
        assert_int_equal(a->cpu, b->cpu);
        assert_same_inputs(&whole->plan, cut.units[i], &part.plan, i, cut.units);
        assert_same_command(&whole->plan, cut.units[i], &part.plan, i);
    }
    planning_fini(&part);
    cut_fini(&cut);
    free(copy);
}

static const char many_kinds[] =
    "# a comment before\n"
    "[pipeline]\n"
    "name = \"p\"\n"
    "[params]\n"
    "level = 3\n"
    "[pool.net]\n"
    "slots = 2\n"
    "[defaults]\n"
    "priority = 4\n"
    "[stage.one] # behind\n"
    "inputs = [\"in/a\"]\n"
    "outputs = [\"out/one\"]\n"
    "run = \"cp {{inputs}} {{outputs}}\"\n"
    "[stage.one.env]\n"
    "LEVEL = \"{{level}}\"\n"
    "\n"
    "[stage.grid]\n"
    "matrix = { x = [1, 2, 3], y = [\"p\", \"q\"], exclude = [{ x = 2, y = \"q\" }] }\n"
    "inputs = [\"out/one\", \"in/{{y}}\"]\n"
    "outputs = { left = \"grid/{{x}}-{{y}}\", log = { path = \"logs/{{x}}{{y}}\", temp = true } }\n"
    "run = \"work {{x}} {{y}} > {{outputs.left}}\"\n"
    "[stage.plain]\n"
    "matrix = { f = { glob = \"in/*\" }, n = { from = 1, to = 3 } }\n"
    "inputs = [\"{{f}}\"]\n"
    "outputs = [\"plain/{{base(f)}}.{{n}}\"]\n"
    "run = [\"cp\", \"{{inputs}}\", \"{{outputs}}\"]\n"
    "[stage.folder]\n"
    "inputs = [\"grid/*-p\", \"in/*\"]\n"
    "outputs = [\"folder/\"]\n"
    "run = \"fill folder\"\n"
    "[stage.never]\n"
    "when = \"level > 5\"\n"
    "inputs = [\"folder/x\"]\n"
    "outputs = [\"never\"]\n"
    "run = \"touch never\"\n"
    "[stage.name]\n"
    "needs = [\"grid@x=3\", \"one\"]\n"
    "[stage.echo]\n"
    "inputs = [\"in/c\"]\n"
    "outputs = [\"echo/{{join(stem(inputs), '-')}}.x\"]\n"
    "run = \"cp {{inputs}} {{outputs}}\"\n"
    "[stage.last]\n"
    "inputs = [\"folder/\", \"plain/a.2\", \"echo/c.x\", { path = \"in/b\", optional = true }]\n"
    "needs = [\"name\"]\n"
    "outputs = [\"last\"]\n"
    "depfile = \"last.d\"\n"
    "pool = \"net\"\n"
    "run = \"cat folder/* > last\"\n";

static void test_each_instance(void **state)
{
    struct planning whole;

    (void)state;
    planning_init(&whole, str_of(many_kinds), NULL, 0, NULL, NULL);
    for (uint32_t i = 0; i < whole.plan.instance_count; i++) {
        check_slice(&whole, str_of(many_kinds), i);
    }
    planning_fini(&whole);
}

/* --- where a stage's text stands --- */

static void assert_text_of(const char *text, const char *stage, const char *want)
{
    struct planning whole;
    const struct m_stage *found;
    struct str_range range;

    planning_init(&whole, str_of(text), NULL, 0, NULL, NULL);
    found = manifest_stage(&whole.manifest, str_of(stage));
    range = whole.manifest.stage_texts[found - whole.manifest.stages];
    assert_same_str(str_n(text + range.from, range.to > range.from ? range.to - range.from : 0),
                    str_of(want));
    planning_fini(&whole);
}

#define HEAD "[pipeline]\nname = \"p\"\n"

static void test_texts(void **state)
{
    (void)state;
    assert_text_of(HEAD "[stage.a]\nrun = \"a\"\n# c\n[stage.b]\nrun = \"b\"\n", "a",
                   "[stage.a]\nrun = \"a\"\n# c\n");
    assert_text_of(HEAD "[stage.a]\nrun = \"a\"\n[stage.a.env]\nX = \"[y]\"\n[pool.b]\nslots = 1\n",
                   "a", "[stage.a]\nrun = \"a\"\n[stage.a.env]\nX = \"[y]\"\n");
    assert_text_of(HEAD "[stage.a]\nrun = \"a\"", "a", "[stage.a]\nrun = \"a\"");
    /* Said in several places, or without a table of its own. */
    assert_text_of(
        HEAD "[stage.a.env]\nX = \"y\"\n[stage.b]\nrun = \"b\"\n[stage.a]\nrun = \"a\"\n", "a", "");
    assert_text_of(HEAD
                   "[stage.a.env]\nX = \"y\"\n[stage.b]\nrun = \"b\"\n[stage.a]\nrun = \"a\"\n",
                   "b", "[stage.b]\nrun = \"b\"\n");
    assert_text_of("stage.a.run = \"a\"\n" HEAD, "a", "");
    assert_text_of(HEAD "[stage]\na.run = \"a\"\n[stage.a.env]\nX = \"y\"\n", "a", "");
    assert_text_of(HEAD "[stage.a.env]\nX = \"y\"\n[stage]\na.run = \"a\"\n", "a", "");
    assert_text_of(HEAD "[stage]\na = { run = \"a\" }\n", "a", "");
    assert_text_of(HEAD "[stage]\n\"a\".run = \"a\"\nb.run = \"b\"\n", "b", "");
}

static void assert_inputs_of(const char *text, const char *stage, const char *want)
{
    struct planning whole;
    const struct m_stage *found;
    struct str_range range;

    planning_init(&whole, str_of(text), NULL, 0, NULL, NULL);
    found = manifest_stage(&whole.manifest, str_of(stage));
    range = whole.manifest.stage_inputs[found - whole.manifest.stages];
    assert_same_str(str_n(text + range.from, range.to > range.from ? range.to - range.from : 0),
                    str_of(want));
    planning_fini(&whole);
}

static void test_inputs_texts(void **state)
{
    (void)state;
    assert_inputs_of(HEAD "[stage.a]\nrun = \"a\"\ninputs = [\n  \"in/a\", # one\n]  # all\n", "a",
                     "inputs = [\n  \"in/a\", # one\n]");
    assert_inputs_of(HEAD "[stage.a]\ninputs = { x = \"in/a\" }\nrun = \"a\"\n", "a",
                     "inputs = { x = \"in/a\" }");
    assert_inputs_of(HEAD "[stage.a]\nrun = \"a\"\n", "a", "");
    /* Not in one piece. */
    assert_inputs_of(HEAD "[stage.a]\ninputs.x = \"in/a\"\nrun = \"a\"\ninputs.y = \"in/b\"\n", "a",
                     "");
    assert_inputs_of(HEAD "[stage.a]\nrun = \"a\"\n[stage.a.inputs]\nx = \"in/a\"\n", "a", "");
    assert_inputs_of(HEAD "[stage]\na = { run = \"a\", inputs = [\"in/a\"] }\n", "a", "");
    /* Its outputs depend on it. */
    assert_inputs_of(HEAD
                     "[stage.a]\ninputs = { x = \"in/a\" }\noutputs = [\"{{base(inputs.x)}}.o\"]\n"
                     "run = \"a\"\n",
                     "a", "");
}

/* Gaps that this text cannot have. */
static void test_wrong_gaps(void **state)
{
    static const char text[] = HEAD "[stage.a]\nrun = \"a\"\n";
    static const struct str_range wrong[][2] = {
        {{0, 1000}, {0, 0}}, {{30, 20}, {0, 0}}, {{25, 40}, {30, 42}}};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct arena arena;
        struct diags diags;

        arena_init(&arena);
        diags_init(&diags);
        assert_null(toml_parse_between(&arena, &arena, str_of(text), wrong[i], i == 2 ? 2 : 1,
                                       diags_add_source(&diags, STR("t"), str_of(text)), &diags));
        assert_true(diags_has_errors(&diags));
        diags_fini(&diags);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_instance),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_inputs_texts),
        cmocka_unit_test(test_wrong_gaps),
    };

    return cmocka_run_group_tests_name("model/plan_slice", tests, NULL, NULL);
}
