/* Owns reading the last state: a view of sections of the mapped index. */
#include "store/last_state_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"

/* False: it cannot be told which file it is. */
static bool state_note_file(int dirfd, const char *name, struct state_file *file)
{
    struct sys_stat stat;

    *file = (struct state_file){0};
    if (sys_statat(dirfd, name, AT_SYMLINK_NOFOLLOW, &stat) != 0) {
        return errno == ENOENT;
    }
    file->ino = stat.ino;
    file->size_bytes = stat.size_bytes;
    file->ctime_ns = stat.ctime_ns;
    return true;
}

static bool state_is_file(int dirfd, const char *name, const struct state_file *file)
{
    struct state_file now;

    return state_note_file(dirfd, name, &now) && now.ino == file->ino &&
           now.size_bytes == file->size_bytes && now.ctime_ns == file->ctime_ns;
}

/* The names are looked at before the files are opened: a file that replaces one, or grows, is
 * noticed. */
static bool state_open(struct last_state *state)
{
    bool damaged = false;

    return state_note_file(state->dirfd, "index", &state->index) && state->index.ino != 0 &&
           state_note_file(state->dirfd, "index.log", &state->log) &&
           index_map_open(&state->map, state->dirfd, INDEX_STATE, false, &damaged, NULL) &&
           state->map.has_state && (state->log.ino == 0 || last_state_apply_log(state));
}

struct last_state *last_state_open(int dirfd)
{
    struct last_state *state = mem_calloc(1, sizeof(*state));

    state->dirfd = dirfd;
    if (!state_open(state)) {
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
    return state_is_file(state->dirfd, "index", &state->index) &&
           state_is_file(state->dirfd, "index.log", &state->log);
}

bool last_state_share(const struct last_state *state, struct index_map *map)
{
    bool current = last_state_is_current(state);

    if (current) {
        index_map_share(map, &state->map);
    }
    return current;
}

uint64_t last_state_log_bytes(const struct last_state *state)
{
    return state->log.size_bytes;
}

uint64_t last_state_file_bytes(const struct last_state *state)
{
    return state->map.len;
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
    uint8_t is = state->map.at[INDEX_UNITS][unit] & (uint8_t)~LAST_FLAGS;

    return is <= LAST_SKIPPED ? (enum last_unit)is : LAST_UNDECIDED;
}

uint8_t last_state_unit_flags(const struct last_state *state, uint32_t unit)
{
    return state->map.at[INDEX_UNITS][unit] & (uint8_t)LAST_FLAGS;
}

uint32_t last_state_find_path(const struct last_state *state, struct str name)
{
    return index_map_find_path(&state->map, name);
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

void last_state_was_looked_at(const struct last_state *state)
{
    index_map_let_go(&state->map, 1u << INDEX_NAMES | 1u << INDEX_PATHS | 1u << INDEX_CHECKS |
                                      1u << INDEX_USERS_FIRST | 1u << INDEX_USERS);
}

bool last_state_load_outputs(struct last_state *state)
{
    return index_map_check(&state->map, INDEX_RESULTS);
}

uint32_t last_state_outputs(const struct last_state *state)
{
    return state->map.outputs;
}

static void last_output_decode(const unsigned char *row, struct last_output *found)
{
    *found = (struct last_output){.size_bytes = bytes_get_u64(row + 32),
                                  .state = row[40] <= LAST_OUTPUT_MISSING
                                               ? (enum last_output_state)row[40]
                                               : LAST_OUTPUT_UNKNOWN,
                                  .type = (enum tree_type)row[41],
                                  .executable = row[42] != 0,
                                  .stored = row[43] != 0};
    memcpy(found->digest.bytes, row, DIGEST_BYTES);
}

void last_output_encode(const struct last_output *output, unsigned char *row)
{
    memset(row, 0, INDEX_OUTPUT_BYTES);
    memcpy(row, output->digest.bytes, DIGEST_BYTES);
    bytes_set_u64(row + 32, output->size_bytes);
    row[40] = (unsigned char)output->state;
    row[41] = (unsigned char)output->type;
    row[42] = output->executable;
    row[43] = output->stored;
}

void last_state_output_of(const struct last_state *state, uint32_t output,
                          struct last_output *found)
{
    last_output_decode(state->map.at[INDEX_OUTPUTS] + (size_t)output * INDEX_OUTPUT_BYTES, found);
}
