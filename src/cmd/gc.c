/* Owns `gc`: what is asked for, the folders of runs that go, and what is said about it. What goes
 * from the store is decided in store/gc.c. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/json_write.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/units.h"
#include "base/vec.h"
#include "cmd/place.h"
#include "os/remove.h"
#include "os/walk.h"
#include "store/event_log.h"
#include "store/gc.h"
#include "store/items.h"
#include "store/run_dir.h"

enum { GC_KEEP_RUNS = 10, GC_KEEP_RUNS_MOST = 1000000 };

struct gc_call {
    struct cli *cli;
    struct session *session;
    struct gc_options options;
    struct run_list runs;
    uint32_t first_kept; /* of the runs */
    VEC(struct digest) needed;
    struct gc_done done;
    struct items_gc_done items;
    uint32_t runs_gone, kept_gone;
    uint64_t folder_bytes;
};

/* --- what is asked for; what is not, the manifest may say --- */

static bool gc_read_keep_runs(struct gc_call *call, struct err *err)
{
    const char *text = call->cli->keep_runs;
    uint64_t count = call->session->manifest.retain_runs;

    if (text != NULL &&
        (!str_to_u64(str_of(text), &count) || count == 0 || count > GC_KEEP_RUNS_MOST)) {
        return err_set(err, STATUS_USAGE, "'%s' of '--keep-runs' is no number from 1 to %d", text,
                       GC_KEEP_RUNS_MOST);
    }
    call->options.keep_runs = count != 0 ? (uint32_t)count : GC_KEEP_RUNS;
    return true;
}

static bool gc_read_max_age(struct gc_call *call, struct err *err)
{
    const char *text = call->cli->max_age;
    enum units_problem problem = UNITS_FINE;
    int64_t age_ns = call->session->manifest.retain_age_ns;

    if (text != NULL) {
        problem = duration_parse(str_of(text), &age_ns);
    }
    if (problem != UNITS_FINE) {
        return err_set(err, STATUS_USAGE, "'%s' of '--max-age': %s", text,
                       duration_problem(problem));
    }
    call->options.cutoff_ns =
        text != NULL || age_ns != 0 ? clock_real_ns(call->session->clock) - age_ns : INT64_MIN;
    return true;
}

static bool gc_read_max_size(struct gc_call *call, struct err *err)
{
    const char *text = call->cli->max_size;
    enum units_problem problem = UNITS_FINE;
    int64_t size_bytes = (int64_t)call->session->manifest.retain_size_bytes;

    if (text != NULL) {
        problem = size_parse(str_of(text), &size_bytes);
    }
    if (problem != UNITS_FINE) {
        return err_set(err, STATUS_USAGE, "'%s' of '--max-size': %s", text, size_problem(problem));
    }
    call->options.max_bytes = text != NULL || size_bytes != 0 ? (uint64_t)size_bytes : UINT64_MAX;
    return true;
}

static bool gc_read_options(struct gc_call *call, struct err *err)
{
    return gc_read_keep_runs(call, err) && gc_read_max_age(call, err) &&
           gc_read_max_size(call, err);
}

/* --- runs --- */

/* The first that is kept: the latest, which may be one to go on with, always is. */
static bool gc_list_runs(struct gc_call *call, struct err *err)
{
    const struct run_list *runs = &call->runs;
    uint32_t at;

    if (!run_dir_list(call->session->workspace.pawlfd, &call->cli->arena, &call->runs, err)) {
        return false;
    }
    at = runs->count > call->options.keep_runs ? runs->count - call->options.keep_runs : 0;
    while (at + 1 < runs->count && call->options.cutoff_ns != INT64_MIN &&
           run_id_seconds(&runs->ids[at]) < call->options.cutoff_ns / NS_PER_SEC) {
        at++;
    }
    call->first_kept = at;
    return true;
}

static void gc_need_hex(struct gc_call *call, struct str hex)
{
    struct digest digest;

    if (digest_parse(hex, &digest)) {
        VEC_PUSH(&call->needed, digest);
    }
}

/* The manifest and the names of all instances, of which the record of a run speaks. */
static void gc_need_of_run(struct gc_call *call, const struct run_id *run)
{
    int dir = run_dir_open(call->session->workspace.pawlfd, run, NULL);
    struct event_reader *reader = dir >= 0 ? event_reader_open(dir, "events.jsonl", NULL) : NULL;
    struct event_line line;
    struct event event;
    bool known = false;

    if (reader != NULL && event_reader_next(reader, &line) &&
        event_from_json(line.json, &call->cli->arena, &event, &known, NULL) && known) {
        gc_need_hex(call, event.manifest);
        gc_need_hex(call, event.listing);
    }
    if (reader != NULL) {
        event_reader_close(reader);
    }
    if (dir >= 0) {
        sys_close(dir);
    }
}

/* By its tree object what lies at a folder's place is known to be ours. */
static void gc_need_of_made(struct gc_call *call)
{
    struct made_row row;

    for (uint32_t pos = 0; made_next(call->session->made, &pos, &row);) {
        if (row.kind == MADE_FOLDER) {
            VEC_PUSH(&call->needed, row.digest);
        }
    }
}

/* --- folders --- */

static bool gc_remove_folder(struct gc_call *call, const char *path, struct err *err)
{
    int pawl = call->session->workspace.pawlfd;

    call->folder_bytes += walk_size_bytes(pawl, path, UINT64_MAX);
    return call->cli->dry || tree_remove(pawl, path, err);
}

static bool gc_remove_runs(struct gc_call *call, struct err *err)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < call->first_kept; i++) {
        struct str run = str_of(call->runs.ids[i].text);

        ok = gc_remove_folder(call, path_join(&call->cli->arena, STR("runs"), run).data, err);
        call->runs_gone += ok;
    }
    return ok;
}

static bool gc_is_kept_run(const struct gc_call *call, const struct run_id *run)
{
    return call->first_kept < call->runs.count &&
           strcmp(run->text, call->runs.ids[call->first_kept].text) >= 0;
}

/* What attempts of runs left that are not recorded any more, or all of it. */
static bool gc_remove_left(struct gc_call *call, const char *folder, bool all, uint32_t *gone,
                           struct err *err)
{
    struct walk_options options = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct sys_stat stat;
    struct run_id run;
    bool ok =
        sys_statat(call->session->workspace.pawlfd, folder, AT_SYMLINK_NOFOLLOW, &stat) != 0 ||
        walk_folder(call->session->workspace.pawlfd, folder, &options, &call->cli->arena, &list,
                    err);

    for (uint32_t i = 0; ok && i < list.count; i++) {
        struct str path = path_join(&call->cli->arena, str_of(folder), list.items[i].path);

        if (all || (run_id_parse(list.items[i].path, &run) && !gc_is_kept_run(call, &run))) {
            ok = gc_remove_folder(call, path.data, err);
            *gone += ok;
        }
    }
    return ok;
}

static bool gc_remove_folders(struct gc_call *call, struct err *err)
{
    uint32_t left = 0;

    return gc_remove_left(call, "failed", false, &left, err) &&
           gc_remove_left(call, "refused", false, &left, err) &&
           (!call->cli->kept || gc_remove_left(call, "kept", true, &call->kept_gone, err)) &&
           gc_remove_runs(call, err);
}

/* --- what is said --- */

static uint64_t gc_freed_bytes(const struct gc_call *call)
{
    return call->done.freed_bytes + call->folder_bytes + call->items.freed_bytes;
}

static void gc_show_json(const struct gc_call *call)
{
    struct json_writer w = json_writer_of(&call->cli->out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_bool(&w, "dry_run", call->cli->dry);
    json_field_uint(&w, "results", call->done.results);
    json_field_uint(&w, "objects", call->done.objects);
    json_field_uint(&w, "checkpoints", call->done.checkpoints);
    json_field_uint(&w, "runs", call->runs_gone);
    json_field_uint(&w, "kept_folders", call->kept_gone);
    json_field_uint(&w, "item_logs", call->items.logs);
    json_field_uint(&w, "freed_bytes", gc_freed_bytes(call));
    json_field_uint(&w, "objects_left", call->done.kept_objects);
    json_field_uint(&w, "objects_left_bytes", call->done.kept_bytes);
    json_object_end(&w);
    strbuf_putc(&call->cli->out, '\n');
}

static const char *gc_plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static void gc_warn(const struct gc_call *call)
{
    uint32_t count = call->done.unreadable_roots;

    if (count != 0) {
        cli_warn(
            "what %u workspace%s need%s cannot be read in the store's 'roots': all results are "
            "kept",
            count, gc_plural(count), count == 1 ? "s" : "");
    }
}

static void gc_show_text(const struct gc_call *call)
{
    struct strbuf *out = &call->cli->out;
    const struct gc_done *done = &call->done;
    char freed[UNITS_TEXT_BYTES];
    char left[UNITS_TEXT_BYTES];

    size_format(gc_freed_bytes(call), freed);
    size_format(done->kept_bytes, left);
    if (done->results + done->objects + done->checkpoints + call->runs_gone + call->kept_gone +
                call->items.logs ==
            0 &&
        call->folder_bytes == 0) {
        strbuf_puts(out, "nothing to remove");
    } else {
        strbuf_printf(out, "%s%s: %u result%s, %u object%s, %u run%s",
                      call->cli->dry ? "would free " : "freed ", freed, done->results,
                      gc_plural(done->results), done->objects, gc_plural(done->objects),
                      call->runs_gone, gc_plural(call->runs_gone));
        if (call->items.logs != 0) {
            strbuf_printf(out, ", %u log%s of items", call->items.logs,
                          gc_plural(call->items.logs));
        }
        if (done->checkpoints != 0) {
            strbuf_printf(out, ", %u checkpoint%s", done->checkpoints,
                          gc_plural(done->checkpoints));
        }
    }
    strbuf_printf(out, "; the store holds %s in %u object%s\n", left, done->kept_objects,
                  gc_plural(done->kept_objects));
}

/* --- the command --- */

static bool gc_work(struct gc_call *call, struct err *err)
{
    struct session *session = call->session;
    struct gc_store store = {.fd = session->store_fd,
                             .shared = session_store_is_shared(session),
                             .lock = &session->store_lock,
                             .objects = session->objects,
                             .results = session->results,
                             .workspace = session->workspace.id};
    bool ok;

    if (session->objects == NULL) {
        return true; /* nothing was ever run here */
    }
    call->options.dry = call->cli->dry;
    if (!gc_list_runs(call, err)) {
        return false;
    }
    for (uint32_t i = call->first_kept; i < call->runs.count; i++) {
        gc_need_of_run(call, &call->runs.ids[i]);
    }
    gc_need_of_made(call);
    store.needed = call->needed.items;
    store.needed_count = (uint32_t)call->needed.count;
    store.first_run =
        call->first_kept < call->runs.count ? call->runs.ids[call->first_kept].text : "";
    ok = gc_remove_folders(call, err) &&
         items_gc(session->workspace.pawlfd, call->options.cutoff_ns, call->cli->dry, &call->items,
                  err) &&
         gc_store(&store, &call->options, &call->done, err);
    VEC_FREE(&call->needed);
    return ok;
}

/* Where the store is, and how much is kept, the manifest says as long as the call does not. */
static bool gc_needs_manifest(const struct gc_call *call)
{
    return call->cli->store == NULL || call->cli->keep_runs == NULL;
}

/* Mistakes of the command line come first; with the manifest at hand its words are taken. */
static bool gc_open(struct gc_call *call, struct place *place, struct err *err)
{
    const struct cli *cli = call->cli;

    return place_advance(place, PLACE_WORKSPACE, SESSION_LOOK, err) &&
           place_read_manifest(place, gc_needs_manifest(call), err) &&
           session_open_store(&place->session, cli->dry ? SESSION_LOOK : SESSION_CHANGE, cli->wait,
                              err) &&
           (cli->dry || place_recover(&place->session, err)) && gc_read_options(call, err);
}

static int gc_fail(const struct gc_call *call, struct place *place, const struct err *err)
{
    int status = place_fail(place, err);

    if (status == STATUS_MANIFEST && gc_needs_manifest(call)) {
        cli_warn(
            "the manifest says where the store is and what is kept; with '--store DIR' (its own: "
            ".pawl) and '--keep-runs N' it is not asked");
    }
    return status;
}

int cmd_gc(struct cli *cli)
{
    struct place place;
    struct gc_call call = {.cli = cli, .session = &place.session};
    struct err err = {0};
    int status;

    place_init(&place, cli);
    if (!gc_read_options(&call, &err) || !gc_open(&call, &place, &err) || !gc_work(&call, &err)) {
        status = gc_fail(&call, &place, &err);
    } else {
        session_show_diags(&place.session, cli_is_colored(cli, STDERR_FILENO));
        gc_warn(&call);
        status = STATUS_OK;
        if (cli->json) {
            gc_show_json(&call);
        } else {
            gc_show_text(&call);
        }
    }
    place_close(&place);
    return status;
}
