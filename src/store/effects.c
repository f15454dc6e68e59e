/* Owns the file `effects`: records (base/record.c) of kind "effects".
 *
 *     1 started    id, run, stage, instance: strings  number: u32  undo: string
 *     2 finished   id: string  good: u8
 *     3 condemned  id: string, empty: all that are outstanding
 *     4 undone     id: string
 *     5 released   count: u32  so many ids
 *
 * Strings are a u32 length and bytes. A start takes what was undone of its instance off the list.
 */
#include "store/effects.h"

#include <unistd.h>

#include "base/bytes.h"
#include "base/sys.h"

static const char EFFECTS_FILE[] = "effects";

enum { RECORD_STARTED = 1, RECORD_FINISHED, RECORD_CONDEMNED, RECORD_UNDONE, RECORD_RELEASED };
enum { COMPACT_RECORDS = 1024, COMPACT_SHARE = 8 };

static bool effect_is_outstanding(const struct effect *effect)
{
    return effect->state != EFFECT_UNDONE;
}

/* By this process; `condemned`: that somebody decided to undo. */
static bool effect_can_be_undone(const struct effect *effect, bool condemned)
{
    return effect_is_outstanding(effect) && !effect->given_up && (effect->condemned || !condemned);
}

/* The outstanding one of that id; NULL. Most often one of the last is asked for. */
static struct effect *effects_find(const struct effects *effects, struct str id)
{
    for (size_t i = effects->rows.count; i-- > 0;) {
        struct effect *row = &effects->rows.items[i];

        if (effect_is_outstanding(row) && str_equal(row->id, id)) {
            return row;
        }
    }
    return NULL;
}

/* --- what a record does --- */

static void effects_drop(struct effects *effects, bool (*goes)(void *ctx, const struct effect *row),
                         void *ctx)
{
    size_t kept = 0;

    for (size_t i = 0; i < effects->rows.count; i++) {
        if (!goes(ctx, &effects->rows.items[i])) {
            effects->rows.items[kept++] = effects->rows.items[i];
        }
    }
    effects->rows.count = kept;
}

static bool effect_is_undone_of(void *ctx, const struct effect *row)
{
    return row->state == EFFECT_UNDONE && str_equal(row->instance, *(const struct str *)ctx);
}

static void effects_add(struct effects *effects, const struct effect *effect)
{
    struct arena *arena = &effects->arena;
    struct effect row = {.id = str_dup(arena, effect->id),
                         .run = str_dup(arena, effect->run),
                         .stage = str_dup(arena, effect->stage),
                         .instance = str_dup(arena, effect->instance),
                         .number = effect->number,
                         .undo = str_dup(arena, effect->undo),
                         .state = EFFECT_RUNS};

    effects_drop(effects, effect_is_undone_of, &row.instance);
    VEC_PUSH(&effects->rows, row);
}

static void effects_end(struct effects *effects, struct str id, bool good)
{
    struct effect *row = effects_find(effects, id);

    if (row != NULL) {
        row->state = good ? EFFECT_GOOD : EFFECT_FAILED;
        row->ended = ++effects->ends;
    }
}

static void effects_mark(struct effects *effects, struct str id)
{
    VEC_EACH (row, &effects->rows) {
        row->condemned |= effect_is_outstanding(row) && (id.len == 0 || str_equal(row->id, id));
    }
}

static void effects_mark_undone(struct effects *effects, struct str id)
{
    struct effect *row = effects_find(effects, id);

    if (row != NULL) {
        row->state = EFFECT_UNDONE;
        row->condemned = false;
    }
}

static bool effect_has_id(void *ctx, const struct effect *row)
{
    return str_equal(row->id, *(const struct str *)ctx);
}

static void effects_take_start(struct effects *effects, struct reader *reader)
{
    struct effect effect = {.id = reader_str(reader)};

    effect.run = reader_str(reader);
    effect.stage = reader_str(reader);
    effect.instance = reader_str(reader);
    effect.number = reader_u32(reader);
    effect.undo = reader_str(reader);
    if (reader_ok(reader)) {
        effects_add(effects, &effect);
    }
}

static void effects_take_release(struct effects *effects, struct reader *reader)
{
    for (uint32_t count = reader_u32(reader); count > 0 && reader_ok(reader); count--) {
        struct str id = reader_str(reader);

        effects_drop(effects, effect_has_id, &id);
    }
}

static bool effects_take(struct effects *effects, const struct record *record)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);
    struct str id;

    switch (record->type) {
    case RECORD_STARTED:
        effects_take_start(effects, &reader);
        break;
    case RECORD_FINISHED:
        id = reader_str(&reader);
        effects_end(effects, id, reader_u8(&reader) != 0);
        break;
    case RECORD_CONDEMNED:
        effects_mark(effects, reader_str(&reader));
        break;
    case RECORD_UNDONE:
        effects_mark_undone(effects, reader_str(&reader));
        break;
    case RECORD_RELEASED:
        effects_take_release(effects, &reader);
        break;
    default:
        return false;
    }
    return reader_done(&reader);
}

static bool effects_read(struct effects *effects, struct err *err)
{
    struct record record;
    uint64_t pos = 0;

    for (; record_next(&effects->file, &pos, &record); effects->records++) {
        if (!effects_take(effects, &record)) {
            return err_set(err, STATUS_CORRUPT,
                           "'.pawl/effects' is damaged: a record that is none of a known kind");
        }
    }
    return !record_failed(&effects->file, err) && record_check(&effects->file, err);
}

/* --- writing --- */

static void effects_put(struct record_batch *batch, uint32_t type, struct str id)
{
    struct strbuf payload = {0};

    bytes_put_str(&payload, id);
    record_batch_add(batch, type, strbuf_str(&payload));
    strbuf_fini(&payload);
}

static void effects_put_start(struct record_batch *batch, const struct effect *effect)
{
    struct strbuf payload = {0};

    bytes_put_str(&payload, effect->id);
    bytes_put_str(&payload, effect->run);
    bytes_put_str(&payload, effect->stage);
    bytes_put_str(&payload, effect->instance);
    bytes_put_u32(&payload, effect->number);
    bytes_put_str(&payload, effect->undo);
    record_batch_add(batch, RECORD_STARTED, strbuf_str(&payload));
    strbuf_fini(&payload);
}

static void effects_put_finish(struct record_batch *batch, struct str id, bool good)
{
    struct strbuf payload = {0};

    bytes_put_str(&payload, id);
    bytes_put_u8(&payload, good);
    record_batch_add(batch, RECORD_FINISHED, strbuf_str(&payload));
    strbuf_fini(&payload);
}

/* Appends, and waits until it is on the disk. */
static bool effects_append(struct effects *effects, struct record_batch *batch, struct err *err)
{
    bool is_new = effects->file.fd < 0;
    bool ok = record_append(&effects->file, batch, err);

    if (ok &&
        (sys_fdatasync(effects->file.fd) != 0 || (is_new && sys_fsync(effects->pawl_fd) != 0))) {
        ok = err_sys(err, "'.pawl/effects': cannot be synced");
    }
    effects->records += ok ? batch->count : 0;
    record_batch_fini(batch);
    return ok;
}

static bool effects_append_id(struct effects *effects, uint32_t type, struct str id,
                              struct err *err)
{
    struct record_batch batch;

    record_batch_init(&batch);
    effects_put(&batch, type, id);
    return effects_append(effects, &batch, err);
}

bool effects_start(struct effects *effects, const struct effect *effect, struct err *err)
{
    struct record_batch batch;

    record_batch_init(&batch);
    effects_put_start(&batch, effect);
    if (!effects_append(effects, &batch, err)) {
        return false;
    }
    effects_add(effects, effect);
    return true;
}

bool effects_finish(struct effects *effects, struct str id, bool good, struct err *err)
{
    struct record_batch batch;

    if (effects_find(effects, id) == NULL) {
        return true;
    }
    record_batch_init(&batch);
    effects_put_finish(&batch, id, good);
    if (!effects_append(effects, &batch, err)) {
        return false;
    }
    effects_end(effects, id, good);
    return true;
}

bool effects_condemn(struct effects *effects, struct str id, struct err *err)
{
    if (!effects_append_id(effects, RECORD_CONDEMNED, id, err)) {
        return false;
    }
    effects_mark(effects, id);
    return true;
}

bool effects_undone(struct effects *effects, struct str id, struct err *err)
{
    if (effects_find(effects, id) == NULL) {
        return true;
    }
    if (!effects_append_id(effects, RECORD_UNDONE, id, err)) {
        return false;
    }
    effects_mark_undone(effects, id);
    return true;
}

/* So that effects_exist says no. Should it come back, all in it is released. */
static void effects_remove_empty(struct effects *effects)
{
    if (effects->rows.count == 0 && effects->file.fd >= 0 &&
        sys_unlinkat(effects->pawl_fd, EFFECTS_FILE, 0) == 0) {
        record_file_close(&effects->file);
        record_file_open(&effects->file, effects->pawl_fd, EFFECTS_FILE, EFFECTS_FILE, NULL);
        effects->records = 0;
    }
}

bool effects_release(struct effects *effects, bool (*covers)(void *ctx, const struct effect *row),
                     void *ctx, struct err *err)
{
    struct record_batch batch;
    struct strbuf ids = {0};
    uint32_t count = 0;
    bool ok = true;

    bytes_put_u32(&ids, 0);
    VEC_EACH (row, &effects->rows) {
        if (covers(ctx, row)) {
            bytes_put_str(&ids, row->id);
            count++;
        }
    }
    if (count != 0) {
        bytes_set_u32(ids.data, count);
        record_batch_init(&batch);
        record_batch_add(&batch, RECORD_RELEASED, strbuf_str(&ids));
        ok = effects_append(effects, &batch, err);
    }
    strbuf_fini(&ids);
    if (ok) {
        effects_drop(effects, covers, ctx);
        effects_remove_empty(effects);
    }
    return ok;
}

/* --- outside --- */

static void effects_put_row(struct record_batch *batch, const struct effect *row)
{
    effects_put_start(batch, row);
    if (row->ended != 0) {
        effects_put_finish(batch, row->id, row->state != EFFECT_FAILED);
    }
    if (row->condemned) {
        effects_put(batch, RECORD_CONDEMNED, row->id);
    }
    if (row->state == EFFECT_UNDONE) {
        effects_put(batch, RECORD_UNDONE, row->id);
    }
}

/* What is on the list alone, in a file that is long. Ends are written in the order of their rows,
 * so a list with more than one that has ended is left as it is. */
static bool effects_compact(struct effects *effects, struct err *err)
{
    struct record_batch batch;
    uint32_t ended = 0;
    bool ok;

    VEC_EACH (row, &effects->rows) {
        ended += row->ended != 0 && effect_is_outstanding(row);
    }
    if (effects->records < COMPACT_RECORDS + COMPACT_SHARE * effects->rows.count || ended > 1) {
        return true;
    }
    record_batch_init(&batch);
    VEC_EACH (row, &effects->rows) {
        effects_put_row(&batch, row);
    }
    ok = record_replace(&effects->file, &batch, err);
    effects->records = batch.count;
    record_batch_fini(&batch);
    return ok;
}

bool effects_exist(int pawl_fd)
{
    return sys_access(pawl_fd, EFFECTS_FILE, F_OK) == 0;
}

bool effects_open(struct effects *effects, int pawl_fd, struct err *err)
{
    *effects = (struct effects){.pawl_fd = pawl_fd, .file = {.fd = -1}};
    arena_init(&effects->arena);
    if (!record_file_open(&effects->file, pawl_fd, EFFECTS_FILE, EFFECTS_FILE, err) ||
        !effects_read(effects, err) || !effects_compact(effects, err)) {
        effects_close(effects);
        return false;
    }
    return true;
}

void effects_close(struct effects *effects)
{
    if (effects->file.path != NULL) {
        record_file_close(&effects->file);
    }
    VEC_FREE(&effects->rows);
    arena_fini(&effects->arena);
    *effects = (struct effects){.file = {.fd = -1}};
}

uint32_t effects_count(const struct effects *effects, bool condemned)
{
    uint32_t count = 0;

    VEC_EACH (row, &effects->rows) {
        count += effect_can_be_undone(row, condemned);
    }
    return count;
}

static bool effect_before(const struct effect *a, const struct effect *b)
{
    if ((a->ended == 0) != (b->ended == 0)) {
        return a->ended == 0;
    }
    return a->ended >= b->ended;
}

const struct effect *effects_newest(const struct effects *effects, bool condemned)
{
    const struct effect *newest = NULL;

    VEC_EACH (row, &effects->rows) {
        if (effect_can_be_undone(row, condemned)) {
            newest = newest == NULL || effect_before(row, newest) ? row : newest;
        }
    }
    return newest;
}

const struct effect *effects_unknown(const struct effects *effects, struct str instance)
{
    const struct effect *found = NULL;

    VEC_EACH (row, &effects->rows) {
        if ((row->state == EFFECT_RUNS || row->state == EFFECT_FAILED) &&
            str_equal(row->instance, instance)) {
            found = row;
        }
    }
    return found;
}

const struct effect *effects_get(const struct effects *effects, struct str id)
{
    return effects_find(effects, id);
}

void effects_give_up(struct effects *effects, struct str id)
{
    struct effect *row = effects_find(effects, id);

    if (row != NULL) {
        row->given_up = true;
    }
}

bool effects_forget(const struct effects *effects, struct str instance)
{
    VEC_EACH (row, &effects->rows) {
        if ((row->condemned || row->state == EFFECT_UNDONE) && str_equal(row->instance, instance)) {
            return true;
        }
    }
    return false;
}
