#ifndef PAWL_STORE_RESULTS_INSIDE_H
#define PAWL_STORE_RESULTS_INSIDE_H
/* What the files of the results share; nobody else includes this. */
#include "base/chains.h"
#include "base/record.h"
#include "base/vec.h"
#include "store/result_codec.h"
#include "store/results.h"

enum { RECORD_RESULT = 1, RECORD_FORGET = 2 }; /* types of records */

enum chain { CHAIN_DECLARED, CHAIN_KEY, CHAIN_INSTANCE, CHAIN_COUNT };

enum entry_flag {
    ENTRY_PENDING = 1 << 0, /* in the batch */
    ENTRY_UNKEYED = 1 << 1,
    ENTRY_SHADOWED = 1 << 2,
    ENTRY_FORGOTTEN = 1 << 3
};
enum { ENTRY_FLAG_BITS = 4 };

/* A result: a hundred thousand of them are in memory, their payloads are not. */
struct entry {
    uint64_t place; /* offset of the record, in the file or in the batch, and flags below */
    uint32_t len;   /* of the payload */
    uint32_t hash[CHAIN_COUNT];
};

/* What looking up changes: chains are made when the first one asks, one payload is kept. */
struct looking {
    struct chains chains[CHAIN_COUNT];
    struct strbuf payload;
    bool damaged; /* a record was met that is not whole any more */
};

struct results {
    int dirfd;
    struct record_file file;
    struct record_batch batch;
    VEC(struct entry) entries;
    struct looking *looking;
    uint64_t pos; /* up to where the file was taken in */
    uint32_t generation;
    bool appended;
    struct strbuf scratch; /* one payload */
};

/* results_entries.c */
static inline bool entry_is(const struct entry *entry, unsigned flags)
{
    return (entry->place & flags) != 0;
}
/* The newest entry of a hash, or the next older one behind `n`; RESULT_NONE. */
uint32_t entry_newest(const struct results *results, enum chain chain, uint32_t hash);
uint32_t entry_older(const struct results *results, enum chain chain, uint32_t n);
/* Its payload, until the next one; false when it is damaged by now. */
bool entry_payload(const struct results *results, uint32_t n, struct str *payload);
bool entry_head(const struct results *results, uint32_t n, struct result_head *head);
/* A payload that is no result is left out. */
void entry_add(struct results *results, const struct record *record, bool pending);
void entry_forget(struct results *results, const struct digest *key);
/* Those in the batch, which are the last ones. */
void entries_drop_pending(struct results *results);
/* No entries, as before the file was taken in. */
void entries_clear(struct results *results);
void entries_fini(struct results *results);

/* results_find.c: not dead; see results_entries.c. */
bool entry_is_live(const struct results *results, uint32_t n);

/* results_table.c: opens the file with what a table knows of it; keeps one if it is time, or
 * removes it when it led to damage. */
bool results_begin(struct results *results, struct err *err);
void results_keep_table(struct results *results);
void results_drop_table(const struct results *results);

/* results.c: takes in what is new in the file; all of it if it is another one. */
bool results_take(struct results *results, struct err *err);

#endif
