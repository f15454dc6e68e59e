/* Owns the bytes of a state. Little endian; numbers are varints (base/bytes.h) where no width is
 * given; a time is milliseconds since 1970, signed.
 *
 *     head       status: u8  then in this order: seq  instances  pid  resumes  exit status  limit
 *                attempts started, finished  kept files  differing results  unknown events
 *     times      started  ended  last event  paused
 *     texts      run  trace  pipeline  workspace  plan  listing  manifest  version  user  host boot
 *                reason  asked by
 *     lists      params  labels  flags  options: pairs  targets  command line: strings
 *     instances  one behind the other, in their order
 *
 *     text       0: none; 1: as the last one of its kind; n + 2: n bytes and a NUL
 *     pairs      count, then name and value of each
 *     instance   state: u8  what there is of it: u8, PART_… below; name
 *                NAMED: stage: 0: the name before '@'; 1 and a text
 *                TRIED: attempts  retries  started  wall, cpu: ns  peak: bytes  exit  signal  place
 *                READY, ENDED: a time  PLACED: place, of one that was never tried
 *                TOLD: reason  cause  log: texts  metrics: pairs  checks passed  checks: count,
 * each type: u8  check  expression  reason  wanted: texts  metrics: pairs; variant: text
 * and u8: 1 left, 2 out, 4 fallback
 *                SAID, after TOLD: a time  left: ns  permille  text
 *
 * Times of instances are counted from the start of the run. How many instances are in which state
 * is counted again. Valid if nothing is left, nothing was read beyond the end, and states and types
 * are known. The numbers of states and types are those of the version of pawl that wrote them. */
#include "model/run_state_pack.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

enum {
    PART_NAMED = 1,
    PART_TRIED = 2,
    PART_READY = 4,
    PART_ENDED = 8,
    PART_PLACED = 16,
    PART_TOLD = 32,
    PART_SAID = 64
};
enum { VARIANT_LEFT = 1, VARIANT_OUT = 2, VARIANT_FALLBACK = 4 };
enum { INSTANCE_LEAST_BYTES = 2, PAIR_LEAST_BYTES = 2, CHECK_LEAST_BYTES = 6 };

/* Whoever adds a member packs it, or what is looked at would lack it, and counts up STATE_FORM of
 * run/saved_state.c. */
static_assert(sizeof(void *) != 8 ||
                  (sizeof(struct inst_check) == 96 && sizeof(struct inst_told) == 120 &&
                   sizeof(struct inst_status) == 136 && sizeof(struct run_state) == 528),
              "every member is packed");

/* What the next texts may be the same as. */
struct last_texts {
    struct str place, stage, reason, cause, log, variant, other;
};

/* --- packing --- */

struct packer {
    struct strbuf *out;
    int64_t start_ms;
    struct last_texts last;
};

static void pack_text(struct packer *packer, struct str *last, struct str text)
{
    if (text.len == 0) {
        bytes_put_varint(packer->out, 0);
    } else if (last != NULL && str_equal(*last, text)) {
        bytes_put_varint(packer->out, 1);
    } else {
        bytes_put_varint(packer->out, (uint64_t)text.len + 2);
        strbuf_add_str(packer->out, text);
        strbuf_putc(packer->out, '\0');
        if (last != NULL) {
            *last = text;
        }
    }
}

static void pack_pairs(struct packer *packer, const struct event_pairs *pairs)
{
    bytes_put_varint(packer->out, pairs->count);
    for (uint32_t i = 0; i < pairs->count; i++) {
        pack_text(packer, NULL, pairs->items[i].name);
        pack_text(packer, NULL, pairs->items[i].value);
    }
}

static void pack_strs(struct packer *packer, const struct event_strs *strs)
{
    bytes_put_varint(packer->out, strs->count);
    for (uint32_t i = 0; i < strs->count; i++) {
        pack_text(packer, NULL, strs->items[i]);
    }
}

static void pack_time(struct packer *packer, int64_t time_ns)
{
    bytes_put_signed(packer->out, time_ns / NS_PER_MS - packer->start_ms);
}

static struct str stage_of_name(struct str name)
{
    ptrdiff_t at = str_find(name, '@');

    return at < 0 ? name : str_head(name, (size_t)at);
}

static void pack_stage(struct packer *packer, const struct inst_status *inst)
{
    bool own = !str_equal(stage_of_name(inst->name), inst->stage);

    bytes_put_u8(packer->out, own);
    if (own) {
        pack_text(packer, &packer->last.stage, inst->stage);
    }
}

static void pack_tried(struct packer *packer, const struct inst_status *inst)
{
    struct strbuf *out = packer->out;

    bytes_put_varint(out, inst->attempts);
    bytes_put_varint(out, inst->retries);
    pack_time(packer, inst->started_at_ns);
    bytes_put_signed(out, inst->wall_ns);
    bytes_put_signed(out, inst->cpu_ns);
    bytes_put_signed(out, inst->max_rss_bytes);
    bytes_put_signed(out, inst->exit_code);
    bytes_put_signed(out, inst->signal);
    pack_text(packer, &packer->last.place, inst->place);
}

static void pack_checks(struct packer *packer, const struct inst_told *told)
{
    struct strbuf *out = packer->out;
    uint64_t count = 0;

    for (const struct inst_check *check = told->checks; check != NULL; check = check->next) {
        count++;
    }
    bytes_put_signed(out, told->checks_passed);
    bytes_put_varint(out, count);
    for (const struct inst_check *check = told->checks; check != NULL; check = check->next) {
        bytes_put_u8(out, (uint8_t)check->type);
        pack_text(packer, NULL, check->check);
        pack_text(packer, NULL, check->expression);
        pack_text(packer, NULL, check->reason);
        pack_text(packer, NULL, check->wanted);
        pack_pairs(packer, &check->metrics);
    }
}

static void pack_told(struct packer *packer, const struct inst_told *told)
{
    pack_text(packer, &packer->last.reason, told->reason);
    pack_text(packer, &packer->last.cause, told->cause);
    pack_text(packer, &packer->last.log, told->log);
    pack_pairs(packer, &told->metrics);
    pack_checks(packer, told);
    pack_text(packer, &packer->last.variant, told->variant);
    bytes_put_u8(packer->out, (uint8_t)(told->left * VARIANT_LEFT + told->out * VARIANT_OUT +
                                        told->fallback * VARIANT_FALLBACK));
}

static __attribute__((noinline)) void pack_said(struct packer *packer,
                                                const struct inst_progress *said)
{
    pack_time(packer, said->at_ns);
    bytes_put_signed(packer->out, said->left_ns);
    bytes_put_varint(packer->out, said->permille);
    pack_text(packer, NULL, inst_progress_text(said));
}

static uint8_t instance_parts(const struct inst_status *inst)
{
    bool tried = inst->attempts != 0 || inst->retries != 0;

    return (uint8_t)((inst->name.len != 0 ? PART_NAMED : 0) | (tried ? PART_TRIED : 0) |
                     (inst->ready_at_ns != 0 ? PART_READY : 0) |
                     (inst->ended_at_ns != 0 ? PART_ENDED : 0) |
                     (!tried && inst->place.len != 0 ? PART_PLACED : 0) |
                     (inst->told != NULL ? PART_TOLD : 0) |
                     (inst_told(inst)->progress != NULL ? PART_SAID : 0));
}

static void pack_instance(struct packer *packer, const struct inst_status *inst)
{
    uint8_t parts = instance_parts(inst);

    bytes_put_u8(packer->out, (uint8_t)inst->state);
    bytes_put_u8(packer->out, parts);
    if ((parts & PART_NAMED) != 0) {
        pack_text(packer, NULL, inst->name);
        pack_stage(packer, inst);
    }
    if ((parts & PART_TRIED) != 0) {
        pack_tried(packer, inst);
    }
    if ((parts & PART_READY) != 0) {
        pack_time(packer, inst->ready_at_ns);
    }
    if ((parts & PART_ENDED) != 0) {
        pack_time(packer, inst->ended_at_ns);
    }
    if ((parts & PART_PLACED) != 0) {
        pack_text(packer, &packer->last.place, inst->place);
    }
    if ((parts & PART_TOLD) != 0) {
        pack_told(packer, inst->told);
    }
    if ((parts & PART_SAID) != 0) {
        pack_said(packer, inst->told->progress);
    }
}

static void pack_head(struct packer *packer, const struct run_state *state)
{
    struct strbuf *out = packer->out;

    bytes_put_u8(out, (uint8_t)state->status);
    bytes_put_varint(out, state->last_seq);
    bytes_put_varint(out, state->instance_count);
    bytes_put_signed(out, state->pid);
    bytes_put_varint(out, state->resumes);
    bytes_put_signed(out, state->exit_status);
    bytes_put_varint(out, state->limit);
    bytes_put_varint(out, state->attempts_started);
    bytes_put_varint(out, state->attempts_finished);
    bytes_put_varint(out, state->kept_files);
    bytes_put_varint(out, state->differing_results);
    bytes_put_varint(out, state->unknown_events);
    pack_time(packer, state->started_at_ns);
    pack_time(packer, state->ended_at_ns);
    pack_time(packer, state->last_event_ns);
    pack_time(packer, state->paused_at_ns);
}

static void pack_names(struct packer *packer, const struct run_state *state)
{
    const struct str texts[] = {state->run,     state->trace,   state->pipeline, state->workspace,
                                state->plan,    state->listing, state->manifest, state->version,
                                state->user,    state->host,    state->boot,     state->reason,
                                state->asked_by};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pack_text(packer, NULL, texts[i]);
    }
    pack_pairs(packer, &state->params);
    pack_pairs(packer, &state->labels);
    pack_pairs(packer, &state->flags);
    pack_pairs(packer, &state->options);
    pack_strs(packer, &state->targets);
    pack_strs(packer, &state->command_line);
}

void run_state_pack(const struct run_state *state, struct strbuf *out)
{
    struct packer packer = {.out = out};

    pack_head(&packer, state);
    pack_names(&packer, state);
    packer.start_ms = state->started_at_ns / NS_PER_MS;
    for (uint32_t i = 0; i < state->instance_count; i++) {
        pack_instance(&packer, &state->instances[i]);
    }
}

/* --- unpacking --- */

struct unpacker {
    struct reader in;
    struct run_state *state;
    int64_t start_ms;
    struct last_texts last;
};

static struct str unpack_text(struct unpacker *unpacker, struct str *last)
{
    uint64_t code = reader_varint(&unpacker->in);
    struct str text = STR("");

    if (code == 1 && last != NULL) {
        return *last;
    }
    if (code >= 2 && code - 2 < reader_left(&unpacker->in)) {
        text = reader_raw(&unpacker->in, (size_t)code - 2);
        if (reader_u8(&unpacker->in) != 0) {
            reader_fail(&unpacker->in);
        }
        if (last != NULL) {
            *last = text;
        }
    } else if (code != 0) {
        reader_fail(&unpacker->in);
    }
    return text;
}

/* A count of what takes at least so many bytes. */
static uint32_t unpack_count(struct unpacker *unpacker, size_t least_bytes)
{
    uint64_t count = reader_varint(&unpacker->in);

    if (count > reader_left(&unpacker->in) / least_bytes || count > UINT32_MAX) {
        reader_fail(&unpacker->in);
        return 0;
    }
    return (uint32_t)count;
}

static struct event_pairs unpack_pairs(struct unpacker *unpacker)
{
    struct event_pairs pairs = {.count = unpack_count(unpacker, PAIR_LEAST_BYTES)};

    pairs.items = ARENA_ARRAY(&unpacker->state->arena, struct event_pair, pairs.count);
    for (uint32_t i = 0; i < pairs.count; i++) {
        pairs.items[i].name = unpack_text(unpacker, NULL);
        pairs.items[i].value = unpack_text(unpacker, NULL);
    }
    return pairs;
}

static struct event_strs unpack_strs(struct unpacker *unpacker)
{
    struct event_strs strs = {.count = unpack_count(unpacker, 1)};

    strs.items = ARENA_ARRAY(&unpacker->state->arena, struct str, strs.count);
    for (uint32_t i = 0; i < strs.count; i++) {
        strs.items[i] = unpack_text(unpacker, NULL);
    }
    return strs;
}

static uint32_t unpack_u32(struct unpacker *unpacker)
{
    uint64_t value = reader_varint(&unpacker->in);

    return value <= UINT32_MAX ? (uint32_t)value : (uint32_t)reader_fail(&unpacker->in);
}

static uint16_t unpack_u16(struct unpacker *unpacker)
{
    uint64_t value = reader_varint(&unpacker->in);

    return value <= UINT16_MAX ? (uint16_t)value : (uint16_t)reader_fail(&unpacker->in);
}

static int32_t unpack_i32(struct unpacker *unpacker)
{
    int64_t value = reader_signed(&unpacker->in);

    return value >= INT32_MIN && value <= INT32_MAX ? (int32_t)value
                                                    : (int32_t)reader_fail(&unpacker->in);
}

static int64_t unpack_time(struct unpacker *unpacker)
{
    int64_t ms = reader_signed(&unpacker->in);
    int64_t time_ns = 0;

    if (__builtin_add_overflow(ms, unpacker->start_ms, &ms) ||
        __builtin_mul_overflow(ms, NS_PER_MS, &time_ns)) {
        reader_fail(&unpacker->in);
        return 0;
    }
    return time_ns;
}

static void unpack_tried(struct unpacker *unpacker, struct inst_status *inst)
{
    inst->attempts = unpack_u16(unpacker);
    inst->retries = unpack_u16(unpacker);
    inst->started_at_ns = unpack_time(unpacker);
    inst->wall_ns = reader_signed(&unpacker->in);
    inst->cpu_ns = reader_signed(&unpacker->in);
    inst->max_rss_bytes = reader_signed(&unpacker->in);
    inst->exit_code = unpack_i32(unpacker);
    inst->signal = unpack_i32(unpacker);
    inst->place = unpack_text(unpacker, &unpacker->last.place);
}

static bool unpack_check(struct unpacker *unpacker, struct inst_told *told)
{
    struct inst_check *check = ARENA_NEW(&unpacker->state->arena, struct inst_check);
    uint8_t type = reader_u8(&unpacker->in);

    if (type >= EVENT_TYPE_COUNT) {
        return reader_fail(&unpacker->in);
    }
    check->type = (enum event_type)type;
    check->check = unpack_text(unpacker, NULL);
    check->expression = unpack_text(unpacker, NULL);
    check->reason = unpack_text(unpacker, NULL);
    check->wanted = unpack_text(unpacker, NULL);
    check->metrics = unpack_pairs(unpacker);
    *told->checks_end = check;
    told->checks_end = &check->next;
    return true;
}

static void unpack_left(struct reader *in, struct inst_told *told)
{
    uint8_t bits = reader_u8(in);

    told->left = (bits & VARIANT_LEFT) != 0;
    told->out = (bits & VARIANT_OUT) != 0;
    told->fallback = (bits & VARIANT_FALLBACK) != 0;
}

static void unpack_told(struct unpacker *unpacker, struct inst_status *inst)
{
    struct inst_told *told = ARENA_NEW(&unpacker->state->arena, struct inst_told);
    uint32_t count;

    inst->told = told;
    told->reason = unpack_text(unpacker, &unpacker->last.reason);
    told->cause = unpack_text(unpacker, &unpacker->last.cause);
    told->log = unpack_text(unpacker, &unpacker->last.log);
    told->metrics = unpack_pairs(unpacker);
    told->checks_passed = reader_signed(&unpacker->in);
    told->checks_end = &told->checks;
    count = unpack_count(unpacker, CHECK_LEAST_BYTES);
    for (uint32_t i = 0; i < count && unpack_check(unpacker, told); i++) {
    }
    told->variant = unpack_text(unpacker, &unpacker->last.variant);
    unpack_left(&unpacker->in, told);
}

static __attribute__((noinline)) bool unpack_said(struct unpacker *unpacker,
                                                  struct inst_status *inst)
{
    struct inst_progress *said = ARENA_NEW(&unpacker->state->arena, struct inst_progress);
    struct str text;

    said->at_ns = unpack_time(unpacker);
    said->left_ns = reader_signed(&unpacker->in);
    said->permille = unpack_u32(unpacker);
    text = unpack_text(unpacker, NULL);
    if (inst->told == NULL || text.len > PROGRESS_TEXT_BYTES || said->permille > 1000) {
        return reader_fail(&unpacker->in);
    }
    said->text_bytes = (uint32_t)text.len;
    memcpy(said->text, text.data, text.len);
    inst->told->progress = said;
    return true;
}

static void unpack_named(struct unpacker *unpacker, struct inst_status *inst)
{
    inst->name = unpack_text(unpacker, NULL);
    inst->stage = reader_u8(&unpacker->in) == 0 ? stage_of_name(inst->name)
                                                : unpack_text(unpacker, &unpacker->last.stage);
}

static bool unpack_instance(struct unpacker *unpacker, struct inst_status *inst)
{
    uint8_t is = reader_u8(&unpacker->in);
    uint8_t parts = reader_u8(&unpacker->in);

    if (is >= INST_STATE_COUNT) {
        return reader_fail(&unpacker->in);
    }
    inst->state = (enum inst_state)is;
    unpacker->state->counts[is]++;
    if ((parts & PART_NAMED) != 0) {
        unpack_named(unpacker, inst);
    }
    if ((parts & PART_TRIED) != 0) {
        unpack_tried(unpacker, inst);
    }
    inst->ready_at_ns = (parts & PART_READY) != 0 ? unpack_time(unpacker) : 0;
    inst->ended_at_ns = (parts & PART_ENDED) != 0 ? unpack_time(unpacker) : 0;
    if ((parts & PART_PLACED) != 0) {
        inst->place = unpack_text(unpacker, &unpacker->last.place);
    }
    if ((parts & PART_TOLD) != 0) {
        unpack_told(unpacker, inst);
    }
    if ((parts & PART_SAID) != 0) {
        unpack_said(unpacker, inst);
    }
    return reader_ok(&unpacker->in);
}

static bool unpack_head(struct unpacker *unpacker, struct run_state *state)
{
    struct reader *in = &unpacker->in;
    uint8_t status = reader_u8(in);

    if (status >= RUN_STATUS_COUNT) {
        return reader_fail(in);
    }
    state->status = (enum run_status)status;
    state->last_seq = reader_varint(in);
    state->instance_count = unpack_count(unpacker, INSTANCE_LEAST_BYTES);
    state->pid = reader_signed(in);
    state->resumes = unpack_u32(unpacker);
    state->exit_status = reader_signed(in);
    state->limit = unpack_u32(unpacker);
    state->attempts_started = unpack_u32(unpacker);
    state->attempts_finished = unpack_u32(unpacker);
    state->kept_files = unpack_u32(unpacker);
    state->differing_results = unpack_u32(unpacker);
    state->unknown_events = reader_varint(in);
    state->started_at_ns = unpack_time(unpacker);
    state->ended_at_ns = unpack_time(unpacker);
    state->last_event_ns = unpack_time(unpacker);
    state->paused_at_ns = unpack_time(unpacker);
    return reader_ok(in) && state->instance_count <= LIMIT_INSTANCES;
}

static void unpack_names(struct unpacker *unpacker, struct run_state *state)
{
    struct str *const texts[] = {
        &state->run,     &state->trace,    &state->pipeline, &state->workspace, &state->plan,
        &state->listing, &state->manifest, &state->version,  &state->user,      &state->host,
        &state->boot,    &state->reason,   &state->asked_by};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = unpack_text(unpacker, NULL);
    }
    state->params = unpack_pairs(unpacker);
    state->labels = unpack_pairs(unpacker);
    state->flags = unpack_pairs(unpacker);
    state->options = unpack_pairs(unpacker);
    state->targets = unpack_strs(unpacker);
    state->command_line = unpack_strs(unpacker);
}

bool run_state_unpack(struct run_state *state, struct str packed)
{
    struct unpacker unpacker = {.in = reader_of(packed.data, packed.len), .state = state};

    if (!unpack_head(&unpacker, state)) {
        return false;
    }
    unpack_names(&unpacker, state);
    state->instances = mem_calloc(state->instance_count, sizeof(*state->instances));
    unpacker.start_ms = state->started_at_ns / NS_PER_MS;
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (!unpack_instance(&unpacker, &state->instances[i])) {
            return false;
        }
    }
    return reader_done(&unpacker.in);
}
