/* Owns the format of tree objects, version 1:
 *
 *     "pawl tree 1\n"
 *     for each entry, sorted by the bytes of its whole path:
 *         type    1 byte   'f' file, 'd' folder, 'l' link
 *         mode    1 byte   'x' a file that its owner may execute, '-' anything else
 *         digest  32 bytes SHA-256 of the file's bytes or of the link's text; zeros for a folder
 *         length  8 bytes  of the file or of the link's text, little endian; 0 for a folder
 *         path    1 to 4095 bytes, relative, parts separated by one slash
 *         NUL     1 byte
 *
 * Valid: nothing is missing or left over; paths strictly ascend (so none is twice); no part is
 * empty, `.` or `..`; none is absolute; the parent of each entry is an entry before it and a
 * folder. So what is valid can be written below a new folder without leaving it, and one tree has
 * one form.
 */
#include "store/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"

#define TREE_HEAD "pawl tree 1\n"

enum { TREE_RECORD_LEAST = 1 + 1 + DIGEST_BYTES + 8 + 1 + 1 };

bool tree_path_is_valid(struct str path)
{
    struct str rest = path, part;
    if (path.len == 0 || path.len > LIMIT_PATH_BYTES || memchr(path.data, '\0', path.len) != NULL ||
        path.data[path.len - 1] == '/') {
        return false;
    }
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || str_is(part, ".") || str_is(part, "..")) {
            return false;
        }
    }
    return true;
}

static int entry_compare(const void *a, const void *b)
{
    const struct tree_entry *x = a, *y = b;
    return str_compare(x->path, y->path);
}

static void entry_encode(const struct tree_entry *entry, struct strbuf *out)
{
    bytes_put_u8(out, (uint8_t)entry->type);
    bytes_put_u8(out, entry->type == TREE_FILE && entry->executable ? 'x' : '-');
    bytes_put_digest(out, &entry->digest);
    bytes_put_u64(out, entry->size_bytes);
    strbuf_add_str(out, entry->path);
    bytes_put_u8(out, 0);
}

void tree_encode(struct tree *tree, struct strbuf *out)
{
    if (tree->count > 0) {
        qsort(tree->items, tree->count, sizeof(*tree->items), entry_compare);
    }
    strbuf_puts(out, TREE_HEAD);
    for (uint32_t i = 0; i < tree->count; i++) {
        assert(tree_path_is_valid(tree->items[i].path));
        assert(i == 0 || entry_compare(&tree->items[i - 1], &tree->items[i]) < 0);
        entry_encode(&tree->items[i], out);
    }
}

const struct tree_entry *tree_find(const struct tree *tree, struct str path)
{
    struct tree_entry key = {.path = path};
    return tree->count > 0
               ? bsearch(&key, tree->items, tree->count, sizeof(*tree->items), entry_compare)
               : NULL;
}

static bool entry_decode(struct reader *reader, struct arena *arena, struct tree_entry *entry)
{
    uint8_t type = reader_u8(reader), mode = reader_u8(reader);
    entry->digest = reader_digest(reader);
    entry->size_bytes = reader_u64(reader);
    if (!reader_ok(reader) || (type != 'f' && type != 'd' && type != 'l') ||
        (mode != '-' && !(mode == 'x' && type == 'f'))) {
        return false;
    }
    entry->type = (enum tree_type)type;
    entry->executable = mode == 'x';
    if (entry->type == TREE_FOLDER && (entry->size_bytes != 0 || !digest_is_zero(&entry->digest))) {
        return false;
    }
    const void *end = memchr(reader->next, '\0', reader_left(reader));
    if (end == NULL) {
        return false;
    }
    struct str path = reader_raw(reader, (size_t)((const unsigned char *)end - reader->next));
    (void)reader_u8(reader);
    entry->path = str_dup(arena, path);
    return tree_path_is_valid(path);
}

/* It follows what was read before it, and lies in a folder that was. */
static bool entry_fits(const struct tree *tree, const struct tree_entry *entry)
{
    if (tree->count > 0 && str_compare(tree->items[tree->count - 1].path, entry->path) >= 0) {
        return false;
    }
    ptrdiff_t slash = str_rfind(entry->path, '/');
    if (slash < 0) {
        return true;
    }
    const struct tree_entry *parent = tree_find(tree, str_head(entry->path, (size_t)slash));
    return parent != NULL && parent->type == TREE_FOLDER;
}

bool tree_decode(struct str bytes, struct arena *arena, struct tree *tree, struct err *err)
{
    struct reader reader = reader_of(bytes.data, bytes.len);
    *tree = (struct tree){0};
    if (!str_is(reader_raw(&reader, sizeof(TREE_HEAD) - 1), TREE_HEAD)) {
        return err_set(err, STATUS_CORRUPT, "not a tree object of version 1");
    }
    size_t most = reader_left(&reader) / TREE_RECORD_LEAST;
    if (most > LIMIT_INSTANCES) {
        most = LIMIT_INSTANCES;
    }
    tree->items = ARENA_ARRAY(arena, struct tree_entry, most);
    while (!reader_done(&reader)) {
        struct tree_entry entry = {0};
        if (tree->count >= most || !entry_decode(&reader, arena, &entry) ||
            !entry_fits(tree, &entry)) {
            return err_set(err, STATUS_CORRUPT, "entry %u of the tree is not valid",
                           tree->count + 1);
        }
        tree->items[tree->count++] = entry;
    }
    return true;
}
