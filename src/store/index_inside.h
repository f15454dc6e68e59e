#ifndef PAWL_STORE_INDEX_INSIDE_H
#define PAWL_STORE_INDEX_INSIDE_H
/* What the files of the index share; nobody else includes this. Rows that were read lie in the
 * mapped file, rows put since in tables over it; index_map.c owns the form of `index`, index_log.c
 * that of `index.log`. */
#include "base/arena.h"
#include "base/map.h"
#include "base/record.h"
#include "base/vec.h"
#include "store/index.h"
#include "store/index_map.h"

struct path_slot {
    struct str name;
    struct index_path row;
    uint64_t seq;         /* of the last put */
    uint64_t content_seq; /* of the last put with other bytes than before; 0: as in the file */
    bool gone;
    bool foreign; /* of another epoch; only while reading */
};

struct instance_slot {
    struct str name;
    struct digest key;
    uint64_t peak_bytes;
    const uint64_t *durations_ns;
    uint8_t state, duration_count;
};

struct index {
    int dirfd;
    struct digest epoch;
    struct index_map map;
    struct arena arena; /* names that came later */
    struct lookup path_numbers, instance_numbers;
    VEC(struct path_slot) paths;
    VEC(struct instance_slot) instances;
    uint64_t next_seq, synced_seq;
    uint64_t mapped_synced_seq; /* by marks of the file's own epoch */
    struct record_file log;
    struct record_batch batch;
    struct strbuf scratch;
    bool log_bad;   /* to be removed before it is written */
    bool log_begun; /* it says which epoch follows */
    bool changed;
};

/* index.c */
/* The number of a row in memory, or MAP_MISSING. */
uint32_t index_path_number(const struct index *index, struct str path);
void index_set_path(struct index *index, struct str path, const struct index_path *row,
                    uint64_t seq, bool foreign);
/* False if it was not there. */
bool index_unset_path(struct index *index, struct str path);
void index_set_instance(struct index *index, struct str name, const struct index_instance *row);
void index_set_synced(struct index *index, uint64_t position, const struct digest *epoch);
/* While reading: no more rows of the epoch so far, nor marks that cover them. */
void index_end_epoch(struct index *index);
/* The row of a path in the file, if it may be trusted. */
bool index_mapped_path(const struct index *index, uint32_t path, struct index_path *row);
void index_mapped_instance(const struct index *index, uint32_t instance,
                           struct index_instance *row);

/* index_save.c: replaces `index` by all rows, and the last state unless it is NULL. */
struct last_state_builder;
bool index_file_write(struct index *index, struct last_state_builder *state, struct err *err);

/* Types of records in `index.log`. */
enum index_log_type {
    LOG_EPOCH = 1,
    LOG_PATH = 2,
    LOG_DROP = 3,
    LOG_INSTANCE = 4,
    LOG_SYNCED = 5,
    LOG_STATE = 6
};

/* index_log.c: opens `index.log` and folds it in. */
bool index_log_open(struct index *index, bool *damaged, struct err *err);
void index_log_path(struct index *index, struct str path, const struct index_path *row);
void index_log_drop(struct index *index, struct str path);
void index_log_instance(struct index *index, struct str name, const struct index_instance *row);
void index_log_synced(struct index *index, uint64_t position);
/* What is in the batch was written, or need not be. */
void index_empty_batch(struct index *index);
/* Removes the file; the next flush makes a new one. */
bool index_log_remove(struct index *index, struct err *err);

#endif
