/* Commands without a shell against the shell itself: many strings, both ways, the same bytes. The
 * command is this program, which prints how it finds itself. */
#include "run/direct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/sys.h"
#include "model/shellwords.h"

#include "../temp_folder.h"

enum { ROUNDS = 400, ROUNDS_DIRECT_MIN = 60, SHELL_WORDS = 4 };

extern char **environ;

/* --- the command --- */

static void dump_text(const char *text)
{
    fwrite(text, 1, strlen(text) + 1, stdout);
}

/* Arguments, environment, the path it was executed by, its folder. */
static int dump_self(int argc, char **argv)
{
    char folder[4096] = "";

    for (int i = 0; i < argc; i++) {
        dump_text(argv[i]);
    }
    dump_text("--");
    for (char **var = environ; *var != NULL; var++) {
        dump_text(*var);
    }
    dump_text("--");
    dump_text((const char *)getauxval(AT_EXECFN));
    dump_text(sys_getcwd(folder, sizeof(folder)));
    return 0;
}

/* --- both ways --- */

static struct temp_folder here;

static int temp_enter(void **state)
{
    (void)state;
    temp_folder_make(&here);
    return chdir(here.path);
}

static int temp_leave(void **state)
{
    (void)state;
    temp_folder_remove(&here);
    return chdir("/");
}

struct ways {
    struct arena arena;
    struct session session;
    struct direct direct;
    struct str words[SHELL_WORDS];
    struct plan_command command;
    const char *env[32];
    uint32_t env_count;
    struct strbuf log[2]; /* of the shell, without it */
};

/* Runs it and takes what it prints. */
static int run_spawn(struct spawn *spawn, struct strbuf *log)
{
    struct child child;
    struct child_end end;
    struct err err = {0};
    ssize_t got;
    int fds[2];

    assert_int_equal(sys_pipe(fds, 0), 0);
    spawn->stdout_fd = spawn->stderr_fd = fds[1];
    if (!spawn_start(spawn, &child, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    sys_close(fds[1]);
    while ((got = sys_read(fds[0], strbuf_reserve(log, 65536), 65536)) > 0) {
        log->len += (size_t)got;
    }
    sys_close(fds[0]);
    assert_true(child_reap(&child, &end));
    return end.signal != 0 ? -end.signal : end.exit_code;
}

static struct spawn ways_spawn(const struct ways *ways, const char *dir)
{
    return (struct spawn){.envp = ways->env, .dir = dir, .stdin_fd = -1, .tty_fd = -1};
}

/* Was it started directly? Then both ways gave the same. */
static bool ways_agree(struct ways *ways, const char *text, const char *dir)
{
    struct spawn shell = ways_spawn(ways, dir), direct = ways_spawn(ways, dir);
    const char *argv[SHELL_WORDS + 1] = {"/bin/sh", "-eu", "-c", text, NULL};

    ways->words[SHELL_WORDS - 1] = str_of(text);
    if (!direct_prepare(&ways->direct, &ways->command, &ways->arena, &direct)) {
        return false;
    }
    shell.program = "/bin/sh";
    shell.argv = argv;
    strbuf_clear(&ways->log[0]);
    strbuf_clear(&ways->log[1]);
    assert_int_equal(run_spawn(&shell, &ways->log[0]), run_spawn(&direct, &ways->log[1]));
    if (!str_equal(strbuf_str(&ways->log[0]), strbuf_str(&ways->log[1]))) {
        fail_msg("another command without the shell: %s", text);
    }
    assert_true(ways->log[0].len > 0);
    return true;
}

static void ways_add_env(struct ways *ways, const char *var)
{
    ways->env[ways->env_count++] = str_dup(&ways->arena, str_of(var)).data;
    ways->env[ways->env_count] = NULL;
}

/* Puts this program into a folder of its own, as `probe`, and that folder on PATH. */
static void ways_init(struct ways *ways)
{
    static const char *const words[] = {"/bin/sh", "-eu", "-c"};
    char *self = sys_realpath("/proc/self/exe");
    struct strbuf path = {0};

    *ways = (struct ways){.env_count = 0};
    arena_init(&ways->arena);
    arena_init(&ways->session.arena);
    ways->session.clock = &clock_system;
    ways->direct.session = &ways->session;
    for (int i = 0; i < SHELL_WORDS - 1; i++) {
        ways->words[i] = str_of(words[i]);
    }
    ways->command = (struct plan_command){.argv = ways->words, .argc = SHELL_WORDS, .shell = true};
    assert_int_equal(symlink(self, "probe"), 0);
    assert_int_equal(mkdir("sub", 0777), 0);
    assert_int_equal(symlink("../probe", "sub/probe"), 0);
    free(self);
    self = sys_realpath(".");
    strbuf_printf(&path, "PATH=/nowhere:%s:/usr/bin:/bin", self);
    free(self);
    ways_add_env(ways, path.data);
    strbuf_fini(&path);
    ways_add_env(ways, "PAWL_TEST_DUMP=1");
    ways_add_env(ways, "HOME=/h o m e");
    ways_add_env(ways, "LC_ALL=C.UTF-8");
    /* After a few the shell is asked. */
    for (int i = 0; i < 16 && !ways->direct.asked; i++) {
        ways_agree(ways, "./probe", NULL);
    }
}

static void ways_fini(struct ways *ways)
{
    strbuf_fini(&ways->log[0]);
    strbuf_fini(&ways->log[1]);
    arena_fini(&ways->session.arena);
    arena_fini(&ways->arena);
}

static bool shell_is_dash(void)
{
    char *real = sys_realpath("/bin/sh");
    bool is = real != NULL && str_is(path_base(str_of(real)), "dash");

    free(real);
    return is;
}

/* --- the strings --- */

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33) % below;
}

static void draw_piece(uint64_t *seed, struct strbuf *text)
{
    static const char *const pieces[] = {
        "a",
        "b-1",
        "%",
        "x=y",
        "/",
        "'",
        "\"",
        "\\",
        " ",
        "\t",
        "' '",
        "''",
        "\"\"",
        "$",
        "'$a'",
        "*",
        "\"x y\"",
        "\\ ",
        "~",
        "#",
        "'\n'",
        ":",
        "@,+",
        ".",
        "'\303\274'",
        "'\201\202\210'",
        "\\'",
        "\\\"",
        "if",
        "echo",
        "'`'",
        "!",
        "'!'",
        "\"'\"",
        "'\"'",
        "\\\\",
        "\"\303\274\377\"",
        "{}",
        "0",
        "-",
    };

    strbuf_puts(text, pieces[draw(seed, sizeof(pieces) / sizeof(pieces[0]))]);
}

static void draw_text(uint64_t *seed, struct strbuf *text)
{
    static const char *const programs[] = {"probe",     "./probe",      "'probe'",
                                           "pro\"be\"", "\\probe",      " probe",
                                           "sub/probe", "sub/../probe", ".//probe"};
    uint32_t count = draw(seed, 7);

    strbuf_clear(text);
    strbuf_puts(text, programs[draw(seed, sizeof(programs) / sizeof(programs[0]))]);
    strbuf_putc(text, ' ');
    for (uint32_t i = 0; i < count; i++) {
        draw_piece(seed, text);
        if (draw(seed, 3) == 0) {
            strbuf_putc(text, ' ');
        }
    }
}

static void random_strings_mean_the_same(void **state)
{
    struct strbuf text = {0};
    struct ways ways;
    uint64_t seed = 20261126;
    uint32_t direct = 0;

    (void)state;
    ways_init(&ways);
    assert_true(ways.direct.good == shell_is_dash());
    for (int i = 0; i < ROUNDS; i++) {
        draw_text(&seed, &text);
        direct += ways_agree(&ways, text.data, NULL);
    }
    print_message("%u of %d strings without a shell\n", direct, ROUNDS);
    assert_true(direct >= ROUNDS_DIRECT_MIN || !shell_is_dash());
    strbuf_fini(&text);
    ways_fini(&ways);
}

static void each_environment_is_handed_on_in_order(void **state)
{
    struct ways ways;
    uint64_t seed = 7;

    (void)state;
    ways_init(&ways);
    for (int round = 0; round < 40; round++) {
        uint32_t count = ways.env_count;

        for (uint32_t i = draw(&seed, 20); i > 0; i--) {
            char name[16];

            snprintf(name, sizeof(name), "%c%c%u=%u", 'A' + (int)draw(&seed, 26),
                     'a' + (int)draw(&seed, 26), i, draw(&seed, 100));
            ways_add_env(&ways, name);
        }
        assert_true(ways_agree(&ways, "probe a", NULL) == shell_is_dash());
        assert_true(ways_agree(&ways, "./probe a", "sub") == shell_is_dash());
        ways.env_count = count;
        ways.env[count] = NULL;
    }
    ways_fini(&ways);
}

static void what_concerns_the_shell_goes_to_it(void **state)
{
    static const char *const vars[] = {"PWD=/", "OLDPWD=/", "IFS=a", "ENV=a", "PS4=a",
                                       "A.B=1", "PPID=1",   "_=a",   "1A=2",  "BASH_FUNC_x%%=a"};
    struct ways ways;
    uint32_t count;

    (void)state;
    ways_init(&ways);
    count = ways.env_count;
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        ways_add_env(&ways, vars[i]);
        assert_false(ways_agree(&ways, "./probe", NULL));
        ways.env_count = count;
        ways.env[count] = NULL;
    }
    assert_false(ways_agree(&ways, "./missing", NULL));
    assert_false(ways_agree(&ways, "missing", NULL));
    assert_false(ways_agree(&ways, "./sub", NULL));
    ways.env[0] = "PATH=:/bin";
    assert_false(ways_agree(&ways, "probe", NULL));
    ways.words[1] = STR("-x");
    assert_false(ways_agree(&ways, "./probe", NULL));
    ways.words[1] = STR("-eu");
    ways.words[0] = STR("/bin/./sh");
    assert_false(ways_agree(&ways, "./probe", NULL));
    ways_fini(&ways);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_strings_mean_the_same, temp_enter, temp_leave),
        cmocka_unit_test_setup_teardown(each_environment_is_handed_on_in_order, temp_enter,
                                        temp_leave),
        cmocka_unit_test_setup_teardown(what_concerns_the_shell_goes_to_it, temp_enter, temp_leave),
    };

    if (getenv("PAWL_TEST_DUMP") != NULL) {
        return dump_self(argc, argv);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
