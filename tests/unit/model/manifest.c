/* Tests of model/manifest: what a good manifest gives, and testdata/manifests/bad/read-*.toml, each
 * with its exact diagnostics in a .txt of that name. Beside a case may lie
 *
 *     NAME.local    its pawl.local.toml
 *     NAME.params   a file for --params
 *     NAME.args     lines name=value, as behind -p
 */
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

#include "base/vec.h"
#include "model/expr.h"
#include "model/manifest.h"
#include "model/template.h"
#include "model/toml.h"

#define BAD "testdata/manifests/bad/"

enum { VERSION = 2003 }; /* 0.2.3 */

struct reading {
    struct arena arena;
    struct diags diags;
    struct manifest manifest;
    VEC(struct m_override) overrides;
    bool fine;
};

/* Reads documents (others than the first may be absent); `args` are lines name=value. */
static void reading_init(struct reading *r, struct str text, struct str local, struct str params,
                         struct str args)
{
    struct manifest_request request = {.file = STR("pawl.toml"), .pawl_version = VERSION};
    const struct toml_value *file = NULL;
    struct str line;

    memset(r, 0, sizeof(*r));
    arena_init(&r->arena);
    diags_init(&r->diags);
    request.document =
        toml_parse(&r->arena, text, diags_add_source(&r->diags, STR("pawl.toml"), text), &r->diags);
    if (local.data != NULL) {
        uint16_t source = diags_add_source(&r->diags, STR("pawl.local.toml"), local);

        request.local = toml_parse(&r->arena, local, source, &r->diags);
        assert_non_null(request.local);
    }
    if (params.data != NULL) {
        uint16_t source = diags_add_source(&r->diags, STR("params.toml"), params);

        file = toml_parse(&r->arena, params, source, &r->diags);
        assert_non_null(file);
        TOML_EACH(entry, file->table)
        {
            VEC_PUSH(&r->overrides, (struct m_override){.name = entry->key,
                                                        .value = &entry->value,
                                                        .span = entry->key_span});
        }
    }
    while (args.len != 0 && str_split(&args, '\n', &line)) {
        ptrdiff_t at = str_find(line, '=');

        if (at > 0) {
            VEC_PUSH(&r->overrides, (struct m_override){.name = str_head(line, (size_t)at),
                                                        .text = str_skip(line, (size_t)at + 1)});
        }
    }
    if (request.document != NULL) {
        request.overrides = r->overrides.items;
        request.override_count = (uint32_t)r->overrides.count;
        r->fine = manifest_read(&r->manifest, &request, &r->arena, &r->diags);
    }
}

static void reading_fini(struct reading *r)
{
    VEC_FREE(&r->overrides);
    arena_fini(&r->arena);
    diags_fini(&r->diags);
}

/* Reads what must be right. */
static const struct manifest *reading_good(struct reading *r, const char *text, const char *local,
                                           const char *params, const char *args)
{
    struct strbuf out = {0};

    reading_init(r, str_of(text), str_of(local), str_of(params), str_of(args));
    diags_render(&r->diags, &out, false);
    if (!r->fine) {
        print_error("%s", out.data != NULL ? out.data : "no diagnostics");
    }
    assert_true(r->fine);
    assert_int_equal(r->diags.count, 0);
    strbuf_fini(&out);
    return &r->manifest;
}

#define assert_str(s, text)                                                                        \
    do {                                                                                           \
        struct str s_ = (s);                                                                       \
        assert_string_equal(str_printf(&r.arena, "%.*s", STR_ARG(s_)).data, (text));               \
    } while (0)

#define MINIMAL "[pipeline]\nname = \"p\"\n"
#define A_STAGE "[stage.a]\nrun = \"true\"\n"

/* --- bad manifests --- */

/* A whole file; STR_NONE if it is not there. The caller frees. */
static struct str file_read(const char *stem, const char *ending)
{
    char path[512];
    struct strbuf text = {0};
    FILE *file;
    int c;

    snprintf(path, sizeof(path), "%s%s", stem, ending);
    file = fopen(path, "rb");
    if (file == NULL) {
        return STR_NONE;
    }
    strbuf_reserve(&text, 1);
    while ((c = getc(file)) != EOF) {
        strbuf_putc(&text, (char)c);
    }
    fclose(file);
    return strbuf_str(&text);
}

static void case_render(const char *stem, struct strbuf *out)
{
    struct str text = file_read(stem, ".toml");
    struct str local = file_read(stem, ".local");
    struct str params = file_read(stem, ".params");
    struct str args = file_read(stem, ".args");
    struct reading r;

    assert_non_null(text.data);
    reading_init(&r, text, local, params, args);
    assert_false(r.fine);
    diags_render(&r.diags, out, false);
    reading_fini(&r);
    free((char *)text.data);
    free((char *)local.data);
    free((char *)params.data);
    free((char *)args.data);
}

static bool case_is_right(const char *path)
{
    char *stem = strdup(path);
    struct str expected;
    struct strbuf out = {0};
    bool right;

    stem[strlen(stem) - strlen(".toml")] = '\0';
    expected = file_read(stem, ".txt");
    case_render(stem, &out);
    right = str_equal(expected, strbuf_str(&out));
    if (!right) {
        print_error("%s: expected\n%.*s\nfound\n%s\n", path, STR_ARG(expected), out.data);
    }
    free(stem);
    free((char *)expected.data);
    strbuf_fini(&out);
    return right;
}

static void test_bad_manifests(void **state)
{
    glob_t cases;
    size_t wrong = 0;

    (void)state;
    assert_int_equal(glob(BAD "read-*.toml", 0, NULL, &cases), 0);
    assert_true(cases.gl_pathc >= 20);
    for (size_t i = 0; i < cases.gl_pathc; i++) {
        wrong += !case_is_right(cases.gl_pathv[i]);
    }
    globfree(&cases);
    assert_int_equal(wrong, 0);
}

/* --- good manifests --- */

static void test_pipeline(void **state)
{
    struct reading r;
    const struct manifest *m =
        reading_good(&r,
                     "[pipeline]\nname = 'back test'\nversion = '2'\nrequires = '0.2.3'\ndefault = "
                     "['a', 'b@x=1']\n"
                     "timeout = '2h'\ngrace = '0s'\nkeep_going = true\nstore = '/srv/pawl'\nlink = "
                     "['hardlink']\n"
                     "ignore = ['node_modules/', '*.tmp']\nportable = true\n"
                     "retain = { runs = 20, age = '30d', size = '10G' }\n" A_STAGE,
                     NULL, NULL, "");

    (void)state;
    assert_str(m->name, "back test");
    assert_str(m->version, "2");
    assert_int_equal(m->targets.count, 2);
    assert_str(m->targets.items[1].text, "b@x=1");
    assert_str(m->timeout.text, "2h");
    assert_str(m->grace.text, "0s");
    assert_true(m->keep_going && m->portable);
    assert_str(m->store, "/srv/pawl");
    assert_int_equal(m->link_count, 1);
    assert_int_equal(m->links[0], M_LINK_HARDLINK);
    assert_int_equal(m->ignore_count, 2);
    assert_str(m->ignore[0], "node_modules");
    assert_int_equal(m->retain_runs, 20);
    assert_int_equal(m->retain_age_ns, INT64_C(30) * 86400 * 1000000000);
    assert_int_equal(m->retain_size_bytes, UINT64_C(10) << 30);
    reading_fini(&r);
}

static void test_pipeline_presets(void **state)
{
    struct reading r;
    const struct manifest *m = reading_good(&r, MINIMAL A_STAGE, NULL, NULL, "");

    (void)state;
    assert_int_equal(m->link_count, 2);
    assert_int_equal(m->links[0], M_LINK_REFLINK);
    assert_int_equal(m->links[1], M_LINK_COPY);
    assert_false(m->targets.given);
    assert_false(m->timeout.given);
    assert_int_equal(m->retain_runs, 0);
    assert_int_equal(m->stage_count, 1);
    assert_null(manifest_stage(m, STR("b")));
    assert_null(manifest_param(m, STR("b")));
    assert_null(manifest_pool(m, STR("b")));
    reading_fini(&r);
}

#define PARAMS                                                                                     \
    "[params]\ntext = 'x'\nn = { value = 5, min = 1, max = 9, help = 'h' }\nf = 0.5\nb = false\n"  \
    "l = { value = ['a', 'b'], choices = ['a', 'b', 'c'] }\ni = [1, 2]\nmixed = [1, 'a']\n"

static void test_params(void **state)
{
    struct reading r;
    const struct manifest *m = reading_good(&r, MINIMAL PARAMS A_STAGE, NULL, NULL, "");
    const struct m_param *n = manifest_param(m, STR("n"));

    (void)state;
    assert_int_equal(m->param_count, 7);
    assert_true(n->has_min && n->has_max);
    assert_int_equal(n->value.integer, 5);
    assert_int_equal(n->max.integer, 9);
    assert_str(n->help, "h");
    assert_false(manifest_param(m, STR("f"))->has_min);
    assert_int_equal(manifest_param(m, STR("f"))->value.kind, VALUE_FLOAT);
    assert_int_equal(manifest_param(m, STR("b"))->value.kind, VALUE_BOOL);
    assert_int_equal(manifest_param(m, STR("l"))->choice_count, 3);
    assert_int_equal(manifest_param(m, STR("mixed"))->value.list.items[1].kind, VALUE_STRING);
    reading_fini(&r);
}

static void test_overrides(void **state)
{
    struct reading r;
    const struct manifest *m =
        reading_good(&r, MINIMAL PARAMS A_STAGE, NULL, "n = 8\nf = 2\nl = ['c']\n",
                     "n=9\ntext=a=b, c\nb=true\ni= 3, 4,5\nmixed=1,2\n");
    struct value list;

    (void)state;
    assert_int_equal(manifest_param(m, STR("n"))->value.integer, 9);
    assert_int_equal(manifest_param(m, STR("n"))->preset.integer, 5);
    assert_int_equal(manifest_param(m, STR("f"))->value.kind, VALUE_FLOAT);
    assert_true(manifest_param(m, STR("f"))->value.number == 2.0);
    assert_str(manifest_param(m, STR("text"))->value.text, "a=b, c");
    assert_true(manifest_param(m, STR("b"))->value.truth);
    list = manifest_param(m, STR("i"))->value;
    assert_int_equal(list.list.count, 3);
    assert_int_equal(list.list.items[2].integer, 5);
    list = manifest_param(m, STR("mixed"))->value;
    assert_int_equal(list.list.items[0].kind, VALUE_STRING);
    list = manifest_param(m, STR("l"))->value;
    assert_int_equal(list.list.count, 1);
    reading_fini(&r);
}

static void test_override_lists(void **state)
{
    struct reading r;
    const struct manifest *m = reading_good(&r, MINIMAL PARAMS A_STAGE, NULL, NULL,
                                            "l=[\"c\", 'a']\ni=\nmixed=[2, 0.5]\n");
    struct value list = manifest_param(m, STR("l"))->value;

    (void)state;
    assert_int_equal(list.list.count, 2);
    assert_str(list.list.items[0].text, "c");
    assert_int_equal(manifest_param(m, STR("i"))->value.list.count, 0);
    list = manifest_param(m, STR("mixed"))->value;
    assert_int_equal(list.list.items[1].kind, VALUE_FLOAT);
    reading_fini(&r);
}

static void test_stage(void **state)
{
    struct reading r;
    const struct manifest *m = reading_good(
        &r,
        MINIMAL
        "[pool.db]\nslots = 2\n"
        "[stage.back-test]\ndesc = 'a {{1 + 1}}'\nrun = 'cat {{inputs.code}}'\n"
        "shell = ['bash', '-c']\ndir = 'sub'\nstdin = '/dev/null'\nstdout = 'o'\ndepfile = 'd'\n"
        "inputs = { code = 'x.c', all = { path = 'data/', optional = true, keys = ['a.b', 'c'] } "
        "}\n"
        "outputs = ['m/', { path = 'n', store = false, temp = true, non_empty = true }]\n"
        "needs = ['b']\ntools = ['cc', { run = 'cc -V' }]\n"
        "env = { A = 'x', B = 1, C = 0.5, D = true, E = '' }\npass_env = ['LC_*', 'TERM?']\n"
        "secret_env = ['TOKEN']\ncache = false\nwhen = '1 < 2'\ntimeout = '{{3}}m'\ngrace = '0s'\n"
        "on_failure = 'ignore'\ncpu = 'all'\nmemory = '2G'\npriority = -3\npool = { db = 2 }\n"
        "tty = true\n"
        "[stage.b]\nrun = ['a', '', '{{inputs}}']\npool = 'db'\ncpu = 2\noutputs = []\nwhen = "
        "false\n",
        NULL, NULL, "");
    const struct m_stage *s = manifest_stage(m, STR("back-test"));

    (void)state;
    assert_ptr_equal(s, &m->stages[0]);
    assert_int_equal(s->run_kind, M_RUN_SHELL);
    assert_int_equal(s->run.count, 1);
    assert_int_equal(s->settings->shell.count, 2);
    assert_str(s->settings->std_in.text, "/dev/null");
    assert_int_equal(s->input_count, 2);
    assert_str(s->inputs[0].name, "code");
    assert_true(s->inputs[1].optional);
    assert_int_equal(s->inputs[1].key_count, 2);
    assert_str(s->inputs[1].keys[0], "a.b");
    assert_int_equal(s->output_count, 2);
    assert_str(s->outputs[0].name, "");
    assert_true(s->outputs[0].store);
    assert_true(!s->outputs[1].store && s->outputs[1].temp && s->outputs[1].non_empty);
    assert_int_equal(s->settings->tool_count, 2);
    assert_true(s->settings->tools[0].program.given);
    assert_true(s->settings->tools[1].run.given);
    assert_int_equal(s->settings->env_count, 5);
    assert_str(s->settings->env[2].value.text, "0.5");
    assert_str(s->settings->env[3].value.text, "true");
    assert_str(s->settings->pass_env[0].name, "LC_*");
    assert_true(!s->settings->pass_env[0].may_be_unset && s->settings->pass_env[1].may_be_unset);
    assert_str(s->settings->pass_env[1].name, "TERM");
    assert_str(s->settings->cache.text, "false");
    assert_non_null(s->settings->when);
    assert_str(s->settings->timeout.text, "{{3}}m");
    assert_str(s->settings->cpu.text, "all");
    assert_str(s->settings->priority.text, "-3");
    assert_str(s->settings->pools[0].name, "db");
    assert_str(s->settings->pools[0].slots.text, "2");
    s = manifest_stage(m, STR("b"));
    assert_int_equal(s->run_kind, M_RUN_ARGV);
    assert_int_equal(s->run.count, 3);
    assert_true(s->outputs_given);
    assert_false(s->settings->shell.given);
    assert_str(s->settings->cpu.text, "2");
    assert_false(s->settings->pools[0].slots.given);
    assert_str(expr_text(s->settings->when), "false");
    reading_fini(&r);
}

static void test_defaults_and_local(void **state)
{
    struct reading r;
    const struct manifest *m =
        reading_good(&r,
                     MINIMAL "store = 'a'\n[pool.db]\nslots = 2\n"
                             "[defaults]\ncpu = 2\nmemory = '1G'\nenv = { A = '1' }\n"
                             "shell = ['weird', '-c']\n"
                             "[stage.a]\nrun = 'x'\ncpu = 3\n[stage.b]\nrun = ['x']\nenv = {}\n",
                     "[pipeline]\nstore = 'b'\n[pool.db]\nslots = 5\n[pool.io]\nslots = 1\n"
                     "[defaults]\ncpu = 'all'\npool = 'io'\n",
                     NULL, "");
    const struct m_stage *a = manifest_stage(m, STR("a"));
    const struct m_stage *b = manifest_stage(m, STR("b"));

    (void)state;
    assert_str(m->store, "b");
    assert_int_equal(m->pool_count, 2);
    assert_str(manifest_pool(m, STR("db"))->slots.text, "5");
    assert_str(a->settings->cpu.text, "3");
    assert_str(b->settings->cpu.text, "all");
    assert_str(a->settings->memory.text, "1G");
    assert_str(a->settings->pools[0].name, "io");
    assert_int_equal(a->settings->env_count, 1);
    assert_int_equal(b->settings->env_count, 0);
    assert_ptr_equal(a->settings->shell.items, b->settings->shell.items);
    reading_fini(&r);
}

static void test_matrix(void **state)
{
    struct reading r;
    const struct manifest *m = reading_good(
        &r,
        MINIMAL "[params]\nlist = ['x']\n[stage.a]\nrun = 'x'\n[stage.a.matrix]\n"
                "z = [1, 0.5, 'a', true, '{{1}}']\ny = { from = 0.1, to = '{{5}}', step = -0.05 }\n"
                "x = '{{list}}'\nw = { values = '{{list}}' }\nv = { values = [1] }\n"
                "u = { glob = 'data/*.csv' }\nt = { lines = 'l.txt' }\n"
                "exclude = [{ z = 1, x = 'x' }, { y = [0.1, 0.2] }]\n",
        NULL, NULL, "");
    const struct m_stage *s = &m->stages[0];

    (void)state;
    assert_int_equal(s->settings->axis_count, 7);
    assert_str(s->settings->axes[0].name, "t");
    assert_int_equal(s->settings->axes[0].kind, M_AXIS_LINES);
    assert_int_equal(s->settings->axes[1].kind, M_AXIS_GLOB);
    assert_str(s->settings->axes[1].source.text, "data/*.csv");
    assert_int_equal(s->settings->axes[2].kind, M_AXIS_VALUES);
    assert_int_equal(s->settings->axes[3].kind, M_AXIS_FROM_LIST);
    assert_int_equal(s->settings->axes[4].kind, M_AXIS_FROM_LIST);
    assert_int_equal(s->settings->axes[5].kind, M_AXIS_RANGE);
    assert_str(s->settings->axes[5].from.text, "0.1");
    assert_str(s->settings->axes[5].step.text, "-0.05");
    assert_int_equal(s->settings->axes[6].values.count, 5);
    assert_int_equal(s->settings->axes[6].types[0], VALUE_INT);
    assert_int_equal(s->settings->axes[6].types[1], VALUE_FLOAT);
    assert_int_equal(s->settings->axes[6].types[2], VALUE_STRING);
    assert_int_equal(s->settings->axes[6].types[3], VALUE_BOOL);
    assert_int_equal(s->settings->exclude_count, 2);
    assert_int_equal(s->settings->excludes[0].count, 2);
    assert_str(s->settings->excludes[0].values[0].text, "1");
    assert_int_equal(s->settings->excludes[1].count, 2);
    assert_str(s->settings->excludes[1].axes[1], "y");
    assert_str(s->settings->excludes[1].values[1].text, "0.2");
    reading_fini(&r);
}

/* A name for other stages; a stage made of files alone. */
static void test_without_run(void **state)
{
    struct reading r;
    const struct manifest *m =
        reading_good(&r, MINIMAL "[stage.all]\nneeds = ['a']\n[stage.f]\ninputs = ['x']\n" A_STAGE,
                     NULL, NULL, "");

    (void)state;
    assert_int_equal(m->stages[0].run_kind, M_RUN_NONE);
    reading_fini(&r);
}

/* --- the table of keys --- */

static void test_keys(void **state)
{
    (void)state;
    for (const struct manifest_key_row *row = manifest_keys; row->name != NULL; row++) {
        assert_non_null(row->type);
        assert_non_null(row->meaning);
        assert_non_null(row->read);
        for (const struct manifest_key_row *other = manifest_keys; other != row; other++) {
            assert_true(other->table != row->table || strcmp(other->name, row->name) != 0);
        }
        assert_non_null(manifest_table_name(row->table));
    }
}

/* --- size --- */

/* Many stages are read in time that grows with their number: no stage looks at all others. */
static void test_many_stages(void **state)
{
    enum { STAGES = 20000 };
    struct strbuf text = {0};
    struct reading r;
    clock_t start;

    (void)state;
    strbuf_puts(&text, MINIMAL "[defaults]\ncpu = 2\n");
    for (int i = 0; i < STAGES; i++) {
        strbuf_printf(&text,
                      "[stage.compile-%d]\nrun = \"cc -c {{inputs.code}} -o {{outputs.object}}\"\n"
                      "inputs = { code = \"src/%d.c\" }\noutputs = { object = \"out/%d.o\" }\n",
                      i, i, i);
    }
    start = clock();
    reading_init(&r, strbuf_str(&text), STR_NONE, STR_NONE, STR(""));
    assert_true(r.fine);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    assert_int_equal(r.manifest.stage_count, STAGES);
    assert_ptr_equal(manifest_stage(&r.manifest, STR("compile-19999")),
                     &r.manifest.stages[STAGES - 1]);
    reading_fini(&r);
    strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_manifests),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_pipeline_presets),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_override_lists),
        cmocka_unit_test(test_stage),
        cmocka_unit_test(test_defaults_and_local),
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_without_run),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_many_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
