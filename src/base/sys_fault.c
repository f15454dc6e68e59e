/* Owns injected faults: rules are parsed once into a table before any thread starts; counters are
 * atomic; the only mutable state at file level exists in the fault build alone. */
#include "base/sys_inside.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const sys_call_names[SYS_CALL_COUNT] = {
#define SYS_CALL_NAME(upper, lower) #lower,
    SYS_CALLS(SYS_CALL_NAME)
#undef SYS_CALL_NAME
};

#ifdef PAWL_FAULT

enum { FAULT_RULES = 16, FAULT_ANY = SYS_CALL_COUNT };
/* What is no errno. */
enum { FAULT_SHORT = -1, FAULT_KILL = -2, FAULT_TORN = -3, FAULT_PASS = -4 };

struct fault_rule {
    unsigned call; /* enum sys_call, or FAULT_ANY */
    int what;      /* errno or FAULT_… */
    uint64_t nth;
    bool onwards;
    char text[64]; /* as given */
    atomic_uint_least64_t seen;
};

static struct fault_rule fault_rules[FAULT_RULES];
static unsigned fault_rule_count;
static const char *fault_report_path;
static const char *fault_boot_path;
static const char *fault_sync_path;
/* A torn call was made: the process ends with the next one. */
static atomic_bool fault_dying;

static const struct {
    const char *name;
    int what;
} fault_kinds[] = {
    {"EIO", EIO},         {"ENOSPC", ENOSPC},   {"EMFILE", EMFILE},     {"ENFILE", ENFILE},
    {"EINTR", EINTR},     {"ENOMEM", ENOMEM},   {"EACCES", EACCES},     {"EPERM", EPERM},
    {"EROFS", EROFS},     {"EDQUOT", EDQUOT},   {"EXDEV", EXDEV},       {"ENOSYS", ENOSYS},
    {"EAGAIN", EAGAIN},   {"EINVAL", EINVAL},   {"short", FAULT_SHORT}, {"kill", FAULT_KILL},
    {"torn", FAULT_TORN}, {"pass", FAULT_PASS},
};

static void fault_report(const struct fault_rule *rule, enum sys_call call)
{
    char line[96];
    int len = snprintf(line, sizeof(line), "%s %s\n", rule->text, sys_call_names[call]);
    int fd;

    if (fault_report_path == NULL) {
        return;
    }
    fd = open(fault_report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        (void)!write(fd, line, (size_t)len);
        close(fd);
    }
}

/* 0: go on; an errno: fail with it; FAULT_…. */
static int fault_ask(enum sys_call call)
{
    if (atomic_load(&fault_dying)) {
        kill(getpid(), SIGKILL);
    }
    for (unsigned i = 0; i < fault_rule_count; i++) {
        struct fault_rule *rule = &fault_rules[i];
        uint64_t nth;

        if (rule->call != (unsigned)call && rule->call != FAULT_ANY) {
            continue;
        }
        nth = atomic_fetch_add(&rule->seen, 1) + 1;
        if (nth == rule->nth || (rule->onwards && nth > rule->nth)) {
            fault_report(rule, call);
            if (rule->what == FAULT_KILL) {
                kill(getpid(), SIGKILL);
            }
            return rule->what;
        }
    }
    return 0;
}

static bool fault_parse_call(const char *name, size_t len, unsigned *call)
{
    for (unsigned i = 0; i < SYS_CALL_COUNT; i++) {
        if (strlen(sys_call_names[i]) == len && memcmp(sys_call_names[i], name, len) == 0) {
            *call = i;
            return true;
        }
    }
    *call = FAULT_ANY;
    return len == 3 && memcmp(name, "any", 3) == 0;
}

static bool fault_parse_what(const char *name, int *what)
{
    for (size_t i = 0; i < sizeof(fault_kinds) / sizeof(fault_kinds[0]); i++) {
        if (strcmp(fault_kinds[i].name, name) == 0) {
            *what = fault_kinds[i].what;
            return true;
        }
    }
    return false;
}

static bool fault_parse_rule(const char *text, size_t len, struct fault_rule *rule)
{
    char *nth, *what;

    if (len == 0 || len >= sizeof(rule->text)) {
        return false;
    }
    memcpy(rule->text, text, len);
    rule->text[len] = '\0';
    nth = strchr(rule->text, ':');
    if (nth == NULL || !fault_parse_call(rule->text, (size_t)(nth - rule->text), &rule->call)) {
        return false;
    }
    rule->nth = strtoull(nth + 1, &what, 10);
    rule->onwards = *what == '+';
    what += rule->onwards;
    return rule->nth > 0 && *what == ':' && fault_parse_what(what + 1, &rule->what);
}

/* Is the process `pawl COMMAND`? Without a name any is. */
static bool fault_is_of(const char *command)
{
    char line[4096] = "";
    const char *name;
    ssize_t len;
    int fd;

    if (command == NULL) {
        return true;
    }
    fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    len = read(fd, line, sizeof(line) - 2);
    close(fd);
    name = line + strlen(line) + 1;
    return len > 0 && strcmp(name, command) == 0;
}

bool sys_fault_init(void)
{
    const char *rest = fault_is_of(getenv("PAWL_FAULT_COMMAND")) ? getenv("PAWL_FAULT") : NULL;

    fault_rule_count = 0;
    fault_report_path = getenv("PAWL_FAULT_FILE");
    fault_boot_path = getenv("PAWL_FAULT_BOOT");
    fault_sync_path = getenv("PAWL_FAULT_SYNC");
    while (rest != NULL && *rest != '\0') {
        size_t len = strcspn(rest, ",");

        if (fault_rule_count == FAULT_RULES) {
            return false;
        }
        memset(&fault_rules[fault_rule_count], 0, sizeof(fault_rules[0]));
        if (!fault_parse_rule(rest, len, &fault_rules[fault_rule_count])) {
            return false;
        }
        fault_rule_count++;
        rest += len + (rest[len] == ',');
    }
    return true;
}

bool sys_fault_fails(enum sys_call call, size_t *size)
{
    int what = fault_ask(call);

    if ((what == FAULT_SHORT || what == FAULT_TORN) && size != NULL && *size > 1) {
        *size /= 2;
    }
    if (what == FAULT_TORN) {
        atomic_store(&fault_dying, true);
    }
    if (what > 0) {
        errno = what;
    }
    return what > 0;
}

const char *sys_fault_path(const char *path)
{
    bool boot = fault_boot_path != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;

    return boot ? fault_boot_path : path;
}

void sys_fault_sync(const char *when)
{
    int sys = errno;
    char command[512];
    int len = fault_sync_path == NULL
                  ? 0
                  : snprintf(command, sizeof(command), "'%s' %s >&2", fault_sync_path, when);

    if (len > 0 && (size_t)len < sizeof(command)) {
        (void)!system(command);
    }
    errno = sys;
}

#else

bool sys_fault_init(void)
{
    return true;
}

#endif
