/* Owns reading the last state: a view of sections of the mapped index. */
#include "store/last_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/index_map.h"

struct last_state {
    struct index_map map;
    int dirfd;
    uint64_t ino; /* of the file */
    int64_t ctime_ns;
};

/* Whoever notes something makes the log; it goes when the index is saved. */
static bool state_has_log(int dirfd)
{
    struct sys_stat stat;

    return sys_statat(dirfd, "index.log", AT_SYMLINK_NOFOLLOW, &stat) == 0 || errno != ENOENT;
}

static bool state_note_file(struct last_state *state)
{
    struct sys_stat stat;

    if (sys_statat(state->dirfd, "index", AT_SYMLINK_NOFOLLOW, &stat) != 0) {
        return false;
    }
    state->ino = stat.ino;
    state->ctime_ns = stat.ctime_ns;
    return true;
}

struct last_state *last_state_open(int dirfd)
{
    struct last_state *state;
    bool damaged = false;
    bool counts;

    if (state_has_log(dirfd)) {
        return NULL;
    }
    state = mem_calloc(1, sizeof(*state));
    state->dirfd = dirfd;
    /* The name is looked at before the file is opened: a file that replaces it is noticed. */
    counts = state_note_file(state) &&
             index_map_open(&state->map, dirfd, INDEX_STATE, &damaged, NULL) &&
             state->map.has_state;
    if (!counts) {
        last_state_close(state);
        return NULL;
    }
    return state;
}

bool last_state_is_of(const struct last_state *state, const struct digest *epoch)
{
    return digest_equal(&state->map.epoch, epoch);
}

void last_state_close(struct last_state *state)
{
    if (state != NULL) {
        index_map_close(&state->map);
        free(state);
    }
}

bool last_state_is_current(const struct last_state *state)
{
    struct sys_stat stat;

    return !state_has_log(state->dirfd) &&
           sys_statat(state->dirfd, "index", AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
           stat.ino == state->ino && stat.ctime_ns == state->ctime_ns;
}

struct str last_state_guards(const struct last_state *state)
{
    return str_n((const char *)state->map.at[INDEX_GUARDS], (size_t)state->map.bytes[INDEX_GUARDS]);
}

uint32_t last_state_units(const struct last_state *state)
{
    return state->map.units;
}

enum last_unit last_state_unit_is(const struct last_state *state, uint32_t unit)
{
    uint8_t is = state->map.at[INDEX_UNITS][unit];

    return is <= LAST_SKIPPED ? (enum last_unit)is : LAST_UNDECIDED;
}

uint32_t last_state_paths(const struct last_state *state)
{
    return state->map.paths;
}

bool last_state_path(const struct last_state *state, uint32_t path, struct last_path *found)
{
    uint8_t check = state->map.at[INDEX_CHECKS][path];

    if (check == LAST_UNCHECKED) {
        return false;
    }
    found->name = index_map_path(&state->map, path).data;
    found->check = check == LAST_FOLLOWED ? LAST_FOLLOWED : LAST_AS_IT_IS;
    signature_decode(state->map.at[INDEX_SIGNATURES] + (size_t)path * SIGNATURE_BYTES,
                     &found->signature);
    return true;
}

uint32_t last_state_users(const struct last_state *state, uint32_t path, uint32_t *count)
{
    const unsigned char *first = state->map.at[INDEX_USERS_FIRST] + 4 * (size_t)path;

    *count = bytes_get_u32(first + 4) - bytes_get_u32(first);
    return bytes_get_u32(first);
}

uint32_t last_state_user(const struct last_state *state, uint32_t user)
{
    return bytes_get_u32(state->map.at[INDEX_USERS] + 4 * (size_t)user);
}

bool last_state_load_outputs(const struct last_state *state)
{
    return index_map_check(&state->map, INDEX_RESULTS);
}

uint32_t last_state_outputs(const struct last_state *state)
{
    return state->map.outputs;
}

void last_state_output_of(const struct last_state *state, uint32_t output,
                          struct last_output *found)
{
    const unsigned char *row = state->map.at[INDEX_OUTPUTS] + (size_t)output * INDEX_OUTPUT_BYTES;

    *found = (struct last_output){.size_bytes = bytes_get_u64(row + 32),
                                  .state = row[40] <= LAST_OUTPUT_MISSING
                                               ? (enum last_output_state)row[40]
                                               : LAST_OUTPUT_UNKNOWN,
                                  .type = (enum tree_type)row[41],
                                  .executable = row[42] != 0,
                                  .stored = row[43] != 0};
    memcpy(found->digest.bytes, row, DIGEST_BYTES);
}
