/* Any bytes as a document: either a tree, all of whose places lie inside the text, or errors. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_table(struct str text, const struct toml_table *table);

static void check_span(struct str text, struct span span)
{
    assert((size_t)span.offset + span.len <= text.len);
}

/* The content's places follow each other and lie inside what was written. */
static void check_string(struct str text, const struct toml_value *value)
{
    uint32_t before = value->span.offset;

    for (size_t i = 0; i < value->string.len && i < 64; i++) {
        struct span span = toml_string_span(text, value, i, 1);

        assert(span.len != 0 && span.offset >= before);
        assert(span.offset + span.len <= value->span.offset + value->span.len);
        before = span.offset;
    }
}

static void check_value(struct str text, const struct toml_value *value)
{
    check_span(text, value->span);
    if (value->kind == TOML_TABLE) {
        check_table(text, value->table);
    } else if (value->kind == TOML_ARRAY) {
        TOML_ITEMS(item, &value->array)
        {
            check_value(text, item);
        }
    } else if (value->kind == TOML_STRING) {
        check_string(text, value);
    }
}

static void check_table(struct str text, const struct toml_table *table)
{
    uint32_t count = 0;

    TOML_EACH(entry, table)
    {
        check_span(text, entry->key_span);
        assert(toml_find(table, entry->key) == entry);
        check_value(text, &entry->value);
        count++;
    }
    assert(count == table->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char *copy = malloc(size_bytes != 0 ? size_bytes : 1);
    struct str text = {copy, size_bytes};
    struct strbuf out = {0};
    struct arena arena;
    struct diags diags;
    struct toml_value *root;

    if (size_bytes != 0) {
        memcpy(copy, data, size_bytes);
    }
    arena_init(&arena);
    diags_init(&diags);
    root = toml_parse(&arena, text, diags_add_source(&diags, STR("fuzz.toml"), text), &diags);
    assert((root == NULL) == diags_has_errors(&diags));
    if (root != NULL) {
        check_value(text, root);
        toml_dump_json(&out, root);
    } else {
        diags_render(&diags, &out, false);
    }
    strbuf_fini(&out);
    diags_fini(&diags);
    arena_fini(&arena);
    free(copy);
    return 0;
}
