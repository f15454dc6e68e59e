/* Owns `index`, little endian, replaced as a whole:
 *
 *     head       "pawlidx1"  paths, instances: u32  strings: u64 bytes  next: u64
 *                epoch: 32 bytes  checksum of all behind the head: u64  checksum of the head: u64
 *     path       96 bytes: name: u32 offset, u32 length  signature: 40 bytes  digest: 32 bytes
 *                seq: u64  firm: u32  0: u32
 *     instance   120 bytes: name: u32 offset, u32 length  key: 32 bytes  state: u32
 *                durations: u32 count  peak: u64  8 durations: u64
 *     strings    the names, back to back
 *
 * A wrong checksum, number, offset or a name said twice is damage. */
#include "store/index_inside.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "os/files.h"

enum { HEAD_BYTES = 80, PATH_BYTES = 96, INSTANCE_BYTES = 120 };

static const char INDEX_MAGIC[8] = "pawlidx1";
static const uint64_t INDEX_LIMIT_BYTES = UINT64_C(8) << 30;

/* --- reading --- */

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
    map_reserve(&index->path_map, head->paths);
    map_reserve(&index->instance_map, head->instances);
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

bool index_file_read(struct index *index, bool *damaged, struct err *err)
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

/* --- writing --- */

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

bool index_file_write(struct index *index, struct err *err)
{
    struct strbuf out;
    struct strbuf strings;
    bool ok;

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
    return ok;
}
