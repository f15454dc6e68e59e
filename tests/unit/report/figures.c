/* What [report] says of a run: rows, scores, warnings, recommendations, and two runs compared. */
#include "scene.h"

#include "base/json_write.h"
#include "report/tables.h"

static const char *const names[] = {"hist", "live", "paper", "grid@of=a", "grid@of=b", NULL};
static const uint32_t edges[][2] = {{0, 1}, {1, 2}};

struct world {
    struct scene scene;
    struct diags diags;
    struct manifest manifest;
    struct figures_run run;
    struct figures figures;
    struct result_options options;
    bool made;
};

static const char stages[] = "[stage.hist]\nrun = 'x'\n[stage.live]\nrun = 'x'\n"
                             "[stage.paper]\nrun = 'x'\n"
                             "[stage.grid]\nmatrix.of = ['a', 'b']\nrun = 'x'\n";

static void read_manifest(struct world *world, const char *report)
{
    struct scene *scene = &world->scene;
    struct manifest_request request = {.file = STR("pawl.toml")};
    struct str text =
        str_printf(&scene->arena, "[pipeline]\nname = 'p'\n[params]\nleast = 1.0\n%s%s%s",
                   report[0] != '\0' ? "[report]\n" : "", report, stages);
    struct strbuf said = {0};

    request.document =
        toml_parse(&scene->arena, text, diags_add_source(&world->diags, STR("pawl.toml"), text),
                   &world->diags);
    if (request.document == NULL ||
        !manifest_read(&world->manifest, &request, &scene->arena, &world->diags)) {
        diags_render(&world->diags, &said, false);
        fail_msg("%s", said.data);
    }
}

/* `metrics`: pairs, ended by NULL. */
static void play_one(struct scene *scene, uint32_t number, enum inst_state state,
                     const char *const *metrics)
{
    struct event event;
    struct event_pair pairs[8];
    uint32_t count = 0;

    scene_start(scene, number);
    scene_wait(scene, 1000);
    event = scene_event(scene, EVENT_ATTEMPT_FINISHED, number);
    for (; metrics != NULL && metrics[0] != NULL; metrics += 2) {
        pairs[count++] = (struct event_pair){str_of(metrics[0]), str_of(metrics[1])};
    }
    event.state = str_of(inst_state_name(state));
    event.cause = state == INST_DONE ? STR("none") : STR("exit");
    event.wall_ns = NS_PER_SEC;
    event.metrics = (struct event_pairs){pairs, count};
    scene_tell(scene, event);
}

/* hist and live gave metrics, paper failed, of the grid one was up to date and one did not run. */
static void play(struct world *world)
{
    static const char *const hist[] = {
        "sharpe", "1.25", "trades", "31",       "p-value", "9007199254740993",
        "bad",    "NaN",  "word",   "a string", NULL};
    static const char *const live[] = {"sharpe", "1.1", "trades", "7", NULL};
    struct scene *scene = &world->scene;

    scene_begin(scene);
    play_one(scene, 0, INST_DONE, hist);
    play_one(scene, 1, INST_DONE, live);
    play_one(scene, 2, INST_FAILED, NULL);
    scene_set(scene, EVENT_INSTANCES_UP_TO_DATE, 3, 3, "");
}

static void make(struct world *world, const char *report)
{
    struct metric_list list;
    struct metrics metrics;

    read_manifest(world, report);
    figures_run_init(&world->run, &world->scene.state, &world->options, &world->scene.arena);
    assert_false(figures_run_wants(&world->run, STR("hist")));
    assert_true(figures_run_wants(&world->run, STR("grid@of=a")));
    assert_false(figures_run_wants(&world->run, STR("grid@of=b")));
    assert_false(figures_run_wants(&world->run, STR("nobody")));
    metric_list_init(&list, &world->scene.arena);
    metrics_add_text(&list, STR("sharpe"), STR("0.4"), NULL);
    metrics = metrics_of(&list);
    figures_run_set(&world->run, STR("grid@of=a"), &metrics);
    figures_run_set(&world->run, STR("nobody"), &metrics);
    assert_false(figures_run_wants(&world->run, STR("grid@of=a")));
    figures_make(&world->figures, &world->run, NULL, &world->manifest);
    world->made = true;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    scene_init(&world->scene, names, edges, 2);
    diags_init(&world->diags);
    world->options = (struct result_options){.plan = &world->scene.plan, .status = -1};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    if (world->made) {
        figures_fini(&world->figures);
        figures_run_fini(&world->run);
    }
    diags_fini(&world->diags);
    scene_fini(&world->scene);
    free(world);
    return 0;
}

static void expect_text(struct world *world, const char *want)
{
    figures_add(&world->figures, false, &world->scene.out);
    scene_expect(&world->scene, want);
}

static void test_without_report(void **state)
{
    struct world *world = *state;

    play(world);
    make(world, "");
    assert_false(world->figures.given);
    expect_text(world,
                "\nFigures\n\n"
                "instance   state       attempts  time  bad           p-value  sharpe  trades"
                "      word\n"
                "hist       done               1  1.0s  NaN  9007199254740993    1.25      31"
                "  a string\n"
                "live       done               1  1.0s                            1.1       7\n"
                "grid@of=a  up_to_date                                            0.4\n");
}

static void test_without_metrics(void **state)
{
    struct world *world = *state;

    scene_begin(&world->scene);
    read_manifest(world, "");
    figures_run_init(&world->run, &world->scene.state, &world->options, &world->scene.arena);
    figures_make(&world->figures, &world->run, NULL, &world->manifest);
    world->made = true;
    assert_false(figures_are_some(&world->figures));
    expect_text(world, "");
}

static void test_rows_and_columns(void **state)
{
    struct world *world = *state;

    play(world);
    make(world, "rows = ['paper', 'grid@of=b', 'g*', 'hist']\ncolumns = ['trades', 'none']\n");
    expect_text(world, "\nFigures\n\n"
                       "instance   state       trades  none\n"
                       "paper      failed\n"
                       "grid@of=b  pending\n"
                       "grid@of=a  up_to_date\n"
                       "hist       done            31\n");
}

static void test_scores(void **state)
{
    struct world *world = *state;

    play(world);
    make(world, "rows = ['hist', 'live', 'grid@of=a', 'paper']\ncolumns = ['sharpe']\n"
                "score.least = 'min(hist.sharpe, live.sharpe)'\n"
                "score.decay = 'sharpe / score.least'\n"
                "score.gone = 'paper.sharpe + 1'\n"
                "score.other = 'default(paper.sharpe, 2) * least'\n"
                "score.nan = 'hist.bad'\n"
                "score.word = 'hist.word'\n"
                "score.zero = '1 / (hist.trades - 31)'\n"
                "score.after = 'score.gone + 1'\n"
                "score.how = \"paper.state + ''\"\n"
                "score.axis = \"grid@of='a'.sharpe\"\n");
    figures_add(&world->figures, false, &world->scene.out);
    assert_non_null(strstr(world->scene.out.data, "instance   state       sharpe     decay\n"
                                                  "hist       done          1.25   1.13636\n"
                                                  "live       done           1.1         1\n"
                                                  "grid@of=a  up_to_date     0.4  0.363636\n"
                                                  "paper      failed\n"));
    assert_non_null(strstr(world->scene.out.data, "least     1.1\n"
                                                  "gone        -\n"
                                                  "other       2\n"
                                                  "nan         -\n"));
    assert_non_null(strstr(world->scene.out.data, "axis      0.4\n"));
    assert_non_null(
        strstr(world->scene.out.data,
               "  paper: score 'decay': 'sharpe' is missing: 'paper' failed\n"
               "  score 'gone': 'paper.sharpe' is missing: 'paper' failed\n"
               "  score 'nan': 'hist.bad' is missing: what was given is NaN\n"
               "  score 'word': 'hist.word' is a string, not a number\n"
               "  score 'zero': division by zero\n"
               "  score 'after': 'score.gone' is missing: 'paper.sharpe' is missing: 'paper' "
               "failed\n"));
}

/* The first that holds; a condition over what is missing does not. */
static void test_said(void **state)
{
    struct world *world = *state;

    play(world);
    make(world, "rows = ['hist', 'live', 'grid@of=b']\n"
                "warn = [{ when = 'trades < 10', text = '{{trades}} trades' },\n"
                "  { when = 'hist.sharpe > least', text = 'above {{least}}' },\n"
                "  { when = 'hist.sharpe > 2', text = 'never' },\n"
                "  { when = 'true', text = '{{ paper.sharpe }} is it' }]\n"
                "recommend = [{ when = 'paper.sharpe > 1 or true', text = 'no' },\n"
                "  { when = \"live.state == 'done' and live.trades < 10\", text = 'wait' },\n"
                "  { text = 'go' }]\n");
    figures_add(&world->figures, false, &world->scene.out);
    assert_non_null(strstr(world->scene.out.data,
                           "\nWarnings\n\n"
                           "  live: 7 trades\n"
                           "  above 1.0\n"
                           "  {{ paper.sharpe }} is it\n"
                           "\nRecommendation\n\n"
                           "  wait\n"
                           "\nCannot be told\n\n"
                           "  grid@of=b: warn 'trades < 10': 'trades' is missing: 'grid@of=b' has "
                           "not ended yet\n"));
    assert_non_null(strstr(world->scene.out.data, "  recommend 'paper.sharpe > 1 or true': "
                                                  "'paper.sharpe' is missing: 'paper' failed\n"));
    assert_int_equal(world->figures.doubts.count, 3);
}

/* On axes that are not selected an instance has the row's values. */
static void test_axes_of_the_row(void **state)
{
    struct world *world = *state;
    const struct figure *figure;

    play(world);
    make(world, "rows = ['grid', 'hist']\nscore.own = 'sharpe - grid.sharpe'\n");
    figure = figures_score(&world->figures, &world->figures.rows.items[0], 0);
    assert_true(figure->known);
    assert_true(figure->value.number == 0);
    assert_null(figures_score(&world->figures, NULL, 0));
    figure = figures_score(&world->figures, &world->figures.rows.items[2], 0);
    assert_false(figure->known);
    assert_string_equal(figure->why.data,
                        "'grid.sharpe' could be of several instances of stage 'grid'");
}

static void test_json(void **state)
{
    struct world *world = *state;
    struct json_writer w = json_writer_of(&world->scene.out, JSON_COMPACT);

    play(world);
    make(world, "rows = ['hist', 'paper']\ncolumns = ['p-value', 'bad']\n"
                "score.a = 'hist.trades'\nscore.b = 'sharpe'\n"
                "warn = { when = 'trades > 3', text = \"a\\n'b'\" }\n");
    json_object_begin(&w);
    figures_write(&world->figures, &w);
    json_object_end(&w);
    scene_expect(
        &world->scene,
        "{\"report\":{\"columns\":[\"p-value\",\"bad\"],\"rows\":["
        "{\"instance\":\"hist\",\"stage\":\"hist\",\"state\":\"done\","
        "\"metrics\":{\"p-value\":9007199254740993,\"bad\":\"NaN\"},\"scores\":{\"b\":1.25}},"
        "{\"instance\":\"paper\",\"stage\":\"paper\",\"state\":\"failed\","
        "\"metrics\":{},\"scores\":{\"b\":null}}],\"scores\":{\"a\":31},"
        "\"warnings\":[{\"instance\":\"hist\",\"text\":\"a\\n'b'\",\"when\":\"trades > 3\"}],"
        "\"doubts\":[{\"of\":\"score\",\"name\":\"b\",\"instance\":\"paper\","
        "\"reason\":\"'sharpe' is missing: 'paper' failed\"},"
        "{\"of\":\"warn\",\"name\":\"trades > 3\",\"instance\":\"paper\","
        "\"reason\":\"'trades' is missing: 'paper' failed\"}]}}");
}

/* A stage that the manifest names and the run does not know. */
static void test_older_run(void **state)
{
    struct world *world = *state;

    world->scene.plan.instance_count = 2;
    world->scene.plan.stage_count = 2;
    scene_begin(&world->scene);
    read_manifest(world, "rows = ['live', 'paper', 'grid']\nscore.x = 'sharpe'\n"
                         "score.y = 'paper.sharpe'\n");
    figures_run_init(&world->run, &world->scene.state, &world->options, &world->scene.arena);
    figures_make(&world->figures, &world->run, NULL, &world->manifest);
    world->made = true;
    expect_text(world, "\nFigures\n\n"
                       "instance  state    x\n"
                       "live      pending\n"
                       "paper     -\n"
                       "grid      -\n"
                       "\nScores\n\n"
                       "score  value\n"
                       "y          -\n"
                       "\nCannot be told\n\n"
                       "  live: score 'x': 'sharpe' is missing: 'live' has not ended yet\n"
                       "  paper: score 'x': 'sharpe' is missing: it is not in this run\n"
                       "  grid: score 'x': 'sharpe' is missing: it is not in this run\n"
                       "  score 'y': 'paper.sharpe' is missing: it is not in this run\n");
}

static void test_many_columns(void **state)
{
    struct world *world = *state;
    struct metric_list list;
    struct metrics metrics;

    play(world);
    read_manifest(world, "");
    figures_run_init(&world->run, &world->scene.state, &world->options, &world->scene.arena);
    metric_list_init(&list, &world->scene.arena);
    for (unsigned i = 0; i < 100; i++) {
        metrics_add_text(&list, str_printf(&world->scene.arena, "m%03u", i), STR("1"), NULL);
    }
    metrics = metrics_of(&list);
    figures_run_set(&world->run, STR("grid@of=a"), &metrics);
    figures_make(&world->figures, &world->run, NULL, &world->manifest);
    world->made = true;
    assert_int_equal(world->figures.column_count, FIGURES_COLUMNS_MOST);
    assert_int_equal(world->figures.left_out, 105 - FIGURES_COLUMNS_MOST);
    figures_add(&world->figures, false, &world->scene.out);
    assert_non_null(strstr(world->scene.out.data, "\n41 more metrics have no column: "));
}

/* --- two runs --- */

static void test_differences(void **state)
{
    struct value one = value_int(1), two = value_float(2.5), word = value_string(STR("x"));
    struct value least = value_int(INT64_MIN), most = value_int(INT64_MAX);
    struct value huge = value_float(1.7e308), zero = value_int(0), minus = value_float(-1.7e308);
    struct value big = value_int(9007199254740993), less = value_int(9007199254740992);
    struct compare_difference by = compare_values(&two, &one);

    (void)state;
    assert_true(by.known && by.value.kind == VALUE_FLOAT && by.value.number == 1.5);
    assert_true(by.relative_known && by.relative == 1.5);
    by = compare_values(&big, &less);
    assert_true(by.known && by.value.kind == VALUE_INT && by.value.integer == 1);
    by = compare_values(&most, &least);
    assert_true(by.known && by.value.kind == VALUE_FLOAT && by.value.number > 1e19);
    by = compare_values(&one, &zero);
    assert_true(by.known && by.value.integer == 1 && !by.relative_known);
    by = compare_values(&one, &minus);
    assert_true(by.known && by.relative_known && by.relative == 1);
    assert_false(compare_values(&huge, &minus).known);
    assert_false(compare_values(&one, &word).known);
}

static void test_compare(void **state)
{
    static const char *const hist[] = {"sharpe", "1.0", "trades", "30", "new, \"x\"|", "1", NULL};
    static const char *const other_names[] = {"hist", "gone", NULL};
    struct world *world = *state;
    struct scene *then = calloc(1, sizeof(*then));
    struct result_options options = {.status = -1};
    struct figures_run run;
    struct figures figures;
    struct compare compare = {&world->figures, &figures};

    scene_init(then, other_names, edges, 0);
    scene_begin(then);
    play_one(then, 0, INST_DONE, hist);
    play_one(then, 1, INST_FAILED, NULL);
    figures_run_init(&run, &then->state, &options, &then->arena);
    play(world);
    read_manifest(world, "rows = ['hist', 'live']\nscore.twice = 'hist.sharpe * 2'\n");
    figures_run_init(&world->run, &world->scene.state, &world->options, &world->scene.arena);
    figures_make(&world->figures, &world->run, &run, &world->manifest);
    world->made = true;
    figures_make(&figures, &run, NULL, &world->manifest);
    compare_add_csv(&compare, &world->scene.out);
    scene_expect(&world->scene, "kind,instance,name,value,other,difference,relative\n"
                                "state,hist,state,done,done,,\n"
                                "metric,hist,bad,NaN,,,\n"
                                "metric,hist,p-value,9007199254740993,,,\n"
                                "metric,hist,sharpe,1.25,1.0,0.25,0.25\n"
                                "metric,hist,trades,31,30,1,0.03333333333333333\n"
                                "metric,hist,word,a string,,,\n"
                                "metric,hist,\"new, \"\"x\"\"|\",,1,,\n"
                                "state,live,state,done,,,\n"
                                "metric,live,sharpe,1.1,,,\n"
                                "metric,live,trades,7,,,\n"
                                "score,,twice,2.5,2.0,0.5,0.25\n"
                                "stage,,live,there,,,\n"
                                "stage,,paper,there,,,\n"
                                "stage,,grid,there,,,\n"
                                "stage,,gone,,there,,\n");
    compare_add(&compare, true, &world->scene.out);
    assert_non_null(strstr(world->scene.out.data, "| hist | trades | 31 | 30 | +1 | +3.3 % |\n"));
    assert_non_null(strstr(world->scene.out.data, "| hist | new, \"x\"\\| | - | 1 |  |  |\n"));
    assert_non_null(strstr(world->scene.out.data, "| gone | the other |\n"));
    assert_null(strstr(world->scene.out.data, "| hist | state |"));
    figures_fini(&figures);
    figures_run_fini(&run);
    scene_fini(then);
    free(then);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_report),
        TEST(test_without_metrics),
        TEST(test_rows_and_columns),
        TEST(test_scores),
        TEST(test_said),
        TEST(test_axes_of_the_row),
        TEST(test_json),
        TEST(test_older_run),
        TEST(test_many_columns),
        TEST(test_differences),
        TEST(test_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
