/* The record of a run: chain, torn tails at every byte, every flipped byte, snapshots, following.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/event_log.h"

#define START INT64_C(1795218072345000000)

static char folder[64];
static int dir;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pawl-events-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    return dir < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dir, "e", 0);
    close(dir);
    return rmdir(folder);
}

static void put_bytes(const char *data, size_t size)
{
    int fd = openat(dir, "e", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

static size_t get_bytes(char *data, size_t size)
{
    int fd = openat(dir, "e", O_RDONLY);
    ssize_t got = read(fd, data, size);

    close(fd);
    return (size_t)got;
}

/* Five events, the mark is the third. */
static size_t make_log(char *data, size_t size, bool with_mark)
{
    struct event_log *log;

    unlinkat(dir, "e", 0);
    log = event_log_create(dir, "e", NULL);
    event_log_add(log, START, STR("run.started"), STR("\"run\":\"x\""));
    event_log_add(log, START, STR("stage.started"),
                  STR("\"note\":\"\\\"type\\\":\\\"synced\\\"\""));
    assert_true(event_log_flush(log, NULL));
    if (with_mark) {
        assert_int_equal(event_log_flushed(log), 2);
        event_log_add(log, START, STR("synced"), STR("\"through\":2"));
        assert_int_equal(event_log_flushed(log), 2);
    } else {
        event_log_add(log, START, STR("note"), STR_NONE);
    }
    event_log_add(log, START, STR("stage.ended"), STR("\"n\":4"));
    assert_int_equal(event_log_add(log, START, STR("run.ended"), STR_NONE), 5);
    assert_true(event_log_flush(log, NULL));
    event_log_close(log);
    return get_bytes(data, size);
}

/* Lines of notes and a mark behind them with these fields; the start of each line. */
static size_t make_marked(char *data, size_t size, struct str fields, size_t *starts,
                          unsigned notes)
{
    struct event_log *log;

    unlinkat(dir, "e", 0);
    log = event_log_create(dir, "e", NULL);
    for (unsigned i = 0; i < notes; i++) {
        event_log_add(log, START, STR("note"), STR_NONE);
    }
    event_log_add(log, START, STR("synced"), fields);
    event_log_add(log, START, STR("note"), STR_NONE);
    assert_true(event_log_flush(log, NULL));
    event_log_close(log);
    size = get_bytes(data, size);
    starts[0] = 0;
    for (unsigned i = 1; i <= notes; i++) {
        starts[i] = (size_t)((char *)memchr(data + starts[i - 1], '\n', size) - data) + 1;
    }
    return size;
}

/* Good lines from the start, and how it ends. */
static unsigned read_all(enum event_end *end, uint64_t *bad_line)
{
    struct event_reader *reader = event_reader_open(dir, "e", NULL);
    struct event_line line;
    unsigned count = 0;

    while (event_reader_next(reader, &line)) {
        assert_int_equal(line.seq, ++count);
        assert_int_equal(line.line, count);
    }
    *end = event_reader_end(reader, bad_line);
    assert_int_equal(event_reader_check(reader, NULL), *end != EVENT_END_DAMAGED);
    event_reader_close(reader);
    return count;
}

static void test_round(void **state)
{
    char data[4096];
    size_t size = make_log(data, sizeof(data), true);
    struct event_reader *reader = event_reader_open(dir, "e", NULL);
    struct event_line line;
    struct event_log *log;
    struct digest head;
    uint64_t cut = 1;

    (void)state;
    assert_true(size > 0 && data[size - 1] == '\n');
    assert_true(event_reader_next(reader, &line));
    assert_true(str_is(line.type, "run.started"));
    assert_true(str_is(line.time, "2026-11-20T23:41:12.345Z"));
    assert_true(
        str_has_prefix(line.json, STR("{\"seq\":1,\"time\":\"2026-11-20T23:41:12.345Z\","
                                      "\"type\":\"run.started\",\"run\":\"x\",\"chain\":\"")));
    while (event_reader_next(reader, &line)) {
    }
    assert_int_equal(event_reader_end(reader, NULL), EVENT_END_WHOLE);
    head = event_reader_head(reader);
    log = event_log_append_to(dir, "e", &cut, NULL);
    assert_int_equal(cut, 0);
    assert_int_equal(event_log_seq(log), 5);
    assert_memory_equal(event_log_head(log).bytes, head.bytes, DIGEST_BYTES);
    assert_int_equal(event_log_add(log, START, STR("more"), STR_NONE), 6);
    assert_true(str_has_prefix(event_log_last_line(log), STR("{\"seq\":6,")));
    assert_false(event_reader_next(reader, &line));
    assert_true(event_log_flush(log, NULL));
    assert_true(str_has_suffix(event_log_last_line(log), STR("\"}")));
    assert_true(event_reader_refresh(reader, NULL)); /* following */
    assert_true(event_reader_next(reader, &line));
    assert_true(str_equal(line.json, event_log_last_line(log)));
    assert_false(event_reader_next(reader, &line));
    event_log_close(log);
    event_reader_close(reader);
    assert_null(event_log_create(dir, "e", NULL)); /* never over an old one */
}

static void test_torn(void **state)
{
    char data[4096];
    char head[4096];
    size_t size = make_log(data, sizeof(data), true);

    (void)state;
    for (size_t cut = 0; cut <= size; cut++) {
        struct event_log *log;
        unsigned whole = 0;
        size_t end = 0;
        enum event_end how;
        uint64_t cut_bytes;

        for (size_t i = 0; i < cut; i++) {
            if (data[i] == '\n') {
                whole++;
                end = i + 1;
            }
        }
        put_bytes(data, cut);
        assert_int_equal(read_all(&how, NULL), whole);
        assert_int_equal(how, end == cut ? EVENT_END_WHOLE : EVENT_END_TORN);
        log = event_log_append_to(dir, "e", &cut_bytes, NULL);
        assert_non_null(log);
        assert_int_equal(cut_bytes, cut - end);
        assert_int_equal(event_log_add(log, START, STR("x"), STR_NONE), whole + 1);
        assert_true(event_log_flush(log, NULL));
        event_log_close(log);
        assert_int_equal(read_all(&how, NULL), whole + 1);
        assert_int_equal(how, EVENT_END_WHOLE);
        get_bytes(head, sizeof(head));
        assert_memory_equal(head, data, end);
    }
}

static void test_flips(void **state)
{
    char data[4096];
    char after[4096];

    (void)state;
    for (int with_mark = 0; with_mark < 2; with_mark++) {
        size_t size = make_log(data, sizeof(data), with_mark);
        unsigned line_of = 0; /* whole lines before the flipped byte */

        for (size_t at = 0; at < size; at++) {
            bool newline = data[at] == '\n';
            enum event_end how;
            uint64_t bad_line;
            struct event_log *log;
            struct err err = {0};

            data[at] ^= 4;
            put_bytes(data, size);
            assert_int_equal(read_all(&how, &bad_line), line_of);
            /* The mark is the third line: what was before it had reached the disk. Damage in the
             * mark itself may leave no mark. */
            if (!with_mark || line_of != 2) {
                assert_int_equal(how,
                                 with_mark && line_of < 2 ? EVENT_END_DAMAGED : EVENT_END_TORN);
            }
            assert_int_equal(bad_line, line_of + 1);
            log = event_log_append_to(dir, "e", NULL, &err);
            assert_int_equal(log == NULL, how == EVENT_END_DAMAGED);
            if (log == NULL) {
                assert_int_equal(err.status, STATUS_CORRUPT);
                assert_int_equal(get_bytes(after, sizeof(after)), size);
                assert_memory_equal(after, data, size); /* nothing touched */
            }
            event_log_close(log);
            data[at] ^= 4;
            line_of += newline;
        }
    }
}

/* A line taken out, or two exchanged, breaks the chain. */
static void test_taken_out(void **state)
{
    char data[4096];
    size_t size = make_log(data, sizeof(data), true);
    char *second = memchr(data, '\n', size);
    char *third = memchr(second + 1, '\n', size);
    enum event_end how;

    (void)state;
    second++;
    third++;
    memmove(second, third, size - (size_t)(third - data));
    put_bytes(data, size - (size_t)(third - second));
    assert_int_equal(read_all(&how, NULL), 1);
    assert_int_equal(how, EVENT_END_DAMAGED);
}

/* A mark speaks of what was written before its sync began, not of what came while it went on: a
 * power cut may leave the mark and a hole before it. */
static void test_hole_before_mark(void **state)
{
    static const struct {
        const char *fields;
        unsigned through;
    } marks[] = {{"\"through\":2", 2}, {"\"through\":0", 0}, {"\"through\":4", 4}, {"", 0}};
    char data[4096];
    size_t starts[5];

    (void)state;
    for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++) {
        for (unsigned bad = 0; bad < 4; bad++) {
            size_t size = make_marked(data, sizeof(data), str_of(marks[m].fields), starts, 4);
            uint64_t cut;
            enum event_end how;
            struct event_log *log;

            memset(data + starts[bad], 0, starts[bad + 1] - starts[bad]);
            put_bytes(data, size);
            assert_int_equal(read_all(&how, NULL), bad);
            assert_int_equal(how, bad < marks[m].through ? EVENT_END_DAMAGED : EVENT_END_TORN);
            log = event_log_append_to(dir, "e", &cut, NULL);
            assert_int_equal(log == NULL, bad < marks[m].through);
            assert_true(log == NULL || cut == size - starts[bad]);
            event_log_close(log);
        }
    }
}

/* A power cut loses blocks, not lines. The mark did not reach the disk and is no witness: its
 * middle is lost, or its end, and what follows its beginning is the end of the next line. */
static void test_mark_torn(void **state)
{
    static const struct {
        const char *from; /* in the mark's line: bytes from here are lost */
        const char *to;   /* up to here, in it or in the next line */
    } holes[] = {{"\"through\"", "\"note\""}, {"\"run\"", "\"note\""},
                 {"ed\",", "\"note\""},       {",\"run\"", "\"through\""},
                 {"\"through", "\"chain\""},  {",\"chain\"", "\"note\""}};
    char data[4096];
    size_t starts[4];

    (void)state;
    for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        for (unsigned notes = 0; notes < 3; notes++) {
            char fields[64];
            enum event_end how;
            size_t size;
            char *from;
            char *to;

            (void)snprintf(fields, sizeof(fields), "\"run\":\"x\",\"through\":%u", notes);
            size = make_marked(data, sizeof(data) - 1, str_of(fields), starts, notes);
            data[size] = '\0';
            from = strstr(data + starts[notes], holes[i].from);
            to = strstr(data + starts[notes], holes[i].to);
            assert_true(from != NULL && to != NULL && from < to);
            memset(from, 0, (size_t)(to - from));
            put_bytes(data, size);
            assert_int_equal(read_all(&how, NULL), notes);
            assert_int_equal(how, EVENT_END_TORN);
        }
    }
}

static void test_snapshot(void **state)
{
    struct event_log *log = event_log_create(dir, "e", NULL);
    struct event_reader *reader;
    struct event_line line;
    char fields[700];
    struct digest head;

    (void)state;
    memset(fields, 'x', sizeof(fields));
    memcpy(fields, "\"long\":\"", 8);
    fields[sizeof(fields) - 1] = '"';
    for (int i = 1; i <= 3000; i++) {
        event_log_add(log, START, i == 1000 || i == 2000 ? STR("snapshot") : STR("note"),
                      str_n(fields, sizeof(fields)));
    }
    assert_true(event_log_flush(log, NULL));
    assert_true(event_log_sync(log, NULL));
    head = event_log_head(log);
    event_log_close(log);
    reader = event_reader_open(dir, "e", NULL);
    assert_true(event_reader_seek_snapshot(reader));
    for (uint64_t seq = 2000; seq <= 3000; seq++) {
        assert_true(event_reader_next(reader, &line));
        assert_int_equal(line.seq, seq);
    }
    assert_false(event_reader_next(reader, &line));
    assert_int_equal(event_reader_end(reader, NULL), EVENT_END_WHOLE);
    assert_memory_equal(event_reader_head(reader).bytes, head.bytes, DIGEST_BYTES);
    event_reader_close(reader);
}

static void test_no_snapshot(void **state)
{
    char data[4096];
    struct event_reader *reader;
    struct event_line line;

    (void)state;
    make_log(data, sizeof(data), true);
    reader = event_reader_open(dir, "e", NULL);
    assert_false(event_reader_seek_snapshot(reader));
    assert_true(event_reader_next(reader, &line));
    assert_int_equal(line.seq, 1);
    event_reader_close(reader);
}

/* Reading begins behind a line that is known, and only there; else with the first. */
static void test_seek(void **state)
{
    struct event_log *log = event_log_create(dir, "e", NULL);
    struct event_place place;
    struct event_place wrong[5];
    struct event_reader *reader;
    struct event_line line;
    struct digest head;
    struct err err = {0};

    (void)state;
    assert_false(event_log_place(log, &place));
    for (int i = 1; i <= 6; i++) {
        event_log_add(log, START, STR("note"), STR("\"long\":\"words\""));
        assert_false(event_log_place(log, &wrong[0]));
        if (i == 4) {
            assert_true(event_log_flush(log, NULL));
            assert_true(event_log_place(log, &place));
        }
    }
    assert_true(event_log_flush(log, NULL));
    head = event_log_head(log);
    event_log_close(log);
    assert_int_equal(place.seq, 4);
    reader = event_reader_open(dir, "e", NULL);
    assert_true(event_reader_seek(reader, &place));
    assert_true(event_reader_next(reader, &line));
    assert_int_equal(line.seq, 5);
    assert_int_equal(line.line, 5);
    assert_true(event_reader_next(reader, &line));
    assert_false(event_reader_next(reader, &line));
    assert_int_equal(event_reader_end(reader, NULL), EVENT_END_WHOLE);
    assert_memory_equal(event_reader_head(reader).bytes, head.bytes, DIGEST_BYTES);
    for (int i = 0; i < 5; i++) {
        wrong[i] = place;
    }
    wrong[0].offset++;
    wrong[1].seq--;
    wrong[2].before.bytes[0] ^= 1;
    wrong[3].chain.bytes[0] ^= 1;
    wrong[4].offset = 1 << 20;
    for (int i = 0; i < 5; i++) {
        assert_false(event_reader_seek(reader, &wrong[i]));
        for (uint64_t seq = 1; seq <= 6; seq++) {
            assert_true(event_reader_next(reader, &line));
            assert_int_equal(line.seq, seq);
            assert_int_equal(line.line, seq);
        }
        assert_false(event_reader_next(reader, &line));
        assert_true(event_reader_check(reader, &err));
    }
    event_reader_close(reader);
    log = event_log_append_to(dir, "e", NULL, NULL);
    assert_false(event_log_place(log, &place)); /* it has not written that line */
    event_log_close(log);
}

static void test_frozen(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct event_reader *reader = event_reader_open(formats, "events.jsonl", NULL);
    struct event_line line;
    unsigned count = 0;

    (void)state;
    assert_non_null(reader);
    while (event_reader_next(reader, &line)) {
        count++;
    }
    assert_int_equal(count, 5);
    assert_int_equal(event_reader_end(reader, NULL), EVENT_END_WHOLE);
    event_reader_close(reader);
    close(formats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),     TEST(test_torn),     TEST(test_flips),
        TEST(test_taken_out), TEST(test_snapshot), TEST(test_no_snapshot),
        TEST(test_seek),      TEST(test_frozen),   TEST(test_hole_before_mark),
        TEST(test_mark_torn),
    };

    return cmocka_run_group_tests_name("store/event_log", tests, NULL, NULL);
}
