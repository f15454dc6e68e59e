/* Owns the knowledge of the machine. All texts of /proc and /sys are read with a limit and parsed
 * strictly; what does not parse is not known. */
#include "os/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/sys.h"
#include "os/cgroup.h"
#include "os/proc.h"

_Static_assert(sizeof(((struct machine *)0)->cgroup_memory) == CGROUP_PATH_BYTES, "one size");

static struct str read_file(const char *root, const char *path, char *text, size_t size)
{
    char full[600];
    ssize_t len;

    snprintf(full, sizeof(full), "%s%s", root, path);
    len = proc_read_text(AT_FDCWD, full, text, size);
    return str_n(text, len > 0 ? (size_t)len : 0);
}

/* `Name:   123 kB` */
static bool meminfo(struct str text, const char *name, uint64_t *bytes)
{
    struct str line, key;

    while (str_split(&text, '\n', &line)) {
        if (!str_split(&line, ':', &key) || !str_is(key, name)) {
            continue;
        }
        line = str_trim(line);
        if (!str_has_suffix(line, STR(" kB")) ||
            !str_to_u64(str_trim(str_head(line, line.len - 3)), bytes) ||
            *bytes > UINT64_MAX / 1024) {
            return false;
        }
        *bytes *= 1024;
        return true;
    }
    return false;
}

static void read_memory(struct machine *machine, const char *root)
{
    char text[8192];
    struct cgroup group;
    uint64_t limit;

    if (!meminfo(read_file(root, "/proc/meminfo", text, sizeof(text)), "MemTotal",
                 &machine->memory_bytes)) {
        machine->memory_bytes = 0;
    }
    if (!cgroup_find(root, CGROUP_MEMORY, &group)) {
        return;
    }
    machine->cgroup_version = group.version;
    if (cgroup_limit(&group, CGROUP_MEMORY, &limit, machine->cgroup_memory) &&
        (machine->memory_bytes == 0 || limit < machine->memory_bytes)) {
        machine->memory_bytes = limit;
        machine->memory_is_limited = true;
    } else {
        machine->cgroup_memory[0] = '\0';
    }
}

static void read_cpus(struct machine *machine, const char *root)
{
    int count = sys_affinity_count();
    struct cgroup group;
    uint64_t milli;

    machine->cpus = count > 0 ? (unsigned)count : 1;
    if (!cgroup_find(root, CGROUP_CPU, &group) ||
        !cgroup_limit(&group, CGROUP_CPU, &milli, machine->cgroup_cpu)) {
        return;
    }
    if (milli <= (uint64_t)(machine->cpus - 1) * 1000) {
        machine->cpus = milli > 0 ? (unsigned)((milli + 999) / 1000) : 1;
    }
}

static void copy_text(char *to, size_t size, struct str text)
{
    text = str_head(str_trim(text), size - 1);
    memcpy(to, text.data != NULL ? text.data : "", text.len);
    to[text.len] = '\0';
}

static void read_user(struct machine *machine)
{
    const struct passwd *user = getpwuid(geteuid());

    if (user != NULL) {
        copy_text(machine->user, sizeof(machine->user), str_of(user->pw_name));
    } else {
        snprintf(machine->user, sizeof(machine->user), "%lu", (unsigned long)geteuid());
    }
}

static void read_identity(struct machine *machine, const char *root)
{
    char text[256];
    struct utsname names;
    ssize_t len;

    copy_text(machine->boot_id, sizeof(machine->boot_id),
              read_file(root, "/proc/sys/kernel/random/boot_id", text, sizeof(text)));
    snprintf(text, sizeof(text), "%.200s/proc/self/ns/pid", root);
    len = sys_readlink(text, machine->pid_namespace, sizeof(machine->pid_namespace) - 1);
    machine->pid_namespace[len > 0 ? len : 0] = '\0';
    if (uname(&names) == 0) {
        copy_text(machine->host, sizeof(machine->host), str_of(names.nodename));
        copy_text(machine->kernel, sizeof(machine->kernel), str_of(names.release));
    }
}

void machine_read(struct machine *machine, const char *root)
{
    memset(machine, 0, sizeof(*machine));
    read_cpus(machine, root);
    read_memory(machine, root);
    read_identity(machine, root);
    read_user(machine);
}

static bool cgroup_used(const struct machine *machine, uint64_t *used)
{
    bool second = machine->cgroup_version == 2;
    const char *const caches[] = {second ? "inactive_file" : "total_inactive_file",
                                  second ? "active_file" : "total_active_file"};
    uint64_t cache;

    if (!cgroup_read(machine->cgroup_memory, second ? "memory.current" : "memory.usage_in_bytes",
                     NULL, used)) {
        return false;
    }
    /* The cache of files is dropped before anything is killed, and fills every group in time. That
     * dropping it costs too much shows as pressure. */
    for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
        if (cgroup_read(machine->cgroup_memory, "memory.stat", caches[i], &cache)) {
            *used = *used > cache ? *used - cache : 0;
        }
    }
    return true;
}

bool machine_memory(const struct machine *machine, const char *root, struct machine_memory *now)
{
    char text[8192];
    struct str info;
    uint64_t total, available;

    now->total_bytes = machine->memory_bytes;
    if (machine->memory_is_limited) {
        return cgroup_used(machine, &now->used_bytes);
    }
    info = read_file(root, "/proc/meminfo", text, sizeof(text));
    if (!meminfo(info, "MemTotal", &total) || !meminfo(info, "MemAvailable", &available)) {
        return false;
    }
    now->used_bytes = total > available ? total - available : 0;
    return true;
}

/* `cpu  user nice system idle iowait irq softirq steal …` behind the name, in ticks; adds to both.
 */
static bool parse_cpu_line(struct str line, int64_t *busy_ns, int64_t *stolen_ns)
{
    enum { IDLE = 3, IOWAIT = 4, STEAL = 7 };
    int64_t tick_ns = NS_PER_SEC / (sysconf(_SC_CLK_TCK) > 0 ? sysconf(_SC_CLK_TCK) : 100);
    struct str word;
    uint64_t ticks, sum = 0, stolen = 0;
    int field = 0;

    while (field <= STEAL && str_split(&line, ' ', &word)) {
        if (word.len == 0) {
            continue;
        }
        if (!str_to_u64(word, &ticks) || ticks > INT64_MAX / NS_PER_SEC) {
            return false;
        }
        sum += field == IDLE || field == IOWAIT ? 0 : ticks;
        stolen = field == STEAL ? ticks : 0;
        field++;
    }
    if (field <= IOWAIT || sum > (uint64_t)((INT64_MAX - *busy_ns) / tick_ns)) {
        return false;
    }
    *busy_ns += (int64_t)sum * tick_ns;
    *stolen_ns += (int64_t)stolen * tick_ns;
    return true;
}

/* The lines of the processors we may use. */
static bool parse_our_cpus(struct str text, int64_t *busy_ns, int64_t *stolen_ns)
{
    struct sys_affinity set;
    struct str line, name;
    uint64_t number;
    int wanted = sys_affinity(&set), found = 0;

    while (found < wanted && str_split(&text, '\n', &line)) {
        if (!str_split(&line, ' ', &name) || !str_has_prefix(name, STR("cpu"))) {
            return false;
        }
        if (!str_to_u64(str_skip(name, 3), &number) || !sys_affinity_has(&set, number)) {
            continue;
        }
        if (!parse_cpu_line(line, busy_ns, stolen_ns)) {
            return false;
        }
        found++;
    }
    return wanted > 0 && found == wanted;
}

static bool cgroup_busy(const struct machine *machine, int64_t *busy_ns)
{
    uint64_t value;

    if (machine->cgroup_cpu[0] == '\0') {
        return false;
    }
    if (cgroup_read(machine->cgroup_cpu, "cpu.stat", "usage_usec", &value) &&
        value <= INT64_MAX / 1000) {
        *busy_ns = (int64_t)value * NS_PER_US;
        return true;
    }
    if (cgroup_read(machine->cgroup_cpu, "cpuacct.usage", NULL, &value) && value <= INT64_MAX) {
        *busy_ns = (int64_t)value;
        return true;
    }
    return false;
}

bool machine_cpu_busy_ns(const struct machine *machine, const char *root, int64_t *busy_ns,
                         int64_t *stolen_ns)
{
    char text[65536];
    struct str rest, line, name;

    *busy_ns = *stolen_ns = 0;
    if (cgroup_busy(machine, busy_ns)) {
        return true;
    }
    rest = read_file(root, "/proc/stat", text, sizeof(text));
    if (parse_our_cpus(rest, busy_ns, stolen_ns)) {
        return true;
    }
    *busy_ns = *stolen_ns = 0;
    return str_split(&rest, '\n', &line) && str_split(&line, ' ', &name) && str_is(name, "cpu") &&
           parse_cpu_line(line, busy_ns, stolen_ns);
}

/* `some avg10=12.34 avg60=…`: two digits behind the point. */
static bool parse_pressure(struct str text, uint32_t *hundredths)
{
    struct str prefix = STR("some avg10="), whole, part;
    uint64_t a, b;

    if (!str_has_prefix(text, prefix)) {
        return false;
    }
    text = str_skip(text, prefix.len);
    if (!str_split(&text, ' ', &part) || !str_split(&part, '.', &whole) || part.len != 2 ||
        !str_to_u64(whole, &a) || !str_to_u64(part, &b) || a > 100) {
        return false;
    }
    *hundredths = (uint32_t)(a * 100 + b);
    return true;
}

/* `some avg10=… avg60=… avg300=… total=N`: microseconds. */
static bool parse_stalled(struct str text, int64_t *stalled_ns)
{
    struct str line, word;
    uint64_t us;

    if (!str_split(&text, '\n', &line) || !str_has_prefix(line, STR("some "))) {
        return false;
    }
    while (str_split(&line, ' ', &word)) {
        if (str_has_prefix(word, STR("total="))) {
            if (!str_to_u64(str_skip(word, STR("total=").len), &us) || us > INT64_MAX / NS_PER_US) {
                return false;
            }
            *stalled_ns = (int64_t)us * NS_PER_US;
            return true;
        }
    }
    return false;
}

bool machine_stalled_ns(const struct machine *machine, const char *root, const char *resource,
                        int64_t *stalled_ns)
{
    char text[512], path[CGROUP_PATH_BYTES + 40];

    /* With a quota of our own the others of the machine say nothing about us. */
    if (machine->cgroup_cpu[0] != '\0') {
        snprintf(path, sizeof(path), "%s/%s.pressure", machine->cgroup_cpu, resource);
        return parse_stalled(read_file("", path, text, sizeof(text)), stalled_ns);
    }
    snprintf(path, sizeof(path), "/proc/pressure/%s", resource);
    return parse_stalled(read_file(root, path, text, sizeof(text)), stalled_ns);
}

bool machine_pressure(const struct machine *machine, const char *root, const char *resource,
                      uint32_t *some_avg10)
{
    char text[512], path[CGROUP_PATH_BYTES + 40];

    if (machine->cgroup_version == 2 && machine->memory_is_limited) {
        snprintf(path, sizeof(path), "%s/%s.pressure", machine->cgroup_memory, resource);
        if (parse_pressure(read_file("", path, text, sizeof(text)), some_avg10)) {
            return true;
        }
    }
    snprintf(path, sizeof(path), "/proc/pressure/%s", resource);
    return parse_pressure(read_file(root, path, text, sizeof(text)), some_avg10);
}

/* The number behind `name` at the start of a line. */
static uint64_t oom_count(struct str text, struct str name)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        uint64_t count = 0;

        if (str_has_prefix(line, name) && str_to_u64(str_trim(str_skip(line, name.len)), &count)) {
            return count;
        }
    }
    return 0;
}

uint64_t machine_oom_kills(const struct machine *machine, const char *root)
{
    char text[16384], path[CGROUP_PATH_BYTES + 40];
    uint64_t count =
        oom_count(read_file(root, "/proc/vmstat", text, sizeof(text)), STR("oom_kill "));

    if (machine->cgroup_version == 2 && machine->cgroup_memory[0] != '\0') {
        snprintf(path, sizeof(path), "%s/memory.events", machine->cgroup_memory);
        count += oom_count(read_file("", path, text, sizeof(text)), STR("oom_kill "));
    }
    return count;
}

bool machine_disk(const char *path, uint64_t *free_bytes, uint32_t *free_permille)
{
    struct statfs stat;
    uint64_t reachable;

    if (sys_statfs(path, &stat) != 0 || stat.f_blocks == 0) {
        return false;
    }
    /* As df: what is kept for root is neither free nor part of the whole. */
    reachable = (uint64_t)stat.f_blocks - ((uint64_t)stat.f_bfree - (uint64_t)stat.f_bavail);
    *free_bytes = (uint64_t)stat.f_bavail * (uint64_t)stat.f_bsize;
    *free_permille =
        (uint32_t)(reachable > 0 ? (double)stat.f_bavail * 1000.0 / (double)reachable : 0);
    return true;
}
