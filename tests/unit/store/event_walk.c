/* The quick way through a record: the same lines as the verified one, in a small window, beside a
 * writer. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temp_folder.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/event_log.h"
#include "store/event_walk.h"

static void lines_come_as_they_were_written(void **state)
{
    struct temp_folder folder;
    struct event_walk walk;
    struct event_log *log;
    struct strbuf fields = {0};
    struct str line;
    uint64_t number;

    (void)state;
    temp_folder_make(&folder);
    log = event_log_create(folder.fd, "events.jsonl", NULL);
    assert_non_null(log);
    assert_true(event_walk_open(&walk, folder.fd, "events.jsonl", NULL));
    assert_false(event_walk_next(&walk, &line));
    for (uint64_t n = 1; n <= 3000; n++) {
        strbuf_clear(&fields);
        strbuf_printf(&fields, "\"n\":%llu", (unsigned long long)n);
        /* Some are longer than the window. */
        strbuf_puts(&fields, ",\"text\":\"");
        for (uint64_t i = 0; i < (n % 1000 == 0 ? 400000 : n % 300); i++) {
            strbuf_putc(&fields, 'x');
        }
        strbuf_putc(&fields, '"');
        assert_int_equal(event_log_add(log, 0, STR("test"), strbuf_str(&fields)), n);
        if (n % 700 != 0) {
            continue;
        }
        assert_true(event_log_flush(log, NULL));
        for (uint64_t m = n - 699; m <= n; m++) {
            assert_true(event_walk_next(&walk, &line));
            assert_true(event_walk_number(line, "n", &number));
            assert_int_equal(number, m);
            assert_true(str_is(event_walk_type(line), "test"));
        }
        assert_false(event_walk_next(&walk, &line));
    }
    event_log_close(log);
    event_walk_close(&walk);
    strbuf_fini(&fields);
    temp_folder_remove(&folder);
}

static void a_line_that_is_being_written_is_none_yet(void **state)
{
    struct temp_folder folder;
    struct event_walk walk;
    struct str line;
    int fd;

    (void)state;
    temp_folder_make(&folder);
    fd = sys_openat(folder.fd, "f", O_WRONLY | O_CREAT, 0600);
    assert_true(event_walk_open(&walk, folder.fd, "f", NULL));
    assert_int_equal(sys_write_full(fd, "one\ntw", 6), 0);
    assert_true(event_walk_next(&walk, &line) && str_is(line, "one"));
    assert_false(event_walk_next(&walk, &line));
    assert_int_equal(sys_write_full(fd, "o\n\n", 3), 0);
    assert_true(event_walk_next(&walk, &line) && str_is(line, "two"));
    assert_true(event_walk_next(&walk, &line) && line.len == 0);
    assert_false(event_walk_next(&walk, &line));
    sys_close(fd);
    event_walk_close(&walk);
    temp_folder_remove(&folder);
}

static void members_are_found_and_texts_do_not_look_like_them(void **state)
{
    struct str line =
        STR("{\"seq\":7,\"time\":\"T\",\"type\":\"attempt.finished\",\"reason\":\"a "
            "\\\",\\\"stage\\\":\\\"b\",\"stage\":\"c\\\"d\",\"wall_ns\":-1,\"n\":12");
    struct str text;
    uint64_t number;

    (void)state;
    assert_true(str_is(event_walk_type(line), "attempt.finished"));
    assert_true(event_walk_text(line, "stage", &text) && str_is(text, "c\\\"d"));
    assert_true(event_walk_number(line, "n", &number) && number == 12);
    assert_false(event_walk_number(line, "wall_ns", &number));
    assert_false(event_walk_number(line, "stage", &number));
    assert_false(event_walk_text(line, "n", &text));
    assert_false(event_walk_text(line, "no", &text));
    assert_false(event_walk_text(STR("{\"a\":1,\"b\":\"x"), "b", &text));
    assert_true(str_is(event_walk_type(STR("")), ""));
    assert_true(str_is(event_walk_type(STR("\\\\,\"type\":\"\\")), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_as_they_were_written),
        cmocka_unit_test(a_line_that_is_being_written_is_none_yet),
        cmocka_unit_test(members_are_found_and_texts_do_not_look_like_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
