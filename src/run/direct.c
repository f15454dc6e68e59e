/* Owns the decision to start a command without its shell, the search for its program, and the
 * question to the shell. */
#include "run/direct_dash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sys.h"
#include "model/shellwords.h"
#include "run/environment.h"
#include "run/probe.h"

enum {
    DIRECT_ASK_AFTER = 8, /* asking costs two commands: few are not worth it */
    DIRECT_ANSWER_BYTES = 1 << 20
};

/* --- the program --- */

static bool direct_is_executable(struct arena *arena, const char *dir, struct str program)
{
    const char *path = dir != NULL && !path_is_absolute(program)
                           ? str_printf(arena, "%s/%.*s", dir, STR_ARG(program)).data
                           : program.data;
    struct sys_stat stat;

    /* What all may execute needs no question; where more than modes forbids it, exec says so. */
    return sys_stat(path, &stat) == 0 && S_ISREG(stat.mode) &&
           ((stat.mode & 0111) == 0111 || sys_access(AT_FDCWD, path, X_OK) == 0);
}

/* As the shell spells it, which a script sees. Parts of PATH that are not plain absolute paths are
 * left to the shell. */
static bool direct_search(struct direct_program *found, struct arena *arena)
{
    struct str path = found->search, part = STR_NONE;
    const char **sooner = ARENA_ARRAY(arena, const char *, found->search.len + 1);
    uint32_t count = 0;

    while (str_split(&path, ':', &part)) {
        struct str program = str_printf(arena, "%.*s/%.*s", STR_ARG(part), STR_ARG(found->name));

        if (!path_is_absolute(part) || str_find(part, '%') >= 0) {
            return false;
        }
        if (direct_is_executable(arena, NULL, program)) {
            found->sooner = sooner;
            found->program = program.data;
            return true;
        }
        sooner[count++] = program.data;
    }
    return false;
}

static const struct direct_program *direct_known(const struct direct *direct, struct str name,
                                                 struct str search)
{
    for (uint32_t i = 0; i < direct->program_count; i++) {
        const struct direct_program *known = &direct->programs[i];

        if (str_equal(known->name, name) && str_equal(known->search, search)) {
            return known;
        }
    }
    return NULL;
}

static void direct_keep(struct direct *direct, const struct direct_program *found)
{
    struct arena *arena = &direct->session->arena;
    struct direct_program *kept = &direct->programs[direct->program_count];
    const char **sooner;
    uint32_t count = 0;

    if (direct->program_count == DIRECT_PROGRAMS) {
        return;
    }
    direct->program_count++;
    while (found->sooner[count] != NULL) {
        count++;
    }
    sooner = ARENA_ARRAY(arena, const char *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        sooner[i] = str_dup(arena, str_of(found->sooner[i])).data;
    }
    *kept = (struct direct_program){.name = str_dup(arena, found->name),
                                    .search = str_dup(arena, found->search),
                                    .sooner = sooner,
                                    .program = str_dup(arena, str_of(found->program)).data};
}

/* The path itself, as seen from a folder. */
static bool direct_look_at(struct direct_program *found, struct arena *arena)
{
    found->sooner = ARENA_ARRAY(arena, const char *, 1);
    found->program = str_dup(arena, found->name).data;
    return direct_is_executable(arena, found->search.len != 0 ? found->search.data : NULL,
                                found->name);
}

/* Looks once for each program of a run. */
static bool direct_look_up(struct direct *direct, struct direct_program *found, struct arena *arena)
{
    const struct direct_program *known = direct_known(direct, found->name, found->search);

    if (known != NULL) {
        *found = *known;
        return true;
    }
    if (!(str_find(found->name, '/') >= 0 ? direct_look_at(found, arena)
                                          : direct_search(found, arena))) {
        return false;
    }
    direct_keep(direct, found);
    return true;
}

static bool direct_find(struct direct *direct, const char *name, struct arena *arena,
                        struct spawn *spawn)
{
    struct direct_program found = {.name = str_of(name), .search = STR_NONE};

    if (strchr(name, '/') != NULL) {
        found.search = str_of(spawn->dir != NULL ? spawn->dir : "");
    }
    for (const char *const *var = spawn->envp; *var != NULL && found.search.data == NULL; var++) {
        if (strncmp(*var, "PATH=", 5) == 0) {
            found.search = str_of(*var + 5);
        }
    }
    if (found.search.data == NULL || !direct_look_up(direct, &found, arena)) {
        return false;
    }
    spawn->program = found.program;
    spawn->sooner = found.sooner;
    return true;
}

/* --- the whole --- */

/* The physical path of the working folder: PWD is not in the environment. */
static bool direct_folder(struct arena *arena, const char *dir, struct str *folder)
{
    char here[4096];
    char *real;

    if (dir == NULL) {
        *folder = sys_getcwd(here, sizeof(here)) != NULL ? str_dup(arena, str_of(here)) : STR_NONE;
        return path_is_absolute(*folder);
    }
    real = sys_realpath(dir);
    *folder = real != NULL ? str_dup(arena, str_of(real)) : STR_NONE;
    free(real);
    return path_is_absolute(*folder);
}

static bool direct_fill(struct direct *direct, const struct shell_simple *simple,
                        struct arena *arena, struct spawn *spawn)
{
    struct str folder;

    if (!direct_find(direct, simple->words[0], arena, spawn) ||
        !direct_folder(arena, spawn->dir, &folder)) {
        return false;
    }
    spawn->argv = simple->words;
    spawn->envp = dash_environment(spawn->envp, folder, arena);
    return spawn->envp != NULL;
}

/* dash takes SIGCHLD for itself, and its commands have no blocked signals. */
static bool direct_fits_origin(const struct origin *origin)
{
    return origin == NULL || (!origin->ignored[SIGCHLD] && sigisemptyset(&origin->mask));
}

/* --- asking the shell --- */

static void direct_expect(const char *const *envp, struct child_end *end, struct arena *arena,
                          struct strbuf *out)
{
    for (; *envp != NULL; envp++) {
        strbuf_puts(out, *envp);
        strbuf_putc(out, '\0');
    }
    strbuf_add_str(out, dash_end(end, arena));
}

/* The command is an inner shell, which prints what it was given and dies. */
static struct str direct_question(struct str shell, struct arena *arena)
{
    struct strbuf text = {0};
    struct str question;

    shell_quote(shell, &text);
    strbuf_puts(&text, " -c 'cat /proc/$$/environ; kill -9 $$'");
    question = strbuf_dup(&text, arena);
    strbuf_fini(&text);
    return question;
}

/* `command`: the shell's words are asked about, whatever its text. */
static bool direct_ask(struct direct *direct, const struct plan_command *command,
                       struct arena *arena)
{
    struct str *argv = ARENA_ARRAY(arena, struct str, command->argc);
    struct child_end end = {.exit_code = -1, .signal = SIGKILL};
    struct spawn spawn = {.envp = environment_plain(arena), .tty_fd = -1};
    struct strbuf answer = {0}, expected = {0};
    struct shell_simple simple;
    int exit_code = -1;
    bool good;

    memcpy(argv, command->argv, command->argc * sizeof(*argv));
    argv[command->argc - 1] = direct_question(command->argv[0], arena);
    good = shell_read_simple(arena, argv[command->argc - 1], &simple) &&
           direct_fill(direct, &simple, arena, &spawn) &&
           probe_run(direct->session, argv, command->argc, DIRECT_ANSWER_BYTES, &answer, &exit_code,
                     NULL);
    if (good) {
        direct_expect(spawn.envp, &end, arena, &expected);
        good = exit_code == end.exit_code && str_equal(strbuf_str(&answer), strbuf_str(&expected));
    }
    strbuf_fini(&answer);
    strbuf_fini(&expected);
    return good;
}

/* `-euc`, `-eu -c`, `-eu -o pipefail -c`: nothing of it means anything to a simple command. */
static bool direct_is_plain_option(struct str option, bool *ends)
{
    bool plain = option.len >= 2 && option.data[0] == '-';

    for (size_t i = 1; i < option.len && plain; i++) {
        plain = strchr("euc", option.data[i]) != NULL;
        *ends = *ends || option.data[i] == 'c';
    }
    return plain;
}

static bool direct_has_plain_options(const struct plan_command *command)
{
    uint32_t count = command->argc - 1;
    bool ends = false;

    for (uint32_t i = 1; i < count; i++) {
        bool named = i + 1 < count && str_is(command->argv[i], "-o") &&
                     str_is(command->argv[i + 1], "pipefail");

        if (ends || (!named && !direct_is_plain_option(command->argv[i], &ends))) {
            return false;
        }
        i += named ? 1 : 0;
    }
    return ends;
}

static bool direct_is_dash(const struct plan_command *command)
{
    char *real = path_is_absolute(command->argv[0]) ? sys_realpath(command->argv[0].data) : NULL;
    bool is = real != NULL && str_is(path_base(str_of(real)), "dash");

    free(real);
    return is && direct_has_plain_options(command);
}

static bool direct_is_asked(const struct direct *direct, const struct plan_command *command)
{
    bool same = direct->shell_count == command->argc - 1;

    for (uint32_t i = 0; i < direct->shell_count && same; i++) {
        same = str_equal(direct->shell[i], command->argv[i]);
    }
    return same;
}

/* One shell is known at a time: a manifest with two is rare. */
static bool direct_knows(struct direct *direct, const struct plan_command *command)
{
    struct arena *arena = &direct->session->arena;
    struct arena scratch;

    if (direct->asked) {
        return direct->good && direct_is_asked(direct, command);
    }
    if (direct->seen++ < DIRECT_ASK_AFTER) {
        return false;
    }
    arena_init(&scratch);
    direct->asked = true;
    direct->shell_count = command->argc - 1;
    direct->shell = ARENA_ARRAY(arena, struct str, direct->shell_count);
    for (uint32_t i = 0; i < direct->shell_count; i++) {
        direct->shell[i] = str_dup(arena, command->argv[i]);
    }
    direct->good = direct_is_dash(command) && direct_fits_origin(direct->session->origin) &&
                   direct_ask(direct, command, &scratch);
    arena_fini(&scratch);
    return direct->good;
}

void direct_expect_many(struct direct *direct)
{
    if (direct->seen < DIRECT_ASK_AFTER) {
        direct->seen = DIRECT_ASK_AFTER;
    }
}

bool direct_prepare(struct direct *direct, const struct plan_command *command, struct arena *arena,
                    struct spawn *spawn)
{
    struct shell_simple simple;

    return command->shell && !(direct->asked && !direct->good) && spawn->tty_fd < 0 &&
           shell_read_simple(arena, command->argv[command->argc - 1], &simple) &&
           direct_knows(direct, command) && direct_fill(direct, &simple, arena, spawn);
}
