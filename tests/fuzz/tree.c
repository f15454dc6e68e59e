/* Any bytes as a tree object: what is accepted has one form, lies below its folder, and each entry
 * is found in it, behind the folders that it lies in. */
#include <assert.h>

#include "store/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_entry(const struct tree *tree, const struct tree_entry *entry)
{
    ptrdiff_t slash = str_rfind(entry->path, '/');

    assert(tree_path_is_valid(entry->path) && entry->path.data[entry->path.len] == '\0');
    assert(tree_find(tree, entry->path) == entry);
    if (slash >= 0) {
        const struct tree_entry *above = tree_find(tree, str_head(entry->path, (size_t)slash));

        assert(above != NULL && above < entry && above->type == TREE_FOLDER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str bytes = str_n((const char *)data, size_bytes);
    struct strbuf out = {0};
    struct err err = {0};
    struct arena arena;
    struct tree tree;

    arena_init(&arena);
    if (tree_decode(bytes, &arena, &tree, &err)) {
        for (uint32_t i = 0; i < tree.count; i++) {
            check_entry(&tree, &tree.items[i]);
        }
        tree_encode(&tree, &out);
        assert(str_equal(strbuf_str(&out), bytes));
    } else {
        assert(err.status == STATUS_CORRUPT);
    }
    strbuf_fini(&out);
    arena_fini(&arena);
    return 0;
}
