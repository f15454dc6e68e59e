#ifndef PAWL_OS_SIGNALS_H
#define PAWL_OS_SIGNALS_H
/* Signals as bytes on a descriptor, and what pawl was started with, so that children get exactly
 * that.
 *
 * Order: origin_note first of all in main (before the mask, a disposition, a limit or the umask is
 * changed); signals_open before any thread starts; the loop watches `fd`; signals_next until it
 * says 0; signals_close restores the mask.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sys.h"
#include "os/jobserver.h"

enum { ORIGIN_SIGNALS = 65, ORIGIN_LIMITS = 16 };

/* What pawl inherited and hands on. */
struct origin {
    sigset_t mask;
    bool ignored[ORIGIN_SIGNALS]; /* by number: SIG_IGN at start; all others default */
    struct sys_limit limits[ORIGIN_LIMITS];
    bool has_limit[ORIGIN_LIMITS];
    mode_t umask;
    struct jobserver_offer jobserver; /* of a make that started us */
    /* How this process differs from it: see origin_compare. */
    bool compared;
    sigset_t to_ignore, to_default;
    bool sets_limit[ORIGIN_LIMITS];
};

/* Notes once how this process differs from its origin, so that not every child has to ask the
 * kernel eighty questions. For who starts many: after signals_open, on a copy; dispositions and
 * limits must not change afterwards. */
void origin_compare(struct origin *origin);
void origin_note(struct origin *origin);

struct signals {
    int fd;        /* readable when a signal is waiting */
    sigset_t mask; /* as before signals_open */
};

struct signals_note {
    int number;   /* SIGINT, … */
    pid_t sender; /* 0: the kernel (terminal, dead child) */
    uid_t uid;
};

/* Takes INT, TERM, HUP, CHLD, TSTP, CONT, WINCH and USR1 off their usual way. INT, QUIT, TERM and
 * HUP that were ignored at start (nohup, background job of an old shell) stay ignored. PIPE, TTOU
 * and XFSZ are ignored from here on: the calls report instead. QUIT keeps its default: at once. */
bool signals_open(struct signals *signals, const struct origin *origin, struct err *err);
void signals_close(struct signals *signals);
/* The next signal that waits; false: none. Signals of one kind may be joined into one. */
bool signals_next(struct signals *signals, struct signals_note *note);

/* Gives the signal its default action and raises it: for the end of main, after cleaning up.
 * Returns only if the signal does not end a process. */
void signals_raise_again(int number);
/* Stops this process as Ctrl-Z would have; returns when it is continued. */
void signals_stop_self(void);
/* "SIGTERM"; "signal 63" for one without a name. Static or in `text`. */
const char *signals_name(int number, char text[16]);

#endif
