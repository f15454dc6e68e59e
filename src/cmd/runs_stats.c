/* Owns the fold over the records of many runs. */
#include "cmd/runs_stats.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/sys.h"
#include "policy/quantile.h"

void runs_stats_init(struct runs_stats *stats, const struct session *session)
{
    struct objects_options options = {
        .dirfd = session->workspace.pawlfd, .shown = ".pawl", .read_only = true};
    struct objects_settled settled;
    struct err err;

    *stats = (struct runs_stats){.session = session};
    arena_init(&stats->arena);
    map_init(&stats->by_name);
    stats->objects = objects_open(&options, &settled, &err);
}

void runs_stats_fini(struct runs_stats *stats)
{
    VEC_EACH (stage, &stats->stages) {
        VEC_FREE(&stage->durations_ns);
        VEC_FREE(&stage->checks);
    }
    VEC_FREE(&stats->stages);
    VEC_FREE(&stats->stage_of);
    map_fini(&stats->by_name);
    if (stats->objects != NULL) {
        objects_close(stats->objects);
    }
    arena_fini(&stats->arena);
}

static uint32_t stats_stage_number(struct runs_stats *stats, struct str name)
{
    uint32_t number = map_get(&stats->by_name, name);

    if (number == MAP_MISSING) {
        struct stats_stage stage = {.name = str_dup(&stats->arena, name)};

        number = (uint32_t)stats->stages.count;
        VEC_PUSH(&stats->stages, stage);
        map_put(&stats->by_name, stage.name, number);
    }
    return number;
}

static struct stats_stage *stats_stage_of(struct runs_stats *stats, struct str line)
{
    struct str name;

    if (!event_walk_text(line, "stage", &name) || name.len == 0) {
        return NULL;
    }
    return &stats->stages.items[stats_stage_number(stats, name)];
}

/* --- which stage an instance is of --- */

static void stats_take_names(struct runs_stats *stats, struct str names)
{
    struct str name;

    while (names.len != 0 && str_split(&names, '\n', &name)) {
        struct str stage;

        str_split(&name, '@', &stage);
        VEC_PUSH(&stats->stage_of, stats_stage_number(stats, stage));
    }
}

/* Runs of one plan have one listing, which is read once. */
static void stats_take_listing(struct runs_stats *stats, struct str line)
{
    struct str text = STR("");
    struct strbuf names = {0};
    struct digest digest;
    struct err err;

    event_walk_text(line, "listing", &text);
    if (str_equal(text, stats->listing)) {
        return;
    }
    stats->listing = str_dup(&stats->arena, text);
    VEC_CLEAR(&stats->stage_of);
    if (stats->objects != NULL && digest_parse(text, &digest) &&
        objects_read(stats->objects, &digest, LIMIT_TOML_BYTES, &names, &err)) {
        stats_take_names(stats, strbuf_str(&names));
    }
    strbuf_fini(&names);
}

static void stats_hit(struct runs_stats *stats, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last && n < stats->stage_of.count; n++) {
        stats->stages.items[stats->stage_of.items[n]].hits++;
    }
    if (last >= stats->stage_of.count) {
        first = first > stats->stage_of.count ? first : stats->stage_of.count;
        stats->unnamed_hits += last - first + 1;
    }
}

/* Ranges, both ends included: "0-4,7". */
static void stats_take_hits(struct runs_stats *stats, struct str line)
{
    struct str text = STR("");
    struct str part;

    event_walk_text(line, "ids", &text);
    while (text.len != 0 && str_split(&text, ',', &part)) {
        struct str last = part;
        struct str first;
        uint64_t from;
        uint64_t to;

        str_split(&last, '-', &first);
        if (str_to_u64(first, &from) && from < LIMIT_INSTANCES) {
            to = from;
            if (last.data == NULL || (str_to_u64(last, &to) && to < LIMIT_INSTANCES)) {
                stats_hit(stats, from, to);
            }
        }
    }
}

/* --- one line --- */

static void stats_take_attempt(struct runs_stats *stats, struct str line)
{
    struct stats_stage *stage = stats_stage_of(stats, line);
    struct str state;
    uint64_t wall_ns;
    uint64_t peak_bytes;

    if (stage == NULL || !event_walk_text(line, "state", &state)) {
        return;
    }
    if (event_walk_number(line, "max_rss_bytes", &peak_bytes) && peak_bytes > stage->peak_bytes) {
        stage->peak_bytes = peak_bytes;
    }
    if (str_is(state, "failed") || str_is(state, "unsettled") || str_is(state, "refused")) {
        stage->failures++;
    } else if (str_is(state, "done") && event_walk_number(line, "wall_ns", &wall_ns)) {
        stage->ran++;
        VEC_PUSH(&stage->durations_ns, wall_ns);
    }
}

static struct stats_check *stats_check_of(struct runs_stats *stats, struct stats_stage *stage,
                                          struct str name)
{
    struct stats_check check = {.name = STR("")};

    VEC_EACH (known, &stage->checks) {
        if (str_equal(known->name, name)) {
            return known;
        }
    }
    check.name = str_dup(&stats->arena, name);
    VEC_PUSH(&stage->checks, check);
    return &stage->checks.items[stage->checks.count - 1];
}

/* Each check that said no has an event of its own; then one says what became of the result. */
static void stats_take_judged(struct runs_stats *stats, struct str type, struct str line)
{
    struct stats_stage *stage = stats_stage_of(stats, line);
    struct str name;

    if (stage == NULL) {
        return;
    }
    if (str_is(type, "checks.passed")) {
        stage->passed++;
    } else if (str_is(type, "instance.refused")) {
        stage->refused++;
    } else if (event_walk_text(line, "check", &name)) {
        stats_check_of(stats, stage, name)->refused++;
    }
}

static void stats_take_one(struct runs_stats *stats, struct str type, struct str line)
{
    struct stats_stage *stage;

    if (str_is(type, "attempt.finished")) {
        stats_take_attempt(stats, line);
    } else if (str_is(type, "instances.up_to_date")) {
        stats_take_hits(stats, line);
    } else if (str_is(type, "instance.restored") || str_is(type, "instance.failed")) {
        stage = stats_stage_of(stats, line);
        if (stage != NULL) {
            stage->hits += str_is(type, "instance.restored");
            stage->failures += str_is(type, "instance.failed");
        }
    } else if (str_is(type, "checks.passed") || str_is(type, "instance.refused") ||
               str_is(type, "gate.refused") || str_is(type, "validation.failed")) {
        stats_take_judged(stats, type, line);
    } else if (str_is(type, "run.started")) {
        stats_take_listing(stats, line);
    }
}

/* --- one run --- */

static enum run_status stats_status(struct str type, enum run_status status)
{
    static const struct {
        const char *type;
        enum run_status status;
    } rows[] = {{"run.started", RUN_RUNNING},        {"run.resumed", RUN_RUNNING},
                {"run.completed", RUN_COMPLETED},    {"run.failed", RUN_FAILED},
                {"run.cancelled", RUN_CANCELLED},    {"run.abandoned", RUN_ABANDONED},
                {"run.interrupted", RUN_INTERRUPTED}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (str_is(type, rows[i].type)) {
            return rows[i].status;
        }
    }
    return status;
}

bool runs_stats_take(struct runs_stats *stats, const struct run_id *id, bool live, struct err *err)
{
    int dir_fd = run_dir_open(stats->session->workspace.pawlfd, id, err);
    enum run_status status = RUN_PENDING;
    struct event_walk walk;
    struct str line;

    if (dir_fd < 0) {
        return false;
    }
    if (!event_walk_open(&walk, dir_fd, "events.jsonl", err)) {
        sys_close(dir_fd);
        return false;
    }
    while (event_walk_next(&walk, &line)) {
        struct str type = event_walk_type(line);

        status = stats_status(type, status);
        stats_take_one(stats, type, line);
    }
    event_walk_close(&walk);
    sys_close(dir_fd);
    stats->runs++;
    stats->by_state[status == RUN_RUNNING && !live ? RUN_INTERRUPTED : status]++;
    return true;
}

static int stats_compare(const void *a, const void *b)
{
    return str_compare(((const struct stats_stage *)a)->name,
                       ((const struct stats_stage *)b)->name);
}

void runs_stats_sort(struct runs_stats *stats)
{
    VEC_EACH (stage, &stats->stages) {
        quantile_sort(stage->durations_ns.items, stage->durations_ns.count);
    }
    if (stats->stages.count > 1) {
        qsort(stats->stages.items, stats->stages.count, sizeof(*stats->stages.items),
              stats_compare);
    }
}
