#ifndef PAWL_STORE_MADE_INSIDE_H
#define PAWL_STORE_MADE_INSIDE_H
/* What the files of `made` share; nobody else includes this. */
#include "base/chains.h"
#include "base/record.h"
#include "base/vec.h"
#include "store/made.h"

enum { RECORD_MADE = 1, RECORD_REMOVED = 2 }; /* types of records */

enum slot_flag { SLOT_PENDING = 1 << 0 /* in the batch */, SLOT_GONE = 1 << 1 };
enum { SLOT_FLAG_BITS = 2 };

/* A path that was ever made: the record of its last row. */
struct slot {
    uint64_t place; /* offset of the record, in the file or in the batch, and flags below */
    uint32_t len;   /* of the payload */
    uint32_t hash;  /* of the path */
};

/* What looking up changes. */
struct made_looking {
    struct chains chains; /* of paths to slots */
    struct strbuf payload;
    bool damaged; /* a record was met that is not whole any more */
};
#define MADE_NONE CHAINS_NONE

struct made {
    int dirfd;
    struct record_file file;
    struct record_batch batch;
    VEC(struct slot) slots;
    VEC(uint32_t) pending; /* slots whose record is in the batch, in its order */
    struct made_looking *looking;
    uint32_t count;   /* rows that are not gone */
    uint64_t records; /* in the file, dead ones too */
    uint32_t generation;
    bool appended;
};

/* made_slots.c */
static inline bool slot_is(const struct slot *slot, unsigned flags)
{
    return (slot->place & flags) != 0;
}
/* The row of a slot, strings until the next one is read; false when it is damaged by now. */
bool slot_row(const struct made *made, uint32_t n, struct made_row *row);
/* The payload of a slot, in the same way. */
bool slot_payload(const struct made *made, uint32_t n, struct str *payload);
/* The slot of a path, gone or not; its row, if it has one; MADE_NONE. */
uint32_t slot_find(const struct made *made, struct str path, struct made_row *row);
/* The record is what counts for the path from now on; `n`: its slot, MADE_NONE: none yet. */
void slot_set(struct made *made, uint32_t n, struct str path, const struct record *record,
              bool pending);
void slot_unset(struct made *made, uint32_t n);
void slots_clear(struct made *made);
void slots_fini(struct made *made);
bool made_decode(struct str payload, struct made_row *row);

/* made_table.c: opens the file with what a table knows of it; keeps one if it is time, or removes
 * it when it led to damage. */
bool made_begin(struct made *made, uint64_t *pos, struct err *err);
void made_keep_table(struct made *made);

#endif
