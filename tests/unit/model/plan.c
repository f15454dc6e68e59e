/* Tests of model/plan: what good manifests give, and testdata/manifests/bad/plan-*.toml, each with
 * its exact diagnostics in a .txt of that name. What the workspace holds stands in comments at the
 * head of a manifest, see files_fake.h. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/path.h"
#include "files_fake.h"
#include "model/toml.h"

#define BAD "testdata/manifests/bad/"

/* --- planning a text --- */

struct planning {
    struct arena arena, files;
    struct diags diags;
    struct manifest manifest;
    struct plan plan;
    struct fake fake;
    bool is_read, fine;
};

static void planning_init(struct planning *p, struct str text)
{
    struct manifest_request request = {
        .file = STR("pawl.toml"), .pawl_version = 1, .files_arena = &p->files};
    struct plan_files files = fake_files(&p->fake);

    memset(p, 0, sizeof(*p));
    arena_init(&p->arena);
    arena_init(&p->files);
    fake_init(&p->fake, text);
    diags_init(&p->diags);
    request.document =
        toml_parse(&p->arena, text, diags_add_source(&p->diags, STR("pawl.toml"), text), &p->diags);
    p->is_read =
        request.document != NULL && manifest_read(&p->manifest, &request, &p->arena, &p->diags);
    if (p->is_read) {
        p->fine = plan_build(&p->plan, &p->manifest, &files, &p->arena, &p->diags);
        manifest_forget_files(&p->manifest);
    }
    arena_fini(&p->files);
}

static void planning_fini(struct planning *p)
{
    if (p->is_read) {
        plan_fini(&p->plan);
    }
    fake_fini(&p->fake);
    arena_fini(&p->arena);
    diags_fini(&p->diags);
}

#define HEAD "[pipeline]\nname = \"p\"\n"

/* Plans what must be right. */
static struct plan *planning_good(struct planning *p, const char *text)
{
    struct strbuf out = {0};

    planning_init(p, str_of(text));
    diags_render(&p->diags, &out, false);
    if (!p->fine) {
        print_error("%s", out.data != NULL ? out.data : "no diagnostics");
    }
    assert_true(p->fine);
    strbuf_fini(&out);
    return &p->plan;
}

static struct inst_id find(const struct plan *plan, const char *name)
{
    struct inst_id number = plan_find_instance(plan, str_of(name));

    if (!inst_is_some(number)) {
        fail_msg("there is no instance '%s'", name);
    }
    return number;
}

static const struct plan_instance *get(const struct plan *plan, const char *name)
{
    return &plan->instances[find(plan, name).n];
}

#define assert_text(s, text)                                                                       \
    do {                                                                                           \
        struct str s_ = (s);                                                                       \
        char *copy_ = mem_calloc(s_.len + 1, 1);                                                   \
        if (s_.len != 0) {                                                                         \
            memcpy(copy_, s_.data, s_.len);                                                        \
        }                                                                                          \
        assert_string_equal(copy_, (text));                                                        \
        free(copy_);                                                                               \
    } while (0)

/* Names of instances, joined by blanks. */
static void assert_instances(const struct inst_id *items, uint32_t count, const struct plan *plan,
                             const char *expected)
{
    struct strbuf out = {0};

    for (uint32_t i = 0; i < count; i++) {
        strbuf_printf(&out, "%s%.*s", i > 0 ? " " : "", STR_ARG(plan->instances[items[i].n].name));
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    strbuf_fini(&out);
}

static void assert_producers(const struct plan *plan, const char *name, const char *expected)
{
    const struct plan_instance *inst = get(plan, name);

    assert_instances(plan->edges + inst->producers_first, inst->producer_count, plan, expected);
}

static void assert_consumers(const struct plan *plan, const char *name, const char *expected)
{
    const struct plan_instance *inst = get(plan, name);

    assert_instances(plan->back_edges + inst->consumers_first, inst->consumer_count, plan,
                     expected);
}

/* argv joined by '|'. */
static void assert_command(const struct plan_command *command, const char *expected)
{
    struct strbuf out = {0};

    for (uint32_t i = 0; i < command->argc; i++) {
        strbuf_printf(&out, "%s%.*s", i > 0 ? "|" : "", STR_ARG(command->argv[i]));
        assert_int_equal(command->argv[i].data[command->argv[i].len], 0);
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    strbuf_fini(&out);
}

static const struct plan_command *command_of(struct planning *p, const struct plan_instance *inst)
{
    struct plan_command *command = ARENA_NEW(&p->arena, struct plan_command);
    struct inst_id number = {(uint32_t)(inst - p->plan.instances)};
    struct err err = {0};

    assert_false(inst->dynamic);
    assert_true(plan_command(&p->plan, number, NULL, &p->arena, command, &err));
    return command;
}

/* --- what producers made: everything but what `lost` names --- */

struct making {
    const struct plan *plan;
    const char *lost;
    const char *below; /* in each folder output: names between blanks */
};

static bool making_has(void *ctx, struct inst_id producer, uint32_t output, struct str path)
{
    struct making *making = ctx;

    assert_int_equal(making->plan->paths[making->plan->outputs[output].path.n].producer.n,
                     producer.n);
    return making->lost == NULL || !str_is(path, making->lost);
}

static void making_list(void *ctx, struct inst_id producer, uint32_t output, struct arena *arena,
                        struct str **paths, uint32_t *count)
{
    struct making *making = ctx;
    struct str rest = str_of(making->below != NULL ? making->below : "");
    struct str name;

    (void)producer;
    *paths = ARENA_ARRAY(arena, struct str, rest.len + 1);
    *count = 0;
    while (rest.len != 0 && str_split(&rest, ' ', &name)) {
        (*paths)[(*count)++] = path_join(
            arena, plan_path_name(making->plan, making->plan->outputs[output].path), name);
    }
}

/* Paths joined by blanks, or "!" and what is missing. */
static void assert_resolves(struct planning *p, const char *name, struct making making,
                            const char *expected)
{
    struct plan_made made = {.ctx = &making, .has = making_has, .list = making_list};
    struct resolved_inputs resolved;
    struct strbuf out = {0};

    making.plan = &p->plan;
    if (plan_inputs_resolve(&p->plan, find(&p->plan, name), &made, &p->arena, &resolved)) {
        for (uint32_t i = 0; i < resolved.count; i++) {
            strbuf_printf(&out, "%s%.*s%s", i > 0 ? " " : "", STR_ARG(resolved.items[i].path),
                          resolved.items[i].is_folder ? "/" : "");
        }
    } else {
        strbuf_printf(&out, "!%.*s", STR_ARG(resolved.missing));
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    strbuf_fini(&out);
}

static void assert_late_command(struct planning *p, const char *name, struct making making,
                                const char *expected)
{
    struct plan_made made = {.ctx = &making, .has = making_has, .list = making_list};
    struct resolved_inputs resolved;
    struct plan_command command;
    struct err err = {0};

    making.plan = &p->plan;
    assert_true(plan_inputs_resolve(&p->plan, find(&p->plan, name), &made, &p->arena, &resolved));
    if (plan_command(&p->plan, find(&p->plan, name), &resolved, &p->arena, &command, &err)) {
        assert_command(&command, expected);
    } else {
        assert_string_equal(err.text, expected);
    }
}

/* --- expansion --- */

static void test_one_stage(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, HEAD "[stage.a]\nrun = \"true\"\n");

    (void)state;
    assert_int_equal(plan->instance_count, 1);
    assert_int_equal(plan->topo[0].n, 0);
    assert_command(command_of(&p, get(plan, "a")), "/bin/sh|-eu|-c|true");
    assert_true(get(plan, "a")->no_cache);
    assert_false(get(plan, "a")->last_only);
    assert_int_equal(get(plan, "a")->grace_ns, 10000000000);
    assert_int_equal(get(plan, "a")->cpu, 1);
    planning_fini(&p);
}

static void test_matrix_names(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "[params]\nstart = 2025\n"
                 "[stage.s]\nrun = \"echo {{year}} {{region}} {{lr}}\"\n"
                 "matrix = { year = { from = \"{{start}}\", to = 2026 },"
                 " region = [\"north\", \"a b,c=d\"], lr = { from = 0.1, to = 0.2, step = 0.1 },"
                 " exclude = [{ year = 2025, lr = 0.2 }] }\n");

    (void)state;
    assert_int_equal(plan->instance_count, 6);
    assert_text(plan->instances[0].name, "s@lr=0.1,region=north,year=2025");
    assert_text(plan->instances[1].name, "s@lr=0.1,region=north,year=2026");
    assert_text(plan->instances[2].name, "s@lr=0.1,region=a%20b%2Cc%3Dd,year=2025");
    assert_text(plan->instances[4].name, "s@lr=0.2,region=north,year=2026");
    assert_command(command_of(&p, &plan->instances[3]), "/bin/sh|-eu|-c|echo 2026 'a b,c=d' 0.1");
    planning_fini(&p);
}

static void test_axes_of_files_and_lists(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! file data/a[1].csv\n#! file data/b.csv\n#! file data/b.pyc\n#! made data/old.csv\n"
            "#! text list.txt x y\n" HEAD "[params]\nnames = [\"u\", \"v\"]\n"
            "[stage.f]\nrun = \"cat {{inputs}} {{base(f)}}\"\nmatrix.f = { glob = \"data/*\" }\n"
            "inputs = [\"{{f}}\"]\n"
            "[stage.l]\nrun = \"echo {{l}}\"\nmatrix.l = { lines = \"list.txt\" }\n"
            "[stage.n]\nrun = \"echo {{n}}\"\nmatrix.n = \"{{names}}\"\n");

    (void)state;
    assert_int_equal(plan->instance_count, 6);
    assert_text(plan->instances[0].name, "f@f=data/a%5B1%5D.csv");
    assert_command(command_of(&p, &plan->instances[0]),
                   "/bin/sh|-eu|-c|cat 'data/a[1].csv' 'a[1].csv'");
    assert_text(plan->instances[1].name, "f@f=data/b.csv");
    assert_text(plan->instances[3].name, "l@l=y");
    assert_text(plan->instances[5].name, "n@n=v");
    planning_fini(&p);
}

/* --- edges --- */

#define YEARS                                                                                      \
    "#! file state-2025.csv\n" HEAD "[stage.sim]\nrun = \"cp {{inputs}} {{outputs}}\"\n"           \
    "matrix.year = { from = 2026, to = 2028 }\n"                                                   \
    "inputs = [\"state-{{year - 1}}.csv\"]\noutputs = [\"state-{{year}}.csv\"]\n"                  \
    "[stage.report]\nrun = \"cat {{inputs.all}}\"\ninputs = { all = \"state-*.csv\" }\n"           \
    "stdout = \"report.txt\"\n"

static void test_edges_from_paths(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, YEARS);

    (void)state;
    assert_producers(plan, "sim@year=2026", "");
    assert_producers(plan, "sim@year=2027", "sim@year=2026");
    assert_producers(plan, "report", "sim@year=2026 sim@year=2027 sim@year=2028");
    assert_consumers(plan, "sim@year=2026", "sim@year=2027 report");
    assert_instances(plan->topo, plan->instance_count, plan,
                     "sim@year=2026 sim@year=2027 sim@year=2028 report");
    assert_command(command_of(&p, get(plan, "sim@year=2027")),
                   "/bin/sh|-eu|-c|cp state-2026.csv state-2027.csv");
    assert_true(get(plan, "report")->dynamic);
    assert_false(get(plan, "sim@year=2027")->dynamic);
    assert_resolves(&p, "report", (struct making){0},
                    "state-2025.csv state-2026.csv state-2027.csv state-2028.csv");
    assert_resolves(&p, "report", (struct making){.lost = "state-2027.csv"},
                    "state-2025.csv state-2026.csv state-2028.csv");
    assert_late_command(&p, "report", (struct making){.lost = "state-2027.csv"},
                        "/bin/sh|-eu|-c|cat state-2025.csv state-2026.csv state-2028.csv");
    assert_resolves(&p, "sim@year=2027", (struct making){.lost = "state-2026.csv"},
                    "!'state-2026.csv' was not made by 'sim@year=2026'");
    planning_fini(&p);
}

static void test_the_manual_s_example(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! file stages/cross.awk\n#! file stages/report.sh\n#! file data/DAX.csv\n"
            "#! file data/SMI.csv\n" HEAD
            "[params]\nindex = [\"DAX\", \"SMI\"]\nslow = { value = 50, min = 10, max = 200 }\n"
            "[stage.optimize]\n"
            "matrix = { index = \"{{index}}\", fast = { from = 5, to = 20, step = 5 } }\n"
            "run = \"awk -f stages/cross.awk -v fast={{fast}} -v slow={{slow}} "
            "{{inputs.prices}}\"\n"
            "inputs = { code = \"stages/cross.awk\", prices = \"data/{{index}}.csv\" }\n"
            "stdout = \"out/{{index}}-{{fast}}.csv\"\n"
            "[stage.report]\nrun = [\"sh\", \"stages/report.sh\", \"{{inputs}}\"]\n"
            "inputs = [\"stages/report.sh\", \"out/*.csv\"]\noutputs = [\"report.html\"]\n");

    (void)state;
    assert_int_equal(plan->instance_count, 9);
    assert_command(command_of(&p, get(plan, "optimize@fast=10,index=SMI")),
                   "/bin/sh|-eu|-c|awk -f stages/cross.awk -v fast=10 -v slow=50 data/SMI.csv");
    assert_true(plan->outputs[get(plan, "optimize@fast=10,index=SMI")->outputs_first].is_stdout);
    assert_int_equal(get(plan, "report")->producer_count, 8);
    assert_late_command(&p, "report", (struct making){.lost = "out/DAX-5.csv"},
                        "sh|stages/report.sh|stages/report.sh|out/DAX-10.csv|out/DAX-15.csv|"
                        "out/DAX-20.csv|out/SMI-10.csv|out/SMI-15.csv|out/SMI-20.csv|"
                        "out/SMI-5.csv");
    planning_fini(&p);
}

static void test_order_is_that_of_definition(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, HEAD "[stage.c]\nrun = \"c\"\nneeds = [\"b\"]\n"
                                                     "[stage.d]\nrun = \"d\"\n"
                                                     "[stage.b]\nrun = \"b\"\nneeds = [\"a\"]\n"
                                                     "[stage.a]\nrun = \"a\"\n");

    (void)state;
    assert_instances(plan->topo, plan->instance_count, plan, "d a b c");
    planning_fini(&p);
}

static void test_folders(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! file data/b/.dot\n#! file data/a.csv\n#! file data/.git/x\n#! file data/x.pyc\n"
            "#! folder empty\n" HEAD
            "[stage.model]\nrun = \"train {{inputs.d}}\"\ninputs = { d = \"data/\" }\n"
            "outputs = { m = \"model/\" }\nstdout = \"model/log\"\n"
            "[stage.file]\nrun = \"cat {{inputs}}\"\ninputs = [\"model/w.bin\"]\n"
            "[stage.below]\nrun = \"cat {{inputs}}\"\ninputs = [\"model/sub/\"]\n"
            "[stage.whole]\nrun = \"cat {{inputs}}\"\ninputs = [\"model\"]\n"
            "[stage.glob]\nrun = \"cat {{inputs}}\"\ninputs = [\"model/**/*.bin\"]\n"
            "[stage.none]\nrun = \"ls {{inputs}}\"\ninputs = [\"empty\"]\n");
    struct making some = {.below = "w.bin sub/v.bin sub/__pycache__/x.bin"};

    (void)state;
    assert_resolves(&p, "model", (struct making){0}, "data/a.csv data/b/.dot");
    assert_command(command_of(&p, get(plan, "model")), "/bin/sh|-eu|-c|train data");
    assert_producers(plan, "file", "model");
    assert_producers(plan, "below", "model");
    assert_producers(plan, "whole", "model");
    assert_producers(plan, "glob", "model");
    assert_resolves(&p, "file", some, "model/w.bin");
    assert_resolves(&p, "below", some, "model/sub/v.bin");
    assert_resolves(&p, "below", (struct making){0}, "model/sub/");
    assert_resolves(&p, "below", (struct making){.lost = "model/sub"},
                    "!no file was made in 'model/sub/'");
    assert_resolves(&p, "whole", some, "model/log model/sub/v.bin model/w.bin");
    assert_resolves(&p, "glob", some, "model/sub/v.bin model/w.bin");
    assert_resolves(&p, "glob", (struct making){0}, "!no file matches 'model/**/*.bin'");
    assert_late_command(&p, "glob", some, "/bin/sh|-eu|-c|cat model/sub/v.bin model/w.bin");
    assert_resolves(&p, "none", (struct making){0}, "empty/");
    assert_false(get(plan, "whole")->dynamic);
    assert_command(command_of(&p, get(plan, "whole")), "/bin/sh|-eu|-c|cat model");
    planning_fini(&p);
}

static void test_outputs_are_no_sources_and_orphans_are_noted(void **state)
{
    struct planning p;
    const struct plan *plan =
        planning_good(&p, "#! file out/hand.csv\n#! made out/old.csv\n#! made out/new.csv\n" HEAD
                          "[stage.make]\nrun = \"make\"\noutputs = [\"out/new.csv\"]\n"
                          "[stage.all]\nrun = \"cat {{inputs}}\"\ninputs = [\"out/*.csv\"]\n");

    (void)state;
    assert_resolves(&p, "all", (struct making){0}, "out/hand.csv out/new.csv");
    assert_resolves(&p, "all", (struct making){.lost = "out/new.csv"}, "out/hand.csv");
    assert_int_equal(plan->orphan_count, 1);
    assert_text(plan_path_name(plan, plan->orphans[0]), "out/old.csv");
    assert_int_equal(plan->listed_dir_count, 1);
    assert_text(plan_path_name(plan, plan->listed_dirs[0]), "out");
    planning_fini(&p);
}

/* Also when the folder itself is an input, and is listed. */
static void test_what_lies_in_a_folder_output_is_no_orphan(void **state)
{
    struct planning p;
    const struct plan *plan =
        planning_good(&p, "#! made model/w.bin\n#! made model/sub/v.bin\n#! made old.bin\n" HEAD
                          "[stage.make]\nrun = \"make\"\noutputs = [\"model/\"]\n"
                          "[stage.all]\nrun = \"cat\"\ninputs = [\"model/\", \"**/*.bin\"]\n");

    (void)state;
    assert_int_equal(plan->orphan_count, 1);
    assert_text(plan_path_name(plan, plan->orphans[0]), "old.bin");
    planning_fini(&p);
}

static void test_optional_inputs(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "[stage.a]\nrun = \"a\"\noutputs = [\"a.txt\"]\nwhen = \"1 > 2\"\n"
                 "[stage.b]\nrun = \"cat {{default(inputs.a, 'none')}} {{default(inputs.x, 0)}}\"\n"
                 "inputs = { a = { path = \"a.txt\", optional = true },"
                 " x = { path = \"x.txt\", optional = true } }\n"
                 "[stage.c]\nrun = \"cat\"\nstdin = \"a.txt\"\n");

    (void)state;
    assert_text(get(plan, "a")->skip_reason, "when = 1 > 2 is false");
    assert_true(plan->inputs[get(plan, "b")->inputs_first + 1].is_missing);
    assert_resolves(&p, "b", (struct making){.lost = "a.txt"}, "");
    assert_late_command(&p, "b", (struct making){.lost = "a.txt"}, "/bin/sh|-eu|-c|cat none 0");
    assert_late_command(&p, "b", (struct making){0}, "/bin/sh|-eu|-c|cat a.txt 0");
    assert_resolves(&p, "c", (struct making){.lost = "a.txt"},
                    "!'a.txt' was not made: 'a' is skipped: when = 1 > 2 is false");
    planning_fini(&p);
}

static void test_skipped_asks_for_nothing(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "[stage.a]\nrun = \"a\"\ninputs = [\"gone\"]\nneeds = [\"b\"]\nwhen = \"false\"\n"
                 "outputs = [\"a.txt\"]\n[stage.b]\nrun = \"b\"\n");

    (void)state;
    assert_producers(plan, "a", "");
    planning_fini(&p);
}

static void test_needs(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "[stage.s]\nrun = \"s\"\nmatrix = { x = [1, 2], y = [\"a\", \"b\"] }\n"
                 "[stage.t]\nrun = \"t\"\nneeds = [\"s@x={{x}}\"]\nmatrix.x = [1, 2]\n"
                 "[stage.u]\nneeds = [\"t\", \"s@y=b\"]\n"
                 "[stage.v]\nneeds = [\"s@x=*,y=a\"]\n");

    (void)state;
    assert_producers(plan, "t@x=2", "s@x=2,y=a s@x=2,y=b");
    assert_producers(plan, "u", "s@x=1,y=b s@x=2,y=b t@x=1 t@x=2");
    assert_producers(plan, "v", "s@x=1,y=a s@x=2,y=a");
    assert_false(get(plan, "u")->no_cache);
    planning_fini(&p);
}

static void test_tool_of_the_workspace(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! file bin/there\n" HEAD "[stage.cc]\nrun = \"cc\"\noutputs = [\"bin/tool\"]\n"
            "[stage.use]\nrun = [\"./bin/tool\", \"{{inputs}}\", \"{{outputs.o}}\"]\n"
            "outputs = { o = \"-o\" }\n"
            "[stage.there]\nrun = [\"bin/there\"]\n[stage.gone]\nrun = [\"bin/gone\"]\n");

    (void)state;
    assert_producers(plan, "use", "cc");
    assert_command(command_of(&p, get(plan, "use")), "./bin/tool|./-o");
    assert_int_equal(get(plan, "there")->input_count, 1);
    assert_true(get(plan, "there")->no_cache);
    assert_int_equal(get(plan, "gone")->input_count, 0);
    planning_fini(&p);
}

static void test_tools_are_rendered(void **state)
{
    struct planning p;
    const struct plan *plan =
        planning_good(&p, "#! file in/a.csv\n#! file in/b.csv\n" HEAD
                          "[stage.s]\nmatrix.x = [\"a\", \"b\"]\nrun = \"s\"\n"
                          "tools = [\"cc\", { run = \"{{x}} -V\" }, \"bin/{{x}}\"]\n"
                          "[stage.made]\nrun = \"m\"\noutputs = [\"out/m.csv\"]\n"
                          "[stage.late]\nrun = \"l\"\ninputs = { all = \"out/*.csv\" }\n"
                          "tools = [\"bin/{{len(inputs)}}\"]\n");
    const struct plan_command *b = command_of(&p, get(plan, "s@x=b"));

    (void)state;
    assert_int_equal(b->tool_count, 2);
    assert_text(b->tools[0], "cc");
    assert_text(b->tools[1], "bin/b");
    assert_int_equal(b->tool_run_count, 1);
    assert_text(b->tool_runs[0], "b -V");
    assert_text(command_of(&p, get(plan, "s@x=a"))->tools[1], "bin/a");
    assert_true(get(plan, "late")->dynamic);
    assert_true(get(plan, "late")->dynamic);
    planning_fini(&p);
}

static void test_brackets_in_names(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! file in/a[1].csv\n" HEAD "[stage.a]\nmatrix.x = [\"b[2]\"]\nrun = \"a\"\n"
            "inputs = [\"in/a[1].csv\"]\noutputs = [\"out/{{x}}.csv\"]\n"
            "[stage.b]\nmatrix.x = [\"b[2]\"]\nrun = \"b {{inputs}}\"\n"
            "inputs = [\"out/{{x}}.csv\"]\n");

    (void)state;
    assert_resolves(&p, "a@x=b%5B2%5D", (struct making){0}, "in/a[1].csv");
    assert_producers(plan, "b@x=b%5B2%5D", "a@x=b%5B2%5D");
    assert_command(command_of(&p, get(plan, "b@x=b%5B2%5D")), "/bin/sh|-eu|-c|b 'out/b[2].csv'");
    planning_fini(&p);
}

/* Many files of one folder: it is listed once, is no guard, and each file is what it was. */
static void test_many_files_of_a_folder(void **state)
{
    struct planning p;
    struct strbuf text = {0};
    const struct plan *plan;

    (void)state;
    for (int i = 10; i < 40; i++) {
        strbuf_printf(&text, "#! file in/%d\n", i);
    }
    strbuf_puts(&text, "#! file in/sub/x\n#! file other/a\n" HEAD "[stage.a]\nrun = \"true\"\n"
                       "inputs = [\"other/a\", ");
    for (int i = 10; i < 40; i++) {
        strbuf_printf(&text, "\"in/%d\", ", i);
    }
    strbuf_puts(&text, "\"in/sub\", \"other/a\", { path = \"in/none\", optional = true }]\n");
    plan = planning_good(&p, text.data);
    assert_int_equal(plan->input_count, 34);
    assert_true(p.fake.asked <= 12);
    assert_int_equal(plan->listed_dir_count, 1); /* in/sub, which is read whole */
    assert_text(plan_path_name(plan, plan->listed_dirs[0]), "in/sub");
    assert_int_equal(plan->inputs[30].kind, PLAN_INPUT_FILE);
    assert_int_equal(plan->inputs[31].kind, PLAN_INPUT_FOLDER);
    assert_false(plan->inputs[32].is_missing);
    assert_true(plan->inputs[33].is_missing);
    planning_fini(&p);
    strbuf_fini(&text);
}

/* --- commands --- */

static void test_command_parts(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, "#! pipefail\n#! file sub/in.csv\n#! file top.csv\n" HEAD
            "[stage.a]\nrun = \"cat {{inputs}} | sort > {{outputs.o}}\"\ndir = \"sub/deep/..\"\n"
            "inputs = [\"sub/in.csv\", \"top.csv\"]\noutputs.o = \"out/a\"\n"
            "env = { Z = \"{{2 + 3}}\", A1 = 2, A = \"{{outputs.o}}\" }\n");
    const struct plan_command *command = command_of(&p, get(plan, "a"));

    (void)state;
    assert_command(command, "/bin/sh|-eu|-o|pipefail|-c|cat in.csv ../top.csv | sort > ../out/a");
    assert_text(command->dir, "sub");
    assert_int_equal(command->env_count, 3);
    assert_text(command->env[0], "A=../out/a");
    assert_text(command->env[1], "A1=2");
    assert_text(command->env[2], "Z=5");
    planning_fini(&p);
}

static void test_limits(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "grace = \"3s\"\n[params]\nn = 3\n[pool.db]\nslots = \"{{n * 2}}\"\n"
                 "[stage.a]\nrun = \"a\"\ncpu = \"{{n}}\"\nmemory = \"{{n}}G\"\n"
                 "timeout = \"{{n}}m\"\npriority = \"{{-n}}\"\ncache = \"{{n > 5}}\"\n"
                 "pool = { db = \"{{n}}\" }\non_failure = \"ignore\"\noutputs = [\"o\"]\n"
                 "tty = true\n[stage.b]\nrun = \"b\"\ncpu = \"all\"\ngrace = \"0s\"\n"
                 "stdin = \"o\"\n");
    const struct plan_instance *a = get(plan, "a");
    const struct plan_instance *b = get(plan, "b");

    (void)state;
    assert_int_equal(a->cpu, 3);
    assert_int_equal(a->memory_bytes, 3ll << 30);
    assert_int_equal(a->timeout_ns, 180000000000);
    assert_int_equal(a->grace_ns, 3000000000);
    assert_int_equal(a->priority, -3);
    assert_true(a->no_cache);
    assert_true(a->ignore_failure);
    assert_true(a->tty);
    assert_int_equal(a->pool_count, 1);
    assert_int_equal(plan->pool_uses[a->pools_first].slots, 3);
    assert_int_equal(plan->pool_slots[0], 6);
    assert_int_equal(b->cpu, PLAN_CPU_ALL);
    assert_int_equal(b->grace_ns, 0);
    assert_true(b->last_only);
    assert_false(b->no_cache);
    planning_fini(&p);
}

/* --- always --- */

#define ALWAYS                                                                                     \
    HEAD "[stage.a]\nrun = \"a\"\noutputs = [\"x\"]\n[stage.b]\nrun = \"b\"\n[stage.name]\nneeds " \
         "= "                                                                                      \
         "[\"b\"]\n[stage.tidy]\nalways = true\nrun = \"t {{inputs}}\"\ninputs = [\"x\"]\n"        \
         "outputs = [\"y\"]\n[stage.more]\nalways = true\ntimeout = \"1s\"\nrun = \"m "            \
         "{{name.state}}\"\ninputs = [\"y\"]\n[stage.alone]\nalways = true\nrun = \"z\"\n"

static void test_always(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, ALWAYS);
    const struct plan_instance *tidy = get(plan, "tidy");
    const struct plan_instance *more = get(plan, "more");

    (void)state;
    assert_true(tidy->always && tidy->no_cache && tidy->dynamic);
    assert_true(plan->inputs[tidy->inputs_first].optional);
    assert_int_equal(tidy->timeout_ns, 300000000000);
    assert_int_equal(more->timeout_ns, 1000000000);
    assert_int_equal(more->producer_count, 2);
    assert_false(get(plan, "a")->always || get(plan, "name")->always);
    planning_fini(&p);
}

/* Whoever waits for what is selected, through its like; what waits for nothing is not. */
static void test_always_is_selected(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, ALWAYS);
    uint8_t selected[6] = {0};

    (void)state;
    selected[find(plan, "a").n] = 1;
    plan_add_always(plan, selected);
    assert_true(selected[find(plan, "tidy").n] && selected[find(plan, "more").n]);
    assert_false(selected[find(plan, "b").n] || selected[find(plan, "name").n] ||
                 selected[find(plan, "alone").n]);
    memset(selected, 0, sizeof(selected));
    selected[find(plan, "b").n] = 1;
    plan_add_always(plan, selected);
    assert_false(selected[find(plan, "tidy").n] || selected[find(plan, "more").n]);
    planning_fini(&p);
}

/* --- selections --- */

static void assert_selects(const struct plan *plan, const char *selection, const char *expected)
{
    uint8_t *selected = mem_calloc(plan->instance_count, 1);
    struct strbuf out = {0};
    struct err err = {0};

    if (plan_select(plan, str_of(selection), selected, &err)) {
        for (uint32_t i = 0; i < plan->instance_count; i++) {
            if (selected[i] != 0) {
                strbuf_printf(&out, "%s%.*s", out.len != 0 ? " " : "",
                              STR_ARG(plan->instances[i].name));
            }
        }
    } else {
        assert_int_equal(err.status, STATUS_USAGE);
        strbuf_printf(&out, "!%s", err.text);
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    strbuf_fini(&out);
    free(selected);
}

static void test_selections(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(
        &p, HEAD "[stage.sim]\nrun = \"s\"\nmatrix = { x = [1, 2], y = [\"a b\", \"c\"] }\n"
                 "outputs = [\"out/{{x}}-{{y}}.csv\"]\n"
                 "[stage.sum]\nrun = \"s\"\noutputs = [\"report/\"]\n");

    (void)state;
    assert_selects(plan, "sum", "sum");
    assert_selects(plan, "sim@x=1", "sim@x=1,y=a%20b sim@x=1,y=c");
    assert_selects(plan, "sim@y=a b", "sim@x=1,y=a%20b sim@x=2,y=a%20b");
    assert_selects(plan, "sim@x=2,y=a%20b", "sim@x=2,y=a%20b");
    assert_selects(plan, "sim@y=c,x=2", "sim@x=2,y=c");
    assert_selects(plan, "s?m@x=2,y=c*", "sim@x=2,y=c");
    assert_selects(plan, "s*", "sim@x=1,y=a%20b sim@x=1,y=c sim@x=2,y=a%20b sim@x=2,y=c sum");
    assert_selects(plan, "out/2-c.csv", "sim@x=2,y=c");
    assert_selects(plan, "./out//2-c.csv", "sim@x=2,y=c");
    assert_selects(plan, "out/2*", "sim@x=2,y=a%20b sim@x=2,y=c");
    assert_selects(plan, "report", "sum");
    assert_selects(plan, "report/index.html", "sum");
    assert_selects(plan, "sin", "!there is no stage 'sin': did you mean 'sim'?");
    assert_selects(plan, "sim@z=1", "!there is no axis 'z' in stage 'sim'");
    assert_selects(plan, "sim@x=3", "!no instance matches 'sim@x=3'");
    assert_selects(plan, "sim@x", "!'x' is not axis=value");
    assert_selects(plan, "out/2-d.csv",
                   "!there is no stage or output 'out/2-d.csv': did you mean 'out/2-c.csv'?");
    assert_selects(plan, "nothing-like-it",
                   "!there is no stage or output 'nothing-like-it': see 'pawl list'");
    planning_fini(&p);
}

static void test_closures(void **state)
{
    struct planning p;
    const struct plan *plan = planning_good(&p, YEARS);
    uint8_t up[4] = {0, 1, 0, 0};
    uint8_t down[4] = {0, 1, 0, 0};
    const uint8_t all_up[4] = {1, 1, 0, 0};
    const uint8_t all_down[4] = {0, 1, 1, 1};

    (void)state;
    plan_close_over_producers(plan, up);
    plan_close_over_consumers(plan, down);
    assert_memory_equal(up, all_up, 4);
    assert_memory_equal(down, all_down, 4);
    planning_fini(&p);
}

/* --- bad manifests --- */

/* A whole file; STR_NONE if it is not there. The caller frees. */
static struct str file_read(struct str path)
{
    FILE *file = fopen(path.data, "rb");
    struct strbuf text = {0};
    int c;

    if (file == NULL) {
        return STR_NONE;
    }
    while ((c = fgetc(file)) != EOF) {
        strbuf_putc(&text, (char)c);
    }
    fclose(file);
    return text.data != NULL ? strbuf_str(&text) : (struct str){mem_calloc(1, 1), 0};
}

/* With PAWL_BLESS set the .txt is written instead: read what comes out. */
static void check_bad(const char *path)
{
    struct arena arena;
    struct planning p;
    struct strbuf out = {0};
    struct str expected_path;
    struct str text;
    struct str expected;

    arena_init(&arena);
    expected_path = str_printf(&arena, "%.*s.txt", (int)strlen(path) - 5, path);
    text = file_read(str_of(path));
    expected = file_read(expected_path);
    planning_init(&p, text);
    diags_render(&p.diags, &out, false);
    if (getenv("PAWL_BLESS") != NULL) {
        FILE *file = fopen(expected_path.data, "wb");

        assert_non_null(file);
        fputs(out.data != NULL ? out.data : "", file);
        fclose(file);
    } else {
        if (strcmp(out.data != NULL ? out.data : "", expected.data) != 0) {
            print_error("%s:\n", path);
        }
        assert_string_equal(out.data != NULL ? out.data : "", expected.data);
        assert_true(p.is_read);
        assert_int_equal(p.fine, p.diags.errors == 0);
    }
    planning_fini(&p);
    strbuf_fini(&out);
    free((char *)text.data);
    free((char *)expected.data);
    arena_fini(&arena);
}

static void test_bad(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(BAD "plan-*.toml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 20);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check_bad(found.gl_pathv[i]);
    }
    globfree(&found);
}

/* --- size --- */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Says how long it took when PAWL_TIMES is set; fails only on what is not linear. */
static void check_speed(const char *what, struct str text, uint32_t instances)
{
    double start = seconds();
    struct planning p;
    double took;

    planning_init(&p, text);
    took = seconds() - start;
    if (getenv("PAWL_TIMES") != NULL) {
        print_message("%s: %.3f s\n", what, took);
    }
    assert_true(p.fine);
    assert_int_equal(p.plan.instance_count, instances);
    assert_true(took < 20);
    planning_fini(&p);
}

static void test_many(void **state)
{
    struct strbuf text = {0};

    (void)state;
    check_speed("a matrix of 100,000",
                STR(HEAD "[stage.a]\nmatrix.i = { from = 1, to = 50000 }\n"
                         "run = \"gen {{i}} {{outputs}}\"\noutputs = [\"out/{{i}}.csv\"]\n"
                         "[stage.b]\nmatrix.i = { from = 1, to = 50000 }\n"
                         "run = \"use {{inputs}} {{outputs}}\"\ninputs = [\"out/{{i}}.csv\"]\n"
                         "outputs = [\"out/{{i}}.txt\"]\n"),
                100000);
    check_speed("20,000 with globs of their own, one for all",
                STR(HEAD "[stage.a]\nmatrix.i = { from = 1, to = 20000 }\n"
                         "run = \"gen {{i}} {{outputs}}\"\noutputs = [\"out/{{i}}-a.csv\"]\n"
                         "[stage.b]\nmatrix.i = { from = 1, to = 20000 }\n"
                         "run = \"use {{inputs}} {{outputs}}\"\ninputs = [\"out/{{i}}-*.csv\"]\n"
                         "outputs = [\"res/{{i}}/x\"]\n"
                         "[stage.c]\nrun = \"use {{inputs}}\"\ninputs = [\"res/*/x\", \"res/\"]\n"),
                40001);
    strbuf_puts(&text, HEAD);
    for (int i = 0; i < 10000; i++) {
        strbuf_printf(&text, "[stage.s%d]\nrun = \"cp {{inputs}} {{outputs}}\"\n", i);
        if (i > 0) {
            strbuf_printf(&text, "inputs = [\"out/%d\"]\n", i - 1);
        }
        strbuf_printf(&text, "outputs = [\"out/%d\"]\n", i);
    }
    check_speed("10,000 stages", strbuf_str(&text), 10000);
    strbuf_fini(&text);
}

static void test_selection_by_names_alone(void **state)
{
    static const struct {
        const char *selection, *instance;
        bool means;
    } rows[] = {
        {"sim", "sim@region=north,year=2026", true},
        {"sim", "simulate", false},
        {"s*", "simulate", true},
        {"sim@year=2026", "sim@region=north,year=2026", true},
        {"sim@year=2026,region=north", "sim@region=north,year=2026", true},
        {"sim@year=202", "sim@region=north,year=2026", false},
        {"sim@year=20*", "sim@region=north,year=2026", true},
        {"sim@year=*", "sim@region=north", false},
        {"sim@*", "sim@region=north", true},
        {"sim@region=a b", "sim@region=a%20b", true},
        {"sim@region=a%20b", "sim@region=a%20b", true},
        {"sim@region=a=b", "sim@region=a%3Db", true},
        {"sim@year=1", "sim", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (plan_selects(str_of(rows[i].selection), str_of(rows[i].instance)) != rows[i].means) {
            fail_msg("'%s' and '%s'", rows[i].selection, rows[i].instance);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stage),
        cmocka_unit_test(test_selection_by_names_alone),
        cmocka_unit_test(test_matrix_names),
        cmocka_unit_test(test_axes_of_files_and_lists),
        cmocka_unit_test(test_edges_from_paths),
        cmocka_unit_test(test_the_manual_s_example),
        cmocka_unit_test(test_order_is_that_of_definition),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_outputs_are_no_sources_and_orphans_are_noted),
        cmocka_unit_test(test_what_lies_in_a_folder_output_is_no_orphan),
        cmocka_unit_test(test_optional_inputs),
        cmocka_unit_test(test_skipped_asks_for_nothing),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_tool_of_the_workspace),
        cmocka_unit_test(test_tools_are_rendered),
        cmocka_unit_test(test_brackets_in_names),
        cmocka_unit_test(test_many_files_of_a_folder),
        cmocka_unit_test(test_command_parts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_always_is_selected),
        cmocka_unit_test(test_selections),
        cmocka_unit_test(test_closures),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
