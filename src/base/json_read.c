/* Owns how JSON is read: a front for yyjson, the one place that knows it.
 *
 * Numbers are read as raw text, so that a value is exact or refused when asked for. The escapes
 * `\udc80` to `\udcff`, alone, stand for single bytes; yyjson refuses lone surrogates, so they are
 * put back as raw bytes before it reads, in a copy that is made only if there is one. As the text
 * was checked to be UTF-8 before, no other wrong bytes get in. */
#include "base/json_read.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "base/mem.h"
#include "base/utf8.h"

static const yyjson_read_flag JSON_FLAGS =
    YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INVALID_UNICODE;

/* The tree itself is yyjson's; ours is a name for it. */
static yyjson_doc *doc_of(const struct json_doc *doc)
{
    return (yyjson_doc *)(void *)(uintptr_t)doc;
}

static struct json_doc *json_problem_at(struct json_problem *problem, size_t offset,
                                        const char *text)
{
    if (problem != NULL) {
        problem->offset = offset;
        snprintf(problem->text, sizeof(problem->text), "%s", text);
    }
    return NULL;
}

/* --- bytes that are not UTF-8 --- */

static int json_hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* The value of a `\uXXXX` at `at`, or -1. */
static int json_escape_code(struct str text, size_t at)
{
    int code = 0;

    if (text.len - at < 6 || text.data[at] != '\\' || text.data[at + 1] != 'u') {
        return -1;
    }
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = json_hex_digit(text.data[i]);

        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

/* At a backslash: how many bytes the escape takes, and the byte it stands for or -1. */
static size_t json_escape_len(struct str text, size_t at, int *byte)
{
    int code = json_escape_code(text, at);

    *byte = -1;
    if (code < 0) {
        return text.len - at < 2 ? 1 : 2;
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        int low = json_escape_code(text, at + 6);

        return low >= 0xdc00 && low <= 0xdfff ? 12 : 6;
    }
    if (code >= 0xdc80 && code <= 0xdcff) {
        *byte = code - 0xdc00;
    }
    return 6;
}

/* The offset of the next escape for a byte at or behind `at`, or text.len. */
static size_t json_byte_escape(struct str text, size_t at, int *byte)
{
    while (at < text.len) {
        const char *slash = memchr(text.data + at, '\\', text.len - at);
        size_t len;

        if (slash == NULL) {
            break;
        }
        at = (size_t)(slash - text.data);
        len = json_escape_len(text, at, byte);
        if (*byte >= 0) {
            return at;
        }
        at += len;
    }
    return text.len;
}

/* Copies with bytes put back; `*moved` is the offset in `text` for the offset `cut` in the copy. */
static void json_put_bytes_back(struct str text, size_t first, struct strbuf *copy, size_t cut,
                                size_t *moved)
{
    size_t from = 0;
    int byte;

    json_byte_escape(text, first, &byte);
    for (size_t at = first; at < text.len; at = json_byte_escape(text, from, &byte)) {
        strbuf_add(copy, text.data + from, at - from);
        strbuf_putc(copy, (char)byte);
        from = at + 6;
        if (copy->len <= cut) {
            *moved = cut + (from - copy->len);
        }
    }
    strbuf_add(copy, text.data + from, text.len - from);
}

static struct json_doc *json_read_text(struct str text, yyjson_read_flag flags,
                                       struct json_problem *problem)
{
    yyjson_read_err err = {0};
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, flags, NULL, &err);

    if (doc != NULL) {
        return (struct json_doc *)(void *)doc;
    }
    if (err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        bug("no memory for a JSON text of %zu bytes", text.len);
    }
    return json_problem_at(problem, err.pos < text.len ? err.pos : text.len, err.msg);
}

static struct json_doc *json_read_with_bytes(struct str text, size_t first, yyjson_read_flag flags,
                                             struct json_problem *problem)
{
    struct json_problem place = {0};
    struct json_doc *doc;
    struct strbuf copy;
    size_t moved;

    strbuf_init(&copy);
    json_put_bytes_back(text, first, &copy, SIZE_MAX, &moved);
    doc = json_read_text(strbuf_str(&copy), flags, &place);
    if (doc == NULL) {
        moved = place.offset;
        strbuf_clear(&copy);
        json_put_bytes_back(text, first, &copy, place.offset, &moved);
        json_problem_at(problem, moved, place.text);
    }
    strbuf_fini(&copy);
    return doc;
}

static struct json_doc *json_parse_with(struct str text, yyjson_read_flag flags,
                                        struct json_problem *problem)
{
    size_t valid = utf8_valid_len(text);
    size_t first;
    int byte;

    if (text.len == 0) {
        return json_problem_at(problem, 0, "empty text");
    }
    if (valid < text.len) {
        return json_problem_at(problem, valid, "not UTF-8");
    }
    first = json_byte_escape(text, 0, &byte);
    return first < text.len ? json_read_with_bytes(text, first, flags, problem)
                            : json_read_text(text, flags, problem);
}

struct json_doc *json_parse(struct str text, struct json_problem *problem)
{
    return json_parse_with(text, JSON_FLAGS, problem);
}

struct json_doc *json_parse_figures(struct str text, struct json_problem *problem)
{
    return json_parse_with(text, JSON_FLAGS | YYJSON_READ_ALLOW_INF_AND_NAN, problem);
}

void json_free(struct json_doc *doc)
{
    yyjson_doc_free(doc_of(doc));
}

/* --- the tree --- */

static struct json json_of(yyjson_val *value)
{
    return (struct json){value};
}

struct json json_root(const struct json_doc *doc)
{
    return json_of(yyjson_doc_get_root(doc_of(doc)));
}

bool json_exists(struct json value)
{
    return value.node != NULL;
}

enum json_type json_type(struct json value)
{
    switch (yyjson_get_type(value.node)) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_NUM:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default: /* yyjson's types are numbers, not an enum */
        return JSON_MISSING;
    }
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_MISSING] = "nothing",  [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };

    return names[type];
}

struct json json_get_by_str(struct json object, struct str key)
{
    return json_of(yyjson_obj_getn(object.node, key.data != NULL ? key.data : "", key.len));
}

struct json json_get(struct json object, const char *key)
{
    return json_get_by_str(object, str_of(key));
}

struct json json_at(struct json array, size_t index)
{
    return json_of(yyjson_arr_get(array.node, index));
}

size_t json_count(struct json value)
{
    enum json_type type = json_type(value);

    return type == JSON_ARRAY    ? yyjson_arr_size(value.node)
           : type == JSON_OBJECT ? yyjson_obj_size(value.node)
                                 : 0;
}

/* --- values --- */

bool json_as_str(struct json value, struct str *out)
{
    if (json_type(value) != JSON_STRING) {
        return false;
    }
    *out = str_n(yyjson_get_str(value.node), yyjson_get_len(value.node));
    return true;
}

bool json_as_bool(struct json value, bool *out)
{
    if (json_type(value) != JSON_BOOL) {
        return false;
    }
    *out = yyjson_get_bool(value.node);
    return true;
}

bool json_as_number_text(struct json value, struct str *out)
{
    if (json_type(value) != JSON_NUMBER) {
        return false;
    }
    *out = str_n(yyjson_get_raw(value.node), yyjson_get_len(value.node));
    return true;
}

bool json_as_double(struct json value, double *out)
{
    struct str text;
    double number;

    if (!json_as_number_text(value, &text)) {
        return false;
    }
    /* Raw text is followed by a NUL, and its form was checked. */
    number = strtod(text.data, NULL);
    if (!isfinite(number)) {
        return false;
    }
    *out = number;
    return true;
}

/* Magnitude and sign of a number written with a fraction or exponent but without a remainder. */
static bool json_integer_of_float(struct str text, bool *negative, uint64_t *magnitude)
{
    double number = strtod(text.data, NULL);

    /* Up to 2^53 a double is the integer that was written. A fraction too small to be seen needs
     * more than 17 characters; a number too small for a double is zero with another digit. */
    if (text.len > 17 || !isfinite(number) || number != floor(number) ||
        fabs(number) > 9007199254740992.0 ||
        (number == 0 && strpbrk(text.data, "123456789") != NULL)) {
        return false;
    }
    *negative = number < 0;
    *magnitude = (uint64_t)fabs(number);
    return true;
}

static bool json_integer(struct json value, bool *negative, uint64_t *magnitude)
{
    struct str text;

    if (!json_as_number_text(value, &text)) {
        return false;
    }
    *negative = text.data[0] == '-';
    return str_to_u64(*negative ? str_skip(text, 1) : text, magnitude) ||
           json_integer_of_float(text, negative, magnitude);
}

bool json_as_int(struct json value, int64_t *out)
{
    uint64_t magnitude;
    bool negative;

    if (!json_integer(value, &negative, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool json_as_uint(struct json value, uint64_t *out)
{
    uint64_t magnitude;
    bool negative;

    if (!json_integer(value, &negative, &magnitude) || (negative && magnitude != 0)) {
        return false;
    }
    *out = magnitude;
    return true;
}

bool json_get_str(struct json object, const char *key, struct str *out)
{
    return json_as_str(json_get(object, key), out);
}

bool json_get_int(struct json object, const char *key, int64_t *out)
{
    return json_as_int(json_get(object, key), out);
}

bool json_get_uint(struct json object, const char *key, uint64_t *out)
{
    return json_as_uint(json_get(object, key), out);
}

bool json_get_double(struct json object, const char *key, double *out)
{
    return json_as_double(json_get(object, key), out);
}

bool json_get_bool(struct json object, const char *key, bool *out)
{
    return json_as_bool(json_get(object, key), out);
}

/* --- walking --- */

struct json_iter json_iter_of(struct json value)
{
    struct json_iter iter = {.left = json_count(value), .object = json_type(value) == JSON_OBJECT};

    if (iter.left > 0) {
        iter.next = unsafe_yyjson_get_first(value.node);
    }
    return iter;
}

bool json_next(struct json_iter *iter, struct str *key, struct json *value)
{
    yyjson_val *node = iter->next;

    if (iter->left == 0) {
        return false;
    }
    *key = STR("");
    if (iter->object) {
        json_as_str(json_of(node), key);
        node = node + 1; /* a member's value lies behind its key */
    }
    *value = json_of(node);
    iter->next = unsafe_yyjson_get_next(node);
    iter->left--;
    return true;
}
