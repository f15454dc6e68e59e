/* Owns `items`: what the items of a stage gave, from the logs in which that is kept. */
#include "store/items.h"

#include "base/hex.h"
#include "base/sys.h"
#include "base/vec.h"
#include "cmd/items_of.h"
#include "model/plan.h"

enum { ITEMS_FLUSH_BYTES = 1 << 16, ITEMS_WAIT_MS = 100, ITEMS_LOOK_EVERY = 10 };

/* A log of which all before `pos` was printed. */
struct items_shown {
    struct str name, path;
    uint64_t pos;
    struct record_mark mark; /* the same, for opening it without a walk */
};

struct items_show {
    struct cli *cli;
    const struct session *session;
    VEC(struct items_shown) logs;
};

/* --- which logs --- */

struct items_selected {
    struct str selection;
    bool (*each)(void *ctx, struct str name, const char *path, struct err *err);
    void *ctx;
};

/* No name of an instance has a blank. */
struct str items_of_instance(struct str name)
{
    struct str rest = name;
    struct str instance = name;

    (void)str_split(&rest, ' ', &instance);
    return instance;
}

void items_of_json(struct json_writer *w, struct str name)
{
    struct str instance = items_of_instance(name);

    json_field_str(w, "instance", instance);
    if (instance.len != name.len) {
        json_field_str(w, "variant", str_skip(name, instance.len + strlen(" variant ")));
    }
}

static bool items_of_one(void *ctx, struct str name, const char *path, struct err *err)
{
    const struct items_selected *selected = ctx;

    return !plan_selects(selected->selection, items_of_instance(name)) ||
           selected->each(selected->ctx, name, path, err);
}

bool items_of(const struct session *session, const char *word,
              bool (*each)(void *ctx, struct str name, const char *path, struct err *err),
              void *ctx, struct err *err)
{
    struct items_selected selected = {str_of(word), each, ctx};
    struct str rest = selected.selection;
    struct str stage = rest;

    (void)str_split(&rest, '@', &stage);
    return !session->workspace.exists ||
           items_logs(session->workspace.pawlfd, stage, items_of_one, &selected, err);
}

bool items_of_none(const char *word, struct err *err)
{
    return err_set(err, STATUS_USAGE,
                   "no items of '%s' are kept: a run works those of a stage with 'each'", word);
}

/* One that is shown already, or the newest now of that name. */
static bool items_take_log(void *ctx, struct str name, const char *path, struct err *err)
{
    struct items_show *show = ctx;
    struct arena *arena = &show->cli->arena;
    struct items_shown *old = NULL;

    (void)err;
    VEC_EACH (log, &show->logs) {
        old = str_equal(log->name, name) ? log : old;
    }
    if (old == NULL) {
        struct items_shown fresh = {.name = str_dup(arena, name),
                                    .path = str_dup(arena, str_of(path))};

        VEC_PUSH(&show->logs, fresh);
    } else if (!str_is(old->path, path)) {
        *old = (struct items_shown){.name = old->name, .path = str_dup(arena, str_of(path))};
    }
    return true;
}

/* --- their records --- */

static void items_print_json(struct strbuf *out, struct str name, const struct digest *digest,
                             const struct item_result *result)
{
    struct json_writer w = json_writer_of(out, JSON_COMPACT);
    char hex[DIGEST_HEX_BYTES + 1];

    json_object_begin(&w);
    items_of_json(&w, name);
    json_field_text(&w, "digest", digest_hex(digest, hex));
    json_field_uint(&w, "attempts", result->attempts);
    json_field_bool(&w, "fallback", result->fallback);
    json_field_str(&w, "result", result->bytes);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

static void items_print_text(struct strbuf *out, struct str bytes)
{
    strbuf_add_str(out, bytes);
    if (bytes.len != 0 && bytes.data[bytes.len - 1] != '\n') {
        strbuf_putc(out, '\n');
    }
}

/* False: nobody reads any more. */
static bool items_print_record(struct items_show *show, const struct items_shown *log,
                               const struct record *record)
{
    struct cli *cli = show->cli;
    struct item_result result;
    struct digest digest;

    if (!item_parse(record, &digest, &result) || result.state != ITEM_DONE) {
        return true;
    }
    if (cli->json) {
        items_print_json(&cli->out, log->name, &digest, &result);
    } else {
        items_print_text(&cli->out, result.bytes);
    }
    return cli->out.len < ITEMS_FLUSH_BYTES || cli_flush(cli);
}

/* What lies behind `pos`. At the end (`last`) a damaged part, which is passed by, is told. */
static bool items_print_file(struct items_show *show, struct items_shown *log,
                             struct record_file *file, bool last, struct err *err)
{
    struct record record;

    for (uint64_t pos = file->trusted; record_next(file, &pos, &record);) {
        if (record.offset >= log->pos) {
            log->pos = pos;
            if (!items_print_record(show, log, &record)) {
                return false;
            }
        }
    }
    if (record_failed(file, err)) {
        return false;
    }
    if (!last) {
        record_mark(file, &log->mark);
    }
    return !last || record_check(file, err);
}

static bool items_print_log(struct items_show *show, struct items_shown *log, bool last,
                            struct err *err)
{
    struct record_file file;
    bool ok;

    if (!record_file_begin(&file, show->session->workspace.pawlfd, log->path.data, ITEMS_KIND,
                           &log->mark, err)) {
        return err_wrap(err, "'.pawl'");
    }
    ok = items_print_file(show, log, &file, last, err) ||
         (err->status != 0 && err_wrap(err, "'.pawl'"));
    record_file_close(&file);
    return ok;
}

static bool items_has_more(const struct items_show *show, const struct items_shown *log)
{
    struct sys_stat stat;

    return sys_statat(show->session->workspace.pawlfd, log->path.data, 0, &stat) == 0 &&
           stat.size_bytes > log->pos;
}

static bool items_print(struct items_show *show, bool last, struct err *err)
{
    VEC_EACH (log, &show->logs) {
        if ((last || items_has_more(show, log)) && !items_print_log(show, log, last, err)) {
            return false;
        }
    }
    return cli_flush(show->cli);
}

/* Until nobody works any more: what came between the last look and the end is printed too. */
static bool items_show_all(struct items_show *show, const char *word, struct err *err)
{
    bool live = true;

    for (uint32_t n = 0; live; n++) {
        live = show->cli->follow && session_is_held(show->session) == SESSION_HELD;
        if (live && n != 0) {
            sys_poll(NULL, 0, ITEMS_WAIT_MS);
        }
        if ((n % ITEMS_LOOK_EVERY == 0 || !live) &&
            !items_of(show->session, word, items_take_log, show, err)) {
            return false;
        }
        if (!items_print(show, !live, err)) {
            return false;
        }
    }
    return show->logs.count != 0 || items_of_none(word, err);
}

int cmd_items(struct cli *cli)
{
    struct place place;
    struct items_show show = {.cli = cli, .session = &place.session};
    struct err err = {0};
    int status = place_open(&place, cli, PLACE_WORKSPACE, SESSION_LOOK);

    if (status == STATUS_OK && !items_show_all(&show, cli->operands.items[0], &err)) {
        status = err.status == 0 ? STATUS_OK : cli_fail(&err);
    }
    VEC_FREE(&show.logs);
    place_close(&place);
    return status;
}
