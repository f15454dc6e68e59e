/* Owns the probes for `doctor` (see os/machine.h): each tries the thing itself, in a folder that is
 * removed again, and says in a few words what follows where it does not work. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/lock.h"
#include "os/machine.h"

struct probe {
    struct machine_feature *rows;
    unsigned count;
};

static void add(struct probe *probe, const char *name, bool works, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct probe *probe, const char *name, bool works, const char *format, ...)
{
    struct machine_feature *row = &probe->rows[probe->count];
    va_list args;

    if (probe->count == MACHINE_FEATURES_MAX) {
        return;
    }
    probe->count++;
    row->name = name;
    row->works = works;
    va_start(args, format);
    vsnprintf(row->detail, sizeof(row->detail), format, args);
    va_end(args);
}

static void close_if(int fd)
{
    if (fd >= 0) {
        sys_close(fd);
    }
}

static void probe_kernel(struct probe *probe)
{
    struct sys_stat stat = {0};
    int pidfd = sys_pidfd_open(getpid());
    int landlock = sys_landlock_version();
    bool ranges = sys_close_range_probe() == 0;

    add(probe, "pidfd", pidfd >= 0, "%s", pidfd >= 0 ? "" : "children are watched by SIGCHLD");
    close_if(pidfd);
    add(probe, "close_range", ranges, "%s", ranges ? "" : "starting a command is slower");
    sys_stat("/", &stat);
    add(probe, "statx", stat.has_mount_id, "%s",
        stat.has_mount_id ? "with mount id" : "no mount id");
    add(probe, "landlock", landlock > 0, "version %d", landlock > 0 ? landlock : 0);
}

static void probe_machine(struct probe *probe, const struct machine *machine)
{
    uint32_t pressure = 0;
    struct sys_stat stat;
    bool psi = machine_pressure(machine, "", "memory", &pressure);
    bool null = sys_stat("/dev/null", &stat) == 0 && S_ISCHR(stat.mode);

    add(probe, "cgroup", machine->cgroup_version != 0, "version %d%s", machine->cgroup_version,
        machine->memory_is_limited ? ", memory is limited" : "");
    add(probe, "pressure", psi, "memory: %u.%02u %%", pressure / 100, pressure % 100);
    add(probe, "proc", machine->boot_id[0] != '\0', "%s",
        machine->boot_id[0] != '\0' ? "" : "survivors and boots cannot be told");
    add(probe, "dev-null", null, "%s", null ? "" : "standard input is an ended pipe");
}

/* Two files with a few bytes; false: `dir` cannot be written. */
static bool make_files(int dir, int *a, int *b)
{
    *a = sys_openat(dir, "a", O_RDWR | O_CREAT | O_EXCL, 0600);
    *b = sys_openat(dir, "b", O_RDWR | O_CREAT | O_EXCL, 0600);
    return *a >= 0 && *b >= 0 && sys_write_full(*a, "probe", 5) == 0;
}

static void probe_files(struct probe *probe, int dir, int a, int b)
{
    bool exchange = sys_renameat2(dir, "a", dir, "b", SYS_RENAME_EXCHANGE) == 0;
    bool clone = sys_ficlone(b, a) == 0;
    int64_t at = 0;
    bool copy = sys_copy_file_range(a, &at, b, NULL, 5) == 5;
    bool sync = sys_syncfs(a) == 0;

    add(probe, "rename-exchange", exchange, "%s",
        exchange ? "" : "a folder output is missing for a moment while it is replaced");
    add(probe, "reflink", clone, "%s", clone ? "" : "objects are copied");
    add(probe, "copy_file_range", copy, "%s", copy ? "" : "objects are read and written");
    add(probe, "syncfs", sync, "%s", sync ? "" : "nothing can be called durable here");
    add(probe, "hardlink", sys_linkat(dir, "a", dir, "c", 0) == 0, "only used where asked for");
}

static void probe_dir(struct probe *probe, const char *path)
{
    int dir = sys_open(path, O_RDONLY | O_DIRECTORY, 0), a = -1, b = -1;

    if (dir >= 0 && make_files(dir, &a, &b)) {
        probe_files(probe, dir, a, b);
    }
    close_if(a);
    close_if(b);
    if (dir >= 0) {
        sys_unlinkat(dir, "a", 0);
        sys_unlinkat(dir, "b", 0);
        sys_unlinkat(dir, "c", 0);
    }
    close_if(dir);
}

unsigned machine_probe(const struct machine *machine, const char *dir,
                       struct machine_feature features[MACHINE_FEATURES_MAX])
{
    struct probe probe = {.rows = features};
    struct err err = {0};
    char path[4096];
    bool locks;

    probe_kernel(&probe);
    probe_machine(&probe, machine);
    if (snprintf(path, sizeof(path), "%s/.probe-%ld", dir, (long)getpid()) >= (int)sizeof(path) ||
        sys_mkdir(path, 0700) != 0) {
        add(&probe, "folder", false, "cannot be written: %s", strerror(errno));
        return probe.count;
    }
    probe_dir(&probe, path);
    locks = lock_probe(path, &err);
    add(&probe, "locks", locks, "%.90s", err.text);
    sys_rmdir(path);
    return probe.count;
}
