#ifndef PAWL_STORE_INDEX_SAVE_INSIDE_H
#define PAWL_STORE_INDEX_SAVE_INSIDE_H
/* What the files that write `index` share; nobody else includes this. index_save.c owns the file
 * and what the index itself says, index_save_rows.c which rows there are, index_save_state.c the
 * sections of the last state. */
#include "store/index_inside.h"
#include "store/last_state_inside.h"

/* Where a row comes from. */
enum save_kind { SAVE_MAPPED, SAVE_SLOT, SAVE_STATE };

struct save_row {
    struct str name;
    enum save_kind kind;
    uint32_t from;  /* number there */
    uint32_t state; /* path of the last state plus one; 0: none */
};

struct save {
    struct index *index;
    struct last_state_builder *state; /* NULL: none */
    VEC(struct save_row) rows;
    uint32_t *row_of; /* by path of the last state */
    uint32_t instances;
    struct strbuf head, block, sums; /* `sums`: of all blocks so far */
    uint64_t offset;
    int fd;
};

/* What is known of a row's path. */
struct save_path {
    struct index_path row;
    uint64_t seq;
    bool state_only;
};

/* index_save.c: bytes of a section; whole blocks are written. False: errno. */
bool save_bytes(struct save *save, const void *data, size_t len);
bool save_u32(struct save *save, uint32_t value);
bool save_u64(struct save *save, uint64_t value);

/* index_save_rows.c: all rows sorted by path, and which of them the state's paths are. */
void save_gather(struct save *save);
void save_path_row(const struct save *save, const struct save_row *row, struct save_path *path);

/* index_save_state.c: nothing where the section is not of the last state, or there is none. */
bool save_state_content(struct save *save, enum index_section section);

#endif
