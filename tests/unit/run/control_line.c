/* The lines of the control protocol: what is written is read again, and what is no such line is
 * refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/control_line.h"

static struct arena arena;

/* Without the end of line, which must be there. */
static struct str line_of(const struct strbuf *text)
{
    assert_int_equal(text->data[text->len - 1], '\n');
    assert_null(memchr(text->data, '\n', text->len - 1));
    assert_true(text->len <= CONTROL_LINE_BYTES);
    return str_n(text->data, text->len - 1);
}

static void requests(void **state)
{
    struct control_request request = {.ask = CONTROL_CANCEL,
                                      .now = true,
                                      .wait = true,
                                      .reason = STR("wrong \"data\""),
                                      .attempt = STR("r.1.2.x")};
    struct control_request read;
    struct strbuf text = {0};
    struct err err;

    (void)state;
    control_request_write(&request, &text);
    assert_true(control_request_read(line_of(&text), &arena, &read, &err));
    assert_int_equal(read.ask, CONTROL_CANCEL);
    assert_true(read.now && read.wait);
    assert_true(str_equal(read.reason, request.reason));
    assert_true(str_equal(read.attempt, request.attempt));
    strbuf_fini(&text);
}

static void least_request(void **state)
{
    struct control_request read;
    struct err err;

    (void)state;
    assert_true(control_request_read(STR("{\"pawl\":1,\"ask\":\"state\",\"more\":[1]}"), &arena,
                                     &read, &err));
    assert_int_equal(read.ask, CONTROL_STATE);
    assert_false(read.now || read.wait);
    assert_int_equal(read.reason.len, 0);
}

static void what_is_no_request(void **state)
{
    static const char *const lines[] = {"",
                                        "x",
                                        "{}",
                                        "[1]",
                                        "{\"pawl\":1}",
                                        "{\"pawl\":2,\"ask\":\"state\"}",
                                        "12",
                                        "{\"pawl\":\"1\",\"ask\":\"state\"}",
                                        "{\"pawl\":1,\"ask\":\"rm\"}",
                                        "{\"pawl\":1,\"ask\":1}",
                                        "{\"pawl\":1,\"ask\":\"state\"",
                                        "\xff\xfe"};
    struct control_request read;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct err err = {0};

        assert_false(control_request_read(str_of(lines[i]), &arena, &read, &err));
        assert_true(err.text[0] != '\0');
    }
}

/* What somebody gives as a reason goes to terminals. */
static void a_reason_is_one_line(void **state)
{
    struct control_request request = {.ask = CONTROL_CANCEL, .attempt = STR("")}, read;
    struct strbuf text = {0}, reason = {0};
    struct err err;

    (void)state;
    strbuf_puts(&reason, "\033[2Jone\ntwo");
    for (int i = 0; i < CONTROL_REASON_BYTES; i++) {
        strbuf_putc(&reason, 'x');
    }
    request.reason = strbuf_str(&reason);
    control_request_write(&request, &text);
    assert_true(control_request_read(line_of(&text), &arena, &read, &err));
    assert_int_equal(read.reason.len, CONTROL_REASON_BYTES);
    assert_true(str_has_prefix(read.reason, STR(" [2Jone twoxx")));
    strbuf_fini(&text);
    strbuf_fini(&reason);
}

static void replies(void **state)
{
    struct control_reply reply = {.verdict = CONTROL_REFUSE,
                                  .status = RUN_PAUSED,
                                  .run = STR("20261120T234112Z-7f3a"),
                                  .reason = STR("it is over"),
                                  .running = 3,
                                  .stop = STR("pause"),
                                  .left_ns = 1500};
    struct control_reply read;
    struct strbuf text = {0};
    struct err err;

    (void)state;
    control_reply_write(&reply, &text);
    assert_true(control_reply_read(line_of(&text), &arena, &read, &err));
    assert_int_equal(read.verdict, CONTROL_REFUSE);
    assert_int_equal(read.status, RUN_PAUSED);
    assert_int_equal(read.running, 3);
    assert_int_equal(read.left_ns, 1500);
    assert_true(str_equal(read.run, reply.run) && str_equal(read.reason, reply.reason) &&
                str_equal(read.stop, reply.stop));
    assert_false(control_reply_read(STR("{\"pawl\":1,\"verdict\":\"done\"}"), &arena, &read, &err));
    strbuf_fini(&text);
}

/* Lines of version 1 are read for ever. */
static void frozen_sample(void **state)
{
    FILE *file = fopen("testdata/formats/control.jsonl", "r");
    char line[CONTROL_LINE_BYTES];
    struct control_request request;
    struct control_reply reply;
    struct err err;

    (void)state;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_true(control_request_read(str_n(line, strlen(line) - 1), &arena, &request, &err));
    assert_int_equal(request.ask, CONTROL_CANCEL);
    assert_true(str_is(request.reason, "wrong data"));
    assert_non_null(fgets(line, sizeof(line), file));
    assert_true(control_reply_read(str_n(line, strlen(line) - 1), &arena, &reply, &err));
    assert_int_equal(reply.status, RUN_RUNNING);
    assert_int_equal(reply.running, 3);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(least_request),
        cmocka_unit_test(what_is_no_request),
        cmocka_unit_test(a_reason_is_one_line),
        cmocka_unit_test(replies),
        cmocka_unit_test(frozen_sample),
    };
    int failed;

    arena_init(&arena);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
