/* Owns `keys = ["model.alpha"]`: of a TOML or JSON file only some values count. Each is written in
 * one form that does not depend on blanks, comments or order of other keys; a value that is not
 * there counts as missing, which differs from every value. */
#include <fcntl.h>

#include "base/bytes.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "model/toml.h"
#include "os/files.h"
#include "run/facts.h"

static void value_keys_write_json(struct json_writer *w, struct json value)
{
    struct json_iter iter = json_iter_of(value);
    struct str text = STR("");
    struct str key;
    struct json item;
    bool truth = false;

    switch (json_type(value)) {
    case JSON_MISSING:
    case JSON_NULL:
        json_null(w);
        break;
    case JSON_BOOL:
        json_as_bool(value, &truth);
        json_bool(w, truth);
        break;
    case JSON_NUMBER:
        json_as_number_text(value, &text);
        json_raw(w, text);
        break;
    case JSON_STRING:
        json_as_str(value, &text);
        json_str(w, text);
        break;
    case JSON_ARRAY:
        json_array_begin(w);
        while (json_next(&iter, &key, &item)) {
            value_keys_write_json(w, item);
        }
        json_array_end(w);
        break;
    case JSON_OBJECT:
        json_object_begin(w);
        while (json_next(&iter, &key, &item)) {
            json_key(w, key);
            value_keys_write_json(w, item);
        }
        json_object_end(w);
        break;
    }
}

static void value_keys_put(struct strbuf *bytes, struct str key, bool found, struct str text)
{
    bytes_put_str(bytes, key);
    bytes_put_u8(bytes, found);
    bytes_put_str(bytes, text);
}

static bool value_keys_json(struct str path, struct str text, const struct str *keys,
                            uint32_t count, struct strbuf *bytes, struct err *err)
{
    struct json_problem problem;
    struct json_doc *doc = json_parse(text, &problem);

    if (doc == NULL) {
        return err_set(err, STATUS_MANIFEST, "'%.*s' is no JSON: %s", STR_ARG(path), problem.text);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct json value = json_root(doc);
        struct str rest = keys[i];
        struct strbuf out = {0};
        struct json_writer w = json_writer_of(&out, JSON_COMPACT);
        struct str part;

        while (str_split(&rest, '.', &part)) {
            value = json_get_by_str(value, part);
        }
        value_keys_write_json(&w, value);
        value_keys_put(bytes, keys[i], json_exists(value), strbuf_str(&out));
        strbuf_fini(&out);
    }
    json_free(doc);
    return true;
}

static const struct toml_value *value_keys_find(const struct toml_value *root, struct str key)
{
    const struct toml_value *value = root;
    struct str part;

    while (value != NULL && str_split(&key, '.', &part)) {
        const struct toml_entry *entry =
            value->kind == TOML_TABLE ? toml_find(value->table, part) : NULL;

        value = entry != NULL ? &entry->value : NULL;
    }
    return value;
}

static bool value_keys_toml(struct str path, struct str text, const struct str *keys,
                            uint32_t count, struct strbuf *bytes, struct err *err)
{
    struct arena arena;
    struct diags diags;
    const struct toml_value *root;
    bool ok;

    arena_init(&arena);
    diags_init(&diags);
    root = toml_parse(&arena, text, diags_add_source(&diags, path, text), &diags);
    ok = root != NULL;
    if (!ok) {
        err_set(err, STATUS_MANIFEST, "'%.*s' is no TOML: %.*s", STR_ARG(path),
                STR_ARG(diags.count != 0 ? diags.items[0].text : STR("")));
    }
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct toml_value *value = value_keys_find(root, keys[i]);
        struct strbuf out = {0};

        if (value != NULL) {
            toml_dump_json(&out, value);
        }
        value_keys_put(bytes, keys[i], value != NULL, strbuf_str(&out));
        strbuf_fini(&out);
    }
    diags_fini(&diags);
    arena_fini(&arena);
    return ok;
}

bool value_keys_digest(struct str path, struct str text, const struct str *keys, uint32_t count,
                       struct digest *digest, struct err *err)
{
    struct strbuf bytes = {0};
    bool ok = str_has_suffix(path, STR(".json"))
                  ? value_keys_json(path, text, keys, count, &bytes, err)
                  : value_keys_toml(path, text, keys, count, &bytes, err);

    if (ok) {
        *digest = sha256_of(bytes.data, bytes.len);
    }
    strbuf_fini(&bytes);
    return ok;
}

bool value_keys_are(struct str path, const struct plan_input *input, const struct digest *digest)
{
    struct strbuf text = {0};
    struct digest now;
    bool same =
        file_read(AT_FDCWD, path.data, LIMIT_TOML_BYTES, &text, NULL) &&
        value_keys_digest(path, strbuf_str(&text), input->keys, input->key_count, &now, NULL) &&
        digest_equal(&now, digest);

    strbuf_fini(&text);
    return same;
}
