#ifndef PAWL_STORE_LAST_STATE_INSIDE_H
#define PAWL_STORE_LAST_STATE_INSIDE_H
/* What the files of the last state share; nobody else includes this. */
#include "store/index_map.h"
#include "store/last_state.h"

/* Which file lies at a name; ino 0: none. */
struct state_file {
    uint64_t ino, size_bytes;
    int64_t ctime_ns;
};

struct last_state {
    struct index_map map;
    int dirfd;
    struct state_file index, log;
};

/* last_state_change.c: applies the changes of a log to the map. False: the state does not count. */
bool last_state_apply_log(struct last_state *state);
/* Shares the map of a state that is current; false: it is not. */
bool last_state_share(const struct last_state *state, struct index_map *map);
/* An output as it lies on disk: INDEX_OUTPUT_BYTES. */
void last_output_encode(const struct last_output *output, unsigned char *row);

#endif
