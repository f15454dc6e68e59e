/* The least that starting commands costs: `spawn_loop COUNT AT-ONCE PROGRAM` starts PROGRAM that
 * many times by vfork and exec, so many at once, waits for each, and does nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(char *program)
{
    char *argv[] = {program, NULL};
    char *envp[] = {NULL};
    pid_t pid = vfork();

    if (pid == 0) {
        execve(program, argv, envp);
        _exit(127);
    }
    if (pid < 0) {
        perror("vfork");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? atol(argv[1]) : 0, at_once = argc == 4 ? atol(argv[2]) : 0;
    long running = 0;

    if (count <= 0 || at_once <= 0) {
        fputs("usage: spawn_loop COUNT AT-ONCE PROGRAM\n", stderr);
        return 2;
    }
    while (count > 0 || running > 0) {
        int status;

        for (; running < at_once && count > 0; running++, count--) {
            start(argv[3]);
        }
        if (wait(&status) < 0 || status != 0) {
            fputs("spawn_loop: a command failed\n", stderr);
            return 1;
        }
        running--;
    }
    return 0;
}
