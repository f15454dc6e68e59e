/* Arguments become typed members of struct cli. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/command.h"

enum { ARGS_MAX = 32 };

struct call {
    struct cli cli;
    struct err err;
    bool good;
};

/* Parses a line of words divided by single blanks. */
static void call_parse(struct call *call, const char *line)
{
    static char words[256];
    char *argv[ARGS_MAX + 1];
    int argc = 0;

    assert_true(strlen(line) < sizeof(words));
    strcpy(words, line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    memset(call, 0, sizeof(*call));
    cli_init(&call->cli, NULL);
    call->good = cli_parse(&call->cli, argc, argv, &call->err);
}

static void call_end(struct call *call)
{
    cli_fini(&call->cli);
}

static void expect_error(const char *line, const char *text)
{
    struct call call;

    call_parse(&call, line);
    assert_false(call.good);
    assert_int_equal(call.err.status, STATUS_USAGE);
    assert_string_equal(call.err.text, text);
    call_end(&call);
}

static void test_types(void **state)
{
    struct call call;

    (void)state;
    call_parse(&call, "pawl -C there run a -p x=1 --param=y=a=b -kj4 b --from c --label=z= "
                      "--output stream --force --force=d");
    assert_true(call.good);
    assert_string_equal(call.cli.command->name, "run");
    assert_string_equal(call.cli.dir, "there");
    assert_int_equal(call.cli.operands.count, 2);
    assert_string_equal(call.cli.operands.items[1], "b");
    assert_int_equal(call.cli.params.count, 2);
    assert_true(str_is(call.cli.params.items[1].name, "y"));
    assert_true(str_is(call.cli.params.items[1].value, "a=b"));
    assert_true(call.cli.keep_going);
    assert_true(call.cli.jobs.given);
    assert_int_equal(call.cli.jobs.count, 4);
    assert_string_equal(call.cli.from, "c");
    assert_true(str_is(call.cli.labels.items[0].value, ""));
    assert_int_equal(call.cli.output, CLI_OUTPUT_STREAM);
    assert_int_equal(call.cli.force.count, 2);
    assert_string_equal(call.cli.force.items[0], "");
    assert_string_equal(call.cli.force.items[1], "d");
    call_end(&call);
}

static void test_own_options_first(void **state)
{
    struct call call;

    (void)state;
    call_parse(&call, "pawl -f x.toml log -f a");
    assert_true(call.good);
    assert_string_equal(call.cli.file, "x.toml");
    assert_true(call.cli.follow);
    call_end(&call);
    call_parse(&call, "pawl run -f x.toml");
    assert_true(call.good);
    assert_string_equal(call.cli.file, "x.toml");
    call_end(&call);
}

static void test_end_of_options(void **state)
{
    struct call call;

    (void)state;
    call_parse(&call, "pawl run -q -- -k - --");
    assert_true(call.good);
    assert_false(call.cli.keep_going);
    assert_int_equal(call.cli.operands.count, 3);
    assert_string_equal(call.cli.operands.items[0], "-k");
    assert_string_equal(call.cli.operands.items[1], "-");
    assert_string_equal(call.cli.operands.items[2], "--");
    call_end(&call);
}

static void test_jobs(void **state)
{
    struct call call;

    (void)state;
    call_parse(&call, "pawl run -j auto");
    assert_true(call.good && call.cli.jobs.given);
    assert_int_equal(call.cli.jobs.count, 0);
    call_end(&call);
    expect_error("pawl run -j 10001",
                 "'10001' of '--jobs' is no number from 1 to 10000: give one, or 'auto'");
    expect_error("pawl run -j-1",
                 "'-1' of '--jobs' is no number from 1 to 10000: give one, or 'auto'");
    expect_error("pawl run -j", "'--jobs' needs a value: N|auto");
}

static void test_many(void **state)
{
    struct call call;

    (void)state;
    call_parse(&call, "pawl run 1 2 3 4 5 6 7 8 9");
    assert_true(call.good);
    assert_int_equal(call.cli.operands.count, 9);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(call.cli.operands.items[i][0], '1' + (int)i);
    }
    call_end(&call);
}

static void test_mistakes(void **state)
{
    (void)state;
    expect_error("pawl", "no command: 'pawl help' lists all");
    expect_error("pawl stauts", "unknown command 'stauts': did you mean 'status'?");
    expect_error("pawl run --ouput=none",
                 "unknown option '--ouput' of 'run': did you mean '--output'?");
    expect_error("pawl run --output=nne",
                 "unknown value 'nne' of '--output': did you mean 'none'?");
    expect_error("pawl run -p =1", "'=1' of '--param' is no NAME=VALUE");
    expect_error("pawl init x", "'init' has no use for 'x': see 'pawl help init'");
    expect_error("pawl adopt", "'adopt' needs STAGE...: see 'pawl help adopt'");
}

/* What the tables promise to help, completions and manual. */
static void test_tables(void **state)
{
    (void)state;
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        assert_non_null(command->fn);
        assert_non_null(command->summary);
        assert_non_null(command->text);
        assert_ptr_equal(command_find(str_of(command->name)), command);
        for (const struct option_row *row = command->options; row->name != NULL; row++) {
            assert_ptr_equal(option_find(command, str_of(row->name)), row);
            assert_true(row->letter == 0 || option_find_letter(command, row->letter) == row);
            assert_true((row->argument == NULL) ==
                        (row->kind == OPTION_FLAG || row->kind == OPTION_CLEAR));
            assert_true((row->choices != NULL) == (row->kind == OPTION_CHOICE));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),          cmocka_unit_test(test_own_options_first),
        cmocka_unit_test(test_end_of_options), cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
