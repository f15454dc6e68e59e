/* Owns the file `state` in the folder of a run.
 *
 * Format, little endian:
 *
 *     head     "pawlstat"  form: u32  how many states of a run, of an instance and types of events
 *              there are: u32 each  version of pawl: string
 *     place    offset, seq: u64  chain before, chain: 32 bytes each: of the line of the last event
 *              that was folded
 *     state    to the end: model/run_state_pack.c
 *     end      checksum of all before: u64
 *
 * Rule of validity: magic, form, numbers, version and checksum are right, the state can be read and
 * is that of event `seq`; and the record beside it has that line at that offset: number, chain and
 * the chain over the line's bytes are right (event_reader_seek). A record only grows, and what is
 * cut from its torn end is not put there again with the same chain.
 *
 * It is written when the record has grown by eight megabytes and by three times its own size: so
 * what is to be read behind it is bounded, and it costs little beside the record itself. */
#include "run/saved_state.h"

#include <fcntl.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "model/run_state_pack.h"
#include "os/files.h"
#include "run/version.h"

#define STATE_PATH "state"
enum {
    STATE_FORM = 3, /* counted up when the fold gives something else, or the bytes mean it */
    STATE_END_BYTES = 8,
    STATE_EVERY_BYTES = 8 << 20,
    STATE_LEAST_BYTES = 1 << 20,
    STATE_EVERY_SIZES = 3,
    STATE_MOST_BYTES = 1 << 30
};

static const char STATE_MAGIC[8] = "pawlstat";
/* By number they are in the state. */
static const uint32_t STATE_TABLES[] = {STATE_FORM, RUN_STATUS_COUNT, INST_STATE_COUNT,
                                        EVENT_TYPE_COUNT};
enum { STATE_TABLE_COUNT = sizeof(STATE_TABLES) / sizeof(STATE_TABLES[0]) };

struct saved_state saved_state_none(void)
{
    return (struct saved_state){.every_bytes = STATE_EVERY_BYTES, .least_bytes = STATE_LEAST_BYTES};
}

/* --- writing --- */

static bool saved_state_is_due(const struct saved_state *saved, uint64_t offset, bool ended)
{
    uint64_t fresh = offset - saved->offset;

    return fresh >= (ended ? saved->least_bytes : saved->every_bytes) &&
           (ended || fresh >= STATE_EVERY_SIZES * saved->size_bytes);
}

static void saved_state_put(const struct run_state *state, const struct event_place *place,
                            struct strbuf *out)
{
    strbuf_add(out, STATE_MAGIC, sizeof(STATE_MAGIC));
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        bytes_put_u32(out, STATE_TABLES[i]);
    }
    bytes_put_str(out, STR(PAWL_VERSION));
    bytes_put_u64(out, place->offset);
    bytes_put_u64(out, place->seq);
    bytes_put_digest(out, &place->before);
    bytes_put_digest(out, &place->chain);
    run_state_pack(state, out);
    bytes_put_u64(out, bytes_checksum(out->data, out->len));
}

void saved_state_keep(struct saved_state *saved, int dir_fd, const struct run_state *state,
                      const struct event_log *log)
{
    struct event_place place;
    struct strbuf bytes = {0};
    struct err err;

    bool ended = run_status_is_final(state->status) || state->status == RUN_INTERRUPTED;

    if (!event_log_place(log, &place) || place.seq != state->last_seq ||
        !saved_state_is_due(saved, place.offset, ended)) {
        return;
    }
    saved_state_put(state, &place, &bytes);
    saved->offset = place.offset;
    saved->size_bytes = bytes.len;
    file_write_replace(dir_fd, STATE_PATH, strbuf_str(&bytes), SYS_OWN_FILE, false, &err);
    strbuf_fini(&bytes);
}

/* --- reading --- */

/* All of the file, in the arena of the state that will lie in it. */
static struct str saved_state_load(int dir_fd, struct arena *arena)
{
    int fd = sys_openat(dir_fd, STATE_PATH, O_RDONLY | O_NOFOLLOW, 0);
    struct sys_stat stat;
    struct str bytes = STR_NONE;

    if (fd < 0) {
        return bytes;
    }
    if (sys_fstat(fd, &stat) == 0 && stat.size_bytes > 0 && stat.size_bytes <= STATE_MOST_BYTES) {
        char *data = arena_bytes(arena, (size_t)stat.size_bytes);
        ssize_t got = sys_pread_full(fd, data, (size_t)stat.size_bytes, 0);

        bytes = str_n(data, got > 0 ? (size_t)got : 0);
    }
    sys_close(fd);
    return bytes;
}

static bool saved_state_take(struct str bytes, struct run_state *state, struct event_place *place)
{
    struct reader reader;
    bool fits;

    if (bytes.len < STATE_END_BYTES ||
        bytes_get_u64(bytes.data + bytes.len - STATE_END_BYTES) !=
            bytes_checksum(bytes.data, bytes.len - STATE_END_BYTES)) {
        return false;
    }
    reader = reader_of(bytes.data, bytes.len - STATE_END_BYTES);
    fits = str_equal(reader_raw(&reader, sizeof(STATE_MAGIC)),
                     str_n(STATE_MAGIC, sizeof(STATE_MAGIC)));
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        fits = reader_u32(&reader) == STATE_TABLES[i] && fits;
    }
    if (!str_is(reader_str(&reader), PAWL_VERSION) || !fits) {
        return false;
    }
    place->offset = reader_u64(&reader);
    place->seq = reader_u64(&reader);
    place->before = reader_digest(&reader);
    place->chain = reader_digest(&reader);
    return reader_ok(&reader) &&
           run_state_unpack(state, reader_raw(&reader, reader_left(&reader))) &&
           state->last_seq == place->seq;
}

bool saved_state_read(int dir_fd, struct run_state *state, struct event_place *place)
{
    if (saved_state_take(saved_state_load(dir_fd, &state->arena), state, place)) {
        return true;
    }
    run_state_fini(state);
    run_state_init(state);
    return false;
}
