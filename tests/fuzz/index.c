/* Any bytes as the file `index`, with their checksums set right, so that what is behind those is
 * reached: every row of what is opened can be asked for, and a saved index is read again. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/index_map.h"
#include "store/last_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { AT_SECTIONS = 72, ENTRY_BYTES = 24 };

/* --- the file --- */

/* The checksums of a section's blocks, at `sums` as far as there is room. Returns how many. */
static uint64_t set_blocks_right(const unsigned char *section, uint64_t left, unsigned char *sums,
                                 uint64_t room)
{
    uint64_t count = 0;

    for (; left != 0 && count < room; section += INDEX_BLOCK_BYTES, count++) {
        uint64_t len = left < INDEX_BLOCK_BYTES ? left : INDEX_BLOCK_BYTES;

        bytes_set_u64(sums + count * 8, bytes_checksum(section, (size_t)len));
        left -= len;
    }
    return count;
}

/* Does the section lie in the file? */
static bool section_lies(const unsigned char *file, size_t size_bytes, size_t section,
                         uint64_t *from, uint64_t *len)
{
    const unsigned char *entry = file + AT_SECTIONS + ENTRY_BYTES * section;

    *from = bytes_get_u64(entry);
    *len = bytes_get_u64(entry + 8);
    return *from <= size_bytes && *len <= size_bytes - *from;
}

static void set_sums_right(unsigned char *file, size_t size_bytes)
{
    uint64_t from;
    uint64_t len;
    uint64_t room = 0;
    unsigned char *sums = file;

    if (size_bytes < INDEX_HEAD_BYTES) {
        return;
    }
    if (section_lies(file, size_bytes, INDEX_SUMS, &from, &len) && from >= INDEX_HEAD_BYTES) {
        sums = file + from;
        room = len / 8;
    }
    for (size_t i = 0; i < INDEX_SUMS; i++) {
        if (section_lies(file, size_bytes, i, &from, &len)) {
            uint64_t count = set_blocks_right(file + from, len, sums, room);

            bytes_set_u64(file + AT_SECTIONS + ENTRY_BYTES * i + 16,
                          bytes_checksum(sums, (size_t)count * 8));
            sums += count * 8;
            room -= count;
        }
    }
    bytes_set_u64(file + INDEX_HEAD_BYTES - 8, bytes_checksum(file, INDEX_HEAD_BYTES - 8));
}

static void write_file(int dir, const uint8_t *data, size_t size_bytes)
{
    unsigned char *file = malloc(size_bytes + 1);
    int fd = openat(dir, "index", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert(file != NULL && fd >= 0);
    if (size_bytes != 0) {
        memcpy(file, data, size_bytes);
    }
    set_sums_right(file, size_bytes);
    assert(write(fd, file, size_bytes) == (ssize_t)size_bytes);
    close(fd);
    free(file);
}

/* --- what is asked of it --- */

static void ask_index(int dir, const struct index_map *map)
{
    static const struct digest other = {{1}};
    struct index *index = index_open(dir, &other, NULL, NULL);
    struct index_path row = {.firm = true};
    struct index_instance instance;

    assert(index != NULL);
    for (uint32_t i = 0; i < map->paths; i++) {
        index_path(index, index_map_path(map, i), &row);
    }
    for (uint32_t i = 0; i < map->instances; i++) {
        if (index_instance(index, index_map_instance(map, i), &instance)) {
            assert(instance.duration_count <= INDEX_DURATIONS);
            index_put_instance(index, index_map_instance(map, i), &instance);
        }
    }
    index_put_path(index, STR("put"), &row);
    assert(index_save(index, NULL) && index_path(index, STR("put"), &row));
    index_close(index);
}

/* An index that shares the state's map has the rows that another one has. */
static void ask_beside(int dir, const struct last_state *state)
{
    static const struct digest other = {{1}};
    struct index *beside = index_open_beside(dir, &other, state, NULL, NULL);
    struct index *index = index_open(dir, &other, NULL, NULL);
    struct index_path row;

    assert(beside != NULL && index != NULL);
    for (uint32_t i = 0; i < last_state_paths(state); i++) {
        struct last_path path;

        if (last_state_path(state, i, &path) && index_path(index, str_of(path.name), &row)) {
            assert(index_path(beside, str_of(path.name), &row));
        }
    }
    index_close(beside);
    index_close(index);
}

static size_t ask_paths(const struct last_state *state)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < last_state_paths(state); i++) {
        struct last_path path;
        uint32_t count;
        uint32_t first = last_state_users(state, i, &count);

        for (uint32_t u = first; u < first + count; u++) {
            assert(last_state_user(state, u) < last_state_units(state));
        }
        sum += last_state_path(state, i, &path) ? strlen(path.name) : 0;
    }
    return sum;
}

static void ask_state(int dir)
{
    struct last_state *state = last_state_open(dir);
    struct last_output output;

    if (state == NULL) {
        return;
    }
    ask_paths(state);
    ask_beside(dir, state);
    for (uint32_t i = 0; i < last_state_units(state); i++) {
        assert(last_state_unit_is(state, i) <= LAST_SKIPPED);
    }
    if (last_state_load_outputs(state)) {
        for (uint32_t i = 0; i < last_state_outputs(state); i++) {
            last_state_output_of(state, i, &output);
            assert(output.state <= LAST_OUTPUT_MISSING);
        }
    }
    last_state_close(state);
}

/* What was saved is sound, and the state that was in it is gone. */
static void ask_again(int dir)
{
    static const struct digest other = {{1}};
    bool damaged = true;
    struct index *index = index_open(dir, &other, &damaged, NULL);
    struct index_path row;

    assert(index != NULL && !damaged && index_path(index, STR("put"), &row));
    index_close(index);
    assert(last_state_open(dir) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char folder[] = "/tmp/pawl-index-XXXXXX";
    int dir = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    bool damaged = false;
    struct index_map map;

    assert(dir >= 0);
    write_file(dir, data, size_bytes);
    ask_state(dir);
    assert(index_map_open(&map, dir, INDEX_ROWS, true, &damaged, NULL));
    ask_index(dir, &map);
    index_map_close(&map);
    ask_again(dir);
    unlinkat(dir, "index", 0);
    unlinkat(dir, "index.log", 0);
    close(dir);
    rmdir(folder);
    return 0;
}
