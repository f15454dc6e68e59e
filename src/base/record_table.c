/* Owns tables beside files of records.
 *
 * Format, little endian:
 *
 *     head     "pawltab1"  kind: 8 bytes, padded with NUL  mark: seed, last, len, checksum: u64
 *              extra: u64  row bytes: u32  count: u32
 *     rows     count times row bytes; the owner's
 *     end      checksum of all before: u64
 *
 * Rule of validity: magic, kind, size of rows and the checksum are right, and the file is exactly
 * that long. Whether it is of the file beside it is told by the mark. */
#include "base/record_table.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"

enum {
    TABLE_HEAD_BYTES = 64,
    TABLE_END_BYTES = 8,
    /* A walk over so much is about a millisecond. */
    TABLE_LEAST_BYTES = 1 << 20,
    TABLE_LEAST_SHARE = 16
};

static const char TABLE_MAGIC[8] = "pawltab1";

bool record_table_is_due(uint64_t len, uint64_t trusted)
{
    uint64_t fresh = len - trusted;

    return fresh >= TABLE_LEAST_BYTES && fresh >= len / TABLE_LEAST_SHARE;
}

/* --- reading --- */

static bool table_read_bytes(int dirfd, const char *path, struct strbuf *bytes)
{
    int fd = dirfd < 0 && dirfd != AT_FDCWD ? -1 : sys_openat(dirfd, path, O_RDONLY, 0);
    struct sys_stat stat;
    ssize_t got = -1;

    if (fd < 0) {
        return false;
    }
    if (sys_fstat(fd, &stat) == 0 && stat.size_bytes >= TABLE_HEAD_BYTES + TABLE_END_BYTES &&
        stat.size_bytes <= UINT32_MAX) {
        strbuf_reserve(bytes, (size_t)stat.size_bytes);
        got = sys_pread_full(fd, bytes->data, (size_t)stat.size_bytes, 0);
        bytes->len = got < 0 ? 0 : (size_t)got;
    }
    sys_close(fd);
    return got >= TABLE_HEAD_BYTES + TABLE_END_BYTES;
}

static bool table_decode(struct record_table *table, const char *kind, uint32_t row_bytes)
{
    struct strbuf *bytes = &table->bytes;
    size_t end = bytes->len - TABLE_END_BYTES;
    struct reader reader = reader_of(bytes->data, TABLE_HEAD_BYTES);
    char want[RECORD_KIND_BYTES] = {0};

    memcpy(want, kind, strlen(kind));
    if (memcmp(reader_raw(&reader, sizeof(TABLE_MAGIC)).data, TABLE_MAGIC, sizeof(TABLE_MAGIC)) !=
            0 ||
        memcmp(reader_raw(&reader, sizeof(want)).data, want, sizeof(want)) != 0 ||
        bytes_get_u64(bytes->data + end) != bytes_checksum(bytes->data, end)) {
        return false;
    }
    table->mark.seed = reader_u64(&reader);
    table->mark.last = reader_u64(&reader);
    table->mark.len = reader_u64(&reader);
    table->mark.checksum = reader_u64(&reader);
    table->extra = reader_u64(&reader);
    table->row_bytes = reader_u32(&reader);
    table->count = reader_u32(&reader);
    return table->row_bytes == row_bytes &&
           end - TABLE_HEAD_BYTES == (uint64_t)table->count * row_bytes;
}

bool record_table_read(struct record_table *table, int dirfd, const char *path, const char *kind,
                       uint32_t row_bytes)
{
    assert(strlen(kind) <= RECORD_KIND_BYTES);
    *table = (struct record_table){0};
    if (!table_read_bytes(dirfd, path, &table->bytes) || !table_decode(table, kind, row_bytes)) {
        record_table_fini(table);
        return false;
    }
    return true;
}

const void *record_table_row(const struct record_table *table, uint32_t n)
{
    assert(n < table->count);
    return table->bytes.data + TABLE_HEAD_BYTES + (size_t)n * table->row_bytes;
}

/* --- writing --- */

void record_table_begin(struct record_table *table, uint32_t row_bytes)
{
    *table = (struct record_table){.row_bytes = row_bytes};
    memset(strbuf_reserve(&table->bytes, TABLE_HEAD_BYTES), 0, TABLE_HEAD_BYTES);
    table->bytes.len = TABLE_HEAD_BYTES;
}

void *record_table_add(struct record_table *table)
{
    char *row = strbuf_reserve(&table->bytes, table->row_bytes);

    memset(row, 0, table->row_bytes);
    table->bytes.len += table->row_bytes;
    table->count++;
    return row;
}

static void table_seal(struct record_table *table, const char *kind)
{
    char *head = table->bytes.data;

    memcpy(head, TABLE_MAGIC, sizeof(TABLE_MAGIC));
    memcpy(head + 8, kind, strlen(kind));
    bytes_set_u64(head + 16, table->mark.seed);
    bytes_set_u64(head + 24, table->mark.last);
    bytes_set_u64(head + 32, table->mark.len);
    bytes_set_u64(head + 40, table->mark.checksum);
    bytes_set_u64(head + 48, table->extra);
    bytes_set_u32(head + 56, table->row_bytes);
    bytes_set_u32(head + 60, table->count);
    bytes_put_u64(&table->bytes, bytes_checksum(table->bytes.data, table->bytes.len));
}

void record_table_write(struct record_table *table, int dirfd, const char *path, const char *kind)
{
    struct strbuf name = {0};
    int fd;
    bool ok;

    assert(strlen(kind) <= RECORD_KIND_BYTES);
    table_seal(table, kind);
    strbuf_printf(&name, "%s.new", path);
    fd = sys_openat(dirfd, name.data, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
                    sys_mode_in(dirfd, 0666));
    if (fd >= 0) {
        ok = sys_write_full(fd, table->bytes.data, table->bytes.len) == 0;
        sys_close(fd);
        if (!ok || sys_renameat(dirfd, name.data, dirfd, path) != 0) {
            sys_unlinkat(dirfd, name.data, 0);
        }
    }
    strbuf_fini(&name);
}

void record_table_fini(struct record_table *table)
{
    strbuf_fini(&table->bytes);
    *table = (struct record_table){0};
}
