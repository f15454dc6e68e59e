/* Owns both codecs: fields in the order of the structs, one after the other; and where the log of a
 * key lies. */
#include "run/stream_spec.h"

#include <string.h>

#include "base/hex.h"
#include "base/sys.h"

enum { STREAM_WORD_MOST_BYTES = 64 << 10 };

static void spec_put_strs(struct strbuf *out, const struct str *items, uint32_t count)
{
    bytes_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        bytes_put_str(out, items[i]);
    }
}

static struct str spec_get_str(struct reader *reader, struct arena *arena)
{
    return str_dup(arena, reader_str(reader));
}

static struct str *spec_get_strs(struct reader *reader, struct arena *arena, uint32_t *count)
{
    struct str *items;

    *count = reader_count(reader, 4);
    items = ARENA_ARRAY(arena, struct str, *count + 1);
    for (uint32_t i = 0; i < *count; i++) {
        items[i] = spec_get_str(reader, arena);
    }
    return items;
}

static void spec_put_command(struct strbuf *out, const struct stream_command *command)
{
    bytes_put_str(out, command->program);
    spec_put_strs(out, command->sooner, command->sooner_count);
    spec_put_strs(out, command->argv, command->argc);
    spec_put_strs(out, command->envp, command->envc);
}

static void spec_get_command(struct reader *reader, struct arena *arena,
                             struct stream_command *command)
{
    command->program = spec_get_str(reader, arena);
    command->sooner = spec_get_strs(reader, arena, &command->sooner_count);
    command->argv = spec_get_strs(reader, arena, &command->argc);
    command->envp = spec_get_strs(reader, arena, &command->envc);
}

static void spec_put_watched(struct strbuf *out, const struct stream_watched *file)
{
    unsigned char bytes[SIGNATURE_BYTES];

    signature_encode(&file->signature, bytes);
    bytes_put_str(out, file->path);
    strbuf_add(out, bytes, sizeof(bytes));
    bytes_put_u8(out, file->firm);
    bytes_put_u8(out, file->has_digest);
    bytes_put_digest(out, &file->digest);
}

static void spec_get_watched(struct reader *reader, struct arena *arena,
                             struct stream_watched *file)
{
    struct str bytes;

    file->path = spec_get_str(reader, arena);
    bytes = reader_raw(reader, SIGNATURE_BYTES);
    if (bytes.len == SIGNATURE_BYTES) {
        signature_decode((const unsigned char *)bytes.data, &file->signature);
    }
    file->firm = reader_u8(reader) != 0;
    file->has_digest = reader_u8(reader) != 0;
    file->digest = reader_digest(reader);
}

static void spec_put_retry(struct strbuf *out, const struct plan_retry *retry)
{
    bytes_put_u32(out, retry->max);
    bytes_put_u32(out, retry->backoff);
    bytes_put_i64(out, retry->delay_ns);
    bytes_put_i64(out, retry->max_delay_ns);
    bytes_put_u8(out, retry->jitter);
    bytes_put_u32(out, retry->on);
    bytes_put_u32(out, retry->exit_code_count);
    for (uint32_t i = 0; i < retry->exit_code_count; i++) {
        bytes_put_u32(out, (uint32_t)retry->exit_codes[i]);
    }
}

static void spec_get_retry(struct reader *reader, struct arena *arena, struct plan_retry *retry)
{
    int32_t *codes;

    retry->max = reader_u32(reader);
    retry->backoff = (enum retry_backoff)reader_u32(reader);
    retry->delay_ns = reader_i64(reader);
    retry->max_delay_ns = reader_i64(reader);
    retry->jitter = reader_u8(reader) != 0;
    retry->on = reader_u32(reader);
    retry->exit_code_count = reader_count(reader, 4);
    codes = ARENA_ARRAY(arena, int32_t, retry->exit_code_count);
    for (uint32_t i = 0; i < retry->exit_code_count; i++) {
        codes[i] = (int32_t)reader_u32(reader);
    }
    retry->exit_codes = codes;
}

static void spec_put_breaker(struct strbuf *out, const struct stream_way_spec *way)
{
    const struct plan_breaker *rule = &way->breaker;

    bytes_put_u8(out, way->has_breaker);
    bytes_put_u32(out, way->breaker_number);
    bytes_put_str(out, rule->name);
    bytes_put_f64(out, rule->failure_ratio);
    bytes_put_u32(out, rule->min_calls);
    bytes_put_i64(out, rule->window_ns);
    bytes_put_i64(out, rule->open_for_ns);
    bytes_put_i64(out, rule->slow_call_ns);
    bytes_put_u8(out, rule->fails_when_open);
    bytes_put_u32(out, way->breaker_state);
    bytes_put_i64(out, way->breaker_opened_ns);
}

static void spec_get_breaker(struct reader *reader, struct arena *arena,
                             struct stream_way_spec *way)
{
    struct plan_breaker *rule = &way->breaker;

    way->has_breaker = reader_u8(reader) != 0;
    way->breaker_number = reader_u32(reader);
    rule->name = spec_get_str(reader, arena);
    rule->failure_ratio = reader_f64(reader);
    rule->min_calls = reader_u32(reader);
    rule->window_ns = reader_i64(reader);
    rule->open_for_ns = reader_i64(reader);
    rule->slow_call_ns = reader_i64(reader);
    rule->fails_when_open = reader_u8(reader) != 0;
    way->breaker_state = (enum breaker_state)reader_u32(reader);
    way->breaker_opened_ns = reader_i64(reader);
}

static void spec_put_way(struct strbuf *out, const struct stream_way_spec *way)
{
    bytes_put_str(out, way->variant);
    bytes_put_str(out, way->flag);
    bytes_put_f64(out, way->percent);
    bytes_put_u8(out, way->fallback);
    bytes_put_digest(out, &way->key);
    bytes_put_str(out, way->dir);
    spec_put_command(out, &way->direct);
    spec_put_command(out, &way->shell);
    spec_put_breaker(out, way);
}

static void spec_get_way(struct reader *reader, struct arena *arena, struct stream_way_spec *way)
{
    way->variant = spec_get_str(reader, arena);
    way->flag = spec_get_str(reader, arena);
    way->percent = reader_f64(reader);
    way->fallback = reader_u8(reader) != 0;
    way->key = reader_digest(reader);
    way->dir = spec_get_str(reader, arena);
    spec_get_command(reader, arena, &way->direct);
    spec_get_command(reader, arena, &way->shell);
    spec_get_breaker(reader, arena, way);
}

static void spec_put_rule(struct strbuf *out, const struct plan_stream *rule)
{
    bytes_put_u32(out, rule->kind);
    bytes_put_u8(out, rule->worker);
    bytes_put_u8(out, rule->dedupe);
    bytes_put_u32(out, rule->workers);
    bytes_put_u32(out, rule->queue);
    bytes_put_u8(out, rule->max_dead_is_share);
    bytes_put_u64(out, rule->max_dead);
    bytes_put_i64(out, rule->timeout_ns);
}

static void spec_get_rule(struct reader *reader, struct plan_stream *rule)
{
    rule->kind = (enum m_each_kind)reader_u32(reader);
    rule->worker = reader_u8(reader) != 0;
    rule->dedupe = reader_u8(reader) != 0;
    rule->workers = reader_u32(reader);
    rule->queue = reader_u32(reader);
    rule->max_dead_is_share = reader_u8(reader) != 0;
    rule->max_dead = reader_u64(reader);
    rule->timeout_ns = reader_i64(reader);
}

void stream_spec_write(const struct stream_spec *spec, struct strbuf *out)
{
    bytes_put_str(out, spec->stage);
    bytes_put_str(out, spec->instance);
    bytes_put_str(out, spec->attempt_id);
    spec_put_rule(out, &spec->rule);
    spec_put_retry(out, &spec->retry);
    bytes_put_u32(out, spec->way_count);
    for (uint32_t i = 0; i < spec->way_count; i++) {
        spec_put_way(out, &spec->ways[i]);
    }
    bytes_put_u8(out, spec->early);
    bytes_put_u8(out, spec->one_by_one);
    bytes_put_u8(out, spec->has_stdout);
    bytes_put_u8(out, spec->last_only);
    bytes_put_u32(out, spec->workers);
    bytes_put_i64(out, spec->grace_ns);
    bytes_put_u32(out, spec->watched_count);
    for (uint32_t i = 0; i < spec->watched_count; i++) {
        spec_put_watched(out, &spec->watched[i]);
    }
    bytes_put_u8(out, spec->afresh);
    spec_put_strs(out, spec->paths, spec->path_count);
    bytes_put_str(out, spec->dead_path);
    bytes_put_i64(out, spec->channel_fd);
    bytes_put_i64(out, spec->source_fd);
    bytes_put_i64(out, spec->lives_fd);
    bytes_put_u32(out, spec->link_count);
    for (uint32_t i = 0; i < spec->link_count; i++) {
        bytes_put_i64(out, spec->links[i]);
    }
}

bool stream_spec_read(struct stream_spec *spec, struct str bytes, struct arena *arena)
{
    struct reader reader = reader_of(bytes.data, bytes.len);

    *spec = (struct stream_spec){.channel_fd = -1};
    spec->stage = spec_get_str(&reader, arena);
    spec->instance = spec_get_str(&reader, arena);
    spec->attempt_id = spec_get_str(&reader, arena);
    spec_get_rule(&reader, &spec->rule);
    spec_get_retry(&reader, arena, &spec->retry);
    spec->way_count = reader_count(&reader, DIGEST_BYTES);
    spec->ways = ARENA_ARRAY(arena, struct stream_way_spec, spec->way_count);
    for (uint32_t i = 0; i < spec->way_count; i++) {
        spec_get_way(&reader, arena, &spec->ways[i]);
    }
    spec->early = reader_u8(&reader) != 0;
    spec->one_by_one = reader_u8(&reader) != 0;
    spec->has_stdout = reader_u8(&reader) != 0;
    spec->last_only = reader_u8(&reader) != 0;
    spec->workers = reader_u32(&reader);
    spec->grace_ns = reader_i64(&reader);
    spec->watched_count = reader_count(&reader, SIGNATURE_BYTES + DIGEST_BYTES);
    spec->watched = ARENA_ARRAY(arena, struct stream_watched, spec->watched_count);
    for (uint32_t i = 0; i < spec->watched_count; i++) {
        spec_get_watched(&reader, arena, &spec->watched[i]);
    }
    spec->afresh = reader_u8(&reader) != 0;
    spec->paths = spec_get_strs(&reader, arena, &spec->path_count);
    spec->dead_path = spec_get_str(&reader, arena);
    spec->channel_fd = (int)reader_i64(&reader);
    spec->source_fd = (int)reader_i64(&reader);
    spec->lives_fd = (int)reader_i64(&reader);
    spec->link_count = reader_count(&reader, 8);
    spec->links = ARENA_ARRAY(arena, int, spec->link_count);
    for (uint32_t i = 0; i < spec->link_count; i++) {
        spec->links[i] = (int)reader_i64(&reader);
    }
    return reader_done(&reader) && spec->way_count != 0;
}

/* --- words --- */

void stream_word_write(const struct stream_word *word, struct strbuf *out)
{
    struct strbuf body = {0};

    bytes_put_u8(&body, (uint8_t)word->kind);
    bytes_put_u32(&body, word->cause);
    bytes_put_i64(&body, word->exit_code);
    bytes_put_i64(&body, word->signal);
    bytes_put_u32(&body, word->breaker);
    bytes_put_u32(&body, word->state);
    bytes_put_i64(&body, word->opened_ns);
    bytes_put_str(&body, str_head(word->reason, STREAM_WORD_MOST_BYTES / 2));
    bytes_put_blob(out, body.data, body.len);
    strbuf_fini(&body);
}

bool stream_word_take(struct str *bytes, struct stream_word *word)
{
    struct reader reader = reader_of(bytes->data, bytes->len);
    struct str body = reader_blob(&reader);

    if (!reader_ok(&reader)) {
        return false;
    }
    *bytes = str_skip(*bytes, bytes->len - reader_left(&reader));
    reader = reader_of(body.data, body.len);
    word->kind = reader_u8(&reader);
    word->cause = (enum cause)reader_u32(&reader);
    word->exit_code = (int)reader_i64(&reader);
    word->signal = (int)reader_i64(&reader);
    word->breaker = reader_u32(&reader);
    word->state = (enum breaker_state)reader_u32(&reader);
    word->opened_ns = reader_i64(&reader);
    word->reason = reader_str(&reader);
    return reader_done(&reader) && word->cause < CAUSE_COUNT;
}

/* --- the log of a key --- */

void stream_way_forget(const struct digest *key)
{
    char path[sizeof(".pawl/items/") + DIGEST_HEX_BYTES] = ".pawl/items/";
    char hex[DIGEST_HEX_BYTES + 1];

    strcat(path, digest_hex(key, hex));
    sys_unlink(path);
}
