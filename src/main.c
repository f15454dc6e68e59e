/* Where pawl starts and ends: the only exit. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sys.h"
#include "cmd/command.h"
#include "os/signals.h"

/* A number from 0 to 2 that is closed would become some file of ours, and what is meant for the
 * user would go into it. The reading end of a pipe that nobody writes stands in for it: empty as an
 * input, and an error for whoever writes to it. */
static void main_fill_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int ends[2];

        if (sys_fcntl(fd, F_GETFD, 0) >= 0 || errno != EBADF || sys_pipe(ends, 0) != 0) {
            continue;
        }
        sys_set_cloexec(ends[0], false);
        sys_close(ends[1]);
    }
}

static void main_abort(int number)
{
    static const char text[] =
        "pawl: this is a fault of pawl itself: please report it, with the lines above\n";

    (void)number;
    sys_write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(STATUS_BUG);
}

/* assert and bug() end in abort(): make that a status of ours. */
static void main_catch_abort(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = main_abort;
    sigaction(SIGABRT, &action, NULL);
}

int main(int argc, char **argv)
{
    struct origin origin;
    int status;

#ifdef PAWL_FAULT
    if (!sys_fault_init()) {
        return STATUS_USAGE;
    }
#endif
    origin_note(&origin);
    main_catch_abort();
    main_fill_streams();
    status = cmd_main(argc, argv, &origin);
    if (status > STATUS_SIGNAL) {
        signals_raise_again(status - STATUS_SIGNAL);
    }
    return status;
}
