/* What the process of a stream is told and tells: what was written is read back, and nothing that
 * is cut or longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run/stream_spec.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static struct str argv[] = {TEXT("/bin/sh"), TEXT("-c"), TEXT("cat")};
static struct str envp[] = {TEXT("A=b"), TEXT("")};
static struct str paths[] = {TEXT("list"), TEXT("more")};
static int32_t codes[] = {75, -1};
static int links[] = {50, 51};

static struct stream_way_spec ways[] = {
    {.percent = 100,
     .key = {{1, 2, 3}},
     .dir = TEXT("sub"),
     .shell = {.program = TEXT("/bin/sh"), .argv = argv, .argc = 3, .envp = envp, .envc = 2},
     .has_breaker = true,
     .breaker_number = 3,
     .breaker = {.name = TEXT("api"),
                 .failure_ratio = 0.25,
                 .min_calls = 4,
                 .window_ns = 10,
                 .open_for_ns = 20,
                 .slow_call_ns = 30,
                 .fails_when_open = true},
     .breaker_state = BREAKER_OPEN,
     .breaker_opened_ns = -5},
    {.variant = TEXT("new"), .flag = TEXT("f"), .percent = 0.5, .fallback = true},
};

static const struct stream_spec spec = {
    .stage = TEXT("s"),
    .instance = TEXT("s@a=1"),
    .attempt_id = TEXT("id"),
    .rule = {.kind = M_EACH_STAGE,
             .worker = true,
             .dedupe = true,
             .workers = 7,
             .queue = 8,
             .max_dead_is_share = true,
             .max_dead = UINT64_MAX,
             .timeout_ns = INT64_MAX},
    .retry = {.max = 3,
              .backoff = RETRY_LINEAR,
              .delay_ns = 1,
              .max_delay_ns = 2,
              .jitter = true,
              .on = 5,
              .exit_codes = codes,
              .exit_code_count = 2},
    .ways = ways,
    .way_count = 2,
    .early = true,
    .one_by_one = true,
    .has_stdout = true,
    .workers = 9,
    .grace_ns = 11,
    .paths = paths,
    .path_count = 2,
    .dead_path = TEXT("dead"),
    .channel_fd = 3,
    .source_fd = -1,
    .lives_fd = 46,
    .links = links,
    .link_count = 2,
};

static void spec_round_trip(void **state)
{
    struct strbuf first = {0}, again = {0};
    struct stream_spec read;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    stream_spec_write(&spec, &first);
    assert_true(stream_spec_read(&read, strbuf_str(&first), &arena));
    stream_spec_write(&read, &again);
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.data, again.data, first.len);
    assert_true(str_equal(read.instance, spec.instance));
    assert_int_equal(read.rule.kind, M_EACH_STAGE);
    assert_true(read.rule.max_dead == UINT64_MAX);
    assert_int_equal(read.retry.exit_codes[1], -1);
    assert_int_equal(read.way_count, 2);
    assert_true(str_equal(read.ways[0].shell.argv[2], argv[2]));
    assert_true(str_equal(read.ways[0].breaker.name, ways[0].breaker.name));
    assert_true(read.ways[0].breaker_opened_ns == -5);
    assert_true(read.ways[1].fallback);
    assert_int_equal(read.source_fd, -1);
    assert_int_equal(read.links[1], 51);
    strbuf_fini(&first);
    strbuf_fini(&again);
    arena_fini(&arena);
}

static void a_cut_spec_is_none(void **state)
{
    struct strbuf bytes = {0};
    struct stream_spec read;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    stream_spec_write(&spec, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_false(stream_spec_read(&read, str_n(bytes.data, len), &arena));
        arena_reset(&arena);
    }
    strbuf_putc(&bytes, 'x');
    assert_false(stream_spec_read(&read, strbuf_str(&bytes), &arena));
    strbuf_fini(&bytes);
    arena_fini(&arena);
}

static void words(void **state)
{
    const struct stream_word ended = {.kind = STREAM_ENDED,
                                      .cause = CAUSE_EXIT,
                                      .exit_code = 75,
                                      .signal = 9,
                                      .reason = TEXT("too many")};
    const struct stream_word moved = {
        .kind = STREAM_BREAKER, .breaker = 2, .state = BREAKER_HALF_OPEN, .opened_ns = INT64_MIN};
    struct strbuf bytes = {0};
    struct stream_word word;
    struct str rest;
    size_t one;

    (void)state;
    stream_word_write(&ended, &bytes);
    one = bytes.len;
    stream_word_write(&moved, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        rest = str_n(bytes.data, len);
        assert_int_equal(stream_word_take(&rest, &word), len >= one);
        assert_int_equal(rest.len, len >= one ? len - one : len);
        assert_false(stream_word_take(&rest, &word));
    }
    rest = strbuf_str(&bytes);
    assert_true(stream_word_take(&rest, &word));
    assert_int_equal(word.kind, STREAM_ENDED);
    assert_int_equal(word.cause, CAUSE_EXIT);
    assert_int_equal(word.exit_code, 75);
    assert_int_equal(word.signal, 9);
    assert_true(str_is(word.reason, "too many"));
    assert_true(stream_word_take(&rest, &word));
    assert_int_equal(word.kind, STREAM_BREAKER);
    assert_int_equal(word.breaker, 2);
    assert_int_equal(word.state, BREAKER_HALF_OPEN);
    assert_true(word.opened_ns == INT64_MIN);
    assert_int_equal(rest.len, 0);
    strbuf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spec_round_trip),
        cmocka_unit_test(a_cut_spec_is_none),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
