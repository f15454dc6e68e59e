/* Runs one command and writes one line of CSV about it:
 *
 *     measure FILE COMMAND [ARGUMENT…]
 *     wall_ns,user_us,system_us,maxrss_kib
 *
 * Processor time and memory are those of the command and of all descendants it has waited for; the
 * memory is that of the largest single process. The status is the command's, 128+n after signal n,
 * 125 for a failure of our own. */
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

static int write_line(const char *path, long long wall_ns, const struct rusage *used)
{
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        return fail(path);
    }
    fprintf(file, "%lld,%lld,%lld,%ld\n", wall_ns, time_us(used->ru_utime), time_us(used->ru_stime),
            used->ru_maxrss);
    return fclose(file) == 0 ? 0 : fail(path);
}

int main(int argc, char **argv)
{
    struct rusage used;
    long long start_ns = now_ns();
    long long wall_ns;
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
    while (wait4(child, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            return fail("wait4");
        }
    }
    wall_ns = now_ns() - start_ns;
    if (write_line(argv[1], wall_ns, &used) != 0) {
        return STATUS_OURS;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
