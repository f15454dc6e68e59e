/* Runs one command and writes one line of CSV about it:
 *
 *     measure FILE COMMAND [ARGUMENT…]
 *     wall_ns,user_us,system_us,maxrss_kib,own_us
 *
 * Processor time (user, system) and memory are those of the command and of all descendants it has
 * waited for; the memory is that of the largest single process. `own_us` is the processor time of
 * the command's own process, without descendants. The status is the command's, 128+n after signal
 * n, 125 for a failure of our own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_OURS = 125 };

static long long now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long time_us(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

static int fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    return STATUS_OURS;
}

/* Waits for the end of `child`, which stays to be waited for, and asks its clock: that stands still
 * then and knows nothing of its children. */
static long long own_us_at_end(pid_t child)
{
    struct timespec used;
    siginfo_t info;
    clockid_t clock;

    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return -1;
    }
    return used.tv_sec * 1000000LL + used.tv_nsec / 1000;
}

static int write_line(const char *path, long long wall_ns, const struct rusage *used,
                      long long own_us)
{
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        return fail(path);
    }
    fprintf(file, "%lld,%lld,%lld,%ld,%lld\n", wall_ns, time_us(used->ru_utime),
            time_us(used->ru_stime), used->ru_maxrss, own_us);
    return fclose(file) == 0 ? 0 : fail(path);
}

int main(int argc, char **argv)
{
    struct rusage used;
    long long start_ns = now_ns();
    long long wall_ns, own_us;
    pid_t child;
    int status;

    if (argc < 3) {
        fputs("usage: measure FILE COMMAND [ARGUMENT…]\n", stderr);
        return STATUS_OURS;
    }
    child = vfork();
    if (child < 0) {
        return fail("vfork");
    }
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    own_us = own_us_at_end(child);
    if (own_us < 0) {
        return fail("the clock of the command");
    }
    wall_ns = now_ns() - start_ns;
    while (wait4(child, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            return fail("wait4");
        }
    }
    if (write_line(argv[1], wall_ns, &used, own_us) != 0) {
        return STATUS_OURS;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
