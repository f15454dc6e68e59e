/* Owns `index.log`, a file of records (base/record.c) of kind "index":
 *
 *     1 epoch      32 bytes: what follows belongs to it
 *     2 path       signature, digest, seq: u64, firm: u8, path: string
 *     3 drop       path: string
 *     4 instance   key, state: u8, peak: u64, count: u8 and as many durations: u64, name: string
 *     5 synced     position: u64
 *     6 state      identity of the file `index`: u64, changes: store/last_state_change.c
 *
 * A log with damage in the middle is left out whole, as the lost part might have said that an epoch
 * ended. */
#include "store/index_inside.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "store/last_state.h"

enum { BATCH_KEPT_BYTES = 1 << 16 };

/* --- reading --- */

static bool log_path(struct index *index, struct reader *reader, bool foreign)
{
    struct index_path row = {0};
    struct str bytes = reader_raw(reader, SIGNATURE_BYTES);
    uint64_t seq;
    struct str path;

    row.digest = reader_digest(reader);
    seq = reader_u64(reader);
    row.firm = reader_u8(reader) != 0;
    path = reader_str(reader);
    if (!reader_done(reader)) {
        return false;
    }
    signature_decode((const unsigned char *)bytes.data, &row.signature);
    index_set_path(index, path, &row, seq, foreign);
    index->next_seq = seq >= index->next_seq ? seq + 1 : index->next_seq;
    return true;
}

static bool log_instance(struct index *index, struct reader *reader)
{
    struct index_instance row = {.key = reader_digest(reader)};
    uint8_t state = reader_u8(reader);
    uint8_t count;
    struct str name;

    row.peak_bytes = reader_u64(reader);
    count = reader_u8(reader);
    if (state > INDEX_CANCELLED || count > INDEX_DURATIONS) {
        return false;
    }
    row.state = (enum index_state)state;
    row.duration_count = count;
    for (uint32_t i = 0; i < count; i++) {
        row.durations_ns[i] = reader_u64(reader);
    }
    name = reader_str(reader);
    if (!reader_done(reader)) {
        return false;
    }
    index_set_instance(index, name, &row);
    return true;
}

static bool log_epoch(struct index *index, struct reader *reader, struct digest *epoch)
{
    struct digest next = reader_digest(reader);

    if (!digest_equal(&next, epoch)) {
        index_end_epoch(index);
    }
    *epoch = next;
    return reader_done(reader);
}

static bool log_synced(struct index *index, struct reader *reader, const struct digest *epoch)
{
    uint64_t position = reader_u64(reader);

    if (!reader_done(reader)) {
        return false;
    }
    index_set_synced(index, position, epoch);
    return true;
}

static bool log_take(struct index *index, const struct record *record, struct digest *epoch)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);

    switch (record->type) {
    case LOG_EPOCH:
        return log_epoch(index, &reader, epoch);
    case LOG_PATH:
        return log_path(index, &reader, !digest_equal(epoch, &index->epoch));
    case LOG_DROP:
        index_unset_path(index, reader_str(&reader));
        return reader_done(&reader);
    case LOG_INSTANCE:
        return log_instance(index, &reader);
    case LOG_SYNCED:
        return log_synced(index, &reader, epoch);
    case LOG_STATE: /* what it says of paths, others before it say too */
        return true;
    default: /* types are numbers on disk: of a later version */
        return false;
    }
}

/* False: the log is not to be used from some record on; what was taken is true as it is. */
static bool index_read_log(struct index *index)
{
    struct digest epoch = {{0}};
    struct record record;

    if (index->log.damaged_bytes > 0) {
        return false;
    }
    for (uint64_t pos = 0; record_next(&index->log, &pos, &record);) {
        if (!log_take(index, &record, &epoch)) {
            return false;
        }
    }
    return !record_failed(&index->log, NULL);
}

bool index_log_open(struct index *index, bool *damaged, struct err *err)
{
    struct err problem = {0};

    if (!record_file_open(&index->log, index->dirfd, "index.log", "index", &problem)) {
        index->log_bad = problem.status == STATUS_CORRUPT;
        *damaged |= index->log_bad;
        return index->log_bad || err_set(err, (enum status)problem.status, "%s", problem.text);
    }
    if (!index_read_log(index)) {
        index->log_bad = true;
        *damaged = true;
    }
    return true;
}

/* --- writing --- */

/* An empty payload to fill; before the first one the log says which epoch follows. */
static struct strbuf *log_begin(struct index *index)
{
    index->changed = true;
    if (!index->log_begun) {
        index->log_begun = true;
        record_batch_add(&index->batch, LOG_EPOCH,
                         str_n((const char *)index->epoch.bytes, DIGEST_BYTES));
    }
    strbuf_clear(&index->scratch);
    return &index->scratch;
}

static void log_end(struct index *index, uint32_t type)
{
    record_batch_add(&index->batch, type, strbuf_str(&index->scratch));
}

void index_log_path(struct index *index, struct str path, const struct index_path *row)
{
    struct strbuf *out = log_begin(index);
    unsigned char signature[SIGNATURE_BYTES];

    signature_encode(&row->signature, signature);
    strbuf_add(out, signature, sizeof(signature));
    bytes_put_digest(out, &row->digest);
    bytes_put_u64(out, index->next_seq);
    bytes_put_u8(out, row->firm);
    bytes_put_str(out, path);
    log_end(index, LOG_PATH);
}

void index_log_drop(struct index *index, struct str path)
{
    bytes_put_str(log_begin(index), path);
    log_end(index, LOG_DROP);
}

void index_log_instance(struct index *index, struct str name, const struct index_instance *row)
{
    struct strbuf *out = log_begin(index);

    bytes_put_digest(out, &row->key);
    bytes_put_u8(out, (uint8_t)row->state);
    bytes_put_u64(out, row->peak_bytes);
    bytes_put_u8(out, (uint8_t)row->duration_count);
    for (uint32_t i = 0; i < row->duration_count; i++) {
        bytes_put_u64(out, row->durations_ns[i]);
    }
    bytes_put_str(out, name);
    log_end(index, LOG_INSTANCE);
}

void index_log_synced(struct index *index, uint64_t position)
{
    bytes_put_u64(log_begin(index), position);
    log_end(index, LOG_SYNCED);
}

bool index_note_change(struct index *index, const struct last_change *change, struct err *err)
{
    struct strbuf *out = log_begin(index);

    bytes_put_u64(out, change->identity);
    strbuf_add_str(out, strbuf_str(&change->rows));
    log_end(index, LOG_STATE);
    return index_flush(index, err);
}

bool index_log_remove(struct index *index, struct err *err)
{
    bool owned;

    if (sys_unlinkat(index->dirfd, "index.log", 0) != 0 && errno != ENOENT) {
        return err_sys(err, "'.pawl/index.log': cannot remove");
    }
    owned = index->log.owned;
    if (index->log.path != NULL) {
        record_file_close(&index->log);
    }
    index->log_bad = false;
    if (!record_file_open(&index->log, index->dirfd, "index.log", "index", err)) {
        return false;
    }
    if (owned) {
        record_file_own(&index->log);
    }
    return true;
}

/* A first look at many files fills it once; what follows needs little. */
void index_empty_batch(struct index *index)
{
    record_batch_clear(&index->batch);
    if (index->batch.bytes.cap > BATCH_KEPT_BYTES) {
        record_batch_fini(&index->batch);
        record_batch_init(&index->batch);
    }
}

bool index_flush(struct index *index, struct err *err)
{
    if (index->batch.count == 0) {
        return true;
    }
    if (index->log_bad && !index_log_remove(index, err)) {
        return false;
    }
    if (!record_append(&index->log, &index->batch, err)) {
        return err_wrap(err, "'.pawl'");
    }
    index_empty_batch(index);
    return true;
}
