/* Owns the tar format, as little of it as says regular files (POSIX.1-1988 ustar, and of pax the
 * records `path` and `size`).
 *
 *     archive  members, then two blocks of zeros
 *     member   header block, bytes, zeros to a multiple of 512
 *     header   name 100  mode 8  uid 8  gid 8  size 12  mtime 12  checksum 8  type 1  link name 100
 *              "ustar" NUL "00"  user 32  group 32  major 8  minor 8  prefix 155  zeros 12
 *
 * Numbers are octal digits and a NUL. The checksum is the sum of all bytes of the header, its own
 * taken as blanks. Written are mode 0444, type '0', no user, no group, time 0: the same members
 * give the same bytes everywhere. A name that does not fit is divided at a slash between prefix and
 * name; if there is no such slash, or a size has more than eleven octal digits, a member of type
 * 'x' named `pax` is before it, whose bytes are records "LENGTH KEY=VALUE\n"; the header says then
 * what it can of the name, and size 0.
 *
 * Read is what is written, and little more: blanks around a number, type NUL, any owner, mode and
 * time, more blocks of zeros at the end. All else is an error, so that nothing can be read in two
 * ways: other types (links, devices, folders, sparse files), other magic, base-256 numbers, names
 * that are not tar_name_is_valid(), a pax record with another key, one that does not end where its
 * member does or comes twice, a pax header without a member, bytes other than zeros in what fills
 * up a block and behind the end, and an archive without its end. */
#include "store/tar.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { END_BYTES_MOST = 1 << 20 };

struct field {
    uint16_t at, len;
};
static const struct field field_name = {0, 100}, field_size = {124, 12}, field_checksum = {148, 8},
                          field_magic = {257, 8}, field_prefix = {345, 155};
enum { TYPE_AT = 156 };
static const char magic[] = "ustar\0"
                            "00";

/* Written as they are here in every header. */
static const struct {
    uint16_t at;
    const char *text;
} constants[] = {{100, "0000444"},     {108, "0000000"}, {116, "0000000"},
                 {136, "00000000000"}, {329, "0000000"}, {337, "0000000"}};

#define SIZE_MOST_IN_HEADER UINT64_C(077777777777)

bool tar_name_is_valid(struct str name)
{
    struct str rest = name;
    struct str part;

    if (name.len == 0 || name.len > TAR_NAME_BYTES || name.data[name.len - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '\\') {
            return false;
        }
    }
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || str_is(part, ".") || str_is(part, "..")) {
            return false;
        }
    }
    return true;
}

/* --- writing --- */

static uint32_t header_sum(const unsigned char *block)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        bool own = i >= field_checksum.at && i < (size_t)field_checksum.at + field_checksum.len;

        sum += own ? ' ' : block[i];
    }
    return sum;
}

static void put_zeros(struct strbuf *out, size_t count)
{
    memset(strbuf_reserve(out, count), 0, count + 1);
    out->len += count;
}

/* Where a name is divided: `prefix` bytes, a slash, the rest; 0: not. False: it cannot be. */
static bool name_divide(struct str name, size_t *prefix)
{
    *prefix = 0;
    if (name.len <= field_name.len) {
        return true;
    }
    for (size_t i = name.len - field_name.len - 1; i < name.len && i <= field_prefix.len; i++) {
        if (i != 0 && name.data[i] == '/') {
            *prefix = i;
            return true;
        }
    }
    return false;
}

static void put_block(struct strbuf *out, struct str prefix, struct str name, uint64_t size_bytes,
                      char type)
{
    unsigned char block[TAR_BLOCK_BYTES] = {0};

    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        memcpy(block + constants[i].at, constants[i].text, strlen(constants[i].text));
    }
    memcpy(block + field_name.at, name.data, name.len);
    if (prefix.len != 0) {
        memcpy(block + field_prefix.at, prefix.data, prefix.len);
    }
    snprintf((char *)block + field_size.at, field_size.len, "%011llo",
             (unsigned long long)size_bytes);
    memcpy(block + field_magic.at, magic, field_magic.len);
    block[TYPE_AT] = (unsigned char)type;
    snprintf((char *)block + field_checksum.at, field_checksum.len, "%06o", header_sum(block));
    block[field_checksum.at + 7] = ' ';
    strbuf_add(out, block, sizeof(block));
}

/* A record says its own length, digits included. */
static void put_record(struct strbuf *out, const char *key, struct str value)
{
    size_t rest = strlen(key) + value.len + 3;
    size_t len = rest;
    char digits[STR_INT_BYTES];

    while (len != rest + str_int((int64_t)len, digits).len) {
        len = rest + str_int((int64_t)len, digits).len;
    }
    strbuf_printf(out, "%zu %s=%.*s\n", len, key, STR_ARG(value));
}

static void put_pax(struct strbuf *out, struct str name, bool long_name, uint64_t size_bytes)
{
    struct strbuf records = {0};
    char digits[STR_INT_BYTES];

    if (long_name) {
        put_record(&records, "path", name);
    }
    if (size_bytes > SIZE_MOST_IN_HEADER) {
        put_record(&records, "size", str_int((int64_t)size_bytes, digits));
    }
    if (records.len != 0) {
        put_block(out, STR(""), STR("pax"), records.len, 'x');
        strbuf_add(out, records.data, records.len);
        tar_put_padding(out, records.len);
    }
    strbuf_fini(&records);
}

void tar_put_header(struct strbuf *out, struct str name, uint64_t size_bytes)
{
    size_t prefix;
    bool long_name = !name_divide(name, &prefix);

    assert(tar_name_is_valid(name) && size_bytes <= INT64_MAX);
    put_pax(out, name, long_name, size_bytes);
    put_block(out, str_head(name, prefix),
              str_head(str_skip(name, prefix != 0 ? prefix + 1 : 0), field_name.len),
              size_bytes > SIZE_MOST_IN_HEADER ? 0 : size_bytes, '0');
}

static size_t padding_of(uint64_t size_bytes)
{
    return (size_t)(-size_bytes % TAR_BLOCK_BYTES);
}

void tar_put_padding(struct strbuf *out, uint64_t size_bytes)
{
    put_zeros(out, padding_of(size_bytes));
}

void tar_put_end(struct strbuf *out)
{
    put_zeros(out, 2 * TAR_BLOCK_BYTES);
}

/* --- reading --- */

void tar_begin(struct tar *tar, const struct tar_source *source)
{
    *tar = (struct tar){.source = *source};
}

static bool fail(const struct tar *tar, struct err *err, const char *what)
{
    return err_set(err, STATUS_CORRUPT, "the archive is damaged: at byte %llu %s",
                   (unsigned long long)tar->header_at, what);
}

/* Until `size` bytes or the end; -1: error. */
static ssize_t read_full(struct tar *tar, void *data, size_t size, struct err *err)
{
    size_t got = 0;

    while (got < size) {
        ssize_t more = tar->source.read(tar->source.ctx, (char *)data + got, size - got, err);

        if (more < 0) {
            return -1;
        }
        if (more == 0) {
            break;
        }
        assert((size_t)more <= size - got);
        got += (size_t)more;
    }
    tar->offset += got;
    return (ssize_t)got;
}

static bool read_exactly(struct tar *tar, void *data, size_t size, struct err *err)
{
    ssize_t got = read_full(tar, data, size, err);

    return got == (ssize_t)size || (got >= 0 && fail(tar, err, "it is cut short"));
}

static bool is_zero(const unsigned char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool read_padding(struct tar *tar, uint64_t size_bytes, struct err *err)
{
    unsigned char zeros[TAR_BLOCK_BYTES];
    size_t count = padding_of(size_bytes);

    return read_exactly(tar, zeros, count, err) &&
           (is_zero(zeros, count) || fail(tar, err, "a member has more bytes than its size says"));
}

ssize_t tar_read(struct tar *tar, void *data, size_t size, struct err *err)
{
    size_t want = size < tar->left_bytes ? size : (size_t)tar->left_bytes;

    if (want == 0) {
        return 0;
    }
    if (!read_exactly(tar, data, want, err)) {
        return -1;
    }
    tar->left_bytes -= want;
    if (tar->left_bytes == 0 && !read_padding(tar, tar->size_bytes, err)) {
        return -1;
    }
    return (ssize_t)want;
}

static bool skip_rest(struct tar *tar, struct err *err)
{
    unsigned char data[8 * TAR_BLOCK_BYTES];
    ssize_t got;

    do {
        got = tar_read(tar, data, sizeof(data), err);
    } while (got > 0);
    return got == 0;
}

/* Octal digits, with blanks before and blanks or NULs behind. */
static bool read_number(const unsigned char *block, struct field field, uint64_t *value)
{
    size_t i = field.at;
    size_t end = i + field.len;
    size_t first;

    *value = 0;
    while (i < end && block[i] == ' ') {
        i++;
    }
    for (first = i; i < end && block[i] >= '0' && block[i] <= '7'; i++) {
        *value = *value << 3 | (uint64_t)(block[i] - '0');
    }
    if (i == first) {
        return false;
    }
    while (i < end && (block[i] == ' ' || block[i] == 0)) {
        i++;
    }
    return i == end;
}

/* A text up to its first NUL, behind which are NULs alone. */
static bool read_text(const unsigned char *block, struct field field, struct str *text)
{
    const char *at = (const char *)block + field.at;

    *text = str_n(at, strnlen(at, field.len));
    return is_zero(block + field.at + text->len, field.len - text->len);
}

/* What a pax header says of the member behind it. */
struct pax {
    bool said, has_path, has_size;
    struct str path;
    uint64_t size_bytes;
    char bytes[TAR_PAX_BYTES];
};

static bool pax_take(struct pax *pax, struct str key, struct str value)
{
    if (str_is(key, "path") && !pax->has_path) {
        pax->has_path = true;
        pax->path = value;
        return true;
    }
    if (str_is(key, "size") && !pax->has_size) {
        pax->has_size = true;
        return str_to_u64(value, &pax->size_bytes) && pax->size_bytes <= INT64_MAX;
    }
    return false;
}

/* One record at the beginning of `rest`, which is cut off. */
static bool pax_take_record(struct pax *pax, struct str *rest)
{
    ptrdiff_t blank = str_find(*rest, ' ');
    struct str record, key;
    uint64_t len;

    if (blank < 1 || !str_to_u64(str_head(*rest, (size_t)blank), &len) || len > rest->len ||
        len < (size_t)blank + 3 || rest->data[len - 1] != '\n') {
        return false;
    }
    record = str_n(rest->data + blank + 1, (size_t)len - (size_t)blank - 2);
    *rest = str_skip(*rest, (size_t)len);
    return str_find(record, '=') > 0 && str_split(&record, '=', &key) && pax_take(pax, key, record);
}

static bool read_pax(struct tar *tar, uint64_t size_bytes, struct pax *pax, struct err *err)
{
    struct str rest = str_n(pax->bytes, (size_t)size_bytes);

    if (pax->said || size_bytes == 0 || size_bytes > sizeof(pax->bytes)) {
        return fail(tar, err, "an extended header is of no known form");
    }
    pax->said = true;
    if (!read_exactly(tar, pax->bytes, (size_t)size_bytes, err) ||
        !read_padding(tar, size_bytes, err)) {
        return false;
    }
    while (rest.len != 0) {
        if (!pax_take_record(pax, &rest)) {
            return fail(tar, err, "an extended header is of no known form");
        }
    }
    return true;
}

static bool take_name(struct tar *tar, const unsigned char *block, const struct pax *pax,
                      struct err *err)
{
    struct str prefix, name;
    int len;

    if (!read_text(block, field_prefix, &prefix) || !read_text(block, field_name, &name)) {
        return fail(tar, err, "a name is followed by more than zeros");
    }
    if (pax->has_path) {
        prefix = STR("");
        name = pax->path;
    }
    if (prefix.len + 1 + name.len > TAR_NAME_BYTES) {
        return fail(tar, err, "a name is too long");
    }
    len = snprintf(tar->name_text, sizeof(tar->name_text), "%.*s%s%.*s", STR_ARG(prefix),
                   prefix.len != 0 ? "/" : "", STR_ARG(name));
    tar->name = str_n(tar->name_text, (size_t)len);
    /* A NUL within cuts the text short. */
    return ((size_t)len == name.len + (prefix.len != 0 ? prefix.len + 1 : 0) &&
            tar_name_is_valid(tar->name)) ||
           fail(tar, err, "a name is absolute, leads elsewhere or is not plain text");
}

static bool check_header(struct tar *tar, const unsigned char *block, uint64_t *size_bytes,
                         struct err *err)
{
    uint64_t sum;

    if (!read_number(block, field_checksum, &sum) || sum != header_sum(block)) {
        return fail(tar, err, "there is no header of a member");
    }
    if (memcmp(block + field_magic.at, magic, field_magic.len) != 0) {
        return fail(tar, err, "a header is of another kind of tar");
    }
    return read_number(block, field_size, size_bytes) ||
           fail(tar, err, "the size of a member is no plain number");
}

static bool take_member(struct tar *tar, const unsigned char *block, uint64_t size_bytes,
                        const struct pax *pax, struct err *err)
{
    if (block[TYPE_AT] != '0' && block[TYPE_AT] != 0) {
        return fail(tar, err, "there is a link, a folder, a device or a member of another type");
    }
    tar->size_bytes = tar->left_bytes = pax->has_size ? pax->size_bytes : size_bytes;
    return take_name(tar, block, pax, err);
}

/* The rest is zeros, whole blocks of them. */
static bool read_end(struct tar *tar, struct err *err)
{
    unsigned char block[8 * TAR_BLOCK_BYTES];
    uint64_t total = 0;
    ssize_t got;

    if (!read_exactly(tar, block, TAR_BLOCK_BYTES, err)) {
        return false;
    }
    if (!is_zero(block, TAR_BLOCK_BYTES)) {
        return fail(tar, err, "a block of zeros is not followed by the end");
    }
    while ((got = read_full(tar, block, sizeof(block), err)) > 0) {
        total += (uint64_t)got;
        if (!is_zero(block, (size_t)got) || total > END_BYTES_MOST || got % TAR_BLOCK_BYTES != 0) {
            return fail(tar, err, "the end is followed by something else");
        }
    }
    return got == 0;
}

/* True: a member, or the end. `*again`: an extended header was read. */
static bool read_header(struct tar *tar, struct pax *pax, enum tar_answer *answer, struct err *err)
{
    unsigned char block[TAR_BLOCK_BYTES];
    uint64_t size_bytes;

    tar->header_at = tar->offset;
    *answer = TAR_FAILED;
    if (!read_exactly(tar, block, sizeof(block), err)) {
        return true;
    }
    if (is_zero(block, sizeof(block))) {
        bool ended =
            pax->said ? fail(tar, err, "an extended header has no member") : read_end(tar, err);

        *answer = ended ? TAR_END : TAR_FAILED;
        return true;
    }
    if (!check_header(tar, block, &size_bytes, err)) {
        return true;
    }
    if (block[TYPE_AT] == 'x') {
        return !read_pax(tar, size_bytes, pax, err);
    }
    *answer = take_member(tar, block, size_bytes, pax, err) ? TAR_MEMBER : TAR_FAILED;
    return true;
}

enum tar_answer tar_next(struct tar *tar, struct err *err)
{
    struct pax pax;
    enum tar_answer answer = TAR_FAILED;

    pax.said = pax.has_path = pax.has_size = false;
    if (!skip_rest(tar, err)) {
        return TAR_FAILED;
    }
    while (!read_header(tar, &pax, &answer, err)) {
    }
    if (answer != TAR_MEMBER) {
        tar->left_bytes = 0;
    }
    return answer;
}
