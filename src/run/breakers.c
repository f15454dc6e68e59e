/* Owns the file of the circuit breakers. */
#include "run/breakers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"

#define BREAKERS_FORMAT "pawl breakers 1"
static const char BREAKERS_FILE[] = "breakers";
enum { BREAKERS_BYTES_MAX = 64 << 20 };

struct breaker_record {
    enum breaker_state state;
    int64_t opened_ns;
    struct json calls;
};

static bool breakers_read_one(struct json value, struct breaker_record *record)
{
    struct str state;

    *record = (struct breaker_record){.calls = json_get(value, "calls")};
    return json_get_str(value, "state", &state) && breaker_state_from_name(state, &record->state) &&
           json_get_int(value, "opened_ns", &record->opened_ns) && record->opened_ns >= 0 &&
           json_type(record->calls) == JSON_ARRAY;
}

/* False: there is none, or it is damaged, which `err` says. */
static struct json_doc *breakers_parse(int pawl_fd, struct json *rows, struct err *err)
{
    struct json_problem problem;
    struct strbuf text = {0};
    struct json_doc *doc = NULL;
    struct str format;

    if (!file_read(pawl_fd, BREAKERS_FILE, BREAKERS_BYTES_MAX, &text, err)) {
        if (err->sys == ENOENT) {
            err_clear(err);
        }
        strbuf_fini(&text);
        return NULL;
    }
    doc = json_parse(strbuf_str(&text), &problem);
    strbuf_fini(&text);
    *rows = json_get(json_root(doc), "breakers");
    if (doc == NULL || !json_get_str(json_root(doc), "format", &format) ||
        !str_is(format, BREAKERS_FORMAT) || json_type(*rows) != JSON_OBJECT) {
        err_set(err, STATUS_CORRUPT,
                "'.pawl/%s' is damaged or of another version: all breakers count as closed",
                BREAKERS_FILE);
        json_free(doc);
        return NULL;
    }
    return doc;
}

static struct breaker *breakers_find(const struct breakers *breakers, struct str name)
{
    for (uint32_t i = 0; i < breakers->count; i++) {
        if (str_equal(breakers->items[i].rule->name, name)) {
            return &breakers->items[i];
        }
    }
    return NULL;
}

static bool breakers_take_calls(struct breaker *breaker, struct json calls)
{
    struct json_iter iter = json_iter_of(calls);
    struct str key;
    struct json call;

    while (json_next(&iter, &key, &call)) {
        int64_t ended_ns;
        bool failed;

        if (!json_as_int(json_at(call, 0), &ended_ns) || ended_ns < 0 ||
            !json_as_bool(json_at(call, 1), &failed)) {
            return false;
        }
        breaker_remember(breaker, ended_ns, failed);
    }
    return true;
}

static void breakers_write_one(struct json_writer *w, struct str name,
                               const struct breaker_record *record)
{
    json_key(w, name);
    json_object_begin(w);
    json_field_text(w, "state", breaker_state_name(record->state));
    json_field_int(w, "opened_ns", record->opened_ns);
    json_field_array(w, "calls");
}

static bool breakers_take(struct breakers *breakers, struct json rows)
{
    struct json_iter iter = json_iter_of(rows);
    struct json_writer others = json_writer_members(&breakers->others);
    struct str name;
    struct json value;

    while (json_next(&iter, &name, &value)) {
        struct breaker *breaker = breakers_find(breakers, name);
        struct breaker_record record;

        if (!breakers_read_one(value, &record)) {
            return false;
        }
        if (breaker == NULL) {
            /* Its window is not worth keeping for a manifest that does not know it. */
            breakers_write_one(&others, name, &record);
            json_array_end(&others);
            json_object_end(&others);
            continue;
        }
        breaker_set(breaker, record.state, record.opened_ns);
        if (!breakers_take_calls(breaker, record.calls)) {
            return false;
        }
    }
    return true;
}

static void breakers_clear(struct breakers *breakers)
{
    const struct plan *plan = &breakers->session->plan;

    strbuf_clear(&breakers->others);
    for (uint32_t i = 0; i < breakers->count; i++) {
        breaker_fini(&breakers->items[i]);
        breaker_init(&breakers->items[i], &plan->breakers[i]);
    }
}

bool breakers_load(struct breakers *breakers, struct session *session, struct err *err)
{
    struct json_doc *doc;
    struct json rows;

    *breakers = (struct breakers){.session = session, .count = session->plan.breaker_count};
    if (breakers->count == 0) {
        return true;
    }
    breakers->items = mem_calloc(breakers->count, sizeof(*breakers->items));
    breakers_clear(breakers);
    doc = breakers_parse(session->workspace.pawlfd, &rows, &breakers->damage);
    if (doc != NULL && !breakers_take(breakers, rows)) {
        err_set(&breakers->damage, STATUS_CORRUPT,
                "'.pawl/%s' is damaged: all breakers count as closed", BREAKERS_FILE);
        breakers_clear(breakers);
    }
    json_free(doc);
    if (breakers->damage.status != 0 && breakers->damage.status != STATUS_CORRUPT) {
        *err = breakers->damage;
        return false;
    }
    return true;
}

bool breakers_save(const struct breakers *breakers, struct err *err)
{
    struct strbuf text = {0};
    struct json_writer w;
    bool ok;

    if (breakers->count == 0) {
        return true;
    }
    w = json_writer_of(&text, JSON_COMPACT);
    json_object_begin(&w);
    json_field_text(&w, "format", BREAKERS_FORMAT);
    json_field_object(&w, "breakers");
    for (uint32_t i = 0; i < breakers->count; i++) {
        const struct breaker *breaker = &breakers->items[i];
        struct breaker_record record = {.state = breaker->state, .opened_ns = breaker->opened_ns};

        breakers_write_one(&w, breaker->rule->name, &record);
        for (uint32_t c = 0; c < breaker->count; c++) {
            const struct breaker_call *call = &breaker->calls[(breaker->first + c) % breaker->cap];

            json_array_begin(&w);
            json_int(&w, call->ended_ns);
            json_bool(&w, call->failed);
            json_array_end(&w);
        }
        json_array_end(&w);
        json_object_end(&w);
    }
    json_object_end(&w);
    json_object_end(&w);
    if (breakers->others.len != 0) {
        /* Behind the last of ours: `}}` goes, theirs come. */
        text.len -= 2;
        strbuf_putc(&text, ',');
        strbuf_add_str(&text, strbuf_str(&breakers->others));
        strbuf_puts(&text, "}}");
    }
    strbuf_putc(&text, '\n');
    ok = file_write_replace(breakers->session->workspace.pawlfd, BREAKERS_FILE, strbuf_str(&text),
                            SYS_OWN_FILE, false, err);
    strbuf_fini(&text);
    return ok;
}

void breakers_fini(struct breakers *breakers)
{
    for (uint32_t i = 0; i < breakers->count; i++) {
        breaker_fini(&breakers->items[i]);
    }
    free(breakers->items);
    strbuf_fini(&breakers->others);
    *breakers = (struct breakers){0};
}

void breakers_each_open(int pawl_fd,
                        void (*each)(void *ctx, struct str name, enum breaker_state state,
                                     int64_t opened_ns),
                        void *ctx)
{
    struct err err = {0};
    struct json rows;
    struct json_doc *doc = breakers_parse(pawl_fd, &rows, &err);
    struct json_iter iter = json_iter_of(doc != NULL ? rows : (struct json){NULL});
    struct str name;
    struct json value;

    while (json_next(&iter, &name, &value)) {
        struct breaker_record record;

        if (breakers_read_one(value, &record) && record.state != BREAKER_CLOSED) {
            each(ctx, name, record.state, record.opened_ns);
        }
    }
    json_free(doc);
}
