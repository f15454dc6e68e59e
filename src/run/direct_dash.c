/* Owns the knowledge of what dash does around one simple command: it sets PWD, hands the
 * environment on in the order of its table of variables, waits, and makes an exit code of a signal.
 *
 * dash's table: 39 rows, a variable's row is (16 times its first byte plus the sum of the bytes of
 * its name) modulo 39; in a row stand first the shell's own variables, then those of the
 * environment in their order, then PWD. */
#include "run/direct_dash.h"

#include <signal.h>
#include <string.h>

enum { DASH_ROWS = 39, FIRST_REAL_TIME = 34 };

/* Variables that dash reads, keeps for itself or changes. */
static const struct str dash_own[] = {
    {"ATTY", 4}, {"ENV", 3},      {"HISTSIZE", 8}, {"IFS", 3},    {"LINENO", 6}, {"MAIL", 4},
    {"_", 1},    {"MAILPATH", 8}, {"OLDPWD", 6},   {"OPTARG", 6}, {"OPTIND", 6}, {"PPID", 4},
    {"PS1", 3},  {"PS2", 3},      {"PS4", 3},      {"PWD", 3},    {"TERM", 4},   {"FUNCNAME", 8}};

static bool dash_is_own(struct str name)
{
    for (size_t i = 0; i < sizeof(dash_own) / sizeof(dash_own[0]); i++) {
        if (name.len == dash_own[i].len && str_equal(name, dash_own[i])) {
            return true;
        }
    }
    return false;
}

/* Its row in dash's table; -1: a variable that is not simply handed on. */
static int dash_row(const char *var)
{
    unsigned sum = (unsigned)(unsigned char)var[0] << 4;
    size_t len = 0;

    for (; var[len] != '=' && var[len] != '\0'; len++) {
        char c = var[len];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && !(len > 0 && c >= '0' && c <= '9')) {
            return -1;
        }
        sum += (unsigned)c;
    }
    return len == 0 || var[len] == '\0' || dash_is_own(str_n(var, len)) ? -1
                                                                        : (int)(sum % DASH_ROWS);
}

struct dash_var {
    const char *text;
    struct dash_var *next;
};

struct dash_table {
    struct dash_var *rows[DASH_ROWS], *vars;
    uint32_t count;
};

static void dash_add(struct dash_table *table, int row, const char *text, bool first)
{
    struct dash_var *var = &table->vars[table->count++];
    struct dash_var **at = &table->rows[row];

    while (!first && *at != NULL) {
        at = &(*at)->next;
    }
    *var = (struct dash_var){text, *at};
    *at = var;
}

static const char *const *dash_list(const struct dash_table *table, struct arena *arena)
{
    const char **envp = ARENA_ARRAY(arena, const char *, table->count + 1);
    uint32_t count = 0;

    for (int i = 0; i < DASH_ROWS; i++) {
        for (const struct dash_var *var = table->rows[i]; var != NULL; var = var->next) {
            envp[count++] = var->text;
        }
    }
    return envp;
}

const char *const *dash_environment(const char *const *envp, struct str folder, struct arena *arena)
{
    struct dash_table table = {.count = 0};
    uint32_t count = 0;
    struct str pwd = str_concat(arena, STR("PWD="), folder);

    while (envp[count] != NULL) {
        count++;
    }
    table.vars = ARENA_ARRAY(arena, struct dash_var, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        int row = dash_row(envp[i]);

        if (row < 0) {
            return NULL;
        }
        dash_add(&table, row, envp[i], strncmp(envp[i], "PATH=", 5) == 0);
    }
    dash_add(&table, ('P' * 17 + 'W' + 'D') % DASH_ROWS, pwd.data, false);
    return dash_list(&table, arena);
}

/* As dash's C library names them. */
static const char *const signal_names[] = {
    [SIGHUP] = "Hangup",
    [SIGQUIT] = "Quit",
    [SIGILL] = "Illegal instruction",
    [SIGTRAP] = "Trace/breakpoint trap",
    [SIGABRT] = "Aborted",
    [SIGBUS] = "Bus error",
    [SIGFPE] = "Floating point exception",
    [SIGKILL] = "Killed",
    [SIGUSR1] = "User defined signal 1",
    [SIGSEGV] = "Segmentation fault",
    [SIGUSR2] = "User defined signal 2",
    [SIGALRM] = "Alarm clock",
    [SIGTERM] = "Terminated",
    [SIGSTKFLT] = "Stack fault",
    [SIGXCPU] = "CPU time limit exceeded",
    [SIGXFSZ] = "File size limit exceeded",
    [SIGVTALRM] = "Virtual timer expired",
    [SIGPROF] = "Profiling timer expired",
    [SIGIO] = "I/O possible",
    [SIGPWR] = "Power failure",
    [SIGSYS] = "Bad system call",
};

struct str dash_end(struct child_end *end, struct arena *arena)
{
    int number = end->signal;
    const char *core = end->core_dumped ? " (core dumped)" : "";

    end->exit_code = 128 + number;
    end->signal = 0;
    if (number >= FIRST_REAL_TIME) {
        return str_printf(arena, "Real-time signal %d%s\n", number - FIRST_REAL_TIME, core);
    }
    if (number >= (int)(sizeof(signal_names) / sizeof(signal_names[0])) ||
        signal_names[number] == NULL) {
        return STR("");
    }
    return str_printf(arena, "%s%s\n", signal_names[number], core);
}
