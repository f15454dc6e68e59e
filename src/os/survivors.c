/* Owns the search by cookie. A number seen in /proc may be another process a moment later, so the
 * order is: read the environment, open a pidfd, read again, signal through the pidfd: if both reads
 * show the cookie, the pidfd was opened on a process that has it. A zombie has no environment any
 * more and so counts as gone. */
#include "os/survivors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/machine.h"
#include "os/proc.h"

enum { ENVIRONMENT_MAX = 8 << 20, CHUNK_BYTES = 16 << 10 };

struct search {
    const struct str *cookies;
    size_t count;
    struct strbuf text; /* environment being looked at */
    struct survivors_result *result;
    unsigned found;       /* in this pass */
    VEC(pid_t) signalled; /* in all passes: one that is just going is counted once */
};

void survivors_scope(char scope[SURVIVORS_SCOPE_BYTES])
{
    struct machine machine;

    machine_read(&machine, "");
    if (machine.boot_id[0] == '\0' || machine.pid_namespace[0] == '\0') {
        scope[0] = '\0';
        return;
    }
    snprintf(scope, SURVIVORS_SCOPE_BYTES, "%.39s %.31s", machine.boot_id, machine.pid_namespace);
}

static bool read_environment(int proc, pid_t pid, struct strbuf *text)
{
    char path[64];
    ssize_t count;
    int fd;

    snprintf(path, sizeof(path), "%ld/environ", (long)pid);
    fd = sys_openat(proc, path, O_RDONLY, 0);
    if (fd < 0) {
        return false;
    }
    strbuf_clear(text);
    do {
        char chunk[CHUNK_BYTES];

        count = sys_read(fd, chunk, sizeof(chunk));
        strbuf_add(text, chunk, count > 0 ? (size_t)count : 0);
    } while (count > 0 && text->len < ENVIRONMENT_MAX);
    sys_close(fd);
    return count >= 0;
}

static bool has_cookie(const struct search *search)
{
    struct str prefix = STR("PAWL_ATTEMPT_ID="), rest = strbuf_str(&search->text), entry;

    while (str_split(&rest, '\0', &entry)) {
        if (!str_has_prefix(entry, prefix)) {
            continue;
        }
        for (size_t i = 0; i < search->count; i++) {
            if (str_equal(str_skip(entry, prefix.len), search->cookies[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool read_and_match(struct search *search, int proc, pid_t pid)
{
    if (!read_environment(proc, pid, &search->text)) {
        search->result->unreadable |= errno == EACCES || errno == EPERM;
        return false;
    }
    return has_cookie(search);
}

/* Kernels without pidfd: the number itself, at once after the second look. */
static bool kill_found(struct search *search, int proc, pid_t pid)
{
    int pidfd = sys_pidfd_open(pid);
    bool killed = false;

    if (pidfd < 0 && errno != ENOSYS && errno != EPERM) {
        return false;
    }
    if (read_and_match(search, proc, pid)) {
        killed = (pidfd >= 0 ? sys_pidfd_signal(pidfd, SIGKILL) : sys_kill(pid, SIGKILL)) == 0;
    }
    if (pidfd >= 0) {
        sys_close(pidfd);
    }
    return killed;
}

static void kill_and_count(struct search *search, int proc, pid_t pid)
{
    search->found++;
    for (size_t i = 0; i < search->signalled.count; i++) {
        if (search->signalled.items[i] == pid) {
            return;
        }
    }
    search->result->found++;
    if (kill_found(search, proc, pid)) {
        VEC_PUSH(&search->signalled, pid);
        search->result->killed++;
    }
}

static bool search_pass(struct search *search, struct err *err)
{
    struct proc_scan scan;
    pid_t pid, self = getpid();

    search->found = 0;
    if (!proc_scan_open(&scan, "")) {
        return err_sys(err, "'/proc': cannot look for processes of an earlier run");
    }
    while ((pid = proc_scan_next_of(&scan, geteuid())) != 0) {
        int proc = dirfd(scan.dir);

        if (pid != self && read_and_match(search, proc, pid)) {
            kill_and_count(search, proc, pid);
        }
    }
    proc_scan_close(&scan);
    return true;
}

static bool search_all(struct search *search, int64_t deadline_ns, struct err *err)
{
    int pause_ms = 1;

    for (;;) {
        if (!search_pass(search, err)) {
            return false;
        }
        if (search->found == 0) {
            return true;
        }
        if (clock_mono_ns(&clock_system) >= deadline_ns) {
            return err_set(err, STATUS_LOCKED,
                           "%u processes of an earlier run cannot be killed; end them, then run "
                           "again",
                           search->found);
        }
        sys_poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < 50 ? pause_ms * 2 : pause_ms;
    }
}

bool survivors_kill(const struct str *cookies, size_t count, int64_t limit_ns,
                    struct survivors_result *result, struct err *err)
{
    struct search search = {.cookies = cookies, .count = count, .result = result};
    bool good;

    *result = (struct survivors_result){0};
    if (count == 0) {
        return true;
    }
    strbuf_init(&search.text);
    good = search_all(&search, clock_mono_ns(&clock_system) + limit_ns, err);
    strbuf_fini(&search.text);
    VEC_FREE(&search.signalled);
    return good;
}
