/* Owns changes of the last state. A record `state` of index.log is
 *
 *     identity of the file `index` that it changes: u64
 *     1 path      number: u32  signature: 40 bytes
 *     2 unit      number: u32  enum last_unit: u8
 *     3 output    number: u32  row as in the file: 48 bytes
 *     4 guard     offset in the guards: u32  signature: 40 bytes
 *
 * any number of these, each behind its number in a u8. They are applied to the mapped file, in this
 * process alone. What a log says counts only if a record `state` is its last, all of it is of the
 * file's epoch, and nothing in it is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/bytes.h"
#include "base/record.h"
#include "base/sys.h"
#include "store/index_inside.h"
#include "store/last_state_inside.h"

enum { CHANGE_PATH = 1, CHANGE_UNIT = 2, CHANGE_OUTPUT = 3, CHANGE_GUARD = 4 };

/* --- making --- */

void last_change_begin(struct last_change *change, const struct last_state *state)
{
    *change = (struct last_change){.identity = index_map_identity(&state->map)};
}

void last_change_fini(struct last_change *change)
{
    strbuf_fini(&change->rows);
}

static void change_begin_row(struct last_change *change, uint8_t kind, uint32_t number)
{
    bytes_put_u8(&change->rows, kind);
    bytes_put_u32(&change->rows, number);
}

static void change_put_signature(struct last_change *change, const struct signature *signature)
{
    unsigned char bytes[SIGNATURE_BYTES];

    signature_encode(signature, bytes);
    strbuf_add(&change->rows, bytes, sizeof(bytes));
}

void last_change_path(struct last_change *change, uint32_t path, const struct signature *signature)
{
    change_begin_row(change, CHANGE_PATH, path);
    change_put_signature(change, signature);
}

void last_change_unit(struct last_change *change, uint32_t unit, enum last_unit is)
{
    change_begin_row(change, CHANGE_UNIT, unit);
    bytes_put_u8(&change->rows, (uint8_t)is);
}

void last_change_output(struct last_change *change, uint32_t output, const struct last_output *is)
{
    unsigned char row[INDEX_OUTPUT_BYTES];

    last_output_encode(is, row);
    change_begin_row(change, CHANGE_OUTPUT, output);
    strbuf_add(&change->rows, row, sizeof(row));
}

void last_change_guard(struct last_change *change, uint32_t offset,
                       const struct signature *signature)
{
    change_begin_row(change, CHANGE_GUARD, offset);
    change_put_signature(change, signature);
}

/* --- applying --- */

static bool change_copy(struct index_map *map, enum index_section section, uint64_t offset,
                        struct reader *reader, size_t len)
{
    struct str bytes = reader_raw(reader, len);
    unsigned char *at = reader_ok(reader) ? index_map_change(map, section, offset, len) : NULL;

    if (at == NULL) {
        return false;
    }
    memcpy(at, bytes.data, len);
    return true;
}

static bool change_unit(struct index_map *map, uint32_t unit, struct reader *reader)
{
    unsigned char *at = index_map_change(map, INDEX_UNITS, unit, 1);
    uint8_t is = reader_u8(reader);

    if (at == NULL || !reader_ok(reader) || is > LAST_SKIPPED) {
        return false;
    }
    *at = (unsigned char)((*at & LAST_FLAGS) | is);
    return true;
}

/* The row of the index, if it has one, is not of what the state says now. */
static bool change_path(struct index_map *map, uint32_t path, struct reader *reader)
{
    unsigned char *worth = index_map_has(map, INDEX_WORTH, path)
                               ? index_map_change(map, INDEX_WORTH, (uint64_t)path * 8, 8)
                               : NULL;

    if (worth == NULL) {
        return false;
    }
    worth[0] |= INDEX_STATE_ONLY;
    return change_copy(map, INDEX_SIGNATURES, (uint64_t)path * SIGNATURE_BYTES, reader,
                       SIGNATURE_BYTES);
}

static bool change_apply_row(struct index_map *map, struct reader *reader)
{
    uint8_t kind = reader_u8(reader);
    uint32_t number = reader_u32(reader);

    switch (kind) {
    case CHANGE_PATH:
        return change_path(map, number, reader);
    case CHANGE_UNIT:
        return change_unit(map, number, reader);
    case CHANGE_OUTPUT:
        return index_map_has(map, INDEX_OUTPUTS, number) &&
               change_copy(map, INDEX_OUTPUTS, (uint64_t)number * INDEX_OUTPUT_BYTES, reader,
                           INDEX_OUTPUT_BYTES);
    case CHANGE_GUARD:
        return change_copy(map, INDEX_GUARDS, number, reader, SIGNATURE_BYTES);
    default: /* numbers on disk: of another version */
        return false;
    }
}

static bool change_apply(struct index_map *map, struct str payload)
{
    struct reader reader = reader_of(payload.data, payload.len);

    if (reader_u64(&reader) != index_map_identity(map)) {
        return false;
    }
    while (reader_left(&reader) != 0) {
        if (!change_apply_row(map, &reader)) {
            return false;
        }
    }
    return reader_ok(&reader);
}

/* --- the log --- */

static bool log_is_whole(const struct record_file *log)
{
    return log->damaged_bytes == 0 && log->torn_bytes == 0;
}

static bool log_is_of_epoch(const struct index_map *map, struct str payload)
{
    struct reader reader = reader_of(payload.data, payload.len);
    struct digest epoch = reader_digest(&reader);

    return reader_done(&reader) && digest_equal(&epoch, &map->epoch);
}

/* What is changed would not agree with its checksum any more: it is looked at before. */
static bool log_apply(struct index_map *map, struct record_file *log)
{
    struct record record;
    uint32_t last = LOG_STATE;

    if (!log_is_whole(log)) {
        return false;
    }
    for (uint64_t pos = 0; record_next(log, &pos, &record);) {
        last = record.type;
        if ((last == LOG_EPOCH && !log_is_of_epoch(map, record.payload)) ||
            (last == LOG_STATE && !change_apply(map, record.payload))) {
            return false;
        }
    }
    return last == LOG_STATE;
}

bool last_state_apply_log(struct last_state *state)
{
    struct record_file log;
    bool counts;

    if (!record_file_open(&log, state->dirfd, "index.log", "index", NULL)) {
        return false;
    }
    counts = log_apply(&state->map, &log) && !record_failed(&log, NULL);
    record_file_close(&log);
    return counts;
}
