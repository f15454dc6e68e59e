/* Owns the file `checkpoints` of a store: records (base/record.c) of kind "checkpts".
 *
 *     1 taken    workspace, key, tree: digests of 32 bytes  instance, run, attempt: strings
 *                taken: i64, ns since 1970  size: u64, bytes  entries: u32  keep: u32
 *     2 dropped  workspace, key: digests  instance: string  tree: digest, all zeroes: all of them
 *
 *     3 synced   as 2: the objects of that one reached the disk
 *
 * Strings are a u32 length and bytes. With a `taken`, of the same workspace, key and instance those
 * but the last `keep` are no more. Other types are passed over: a later version wrote them. */
#include "store/checkpoints.h"

#include <string.h>

#include "base/bytes.h"

static const char CHECKPOINTS_FILE[] = "checkpoints";
static const char CHECKPOINTS_KIND[] = "checkpts";

enum { RECORD_TAKEN = 1, RECORD_DROPPED, RECORD_SYNCED };
enum { COMPACT_RECORDS = 1024, COMPACT_SHARE = 8 };

static bool whose_equal(const struct checkpoint_whose *a, const struct checkpoint_whose *b)
{
    return digest_equal(&a->key, &b->key) && digest_equal(&a->workspace, &b->workspace) &&
           str_equal(a->instance, b->instance);
}

/* --- what a record does --- */

/* But the last `keep` of them. */
static void checkpoints_prune(struct checkpoints *all, const struct checkpoint_whose *whose,
                              uint32_t keep)
{
    size_t left = 0;
    uint32_t more = 0;

    VEC_EACH (row, &all->rows) {
        more += whose_equal(&row->whose, whose);
    }
    for (size_t i = 0; i < all->rows.count; i++) {
        if (whose_equal(&all->rows.items[i].whose, whose) && more-- > keep) {
            continue;
        }
        all->rows.items[left++] = all->rows.items[i];
    }
    all->rows.count = left;
}

static void checkpoints_take_row(struct checkpoints *all, const struct checkpoint_row *from)
{
    struct checkpoint_row row = *from;

    row.whose.instance = str_dup(&all->arena, from->whose.instance);
    row.run = str_dup(&all->arena, from->run);
    row.attempt = str_dup(&all->arena, from->attempt);
    VEC_PUSH(&all->rows, row);
    checkpoints_prune(all, &row.whose, row.keep);
}

static void checkpoints_take_drop(struct checkpoints *all, const struct checkpoint_whose *whose,
                                  const struct digest *tree)
{
    size_t left = 0;

    for (size_t i = 0; i < all->rows.count; i++) {
        const struct checkpoint_row *row = &all->rows.items[i];

        if (!whose_equal(&row->whose, whose) ||
            (!digest_is_zero(tree) && !digest_equal(&row->tree, tree))) {
            all->rows.items[left++] = *row;
        }
    }
    all->rows.count = left;
}

static void checkpoints_take_sync(struct checkpoints *all, const struct checkpoint_whose *whose,
                                  const struct digest *tree)
{
    VEC_EACH (row, &all->rows) {
        row->synced |= whose_equal(&row->whose, whose) && digest_equal(&row->tree, tree);
    }
}

static bool row_decode(struct str payload, struct checkpoint_row *row)
{
    struct reader reader = reader_of(payload.data, payload.len);

    row->whose.workspace = reader_digest(&reader);
    row->whose.key = reader_digest(&reader);
    row->tree = reader_digest(&reader);
    row->whose.instance = reader_str(&reader);
    row->run = reader_str(&reader);
    row->attempt = reader_str(&reader);
    row->taken_ns = reader_i64(&reader);
    row->size_bytes = reader_u64(&reader);
    row->entries = reader_u32(&reader);
    row->keep = reader_u32(&reader);
    return reader_done(&reader) && row->keep != 0;
}

static void checkpoints_take_record(struct checkpoints *all, const struct record *record)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);
    struct checkpoint_row row = {.synced = false};

    all->records++;
    if (record->type == RECORD_TAKEN && row_decode(record->payload, &row)) {
        checkpoints_take_row(all, &row);
    } else if (record->type == RECORD_DROPPED || record->type == RECORD_SYNCED) {
        row.whose.workspace = reader_digest(&reader);
        row.whose.key = reader_digest(&reader);
        row.whose.instance = reader_str(&reader);
        row.tree = reader_digest(&reader);
        if (!reader_done(&reader)) {
            return;
        }
        if (record->type == RECORD_DROPPED) {
            checkpoints_take_drop(all, &row.whose, &row.tree);
        } else {
            checkpoints_take_sync(all, &row.whose, &row.tree);
        }
    }
}

static bool checkpoints_read(struct checkpoints *all, struct err *err)
{
    struct record record;

    if (all->generation != all->file.generation) {
        all->generation = all->file.generation;
        all->pos = all->records = 0;
        VEC_CLEAR(&all->rows);
    }
    while (record_next(&all->file, &all->pos, &record)) {
        checkpoints_take_record(all, &record);
    }
    return !record_failed(&all->file, err);
}

/* --- writing --- */

static void row_put(struct record_batch *batch, const struct checkpoint_row *row)
{
    struct strbuf payload = {0};

    bytes_put_digest(&payload, &row->whose.workspace);
    bytes_put_digest(&payload, &row->whose.key);
    bytes_put_digest(&payload, &row->tree);
    bytes_put_str(&payload, row->whose.instance);
    bytes_put_str(&payload, row->run);
    bytes_put_str(&payload, row->attempt);
    bytes_put_i64(&payload, row->taken_ns);
    bytes_put_u64(&payload, row->size_bytes);
    bytes_put_u32(&payload, row->entries);
    bytes_put_u32(&payload, row->keep);
    record_batch_add(batch, RECORD_TAKEN, strbuf_str(&payload));
    strbuf_fini(&payload);
}

static void row_put_about(struct record_batch *batch, uint32_t type,
                          const struct checkpoint_whose *whose, const struct digest *tree)
{
    struct strbuf payload = {0};

    bytes_put_digest(&payload, &whose->workspace);
    bytes_put_digest(&payload, &whose->key);
    bytes_put_str(&payload, whose->instance);
    bytes_put_digest(&payload, tree);
    record_batch_add(batch, type, strbuf_str(&payload));
    strbuf_fini(&payload);
}

/* What was appended is read back, behind what others did. */
static bool checkpoints_append(struct checkpoints *all, struct record_batch *batch, struct err *err)
{
    bool ok = record_append(&all->file, batch, err) && checkpoints_read(all, err);

    record_batch_fini(batch);
    return ok;
}

bool checkpoints_add(struct checkpoints *all, const struct checkpoint_row *row, struct err *err)
{
    struct record_batch batch;
    uint32_t n = 0;
    const struct checkpoint_row *newest = checkpoints_next(all, &row->whose, &n);

    if (newest != NULL && digest_equal(&newest->tree, &row->tree) && newest->keep == row->keep) {
        return true;
    }
    record_batch_init(&batch);
    row_put(&batch, row);
    if (!checkpoints_append(all, &batch, err)) {
        return false;
    }
    VEC_EACH (found, &all->rows) {
        if (whose_equal(&found->whose, &row->whose) && digest_equal(&found->tree, &row->tree)) {
            found->added = ++all->added;
        }
    }
    return true;
}

bool checkpoints_synced(struct checkpoints *all, uint64_t through, struct err *err)
{
    struct record_batch batch;

    record_batch_init(&batch);
    VEC_EACH (row, &all->rows) {
        if (row->added != 0 && row->added <= through && !row->synced) {
            row_put_about(&batch, RECORD_SYNCED, &row->whose, &row->tree);
        }
    }
    return checkpoints_append(all, &batch, err);
}

bool checkpoints_drop_one(struct checkpoints *all, const struct checkpoint_whose *whose,
                          const struct digest *tree, struct err *err)
{
    struct record_batch batch;
    uint32_t n = 0;

    if (checkpoints_next(all, whose, &n) == NULL) {
        return true;
    }
    record_batch_init(&batch);
    row_put_about(&batch, RECORD_DROPPED, whose, tree);
    return checkpoints_append(all, &batch, err);
}

bool checkpoints_drop(struct checkpoints *all, const struct checkpoint_whose *whose,
                      struct err *err)
{
    static const struct digest every;

    return checkpoints_drop_one(all, whose, &every, err);
}

/* --- outside --- */

void checkpoints_compact(struct checkpoints *all)
{
    struct record_batch batch;

    if (all->records < COMPACT_RECORDS + COMPACT_SHARE * all->rows.count ||
        !record_check(&all->file, NULL)) {
        return;
    }
    record_batch_init(&batch);
    VEC_EACH (row, &all->rows) {
        row_put(&batch, row);
        if (row->synced) {
            row_put_about(&batch, RECORD_SYNCED, &row->whose, &row->tree);
        }
    }
    if (record_replace(&all->file, &batch, NULL)) {
        (void)checkpoints_read(all, NULL);
    }
    record_batch_fini(&batch);
}

bool checkpoints_open(struct checkpoints *all, int store_fd, struct err *err)
{
    *all = (struct checkpoints){.file = {.fd = -1}};
    arena_init(&all->arena);
    if (!record_file_open(&all->file, store_fd, CHECKPOINTS_FILE, CHECKPOINTS_KIND, err) ||
        !checkpoints_read(all, err)) {
        checkpoints_close(all);
        return false;
    }
    return true;
}

void checkpoints_close(struct checkpoints *all)
{
    if (all->file.path != NULL) {
        record_file_close(&all->file);
    }
    VEC_FREE(&all->rows);
    arena_fini(&all->arena);
    *all = (struct checkpoints){.file = {.fd = -1}};
}

bool checkpoints_refresh(struct checkpoints *all, struct err *err)
{
    return record_refresh(&all->file, err) && checkpoints_read(all, err);
}

bool checkpoints_check(const struct checkpoints *all, struct err *err)
{
    return record_check(&all->file, err);
}

const struct checkpoint_row *checkpoints_next(const struct checkpoints *all,
                                              const struct checkpoint_whose *whose, uint32_t *n)
{
    while (*n < all->rows.count) {
        const struct checkpoint_row *row = &all->rows.items[all->rows.count - ++*n];

        if (whose_equal(&row->whose, whose)) {
            return row;
        }
    }
    return NULL;
}
