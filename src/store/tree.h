#ifndef PAWL_STORE_TREE_H
#define PAWL_STORE_TREE_H
/* Tree objects: what a folder output holds, as bytes with a digest. The format is at the head of
 * tree.c. Build with tree_encode (sorts), read with tree_decode, which trusts nothing: what it
 * accepts can be written below a folder without leaving it. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

enum tree_type { TREE_FILE = 'f', TREE_FOLDER = 'd', TREE_LINK = 'l' };

struct tree_entry {
    struct str path;      /* relative, normalised; NUL-terminated */
    struct digest digest; /* of a file's bytes or a link's text; zero for a folder */
    uint64_t size_bytes;  /* of that; 0 for a folder */
    enum tree_type type;
    bool executable; /* files alone */
};

struct tree {
    struct tree_entry *items; /* sorted by path, by bytes */
    uint32_t count;
};

/* Sorts `tree` and appends its bytes to `out`. Paths are valid and unique (asserted). */
void tree_encode(struct tree *tree, struct strbuf *out);
/* Checks everything: magic, types, modes, order, duplicates, `..`, absolute or empty paths, parents
 * that are not folders of the tree, lengths. Paths are copied into the arena. Status 12. */
bool tree_decode(struct str bytes, struct arena *arena, struct tree *tree, struct err *err);
/* True if a path may stand in a tree. */
bool tree_path_is_valid(struct str path);
/* The entry of a path, or NULL. */
const struct tree_entry *tree_find(const struct tree *tree, struct str path);

#endif
