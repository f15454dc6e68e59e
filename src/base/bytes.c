/* The codec of all formats on disk, and the checksum of their records.
 *
 * The checksum: two lanes of 64 bits that take 16 bytes a round (little endian), each multiplied by
 * an odd constant and rotated; the tail is padded with zeros; length and lanes are mixed at the end
 * by the finaliser of a 64-bit mixer. It finds torn and garbled records, it withstands no
 * adversary; what it gives must never change, as records on disk carry it. */
#include "base/bytes.h"

#include <assert.h>

void bytes_set_u16(void *at, uint16_t value)
{
    unsigned char *bytes = at;
    bytes[0] = (unsigned char)value;
    bytes[1] = (unsigned char)(value >> 8);
}

void bytes_set_u32(void *at, uint32_t value)
{
    unsigned char *bytes = at;
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
}

void bytes_set_u64(void *at, uint64_t value)
{
    unsigned char *bytes = at;
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
}

void bytes_put_u8(struct strbuf *out, uint8_t value)
{
    strbuf_putc(out, (char)value);
}

void bytes_put_u16(struct strbuf *out, uint16_t value)
{
    unsigned char bytes[2];
    bytes_set_u16(bytes, value);
    strbuf_add(out, bytes, sizeof(bytes));
}

void bytes_put_u32(struct strbuf *out, uint32_t value)
{
    unsigned char bytes[4];
    bytes_set_u32(bytes, value);
    strbuf_add(out, bytes, sizeof(bytes));
}

void bytes_put_u64(struct strbuf *out, uint64_t value)
{
    unsigned char bytes[8];
    bytes_set_u64(bytes, value);
    strbuf_add(out, bytes, sizeof(bytes));
}

void bytes_put_i64(struct strbuf *out, int64_t value)
{
    bytes_put_u64(out, (uint64_t)value);
}

void bytes_put_varint(struct strbuf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        strbuf_putc(out, (char)(value | 0x80));
    }
    strbuf_putc(out, (char)value);
}

void bytes_put_signed(struct strbuf *out, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    bytes_put_varint(out, value < 0 ? ~(bits << 1) : bits << 1);
}

void bytes_put_f64(struct strbuf *out, double value)
{
    uint64_t bits;
    _Static_assert(sizeof(bits) == sizeof(value), "a double has 64 bits");
    memcpy(&bits, &value, sizeof(bits));
    bytes_put_u64(out, bits);
}

void bytes_put_digest(struct strbuf *out, const struct digest *digest)
{
    strbuf_add(out, digest->bytes, DIGEST_BYTES);
}

void bytes_put_blob(struct strbuf *out, const void *data, size_t len)
{
    assert(len <= UINT32_MAX);
    bytes_put_u32(out, (uint32_t)len);
    strbuf_add(out, data, len);
}

void bytes_put_str(struct strbuf *out, struct str s)
{
    bytes_put_blob(out, s.data, s.len);
}

struct reader reader_of(const void *data, size_t len)
{
    const unsigned char *start = data;
    return (struct reader){start, len > 0 ? start + len : start, false};
}

bool reader_ok(const struct reader *reader)
{
    return !reader->bad;
}

bool reader_done(const struct reader *reader)
{
    return !reader->bad && reader->next == reader->end;
}

size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->next);
}

bool reader_fail(struct reader *reader)
{
    reader->bad = true;
    return false;
}

/* The next `len` bytes, or NULL when there are fewer: then it is bad. */
static const unsigned char *reader_take(struct reader *reader, size_t len)
{
    if (reader->bad || reader_left(reader) < len) {
        reader->bad = true;
        return NULL;
    }
    const unsigned char *at = reader->next;
    if (len > 0) {
        reader->next += len;
    }
    return at;
}

uint8_t reader_u8(struct reader *reader)
{
    const unsigned char *at = reader_take(reader, 1);
    return at != NULL ? *at : 0;
}

uint16_t reader_u16(struct reader *reader)
{
    const unsigned char *at = reader_take(reader, 2);
    return at != NULL ? bytes_get_u16(at) : 0;
}

uint32_t reader_u32(struct reader *reader)
{
    const unsigned char *at = reader_take(reader, 4);
    return at != NULL ? bytes_get_u32(at) : 0;
}

uint64_t reader_u64(struct reader *reader)
{
    const unsigned char *at = reader_take(reader, 8);
    return at != NULL ? bytes_get_u64(at) : 0;
}

int64_t reader_i64(struct reader *reader)
{
    return (int64_t)reader_u64(reader);
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = reader_u8(reader);
        if (shift > 63 || (shift == 63 && byte > 1)) {
            return (uint64_t)reader_fail(reader);
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

int64_t reader_signed(struct reader *reader)
{
    uint64_t bits = reader_varint(reader);
    return (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
}

double reader_f64(struct reader *reader)
{
    uint64_t bits = reader_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct digest reader_digest(struct reader *reader)
{
    struct digest digest = {{0}};
    const unsigned char *at = reader_take(reader, DIGEST_BYTES);
    if (at != NULL) {
        memcpy(digest.bytes, at, DIGEST_BYTES);
    }
    return digest;
}

struct str reader_raw(struct reader *reader, size_t len)
{
    const unsigned char *at = reader_take(reader, len);
    return at != NULL ? str_n((const char *)at, len) : STR_NONE;
}

struct str reader_blob(struct reader *reader)
{
    return reader_raw(reader, reader_u32(reader));
}

struct str reader_str(struct reader *reader)
{
    return reader_blob(reader);
}

uint32_t reader_count(struct reader *reader, size_t least_bytes)
{
    uint32_t count = reader_u32(reader);
    assert(least_bytes > 0);
    if (count > reader_left(reader) / least_bytes) {
        reader->bad = true;
        return 0;
    }
    return count;
}

static uint64_t checksum_rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t checksum_mix(uint64_t value)
{
    value ^= value >> 30;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    value ^= value >> 27;
    value *= UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t bytes_checksum(const void *data, size_t len)
{
    const unsigned char *next = data;
    uint64_t a = UINT64_C(0x243f6a8885a308d3);
    uint64_t b = UINT64_C(0x13198a2e03707344);
    size_t left = len;
    for (; left >= 16; left -= 16, next += 16) {
        a = checksum_rotate(a ^ bytes_get_u64(next), 29) * UINT64_C(0x9e3779b97f4a7c15);
        b = checksum_rotate(b ^ bytes_get_u64(next + 8), 31) * UINT64_C(0xc2b2ae3d27d4eb4f);
    }
    if (left > 0) {
        unsigned char tail[16] = {0};
        memcpy(tail, next, left);
        a = checksum_rotate(a ^ bytes_get_u64(tail), 29) * UINT64_C(0x9e3779b97f4a7c15);
        b = checksum_rotate(b ^ bytes_get_u64(tail + 8), 31) * UINT64_C(0xc2b2ae3d27d4eb4f);
    }
    return checksum_mix(checksum_mix(a + (uint64_t)len) ^ checksum_rotate(b, 17));
}
