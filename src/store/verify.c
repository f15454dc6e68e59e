/* Owns the order in which everything is looked at, and the files of records, the index and the
 * records of runs. Objects come before results, so that these know which are damaged. */
#include "store/verify_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/record.h"
#include "base/sys.h"
#include "os/walk.h"
#include "store/event_log.h"
#include "store/index.h"
#include "store/run_dir.h"

void verify_init(struct verify *verify, const struct verify_options *options)
{
    *verify = (struct verify){.options = *options};
    arena_init(&verify->arena);
    known_init(&verify->seen);
    known_init(&verify->trees);
}

void verify_fini(struct verify *verify)
{
    VEC_EACH (epoch, &verify->foreign) {
        sys_close(epoch->fd);
    }
    VEC_FREE(&verify->foreign);
    VEC_FREE(&verify->items);
    VEC_FREE(&verify->problems);
    VEC_FREE(&verify->damaged);
    VEC_FREE(&verify->damaged_problems);
    VEC_FREE(&verify->lost);
    VEC_FREE(&verify->snapshots);
    known_fini(&verify->seen);
    known_fini(&verify->trees);
    arena_fini(&verify->arena);
}

/* --- problems --- */

size_t verify_say(struct verify *verify, enum verify_level level, struct str place,
                  struct str reason, struct str cost)
{
    struct arena *arena = &verify->arena;

    switch (level) {
    case VERIFY_DAMAGED:
        verify->counts.damaged++;
        break;
    case VERIFY_LEFT:
        verify->counts.left++;
        break;
    case VERIFY_UNREADABLE:
        verify->counts.unreadable++;
        break;
    }
    VEC_PUSH(&verify->problems, (struct verify_problem){.level = level,
                                                        .place = str_dup(arena, place),
                                                        .reason = str_dup(arena, reason),
                                                        .cost = str_dup(arena, cost)});
    return verify->problems.count - 1;
}

size_t verify_say_err(struct verify *verify, struct str place, const struct err *err,
                      const char *cost)
{
    struct str text = str_of(err->text);
    ptrdiff_t name = str_has_prefix(text, STR("'")) ? str_find_str(text, STR("': ")) : -1;
    bool corrupt = err->status == STATUS_CORRUPT;

    text = name >= 0 ? str_skip(text, (size_t)name + 3) : text;
    if (str_has_prefix(text, STR("damaged: "))) {
        text = str_skip(text, strlen("damaged: "));
    }
    return verify_say(verify, corrupt ? VERIFY_DAMAGED : VERIFY_UNREADABLE, place, text,
                      str_of(corrupt ? cost : "nothing is known of it"));
}

struct str verify_in_store(struct verify *verify, const char *path)
{
    return STR_JOIN(&verify->arena, str_of(verify->options.store), STR("/"), str_of(path));
}

/* --- records and the index --- */

static void verify_file_err(struct verify *verify, enum verify_file which, struct str place,
                            const struct err *err, const char *cost, enum verify_state state)
{
    verify->file_problems[which] = verify_say_err(verify, place, err, cost);
    if (err->status == STATUS_CORRUPT) {
        verify->files[which] = state;
    }
}

static void verify_record(struct verify *verify, enum verify_file which, struct str place,
                          int dirfd, const char *name, const char *kind, const char *cost)
{
    struct record_file file;
    struct err err = {0};

    if (!record_file_open(&file, dirfd, name, kind, &err)) {
        verify_file_err(verify, which, place, &err, cost, VERIFY_NO_HEAD);
        return;
    }
    if (!record_check(&file, &err)) {
        verify_file_err(verify, which, place, &err, cost, VERIFY_HOLES);
    }
    record_file_close(&file);
}

static void verify_records(struct verify *verify)
{
    int pawl = verify->options.pawl_fd;
    const char *planning = "costs planning and hashing anew";
    struct err err = {0};
    bool foreign;

    verify_record(verify, VERIFY_RESULTS, verify_in_store(verify, "results"),
                  verify->options.store_fd, "results", "results",
                  "results that were there are not known: their stages run again");
    verify_record(verify, VERIFY_MADE, STR(".pawl/made"), pawl, "made", "made",
                  "files made by stages may be taken for somebody's: they are kept, not replaced");
    verify_record(verify, VERIFY_EFFECTS, STR(".pawl/effects"), pawl, "effects", "effects",
                  "what stages did outside is not known, and nothing runs: undo by hand what it "
                  "names, then move it away");
    verify_record(
        verify, VERIFY_CHECKPOINTS, verify_in_store(verify, "checkpoints"),
        verify->options.store_fd, "checkpoints", "checkpts",
        "snapshots that were there are not known: stages begin at an earlier one, or anew");
    verify_record(verify, VERIFY_INDEX_LOG, STR(".pawl/index.log"), pawl, "index.log", "index",
                  planning);
    if (!index_check(pawl, &foreign, &err) && foreign) {
        verify_say_left(verify, pawl, ".pawl", STR("index"),
                        "is of another version, and is made anew", true);
    } else if (err.status != 0) {
        verify_file_err(verify, VERIFY_INDEX, STR(".pawl/index"), &err, planning, VERIFY_NO_HEAD);
    }
}

/* --- the records of runs --- */

/* What is looked for: a run whose record has the head, at its end or before. */
struct verify_heads {
    bool found;
    struct str passed; /* whose record goes on behind it */
    uint64_t behind;   /* by so many events */
    struct str newest;
};

static void verify_chain(struct verify *verify, struct verify_heads *heads, struct str run,
                         struct event_reader *reader)
{
    const struct digest *head = verify->options.head;
    struct event_line line;
    bool passed = false;
    uint64_t behind = 0;

    while (event_reader_next(reader, &line)) {
        struct digest chain = event_reader_head(reader);

        behind += passed;
        passed = passed || (head != NULL && digest_equal(head, &chain));
        verify->counts.events++;
    }
    if (passed && behind == 0) {
        heads->found = true;
        verify->run = run;
    } else if (passed) {
        heads->passed = run;
        heads->behind = behind;
    }
}

/* A run without any was killed before it recorded anything, or begins just now. */
static bool verify_has_logs(struct verify *verify, struct str run)
{
    static const struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct str logs = STR_JOIN(&verify->arena, STR("runs/"), run, STR("/logs"));

    return walk_folder(verify->options.pawl_fd, logs.data, &flat, &verify->arena, &list, NULL) &&
           list.count != 0;
}

/* It has logs. Of the newest run a power cut may have left that: recovery removes it. */
static void verify_no_record(struct verify *verify, struct str place, bool newest)
{
    struct str reason = STR("is missing, and the run has logs");

    if (newest) {
        verify_say(verify, VERIFY_LEFT, place, reason,
                   STR("what this run did is not known, its results count; the next run removes "
                       "the folder"));
        return;
    }
    verify_say(verify, VERIFY_DAMAGED, place, reason,
               STR("what this run did is not known; its results count; the folder stays as it is"));
}

/* It is a hint, but one that whoever looks believes. */
static void verify_saved_state(struct verify *verify, const struct run_id *id)
{
    struct str name = STR_JOIN(&verify->arena, STR("runs/"), str_of(id->text), STR("/state"));
    struct verify_problem *problem;
    size_t number;

    if (verify->options.state_is_right == NULL ||
        verify->options.state_is_right(verify->options.ctx, id)) {
        return;
    }
    number = verify_say(verify, VERIFY_DAMAGED, STR_JOIN(&verify->arena, STR(".pawl/"), name),
                        STR("is not what the record of the run says"),
                        STR("'pawl status' and 'pawl runs' say what is not so; it may be deleted"));
    problem = &verify->problems.items[number];
    problem->dirfd = verify->options.pawl_fd;
    problem->name = name;
    problem->removable = true;
}

static void verify_run(struct verify *verify, struct verify_heads *heads, const struct run_id *id,
                       bool newest)
{
    struct str run = str_dup(&verify->arena, str_of(id->text));
    struct str place = STR_JOIN(&verify->arena, STR(".pawl/runs/"), run, STR("/events.jsonl"));
    struct event_reader *reader;
    struct err err = {0};

    reader =
        event_reader_open(verify->options.pawl_fd, str_skip(place, strlen(".pawl/")).data, &err);
    if (reader == NULL) {
        if (err.sys != ENOENT) {
            verify_say_err(verify, place, &err, "");
        } else if (verify_has_logs(verify, run)) {
            verify_no_record(verify, place, newest);
        }
        return;
    }
    verify->counts.runs++;
    verify_chain(verify, heads, run, reader);
    if (!event_reader_check(reader, &err)) {
        verify_say_err(verify, place, &err,
                       "what this run did behind it is not known; it stays as it is");
    } else {
        verify_saved_state(verify, id);
    }
    event_reader_close(reader);
    heads->newest = run;
}

static void verify_head(struct verify *verify, const struct verify_heads *heads)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct str run = heads->passed.len != 0 ? heads->passed : heads->newest;
    struct str reason;

    if (verify->options.head == NULL || heads->found) {
        return;
    }
    digest_hex(verify->options.head, hex);
    if (heads->passed.len != 0) {
        reason = str_printf(&verify->arena, "goes on behind head %s by %llu event%s", hex,
                            (unsigned long long)heads->behind, heads->behind == 1 ? "" : "s");
    } else {
        reason =
            str_printf(&verify->arena, "does not end in head %s, nor does that of any run", hex);
    }
    verify_say(verify, VERIFY_DAMAGED,
               run.len == 0
                   ? STR(".pawl/runs")
                   : STR_JOIN(&verify->arena, STR(".pawl/runs/"), run, STR("/events.jsonl")),
               reason, STR("it is not the record that gave this head"));
}

static void verify_runs(struct verify *verify)
{
    struct verify_heads heads = {.passed = STR(""), .newest = STR("")};
    struct run_list list = {NULL, 0};
    struct err err = {0};

    if (!run_dir_list(verify->options.pawl_fd, &verify->arena, &list, &err)) {
        verify_say_err(verify, STR(".pawl/runs"), &err, "");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        verify_run(verify, &heads, &list.ids[i], i + 1 == list.count);
    }
    verify_head(verify, &heads);
}

void verify_look(struct verify *verify)
{
    struct objects_options options = {
        .dirfd = verify->options.store_fd, .shown = verify->options.store, .read_only = true};
    struct err err = {0};
    struct objects *objects = objects_open(&options, NULL, &err);

    verify->run = STR("");
    verify_left(verify);
    verify_records(verify);
    verify_items(verify);
    if (objects == NULL) {
        verify_say_err(verify, str_of(verify->options.store), &err, "");
    } else {
        verify_objects(verify, objects);
        if (verify->files[VERIFY_RESULTS] != VERIFY_NO_HEAD) {
            verify_results(verify, objects);
        }
        if (verify->files[VERIFY_CHECKPOINTS] != VERIFY_NO_HEAD) {
            verify_checkpoints(verify, objects);
        }
        objects_close(objects);
    }
    verify_runs(verify);
}
