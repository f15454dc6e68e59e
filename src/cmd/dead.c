/* Owns `dead`: the items of a stage that failed for good, and another chance for them. */
#include "base/vec.h"
#include "cmd/evict.h"
#include "cmd/items_of.h"
#include "policy/outcome.h"
#include "report/text.h"
#include "store/items.h"

enum { DEAD_FLUSH_BYTES = 1 << 16, DEAD_COLUMNS = 80 };

struct dead_log {
    struct str name, instance, path;
    uint64_t count;
};

struct dead {
    struct cli *cli;
    struct session *session;
    VEC(struct dead_log) logs;
    struct dead_log *log; /* that is being looked at */
};

static const char *dead_cause(uint32_t cause)
{
    return cause < CAUSE_COUNT ? cause_name((enum cause)cause) : "unknown";
}

static void dead_print_json(const struct dead *dead, const struct item_result *result)
{
    struct json_writer w = json_writer_of(&dead->cli->out, JSON_COMPACT);

    json_object_begin(&w);
    items_of_json(&w, dead->log->name);
    json_field_str(&w, "item", result->item);
    json_field_str(&w, "reason", result->bytes);
    json_field_uint(&w, "attempts", result->attempts);
    json_field_text(&w, "cause", dead_cause(result->cause));
    json_object_end(&w);
    strbuf_putc(&dead->cli->out, '\n');
}

/* One line, whatever the item is. */
static void dead_print_text(const struct dead *dead, const struct item_result *result)
{
    struct strbuf *out = &dead->cli->out;
    struct strbuf harmless = {0};
    struct str rest = result->item;
    struct str line = rest;

    (void)str_split(&rest, '\n', &line);
    text_add_inline(&harmless, line);
    strbuf_printf(out, "%.*s: ", STR_ARG(dead->log->name));
    text_add_inline(out, result->bytes);
    strbuf_printf(out, ", %u attempt%s: ", result->attempts, result->attempts == 1 ? "" : "s");
    text_add_cut(out, strbuf_str(&harmless), DEAD_COLUMNS);
    strbuf_putc(out, '\n');
    strbuf_fini(&harmless);
}

static bool dead_take(void *ctx, const struct item_result *result)
{
    struct dead *dead = ctx;

    /* One that its variant failed on and left to the stage's own command is not dead. */
    if ((result->cause & ITEM_CAUSE_LEFT) != 0 && !dead->cli->retry) {
        return true;
    }
    dead->log->count++;
    if (dead->cli->retry) {
        return true;
    }
    if (dead->cli->json) {
        dead_print_json(dead, result);
    } else {
        dead_print_text(dead, result);
    }
    return dead->cli->out.len < DEAD_FLUSH_BYTES || cli_flush(dead->cli);
}

static bool dead_take_log(void *ctx, struct str name, const char *path, struct err *err)
{
    struct dead *dead = ctx;
    struct arena *arena = &dead->cli->arena;
    struct dead_log log = {.name = str_dup(arena, name), .path = str_dup(arena, str_of(path))};

    log.instance = items_of_instance(log.name);

    VEC_PUSH(&dead->logs, log);
    dead->log = &dead->logs.items[dead->logs.count - 1];
    return items_dead(dead->session->workspace.pawlfd, path, dead_take, dead, err);
}

static uint64_t dead_count(const struct dead *dead)
{
    uint64_t count = 0;

    VEC_EACH (log, &dead->logs) {
        count += log->count;
    }
    return count;
}

/* --- another chance --- */

static bool dead_evict(struct dead *dead, struct err *err)
{
    const struct plan *plan = &dead->session->plan;
    uint8_t *selected = ARENA_ARRAY(&dead->cli->arena, uint8_t, plan->instance_count);
    struct lookup names;

    lookup_init(&names);
    for (uint32_t i = 0; i < dead->logs.count; i++) {
        const struct dead_log *log = &dead->logs.items[i];

        if (log->count != 0 &&
            LOOKUP_GET(&names, &dead->logs, instance, log->instance) == MAP_MISSING) {
            lookup_put(&names, log->instance, i);
        }
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        selected[i] =
            LOOKUP_GET(&names, &dead->logs, instance, plan->instances[i].name) != MAP_MISSING;
    }
    lookup_fini(&names);
    return evict_selected(dead->cli, dead->session, selected, err);
}

/* The results first: whatever stops this, it can be called again. */
static bool dead_revive(struct dead *dead, struct err *err)
{
    if (dead_count(dead) == 0) {
        return true;
    }
    if (!dead_evict(dead, err)) {
        return false;
    }
    VEC_EACH (log, &dead->logs) {
        if (!items_revive(dead->session->workspace.pawlfd, log->path.data, &log->count, err)) {
            return false;
        }
    }
    return true;
}

/* --- the command --- */

static void dead_show(const struct dead *dead, const char *word)
{
    struct strbuf *out = &dead->cli->out;
    uint64_t count = dead_count(dead);
    struct json_writer w;

    if (dead->cli->json && dead->cli->retry) {
        w = json_writer_of(out, JSON_COMPACT);
        json_object_begin(&w);
        json_field_uint(&w, "retried", count);
        json_object_end(&w);
        strbuf_putc(out, '\n');
    } else if (!dead->cli->json && count == 0) {
        strbuf_printf(out, "no item of '%s' is dead\n", word);
    } else if (!dead->cli->json && dead->cli->retry) {
        strbuf_printf(out, "%llu item%s of '%s' get%s another chance: 'pawl run' works %s\n",
                      (unsigned long long)count, count == 1 ? "" : "s", word, count == 1 ? "s" : "",
                      count == 1 ? "it" : "them");
    }
}

static bool dead_work(struct dead *dead, const char *word, struct err *err)
{
    if (!items_of(dead->session, word, dead_take_log, dead, err)) {
        return false;
    }
    if (dead->logs.count == 0) {
        return items_of_none(word, err);
    }
    return !dead->cli->retry || dead_revive(dead, err);
}

int cmd_dead(struct cli *cli)
{
    struct place place;
    struct dead dead = {.cli = cli, .session = &place.session};
    struct err err = {0};
    int status = place_open(&place, cli, cli->retry ? PLACE_PLAN : PLACE_WORKSPACE,
                            cli->retry ? SESSION_CHANGE : SESSION_LOOK);

    if (status == STATUS_OK) {
        if (dead_work(&dead, cli->operands.items[0], &err)) {
            dead_show(&dead, cli->operands.items[0]);
        } else {
            status = cli_fail(&err);
        }
    }
    VEC_FREE(&dead.logs);
    place_close(&place);
    return status;
}
