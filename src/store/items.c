/* Owns the logs of items, `items/<64 hex>`.
 *
 * Format: a file of records (base/record.c) of kind "items":
 *
 *     1 head      stage, instance: strings
 *     2 done      digest: 32 bytes  attempts: u32  flags: u8  result: the bytes up to the end
 *     3 dead      digest: 32 bytes  attempts: u32  flags: u8  cause: u32  reason: string
 *                 item: the bytes up to the end, at most LIMIT_DEAD_ITEM_BYTES
 *     4 accepted  nothing
 *     5 revived   nothing
 *
 * Strings are a u32 length and bytes. Flags: 1, made by another command than the first choice;
 * other bits are 0. Other types are passed over: a later version wrote them.
 *
 * Rule: the first head says whose the log is. Of the records of one digest the last counts. A dead
 * one counts only if an accepted one follows it and no revived one does; what the process that has
 * the log open put itself counts in any case.
 *
 * A log is locked (base/record.h) for as long as it is open. The index leads from a digest to the
 * offset of its last record, where the whole digest is compared; so nothing that the index says is
 * believed. */
#include "store/items_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"

enum {
    FLUSH_BYTES = 1 << 20,
    NOTED = 32 << 10,
    FLAG_FALLBACK = 1,
    ITEM_LEAST_BYTES = DIGEST_BYTES + 5
};

/* --- the form of an item --- */

static void item_encode(const struct digest *digest, const struct item_result *result,
                        struct strbuf *out)
{
    strbuf_clear(out);
    bytes_put_digest(out, digest);
    bytes_put_u32(out, result->attempts);
    bytes_put_u8(out, result->fallback ? FLAG_FALLBACK : 0);
    if (result->state == ITEM_DEAD) {
        bytes_put_u32(out, result->cause);
        bytes_put_str(out, result->bytes);
        strbuf_add_str(out, str_head(result->item, LIMIT_DEAD_ITEM_BYTES));
    } else {
        strbuf_add_str(out, result->bytes);
    }
}

bool item_parse(const struct record *record, struct digest *digest, struct item_result *result)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);
    uint8_t flags;

    *result = (struct item_result){.state = record->type == ITEMS_RECORD_DONE   ? ITEM_DONE
                                            : record->type == ITEMS_RECORD_DEAD ? ITEM_DEAD
                                                                                : ITEM_UNKNOWN};
    *digest = reader_digest(&reader);
    result->attempts = reader_u32(&reader);
    flags = reader_u8(&reader);
    result->fallback = (flags & FLAG_FALLBACK) != 0;
    if (result->state == ITEM_DEAD) {
        result->cause = reader_u32(&reader);
        result->bytes = reader_str(&reader);
        result->item = reader_raw(&reader, reader_left(&reader));
    } else {
        result->bytes = reader_raw(&reader, reader_left(&reader));
    }
    return reader_ok(&reader) && (flags & ~FLAG_FALLBACK) == 0 && result->state != ITEM_UNKNOWN;
}

bool items_parse_head(const struct record *record, struct items_about *about)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);

    about->stage = reader_str(&reader);
    about->instance = reader_str(&reader);
    return record->type == ITEMS_RECORD_HEAD && reader_done(&reader);
}

/* --- from digest to record --- */

static uint64_t items_hash(const struct items *items, const struct digest *digest)
{
    uint64_t hash =
        (bytes_get_u64(digest->bytes) ^ items->file.seed) * UINT64_C(0x9e3779b97f4a7c15);

    return hash ^ hash >> 32;
}

/* Type and first bytes of what lies there, in the file or behind it. */
static bool items_glance(struct items *items, uint64_t offset, struct record *record)
{
    if (offset >= items->file.len) {
        *record = record_batch_at(&items->batch, offset - items->file.len);
        return true;
    }
    return record_glance(&items->file, offset, ITEM_LEAST_BYTES, record);
}

/* The first bytes of what lies there are the digest? `type` of it, then. */
static bool items_is(struct items *items, uint64_t offset, const struct digest *digest,
                     uint32_t *type)
{
    struct record record;

    if (!items_glance(items, offset, &record) || record.payload.len < DIGEST_BYTES ||
        memcmp(record.payload.data, digest->bytes, DIGEST_BYTES) != 0) {
        return false;
    }
    *type = record.type;
    return true;
}

/* Where an item is; false: nowhere. Asked for again and again, it is looked for once. */
static bool items_look(struct items *items, const struct digest *digest)
{
    struct items_found *found = &items->found;
    struct items_index_probe probe;

    if (found->valid && digest_equal(&found->digest, digest)) {
        return found->there;
    }
    *found = (struct items_found){.valid = true, .digest = *digest};
    items_index_probe(&items->index, items_hash(items, digest), &probe);
    while (!found->there && items_index_next(&items->index, &probe)) {
        found->there = items_is(items, probe.offset, digest, &found->type);
        found->place = probe.place;
        found->offset = probe.offset;
    }
    return found->there;
}

static enum item_state items_state(const struct items *items, uint64_t offset, uint32_t type)
{
    if (type == ITEMS_RECORD_DONE) {
        return ITEM_DONE;
    }
    return type == ITEMS_RECORD_DEAD && (offset >= items->opened ||
                                         (offset < items->accepted && offset > items->revived))
               ? ITEM_DEAD
               : ITEM_UNKNOWN;
}

enum item_state items_find(struct items *items, const struct digest *digest)
{
    return items_look(items, digest) ? items_state(items, items->found.offset, items->found.type)
                                     : ITEM_UNKNOWN;
}

/* The record of the digest is at that offset now. */
static bool items_note(struct items *items, const struct digest *digest, uint64_t offset,
                       struct err *err)
{
    bool there = items_look(items, digest);

    if (offset >> ITEMS_INDEX_OFFSET_BITS != 0) {
        return err_set(err, STATUS_ENVIRONMENT, "'.pawl/%s': is too long", items->file.path);
    }
    items->found.valid = false;
    if (there) {
        items_index_move(&items->index, items->found.place, offset);
        return true;
    }
    return items_index_add(&items->index, items_hash(items, digest), offset, err);
}

/* --- opening --- */

static void items_take_other(struct items *items, const struct record *record, bool *has_head)
{
    struct items_about about;

    *has_head = *has_head || items_parse_head(record, &about);
    if (record->type == ITEMS_RECORD_ACCEPTED) {
        items->accepted = record->offset;
        items->has_new_dead = false;
    } else if (record->type == ITEMS_RECORD_REVIVED) {
        items->revived = record->offset;
        items->has_new_dead = false;
    }
}

/* What was found in the log goes to the index part by part, in the order of the log in each, so
 * that a large one is not gone through at random. */
struct items_noted {
    uint32_t count;
    uint32_t first[1 << ITEMS_INDEX_PART_BITS], last[1 << ITEMS_INDEX_PART_BITS];
    struct {
        struct digest digest;
        uint64_t offset;
        uint32_t next; /* of its part; 0: none */
    } rows[NOTED + 1]; /* from 1 */
};

static void noted_add(struct items_noted *noted, uint32_t part, const struct digest *digest,
                      uint64_t offset)
{
    uint32_t row = ++noted->count;

    noted->rows[row].digest = *digest;
    noted->rows[row].offset = offset;
    noted->rows[row].next = 0;
    if (noted->first[part] == 0) {
        noted->first[part] = row;
    } else {
        noted->rows[noted->last[part]].next = row;
    }
    noted->last[part] = row;
}

static bool noted_put(struct items_noted *noted, struct items *items, struct err *err)
{
    bool ok = true;

    for (uint32_t part = 0; ok && part >> ITEMS_INDEX_PART_BITS == 0; part++) {
        for (uint32_t row = noted->first[part]; ok && row != 0; row = noted->rows[row].next) {
            ok = items_note(items, &noted->rows[row].digest, noted->rows[row].offset, err);
        }
        noted->first[part] = 0;
    }
    noted->count = 0;
    return ok;
}

static bool items_walk(struct items *items, struct items_noted *noted, bool *has_head,
                       struct err *err)
{
    struct item_result result;
    struct record record;
    struct digest digest;
    bool ok = true;

    for (uint64_t pos = 0; ok && record_next(&items->file, &pos, &record);) {
        if (!item_parse(&record, &digest, &result)) {
            items_take_other(items, &record, has_head);
            continue;
        }
        items->has_new_dead |= result.state == ITEM_DEAD;
        noted_add(noted, items_index_part(&items->index, items_hash(items, &digest)), &digest,
                  record.offset);
        ok = noted->count < NOTED || noted_put(noted, items, err);
    }
    return ok && !record_failed(&items->file, err) && noted_put(noted, items, err);
}

static bool items_begin(struct items *items, int pawl_fd, const struct digest *key, struct err *err)
{
    char path[sizeof(ITEMS_FOLDER) + DIGEST_HEX_BYTES + 1] = ITEMS_FOLDER "/";

    digest_hex(key, path + sizeof(ITEMS_FOLDER));
    return (folder_make(pawl_fd, ITEMS_FOLDER, err) &&
            record_file_begin_own(&items->file, pawl_fd, path, ITEMS_KIND, err)) ||
           err_wrap(err, "'.pawl'");
}

static void items_add_head(struct items *items, const struct items_about *about)
{
    strbuf_clear(&items->scratch);
    bytes_put_str(&items->scratch, about->stage);
    bytes_put_str(&items->scratch, about->instance);
    record_batch_add(&items->batch, ITEMS_RECORD_HEAD, strbuf_str(&items->scratch));
}

/* The salt of all hashes is the file's seed: the head is written before anything is put. */
static bool items_take(struct items *items, const struct items_about *about, struct err *err)
{
    struct items_noted *noted = mem_calloc(1, sizeof(*noted));
    bool has_head = false;
    bool ok = items_walk(items, noted, &has_head, err);

    free(noted);
    if (!ok) {
        return false;
    }
    if (!has_head) {
        items_add_head(items, about);
    }
    /* Best effort: which log is the newest is a matter of what to show and what to keep. */
    sys_futimens(items->file.fd, NULL);
    return items_flush(items, err);
}

bool items_open(struct items *items, int pawl_fd, const struct digest *key,
                const struct items_about *about, struct err *err)
{
    *items = (struct items){.file = {.dirfd = -1, .fd = -1}, .index = {.fd = -1}};
    record_batch_init(&items->batch);
    if (!items_begin(items, pawl_fd, key, err) || !items_index_open(&items->index, pawl_fd, err) ||
        !items_take(items, about, err)) {
        items_close(items);
        return false;
    }
    items->opened = items->file.len;
    return true;
}

void items_close(struct items *items)
{
    items_index_close(&items->index);
    record_file_close(&items->file);
    record_batch_fini(&items->batch);
    strbuf_fini(&items->scratch);
}

/* --- putting and getting --- */

bool items_flush(struct items *items, struct err *err)
{
    if (!record_append(&items->file, &items->batch, err)) {
        return err_wrap(err, "'.pawl'");
    }
    record_batch_clear(&items->batch);
    if (items->batch.bytes.cap > 2 * FLUSH_BYTES) {
        record_batch_fini(&items->batch);
    }
    return true;
}

bool items_put(struct items *items, const struct digest *digest, const struct item_result *result,
               struct err *err)
{
    size_t most = LIMIT_RECORD_BYTES - LIMIT_DEAD_ITEM_BYTES - 2 * ITEM_LEAST_BYTES;

    if (result->bytes.len > most) {
        return err_set(err, STATUS_STAGE_FAILED,
                       "the result has %zu bytes, more than the %zu that one item may give",
                       result->bytes.len, most);
    }
    if (!items_note(items, digest, items->file.len + items->batch.bytes.len, err)) {
        return false;
    }
    items->has_new_dead |= result->state == ITEM_DEAD;
    item_encode(digest, result, &items->scratch);
    record_batch_add(&items->batch,
                     result->state == ITEM_DEAD ? ITEMS_RECORD_DEAD : ITEMS_RECORD_DONE,
                     strbuf_str(&items->scratch));
    return items->batch.bytes.len < FLUSH_BYTES || items_flush(items, err);
}

bool items_get(struct items *items, const struct digest *digest, struct strbuf *bytes,
               struct item_result *result, struct err *err)
{
    struct digest found;
    struct record record;
    uint64_t offset;

    if (items_find(items, digest) == ITEM_UNKNOWN) {
        return err_set(err, STATUS_BUG, "an item is not known that was");
    }
    offset = items->found.offset;
    if (offset >= items->file.len) {
        record = record_batch_at(&items->batch, offset - items->file.len);
    } else if (!record_at(&items->file, offset, &record, err)) {
        return err_wrap(err, "'.pawl'");
    }
    strbuf_clear(bytes);
    strbuf_add_str(bytes, record.payload);
    record.payload = strbuf_str(bytes);
    return item_parse(&record, &found, result) ||
           err_set(err, STATUS_CORRUPT, "'.pawl/%s': damaged: the record of an item is none",
                   items->file.path);
}

bool items_undo(struct items *items, struct err *err)
{
    record_batch_clear(&items->batch);
    return sys_truncate(items->file.fd, (int64_t)items->opened) == 0 ||
           err_sys(err, "'.pawl/%s' cannot be written", items->file.path);
}

bool items_accept(struct items *items, struct err *err)
{
    if (items->has_new_dead) {
        record_batch_add(&items->batch, ITEMS_RECORD_ACCEPTED, STR(""));
        items->has_new_dead = false;
    }
    return items_flush(items, err);
}

/* --- marks --- */

bool items_first_seen(struct items *items, const struct digest *digest)
{
    return !items_look(items, digest) || items_index_mark(&items->index, items->found.place);
}

void items_forget_seen(struct items *items)
{
    items_index_unmark_all(&items->index);
}
