/* Owns the bytes of a result. Little endian; a string is a u32 length and its bytes.
 *
 *     head      key, declared, workspace, machine: 32 bytes each  instance hash: u64  flags: u32
 *     names     stage, instance, run, attempt: strings
 *     times     started, ended: i64 ns  wall, cpu user, cpu system: u64 ns  peak: u64 bytes
 *     outputs   count: u32, each: role, path: strings  kind: u8  bits: u8 (1 executable, 2 stored)
 *               digest  size: u64
 *     inputs    count: u32, each: path: string  missing: u8  digest
 *     fields    count: u32, each: name, value: strings
 *     metrics   count: u32, each: name: string  value: f64
 *     others    count: u32, each: name: string  kind: u8  0: value: i64; 2: what it is: string
 *
 * `metrics` are those that are floats, `others` integers and what is no finite number; a result
 * without any of these ends before them, as all did before there were such. A RESULT_FALLBACK has a
 * last field RESULT_FIELD_FALLBACK, which is no part of its key.
 * Valid if nothing is left and nothing was read beyond the end, kinds are known and metrics finite.
 * The instance hash is str_hash(stage) * P + str_hash(instance) ^ the workspace's first 8 bytes,
 * with P as in result_instance_hash. */
#include "store/result_codec.h"

#include <assert.h>
#include <math.h>

#include "base/bytes.h"

enum { HEAD_BYTES = 4 * DIGEST_BYTES + 8 + 4, OUTPUT_LEAST = 50, INPUT_LEAST = 37 };
enum { OUTPUT_EXECUTABLE = 1, OUTPUT_STORED = 2 };

uint64_t result_instance_hash(struct str stage, struct str instance, const struct digest *workspace)
{
    return (str_hash(stage) * UINT64_C(0x9e3779b97f4a7c15) + str_hash(instance)) ^
           digest_hash(workspace);
}

static void encode_outputs(const struct result *result, struct strbuf *out)
{
    bytes_put_u32(out, result->output_count);
    for (uint32_t i = 0; i < result->output_count; i++) {
        const struct result_output *output = &result->outputs[i];

        bytes_put_str(out, output->role);
        bytes_put_str(out, output->path);
        bytes_put_u8(out, (uint8_t)output->kind);
        bytes_put_u8(out, (uint8_t)((output->executable ? OUTPUT_EXECUTABLE : 0) |
                                    (output->stored ? OUTPUT_STORED : 0)));
        bytes_put_digest(out, &output->digest);
        bytes_put_u64(out, output->size_bytes);
    }
}

static uint32_t count_floats(const struct metrics *metrics)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < metrics->count; i++) {
        count += metrics->items[i].kind == METRIC_FLOAT;
    }
    return count;
}

static void encode_other(const struct metric *metric, struct strbuf *out)
{
    bytes_put_str(out, metric->name);
    bytes_put_u8(out, (uint8_t)metric->kind);
    if (metric->kind == METRIC_INT) {
        bytes_put_i64(out, metric->integer);
    } else {
        bytes_put_str(out, metric->is);
    }
}

static void encode_metrics(const struct metrics *metrics, struct strbuf *out)
{
    uint32_t floats = count_floats(metrics);

    bytes_put_u32(out, floats);
    for (uint32_t i = 0; i < metrics->count; i++) {
        if (metrics->items[i].kind == METRIC_FLOAT) {
            assert(isfinite(metrics->items[i].number));
            bytes_put_str(out, metrics->items[i].name);
            bytes_put_f64(out, metrics->items[i].number);
        }
    }
    if (floats == metrics->count) {
        return;
    }
    bytes_put_u32(out, metrics->count - floats);
    for (uint32_t i = 0; i < metrics->count; i++) {
        if (metrics->items[i].kind != METRIC_FLOAT) {
            encode_other(&metrics->items[i], out);
        }
    }
}

static void encode_lists(const struct result *result, struct strbuf *out)
{
    bytes_put_u32(out, result->discovered_count);
    for (uint32_t i = 0; i < result->discovered_count; i++) {
        bytes_put_str(out, result->discovered[i].path);
        bytes_put_u8(out, result->discovered[i].missing);
        bytes_put_digest(out, &result->discovered[i].digest);
    }
    bytes_put_u32(out, result->field_count);
    for (uint32_t i = 0; i < result->field_count; i++) {
        bytes_put_str(out, result->fields[i].name);
        bytes_put_str(out, result->fields[i].value);
    }
    encode_metrics(&result->metrics, out);
}

void result_encode(const struct result *result, struct strbuf *out)
{
    bytes_put_digest(out, &result->key);
    bytes_put_digest(out, &result->declared);
    bytes_put_digest(out, &result->workspace);
    bytes_put_digest(out, &result->machine);
    bytes_put_u64(out, result_instance_hash(result->stage, result->instance, &result->workspace));
    bytes_put_u32(out, result->flags);
    bytes_put_str(out, result->stage);
    bytes_put_str(out, result->instance);
    bytes_put_str(out, result->run);
    bytes_put_str(out, result->attempt);
    bytes_put_i64(out, result->started_ns);
    bytes_put_i64(out, result->ended_ns);
    bytes_put_u64(out, result->wall_ns);
    bytes_put_u64(out, result->cpu_user_ns);
    bytes_put_u64(out, result->cpu_sys_ns);
    bytes_put_u64(out, result->peak_bytes);
    encode_outputs(result, out);
    encode_lists(result, out);
}

static void decode_head(struct reader *reader, struct result_head *head)
{
    head->key = reader_digest(reader);
    head->declared = reader_digest(reader);
    head->workspace = reader_digest(reader);
    head->machine = reader_digest(reader);
    head->instance_hash = reader_u64(reader);
    head->flags = reader_u32(reader);
}

bool result_decode_head(struct str payload, struct result_head *head)
{
    struct reader reader = reader_of(payload.data, payload.len);

    decode_head(&reader, head);
    return reader_ok(&reader);
}

bool result_decode_names(struct str payload, struct str *stage, struct str *instance)
{
    struct str names = str_skip(payload, HEAD_BYTES);
    struct reader reader = reader_of(names.data, names.len);

    *stage = reader_str(&reader);
    *instance = reader_str(&reader);
    return reader_ok(&reader);
}

static struct str decode_str(struct reader *reader, struct arena *arena)
{
    return str_dup(arena, reader_str(reader));
}

static void decode_outputs(struct reader *reader, struct arena *arena, struct result *result)
{
    uint32_t count = reader_count(reader, OUTPUT_LEAST);

    result->outputs = ARENA_ARRAY(arena, struct result_output, count);
    result->output_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct result_output *output = &result->outputs[i];
        uint8_t kind;
        uint8_t bits;

        output->role = decode_str(reader, arena);
        output->path = decode_str(reader, arena);
        kind = reader_u8(reader);
        bits = reader_u8(reader);
        if (kind > RESULT_LINK || bits > (OUTPUT_EXECUTABLE | OUTPUT_STORED)) {
            reader_fail(reader);
            return;
        }
        output->kind = (enum result_kind)kind;
        output->executable = (bits & OUTPUT_EXECUTABLE) != 0;
        output->stored = (bits & OUTPUT_STORED) != 0;
        output->digest = reader_digest(reader);
        output->size_bytes = reader_u64(reader);
    }
}

static void decode_discovered(struct reader *reader, struct arena *arena, struct result *result)
{
    uint32_t count = reader_count(reader, INPUT_LEAST);

    result->discovered = ARENA_ARRAY(arena, struct result_input, count);
    result->discovered_count = count;
    for (uint32_t i = 0; i < count; i++) {
        result->discovered[i].path = decode_str(reader, arena);
        result->discovered[i].missing = reader_u8(reader) != 0;
        result->discovered[i].digest = reader_digest(reader);
    }
}

static void decode_fields(struct reader *reader, struct arena *arena, struct result *result)
{
    uint32_t count = reader_count(reader, 8);

    result->fields = ARENA_ARRAY(arena, struct result_field, count);
    result->field_count = count;
    for (uint32_t i = 0; i < count; i++) {
        result->fields[i].name = decode_str(reader, arena);
        result->fields[i].value = decode_str(reader, arena);
    }
}

static bool decode_float(struct reader *reader, struct arena *arena, struct metric *metric)
{
    *metric = (struct metric){.name = decode_str(reader, arena), .kind = METRIC_FLOAT};
    metric->number = reader_f64(reader);
    return isfinite(metric->number);
}

static bool decode_other(struct reader *reader, struct arena *arena, struct metric *metric)
{
    uint8_t kind;

    *metric = (struct metric){.name = decode_str(reader, arena)};
    kind = reader_u8(reader);
    metric->kind = (enum metric_kind)kind;
    if (kind == METRIC_INT) {
        metric->integer = reader_i64(reader);
    } else {
        metric->is = decode_str(reader, arena);
    }
    return kind == METRIC_INT || kind == METRIC_NONE;
}

/* Those of one section, behind those that are there. */
static bool
decode_section(struct reader *reader, struct arena *arena, struct metric_list *list, uint32_t least,
               bool (*decode)(struct reader *reader, struct arena *arena, struct metric *metric))
{
    uint32_t count = reader_count(reader, least);
    struct metric *items = ARENA_ARRAY(arena, struct metric, (size_t)list->count + count);

    for (uint32_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
    }
    list->items = items;
    for (uint32_t i = 0; i < count; i++) {
        if (!decode(reader, arena, &items[list->count++])) {
            reader_fail(reader);
            return false;
        }
    }
    return true;
}

static void decode_metrics(struct reader *reader, struct arena *arena, struct result *result)
{
    struct metric_list list = {.arena = arena};

    if (!decode_section(reader, arena, &list, 12, decode_float) || !reader_ok(reader)) {
        return;
    }
    if (!reader_done(reader) && !decode_section(reader, arena, &list, 9, decode_other)) {
        return;
    }
    result->metrics = metrics_of(&list);
}

bool result_decode(struct str payload, struct arena *arena, struct result *result)
{
    struct reader reader = reader_of(payload.data, payload.len);
    struct result_head head = {0};

    decode_head(&reader, &head);
    *result = (struct result){.key = head.key,
                              .declared = head.declared,
                              .workspace = head.workspace,
                              .machine = head.machine,
                              .flags = head.flags};
    result->stage = decode_str(&reader, arena);
    result->instance = decode_str(&reader, arena);
    result->run = decode_str(&reader, arena);
    result->attempt = decode_str(&reader, arena);
    result->started_ns = reader_i64(&reader);
    result->ended_ns = reader_i64(&reader);
    result->wall_ns = reader_u64(&reader);
    result->cpu_user_ns = reader_u64(&reader);
    result->cpu_sys_ns = reader_u64(&reader);
    result->peak_bytes = reader_u64(&reader);
    decode_outputs(&reader, arena, result);
    decode_discovered(&reader, arena, result);
    decode_fields(&reader, arena, result);
    decode_metrics(&reader, arena, result);
    return reader_done(&reader);
}

struct str result_fallback(const struct result *result)
{
    const struct result_field *last =
        result->field_count != 0 ? &result->fields[result->field_count - 1] : NULL;

    return (result->flags & RESULT_FALLBACK) != 0 && last != NULL &&
                   str_is(last->name, RESULT_FIELD_FALLBACK)
               ? last->value
               : STR("");
}
