#ifndef PAWL_BASE_BYTES_H
#define PAWL_BASE_BYTES_H
/* The one codec for what is written to disk: little endian, explicit widths, length-framed blobs.
 *
 * Writing goes to a strbuf and cannot fail. Reading goes through a `struct reader` that checks
 * every length: after the first read beyond the end it is *bad*, every later read gives zeros or
 * empty slices, and one look at `reader_ok` after a record tells whether all of it was there. So a
 * decoder reads straight through and asks once, but checks a count before it allocates by it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/sha256.h"
#include "base/str.h"

/* Fixed places, any alignment. */
void bytes_set_u16(void *at, uint16_t value);
void bytes_set_u32(void *at, uint32_t value);
void bytes_set_u64(void *at, uint64_t value);
/* Here, so that whoever reads a hundred thousand of them gets one load for each. */
static inline uint16_t bytes_get_u16(const void *at)
{
    const unsigned char *b = at;

    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t bytes_get_u32(const void *at)
{
    const unsigned char *b = at;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t bytes_get_u64(const void *at)
{
    const unsigned char *b = at;

    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/* Appending. */
void bytes_put_u8(struct strbuf *out, uint8_t value);
void bytes_put_u16(struct strbuf *out, uint16_t value);
void bytes_put_u32(struct strbuf *out, uint32_t value);
void bytes_put_u64(struct strbuf *out, uint64_t value);
void bytes_put_i64(struct strbuf *out, int64_t value);
/* Seven bits a byte, the lowest first, the eighth bit says that there is more: small numbers are
 * short. A signed one is folded first, 0, -1, 1, -2, …, so that small ones are short, too. */
void bytes_put_varint(struct strbuf *out, uint64_t value);
void bytes_put_signed(struct strbuf *out, int64_t value);
/* The IEEE 754 bits as a u64. */
void bytes_put_f64(struct strbuf *out, double value);
void bytes_put_digest(struct strbuf *out, const struct digest *digest);
/* A u32 length, then the bytes. At most 4 GiB - 1 (asserted). */
void bytes_put_blob(struct strbuf *out, const void *data, size_t len);
void bytes_put_str(struct strbuf *out, struct str s);

struct reader {
    const unsigned char *next, *end;
    bool bad;
};

struct reader reader_of(const void *data, size_t len);
/* Nothing was read beyond the end. */
bool reader_ok(const struct reader *reader);
/* reader_ok, and nothing is left. */
bool reader_done(const struct reader *reader);
size_t reader_left(const struct reader *reader);
/* Marks it bad: for a value the decoder itself refuses. Returns false. */
bool reader_fail(struct reader *reader);

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
int64_t reader_i64(struct reader *reader);
/* Bad when it does not fit. */
uint64_t reader_varint(struct reader *reader);
int64_t reader_signed(struct reader *reader);
double reader_f64(struct reader *reader);
struct digest reader_digest(struct reader *reader);
/* A slice of the reader's own bytes, not copied; not followed by a NUL. */
struct str reader_raw(struct reader *reader, size_t len);
struct str reader_blob(struct reader *reader);
struct str reader_str(struct reader *reader);
/* A u32 count of elements that take at least `least_bytes` each: bad when they cannot all be there,
 * so that what is allocated by it is bounded by what was read. */
uint32_t reader_count(struct reader *reader, size_t least_bytes);

/* A fast 64-bit checksum of records (not cryptographic), stable on disk and on every machine. */
uint64_t bytes_checksum(const void *data, size_t len);

#endif
