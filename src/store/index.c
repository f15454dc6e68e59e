/* Owns `index` and `index.log`.
 *
 * `index`, little endian, replaced as a whole:
 *
 *     head       "pawlidx1"  paths, instances: u32  strings: u64 bytes  next: u64
 *                epoch: 32 bytes  checksum of all behind the head: u64  checksum of the head: u64
 *     path       96 bytes: name: u32 offset, u32 length  signature: 40 bytes  digest: 32 bytes
 *                seq: u64  firm: u32  0: u32
 *     instance   120 bytes: name: u32 offset, u32 length  key: 32 bytes  state: u32
 *                durations: u32 count  peak: u64  8 durations: u64
 *     strings    the names, back to back
 *
 * `index.log`: a file of records (base/record.c) of kind "index":
 *
 *     1 epoch      32 bytes: what follows belongs to it
 *     2 path       signature, digest, seq: u64, firm: u8, path: string
 *     3 drop       path: string
 *     4 instance   key, state: u8, peak: u64, count: u8 and as many durations: u64, name: string
 *     5 synced     position: u64
 *
 * Every put of a path has the next number `seq`; the mark `synced N` covers all rows with a smaller
 * one. A row that a mark covered when the index was saved has seq 0. Rows of another epoch than the
 * present one that no mark covers are dropped after reading.
 *
 * A wrong checksum, number or offset anywhere empties the file it is in. A log with damage in the
 * middle is left out whole, as the lost part might have said that an epoch ended. */
#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/record.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"

enum { HEAD_BYTES = 80, PATH_BYTES = 96, INSTANCE_BYTES = 120 };
enum { LOG_EPOCH = 1, LOG_PATH = 2, LOG_DROP = 3, LOG_INSTANCE = 4, LOG_SYNCED = 5 };

static const char INDEX_MAGIC[8] = "pawlidx1";
static const uint64_t INDEX_LIMIT_BYTES = UINT64_C(8) << 30;

struct path_slot {
    struct str name;
    struct index_path row;
    uint64_t seq; /* 0: covered by a mark of old */
    bool gone;
    bool foreign; /* of another epoch; only while reading */
};

struct instance_slot {
    struct str name;
    struct index_instance row;
};

struct index {
    int dirfd;
    struct digest epoch;
    struct strbuf data; /* the file; names point into it */
    struct arena arena; /* names that came later */
    struct map path_map, instance_map;
    VEC(struct path_slot) paths;
    VEC(struct instance_slot) instances;
    uint32_t path_count; /* that are not gone */
    uint64_t next_seq, synced_seq;
    struct record_file log;
    struct record_batch batch;
    struct strbuf scratch;
    bool log_bad;   /* to be removed before it is written */
    bool log_begun; /* it says which epoch follows */
    bool changed;
};

/* --- rows in memory --- */

static struct path_slot *path_slot(const struct index *index, struct str path)
{
    uint32_t n = map_get(&index->path_map, path);

    return n == MAP_MISSING ? NULL : &index->paths.items[n];
}

static void path_set(struct index *index, struct str path, const struct index_path *row,
                     uint64_t seq, bool foreign)
{
    struct path_slot *slot = path_slot(index, path);

    if (slot == NULL) {
        struct path_slot fresh = {.name = str_dup(&index->arena, path), .gone = true};

        map_put(&index->path_map, fresh.name, (uint32_t)index->paths.count);
        VEC_PUSH(&index->paths, fresh);
        slot = &index->paths.items[index->paths.count - 1];
    }
    index->path_count += slot->gone;
    slot->gone = false;
    slot->row = *row;
    slot->seq = seq;
    slot->foreign = foreign;
}

static bool path_drop(struct index *index, struct str path)
{
    struct path_slot *slot = path_slot(index, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    slot->gone = true;
    index->path_count--;
    return true;
}

static void instance_set(struct index *index, struct str name, const struct index_instance *row)
{
    uint32_t n = map_get(&index->instance_map, name);

    if (n == MAP_MISSING) {
        struct instance_slot fresh = {.name = str_dup(&index->arena, name)};

        n = (uint32_t)index->instances.count;
        map_put(&index->instance_map, fresh.name, n);
        VEC_PUSH(&index->instances, fresh);
    }
    index->instances.items[n].row = *row;
}

/* --- reading the file --- */

struct index_head {
    uint32_t paths, instances;
    uint64_t strings_bytes;
    struct digest epoch;
};

static bool index_read_head(struct index *index, struct index_head *head)
{
    const unsigned char *data = (const unsigned char *)index->data.data;
    uint64_t rows_bytes;

    if (index->data.len < HEAD_BYTES || memcmp(data, INDEX_MAGIC, 8) != 0 ||
        bytes_get_u64(data + 72) != bytes_checksum(data, 72)) {
        return false;
    }
    head->paths = bytes_get_u32(data + 8);
    head->instances = bytes_get_u32(data + 12);
    head->strings_bytes = bytes_get_u64(data + 16);
    index->next_seq = bytes_get_u64(data + 24);
    memcpy(head->epoch.bytes, data + 32, DIGEST_BYTES);
    rows_bytes = (uint64_t)head->paths * PATH_BYTES + (uint64_t)head->instances * INSTANCE_BYTES;
    return index->next_seq > 0 && index->data.len - HEAD_BYTES >= rows_bytes &&
           index->data.len - HEAD_BYTES - rows_bytes == head->strings_bytes &&
           bytes_get_u64(data + 64) ==
               bytes_checksum(data + HEAD_BYTES, index->data.len - HEAD_BYTES);
}

static bool index_read_name(const unsigned char *row, struct str strings, struct str *name)
{
    uint32_t offset = bytes_get_u32(row);
    uint32_t len = bytes_get_u32(row + 4);

    if (offset > strings.len || len > strings.len - offset) {
        return false;
    }
    *name = str_n(strings.data + offset, len);
    return true;
}

static bool index_read_path(struct index *index, const unsigned char *data, struct str strings,
                            bool foreign)
{
    struct path_slot slot = {.foreign = foreign};

    if (!index_read_name(data, strings, &slot.name)) {
        return false;
    }
    signature_decode(data + 8, &slot.row.signature);
    memcpy(slot.row.digest.bytes, data + 48, DIGEST_BYTES);
    slot.seq = bytes_get_u64(data + 80);
    slot.row.firm = bytes_get_u32(data + 88) != 0;
    if (map_put_new(&index->path_map, slot.name, (uint32_t)index->paths.count) != MAP_MISSING) {
        return false;
    }
    VEC_PUSH(&index->paths, slot);
    index->path_count++;
    return true;
}

static bool index_read_instance(struct index *index, const unsigned char *data, struct str strings)
{
    struct instance_slot slot = {0};
    uint32_t state = bytes_get_u32(data + 40);

    slot.row.duration_count = bytes_get_u32(data + 44);
    if (!index_read_name(data, strings, &slot.name) || state > INDEX_CANCELLED ||
        slot.row.duration_count > INDEX_DURATIONS) {
        return false;
    }
    memcpy(slot.row.key.bytes, data + 8, DIGEST_BYTES);
    slot.row.state = (enum index_state)state;
    slot.row.peak_bytes = bytes_get_u64(data + 48);
    for (size_t i = 0; i < INDEX_DURATIONS; i++) {
        slot.row.durations_ns[i] = bytes_get_u64(data + 56 + 8 * i);
    }
    if (map_put_new(&index->instance_map, slot.name, (uint32_t)index->instances.count) !=
        MAP_MISSING) {
        return false;
    }
    VEC_PUSH(&index->instances, slot);
    return true;
}

static bool index_read_rows(struct index *index, const struct index_head *head)
{
    const unsigned char *row = (const unsigned char *)index->data.data + HEAD_BYTES;
    bool foreign = !digest_equal(&head->epoch, &index->epoch);
    struct str strings =
        str_skip(strbuf_str(&index->data), index->data.len - (size_t)head->strings_bytes);

    VEC_RESERVE(&index->paths, head->paths);
    VEC_RESERVE(&index->instances, head->instances);
    for (uint32_t i = 0; i < head->paths; i++, row += PATH_BYTES) {
        if (!index_read_path(index, row, strings, foreign)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < head->instances; i++, row += INSTANCE_BYTES) {
        if (!index_read_instance(index, row, strings)) {
            return false;
        }
    }
    return true;
}

static void index_forget_all(struct index *index)
{
    map_fini(&index->path_map);
    map_fini(&index->instance_map);
    VEC_CLEAR(&index->paths);
    VEC_CLEAR(&index->instances);
    index->path_count = 0;
    index->next_seq = 1;
    index->synced_seq = 0;
}

static bool index_read_file(struct index *index, bool *damaged, struct err *err)
{
    struct index_head head;
    struct sys_stat stat;

    if (sys_statat(index->dirfd, "index", 0, &stat) != 0) {
        return errno == ENOENT ? true : err_sys(err, "'.pawl/index': cannot read");
    }
    if (!file_read(index->dirfd, "index", INDEX_LIMIT_BYTES, &index->data, err)) {
        return err_wrap(err, "'.pawl'");
    }
    if (!index_read_head(index, &head) || !index_read_rows(index, &head)) {
        *damaged = true;
        index_forget_all(index);
    }
    return true;
}

/* --- reading the log --- */

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
    path_set(index, path, &row, seq, foreign);
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
    instance_set(index, name, &row);
    return true;
}

static bool log_take(struct index *index, const struct record *record, struct digest *epoch)
{
    struct reader reader = reader_of(record->payload.data, record->payload.len);

    switch (record->type) {
    case LOG_EPOCH:
        *epoch = reader_digest(&reader);
        return reader_done(&reader);
    case LOG_PATH:
        return log_path(index, &reader, !digest_equal(epoch, &index->epoch));
    case LOG_DROP:
        path_drop(index, reader_str(&reader));
        return reader_done(&reader);
    case LOG_INSTANCE:
        return log_instance(index, &reader);
    case LOG_SYNCED:
        index_mark_synced(index, reader_u64(&reader));
        return reader_done(&reader);
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
    return true;
}

static bool index_open_log(struct index *index, bool *damaged, struct err *err)
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

/* --- opening --- */

static void index_drop_untrusted(struct index *index)
{
    VEC_EACH (slot, &index->paths) {
        if (!slot->gone && slot->foreign && slot->seq >= index->synced_seq && slot->seq != 0) {
            slot->gone = true;
            index->path_count--;
        }
        slot->foreign = false;
    }
}

static struct index *index_new(int dirfd, const struct digest *epoch)
{
    struct index *index = mem_calloc(1, sizeof(*index));

    index->dirfd = dirfd;
    index->epoch = *epoch;
    index->log.fd = -1;
    index->log.dirfd = -1;
    strbuf_init(&index->data);
    strbuf_init(&index->scratch);
    arena_init(&index->arena);
    map_init(&index->path_map);
    map_init(&index->instance_map);
    record_batch_init(&index->batch);
    index->next_seq = 1;
    return index;
}

struct index *index_open(int dirfd, const struct digest *epoch, bool *damaged, struct err *err)
{
    struct index *index = index_new(dirfd, epoch);
    bool broken = false;

    if (dirfd >= 0 &&
        (!index_read_file(index, &broken, err) || !index_open_log(index, &broken, err))) {
        index_close(index);
        return NULL;
    }
    index_drop_untrusted(index);
    index->changed = index->log_begun = false; /* marks that were read passed through the batch */
    record_batch_clear(&index->batch);
    if (damaged != NULL) {
        *damaged = broken;
    }
    return index;
}

void index_close(struct index *index)
{
    if (index != NULL) {
        record_file_close(&index->log);
        record_batch_fini(&index->batch);
        map_fini(&index->path_map);
        map_fini(&index->instance_map);
        arena_fini(&index->arena);
        strbuf_fini(&index->data);
        strbuf_fini(&index->scratch);
        VEC_FREE(&index->paths);
        VEC_FREE(&index->instances);
        free(index);
    }
}

/* --- questions --- */

bool index_path(const struct index *index, struct str path, struct index_path *row)
{
    const struct path_slot *slot = path_slot(index, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    *row = slot->row;
    return true;
}

bool index_instance(const struct index *index, struct str name, struct index_instance *row)
{
    uint32_t n = map_get(&index->instance_map, name);

    if (n == MAP_MISSING) {
        return false;
    }
    *row = index->instances.items[n].row;
    return true;
}

uint32_t index_path_count(const struct index *index)
{
    return index->path_count;
}

uint32_t index_instance_count(const struct index *index)
{
    return (uint32_t)index->instances.count;
}

uint64_t index_position(const struct index *index)
{
    return index->next_seq;
}

/* --- changes --- */

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

void index_put_path(struct index *index, struct str path, const struct index_path *row)
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
    path_set(index, path, row, index->next_seq++, false);
}

void index_drop_path(struct index *index, struct str path)
{
    if (path_drop(index, path)) {
        bytes_put_str(log_begin(index), path);
        log_end(index, LOG_DROP);
    }
}

void index_put_instance(struct index *index, struct str name, const struct index_instance *row)
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
    instance_set(index, name, row);
}

void index_instance_add_duration(struct index_instance *row, uint64_t duration_ns)
{
    memmove(row->durations_ns + 1, row->durations_ns,
            (INDEX_DURATIONS - 1) * sizeof(row->durations_ns[0]));
    row->durations_ns[0] = duration_ns;
    row->duration_count += row->duration_count < INDEX_DURATIONS;
}

void index_mark_synced(struct index *index, uint64_t position)
{
    if (position <= index->synced_seq) {
        return;
    }
    index->synced_seq = position;
    index->next_seq = position > index->next_seq ? position : index->next_seq;
    bytes_put_u64(log_begin(index), position);
    log_end(index, LOG_SYNCED);
}

/* --- writing --- */

/* Removes the log; the next flush makes a new one. */
static bool log_remove(struct index *index, struct err *err)
{
    if (sys_unlinkat(index->dirfd, "index.log", 0) != 0 && errno != ENOENT) {
        return err_sys(err, "'.pawl/index.log': cannot remove");
    }
    if (index->log.path != NULL) {
        record_file_close(&index->log);
    }
    index->log_bad = false;
    return record_file_open(&index->log, index->dirfd, "index.log", "index", err);
}

bool index_flush(struct index *index, struct err *err)
{
    if (index->batch.count == 0) {
        return true;
    }
    if (index->log_bad && !log_remove(index, err)) {
        return false;
    }
    if (!record_append(&index->log, &index->batch, err)) {
        return err_wrap(err, "'.pawl'");
    }
    record_batch_clear(&index->batch);
    return true;
}

static void save_name(struct strbuf *rows, struct strbuf *strings, struct str name)
{
    bytes_put_u32(rows, (uint32_t)strings->len);
    bytes_put_u32(rows, (uint32_t)name.len);
    strbuf_add_str(strings, name);
}

static void save_rows(struct index *index, struct strbuf *rows, struct strbuf *strings)
{
    VEC_EACH (slot, &index->paths) {
        unsigned char signature[SIGNATURE_BYTES];

        if (slot->gone) {
            continue;
        }
        save_name(rows, strings, slot->name);
        signature_encode(&slot->row.signature, signature);
        strbuf_add(rows, signature, sizeof(signature));
        bytes_put_digest(rows, &slot->row.digest);
        bytes_put_u64(rows, slot->seq < index->synced_seq ? 0 : slot->seq);
        bytes_put_u32(rows, slot->row.firm);
        bytes_put_u32(rows, 0);
    }
    VEC_EACH (slot, &index->instances) {
        save_name(rows, strings, slot->name);
        bytes_put_digest(rows, &slot->row.key);
        bytes_put_u32(rows, (uint32_t)slot->row.state);
        bytes_put_u32(rows, slot->row.duration_count);
        bytes_put_u64(rows, slot->row.peak_bytes);
        for (size_t i = 0; i < INDEX_DURATIONS; i++) {
            bytes_put_u64(rows, i < slot->row.duration_count ? slot->row.durations_ns[i] : 0);
        }
    }
}

static void save_head(const struct index *index, struct strbuf *out, size_t strings_bytes)
{
    char *head = out->data;

    memcpy(head, INDEX_MAGIC, 8);
    bytes_set_u32(head + 8, index->path_count);
    bytes_set_u32(head + 12, (uint32_t)index->instances.count);
    bytes_set_u64(head + 16, strings_bytes);
    bytes_set_u64(head + 24, index->next_seq);
    memcpy(head + 32, index->epoch.bytes, DIGEST_BYTES);
    bytes_set_u64(head + 64, bytes_checksum(head + HEAD_BYTES, out->len - HEAD_BYTES));
    bytes_set_u64(head + 72, bytes_checksum(head, 72));
}

bool index_save(struct index *index, struct err *err)
{
    struct strbuf out;
    struct strbuf strings;
    bool ok;

    if (!index->changed) {
        return true;
    }
    strbuf_init(&out);
    strbuf_init(&strings);
    memset(strbuf_reserve(&out, HEAD_BYTES), 0, HEAD_BYTES);
    out.len = HEAD_BYTES;
    save_rows(index, &out, &strings);
    strbuf_add(&out, strings.data, strings.len);
    save_head(index, &out, strings.len);
    ok = (strings.len <= UINT32_MAX ||
          err_set(err, STATUS_ENVIRONMENT, "'index': more than 4 GiB of names")) &&
         file_write_replace(index->dirfd, "index", strbuf_str(&out), 0666, false, err);
    strbuf_fini(&out);
    strbuf_fini(&strings);
    if (!ok || !log_remove(index, err)) {
        return err_wrap(err, "'.pawl'");
    }
    record_batch_clear(&index->batch);
    index->changed = index->log_begun = false;
    return true;
}
