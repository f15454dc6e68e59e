/* Owns the serialisation of keys:
 *
 *   "pawl key", u32 KEY_FORMAT, u32 number of fields,
 *   then for each field: u32 length and bytes of its name, u32 length and bytes of its value
 *
 * little endian. Another KEY_FORMAT makes every old key unknown, which costs one rerun of
 * everything. */
#include "model/key.h"

#include <string.h>

#include "base/bytes.h"

void key_fields_init(struct key_fields *fields, struct arena *arena)
{
    *fields = (struct key_fields){.arena = arena};
}

void key_fields_add(struct key_fields *fields, struct str name, struct str value)
{
    if (fields->count == fields->cap) {
        uint32_t cap = fields->cap * 2 + 16;
        struct key_field *more = ARENA_ARRAY(fields->arena, struct key_field, cap);

        if (fields->count != 0) {
            memcpy(more, fields->items, fields->count * sizeof(*more));
        }
        fields->items = more;
        fields->cap = cap;
    }
    fields->items[fields->count++] = (struct key_field){name, value};
}

void key_fields_add_path(struct key_fields *fields, const char *prefix, struct str path,
                         struct str role, struct str value)
{
    size_t prefix_len = strlen(prefix);
    size_t len = prefix_len + 1 + path.len + (role.len != 0 ? role.len + 3 : 0);
    char *name = arena_bytes(fields->arena, len + 1);
    char *at = name;

    at = mempcpy(at, prefix, prefix_len);
    *at++ = ' ';
    at = mempcpy(at, path.data, path.len);
    if (role.len != 0) {
        at = mempcpy(at, " (", 2);
        at = mempcpy(at, role.data, role.len);
        *at++ = ')';
    }
    *at = '\0';
    key_fields_add(fields, str_n(name, len), value);
}

static void key_put_u32(struct sha256 *sha, uint32_t value)
{
    unsigned char bytes[4];

    bytes_set_u32(bytes, value);
    sha256_update(sha, bytes, sizeof(bytes));
}

static void key_put_str(struct sha256 *sha, struct str text)
{
    key_put_u32(sha, (uint32_t)text.len);
    sha256_update(sha, text.data, text.len);
}

struct digest key_fields_digest(const struct key_fields *fields)
{
    struct sha256 sha;
    struct digest digest;

    sha256_init(&sha);
    sha256_update(&sha, "pawl key", 8);
    key_put_u32(&sha, KEY_FORMAT);
    key_put_u32(&sha, fields->count);
    for (uint32_t i = 0; i < fields->count; i++) {
        key_put_str(&sha, fields->items[i].name);
        key_put_str(&sha, fields->items[i].value);
    }
    sha256_finish(&sha, &digest);
    return digest;
}
