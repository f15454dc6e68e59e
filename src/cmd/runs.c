/* Owns `runs --stats`: how the runs of a workspace went, as text and as JSON. */
#include <inttypes.h>

#include "base/json_write.h"
#include "base/units.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "cmd/runs_stats.h"
#include "policy/quantile.h"
#include "report/table.h"

/* Of those that came to an end that says something. */
static uint32_t stats_ended(const struct runs_stats *stats)
{
    return stats->by_state[RUN_COMPLETED] + stats->by_state[RUN_FAILED];
}

/* --- JSON --- */

static uint64_t stats_judged(const struct stats_stage *stage)
{
    return stage->passed + stage->refused;
}

static void stats_json_quantile(struct json_writer *w, const char *key,
                                const struct stats_stage *stage, unsigned percent)
{
    if (stage->durations_ns.count != 0) {
        json_field_uint(w, key,
                        quantile(stage->durations_ns.items, stage->durations_ns.count, percent));
    }
}

static void stats_json_stage(struct json_writer *w, const struct stats_stage *stage)
{
    json_object_begin(w);
    json_field_str(w, "stage", stage->name);
    json_field_uint(w, "hits", stage->hits);
    json_field_uint(w, "ran", stage->ran);
    json_field_uint(w, "failures", stage->failures);
    stats_json_quantile(w, "p50_ns", stage, 50);
    stats_json_quantile(w, "p95_ns", stage, 95);
    stats_json_quantile(w, "p99_ns", stage, 99);
    if (stage->peak_bytes != 0) {
        json_field_uint(w, "peak_bytes", stage->peak_bytes);
    }
    if (stats_judged(stage) != 0) {
        json_field_uint(w, "judged", stats_judged(stage));
        json_field_uint(w, "passed", stage->passed);
        json_field_object(w, "refused_by");
        VEC_EACH (check, &stage->checks) {
            json_key(w, check->name);
            json_uint(w, check->refused);
        }
        json_object_end(w);
    }
    json_object_end(w);
}

static void stats_show_json(struct strbuf *out, const struct runs_stats *stats)
{
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_int(&w, "schema", 1);
    json_field_uint(&w, "runs", stats->runs);
    json_field_object(&w, "by_state");
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        if (stats->by_state[i] != 0) {
            json_field_uint(&w, run_status_name((enum run_status)i), stats->by_state[i]);
        }
    }
    json_object_end(&w);
    if (stats_ended(stats) != 0) {
        json_field_double(&w, "failure_rate",
                          (double)stats->by_state[RUN_FAILED] / (double)stats_ended(stats));
    }
    json_field_array(&w, "stages");
    VEC_EACH (stage, &stats->stages) {
        stats_json_stage(&w, stage);
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

/* --- text --- */

static struct str stats_quantile(struct arena *arena, const struct stats_stage *stage,
                                 unsigned percent)
{
    char text[UNITS_TEXT_BYTES];

    if (stage->durations_ns.count == 0) {
        return STR("-");
    }
    duration_format(
        (int64_t)quantile(stage->durations_ns.items, stage->durations_ns.count, percent), text);
    return str_dup(arena, str_of(text));
}

static struct str stats_peak(struct arena *arena, const struct stats_stage *stage)
{
    char text[UNITS_TEXT_BYTES];

    if (stage->peak_bytes == 0) {
        return STR("-");
    }
    size_format(stage->peak_bytes, text);
    return str_dup(arena, str_of(text));
}

static void stats_show_stages(struct strbuf *out, struct runs_stats *stats)
{
    static const char *const heads[] = {"stage", "hits", "ran", "failed",
                                        "P50",   "P95",  "P99", "peak"};
    enum { COLUMNS = sizeof(heads) / sizeof(*heads) };
    struct arena *arena = &stats->arena;
    struct table table;

    table_init(&table, COLUMNS, (1u << COLUMNS) - 2u);
    for (unsigned i = 0; i < COLUMNS; i++) {
        table_add(&table, str_of(heads[i]));
    }
    VEC_EACH (stage, &stats->stages) {
        table_add(&table, stage->name);
        table_add(&table, str_printf(arena, "%" PRIu64, stage->hits));
        table_add(&table, str_printf(arena, "%" PRIu64, stage->ran));
        table_add(&table, str_printf(arena, "%" PRIu64, stage->failures));
        table_add(&table, stats_quantile(arena, stage, 50));
        table_add(&table, stats_quantile(arena, stage, 95));
        table_add(&table, stats_quantile(arena, stage, 99));
        table_add(&table, stats_peak(arena, stage));
    }
    table_render(&table, TABLE_TEXT, out);
    table_fini(&table);
}

static void stats_add_share(struct table *table, struct arena *arena, uint64_t passed,
                            uint64_t judged)
{
    table_add(table, str_printf(arena, "%.1f %%", 100.0 * (double)passed / (double)judged));
    table_add(table, str_printf(arena, "%" PRIu64, judged));
}

/* Of each check that ever said no, and of all of a stage together. */
static void stats_show_checks(struct strbuf *out, struct runs_stats *stats)
{
    struct arena *arena = &stats->arena;
    bool any = false;
    struct table table;

    table_init(&table, 4, 1u << 2 | 1u << 3);
    table_add(&table, STR("stage"));
    table_add(&table, STR("check"));
    table_add(&table, STR("passed"));
    table_add(&table, STR("judged"));
    VEC_EACH (stage, &stats->stages) {
        uint64_t judged = stats_judged(stage);

        if (judged == 0) {
            continue;
        }
        any = true;
        table_add(&table, stage->name);
        table_add(&table, STR("all"));
        stats_add_share(&table, arena, stage->passed, judged);
        VEC_EACH (check, &stage->checks) {
            table_add(&table, STR(""));
            table_add(&table, check->name);
            stats_add_share(&table, arena,
                            judged - (check->refused < judged ? check->refused : judged), judged);
        }
    }
    if (any) {
        strbuf_putc(out, '\n');
        table_render(&table, TABLE_TEXT, out);
    }
    table_fini(&table);
}

static void stats_show(struct strbuf *out, struct runs_stats *stats)
{
    bool first = true;

    strbuf_printf(out, "runs     %u", stats->runs);
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        if (stats->by_state[i] != 0) {
            strbuf_printf(out, "%s%u %s", first ? ": " : ", ", stats->by_state[i],
                          run_status_name((enum run_status)i));
            first = false;
        }
    }
    strbuf_putc(out, '\n');
    if (stats_ended(stats) != 0) {
        strbuf_printf(out, "failed   %.1f %% of those that completed or failed\n",
                      100.0 * (double)stats->by_state[RUN_FAILED] / (double)stats_ended(stats));
    }
    if (stats->stages.count != 0) {
        strbuf_putc(out, '\n');
        stats_show_stages(out, stats);
        stats_show_checks(out, stats);
    }
    if (stats->unnamed_hits != 0) {
        strbuf_printf(out,
                      "\n%" PRIu64 " more hits are of instances whose names are not on record any "
                      "more\n",
                      stats->unnamed_hits);
    }
}

/* --- both --- */

static bool stats_last(const struct cli *cli, uint32_t count, uint32_t *first, struct err *err)
{
    uint64_t last;

    *first = 0;
    if (cli->last == NULL) {
        return true;
    }
    if (!cli->stats) {
        return err_set(err, STATUS_USAGE, "'--last' is for '--stats': add that");
    }
    if (!str_to_u64(str_of(cli->last), &last) || last == 0) {
        return err_set(err, STATUS_USAGE, "'%s' of '--last' is no number of runs: give 1 or more",
                       cli->last);
    }
    *first = last < count ? count - (uint32_t)last : 0;
    return true;
}

/* A record that cannot be read hides no other: it is named, and the status says so. */
static int stats_of(struct cli *cli, const struct session *session, const struct run_list *list,
                    uint32_t first)
{
    bool held = session_is_held(session) == SESSION_HELD;
    struct runs_stats stats;
    int status = STATUS_OK;

    runs_stats_init(&stats, session);
    for (uint32_t i = first; i < list->count; i++) {
        struct err err = {0};

        if (!runs_stats_take(&stats, &list->ids[i], held && i + 1 == list->count, &err)) {
            status = cli_fail(&err);
        }
    }
    runs_stats_sort(&stats);
    if (cli->json) {
        stats_show_json(&cli->out, &stats);
    } else {
        stats_show(&cli->out, &stats);
    }
    runs_stats_fini(&stats);
    return status;
}

int cmd_runs(struct cli *cli)
{
    struct place place;
    struct run_list list;
    struct err err = {0};
    uint32_t first;
    int status = place_open(&place, cli, PLACE_WORKSPACE, SESSION_LOOK);

    if (status == STATUS_OK) {
        if (!run_dir_list(place.session.workspace.pawlfd, &cli->arena, &list, &err) ||
            !stats_last(cli, list.count, &first, &err)) {
            status = cli_fail(&err);
        } else {
            status = cli->stats ? stats_of(cli, &place.session, &list, first)
                                : runs_show_all(cli, &place.session, &list);
        }
    }
    place_close(&place);
    return status;
}
