#ifndef PAWL_STORE_RESULTS_INSIDE_H
#define PAWL_STORE_RESULTS_INSIDE_H
/* What the files of the results share; nobody else includes this. */
#include "base/record.h"
#include "base/vec.h"
#include "store/result_codec.h"
#include "store/results.h"

enum { RECORD_RESULT = 1, RECORD_FORGET = 2 }; /* types of records */

enum chain { CHAIN_DECLARED, CHAIN_KEY, CHAIN_INSTANCE, CHAIN_COUNT };

struct entry {
    uint64_t offset; /* of the payload: in the file, or in the batch */
    uint32_t len;
    uint32_t hash[CHAIN_COUNT];
    uint32_t older[CHAIN_COUNT]; /* RESULT_NONE: none */
    bool pending;                /* in the batch */
    bool unkeyed, shadowed, forgotten;
};

struct table {
    uint32_t *slots; /* newest entry of a hash, or RESULT_NONE */
    uint32_t count, mask;
};

struct results {
    struct record_file file;
    struct record_batch batch;
    VEC(struct entry) entries;
    struct table tables[CHAIN_COUNT];
    uint64_t pos; /* up to where the file was taken in */
    uint32_t generation;
    struct strbuf scratch; /* one payload */
};

/* results_entries.c: the newest entry of a hash, or RESULT_NONE. */
uint32_t table_newest(const struct results *results, enum chain chain, uint32_t hash);
struct str entry_payload(const struct results *results, const struct entry *entry);
struct result_head entry_head(const struct results *results, uint32_t n);
/* A payload that is no result is left out. */
void entry_add(struct results *results, struct str payload, uint64_t offset, bool pending);
void entry_forget(struct results *results, const struct digest *key);
/* No entries, as before the file was taken in. */
void entries_clear(struct results *results);

/* results_find.c: not dead; see results_entries.c. */
bool entry_is_live(const struct results *results, uint32_t n);

/* results.c: takes in what is new in the file; all of it if it is another one. */
void results_take(struct results *results);

#endif
