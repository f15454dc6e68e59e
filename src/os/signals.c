/* Owns the signal mask and the signalfd. Signals are blocked in every thread (threads inherit the
 * mask of the main thread) and read from the descriptor; only their default actions ever run. */
#include "os/signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int taken_signals[] = {SIGINT,  SIGTERM, SIGHUP,   SIGCHLD,
                                    SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1};
static const int ignored_signals[] = {SIGPIPE, SIGTTOU, SIGXFSZ};

enum {
    TAKEN_COUNT = sizeof(taken_signals) / sizeof(taken_signals[0]),
    IGNORED_COUNT = sizeof(ignored_signals) / sizeof(ignored_signals[0])
};

void origin_note(struct origin *origin)
{
    memset(origin, 0, sizeof(*origin));
    sigprocmask(SIG_SETMASK, NULL, &origin->mask);
    for (int i = 1; i < ORIGIN_SIGNALS; i++) {
        struct sigaction action;

        origin->ignored[i] = sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    for (int i = 0; i < ORIGIN_LIMITS; i++) {
        origin->has_limit[i] = sys_get_limit(i, &origin->limits[i]) == 0;
    }
    origin->umask = sys_umask(022);
    sys_umask(origin->umask);
    jobserver_note(&origin->jobserver);
}

static bool stays_ignored(const struct origin *origin, int number)
{
    return (number == SIGINT || number == SIGTERM || number == SIGHUP) && origin->ignored[number];
}

static bool set_action(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    return sigaction(number, &action, NULL) == 0;
}

bool signals_open(struct signals *signals, const struct origin *origin, struct err *err)
{
    sigset_t taken;

    sigemptyset(&taken);
    for (int i = 0; i < TAKEN_COUNT; i++) {
        if (!stays_ignored(origin, taken_signals[i])) {
            /* An ignored signal would never reach the descriptor; an ignored CHLD would reap for
             * us. */
            set_action(taken_signals[i], SIG_DFL);
            sigaddset(&taken, taken_signals[i]);
        }
    }
    for (int i = 0; i < IGNORED_COUNT; i++) {
        set_action(ignored_signals[i], SIG_IGN);
    }
    sigprocmask(SIG_BLOCK, &taken, &signals->mask);
    signals->fd = sys_signalfd(-1, &taken, SFD_NONBLOCK);
    if (signals->fd < 0) {
        err_sys(err, "cannot watch signals");
        sigprocmask(SIG_SETMASK, &signals->mask, NULL);
        return false;
    }
    return true;
}

void signals_close(struct signals *signals)
{
    if (signals->fd >= 0) {
        sys_close(signals->fd);
        signals->fd = -1;
        sigprocmask(SIG_SETMASK, &signals->mask, NULL);
    }
}

bool signals_next(struct signals *signals, struct signals_note *note)
{
    struct signalfd_siginfo info;

    if (sys_read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return false;
    }
    *note = (struct signals_note){
        .number = (int)info.ssi_signo,
        .sender = info.ssi_code <= 0 ? (pid_t)info.ssi_pid : 0,
        .uid = info.ssi_uid,
    };
    return true;
}

void signals_raise_again(int number)
{
    sigset_t only;

    set_action(number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, number);
    sys_kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}

void signals_stop_self(void)
{
    sys_kill(getpid(), SIGSTOP);
}

const char *signals_name(int number, char text[16])
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},       {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
        {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},     {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
        {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"},     {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"},     {SIGTERM, "SIGTERM"}, {SIGCHLD, "SIGCHLD"},
        {SIGCONT, "SIGCONT"}, {SIGSTOP, "SIGSTOP"},     {SIGTSTP, "SIGTSTP"}, {SIGTTIN, "SIGTTIN"},
        {SIGTTOU, "SIGTTOU"}, {SIGXCPU, "SIGXCPU"},     {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
        {SIGPROF, "SIGPROF"}, {SIGVTALRM, "SIGVTALRM"}, {SIGPWR, "SIGPWR"},   {SIGIO, "SIGIO"},
        {SIGURG, "SIGURG"},   {SIGWINCH, "SIGWINCH"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number == number) {
            return names[i].name;
        }
    }
    snprintf(text, 16, "signal %d", number);
    return text;
}

void origin_compare(struct origin *origin)
{
    sigemptyset(&origin->to_ignore);
    sigemptyset(&origin->to_default);
    for (int i = 1; i < ORIGIN_SIGNALS; i++) {
        struct sigaction action;

        if (sigaction(i, NULL, &action) != 0) {
            continue;
        }
        if (origin->ignored[i] && action.sa_handler != SIG_IGN) {
            sigaddset(&origin->to_ignore, i);
        }
        if (!origin->ignored[i] && action.sa_handler == SIG_IGN) {
            sigaddset(&origin->to_default, i);
        }
    }
    for (int i = 0; i < ORIGIN_LIMITS; i++) {
        struct sys_limit now;

        origin->sets_limit[i] =
            origin->has_limit[i] && sys_get_limit(i, &now) == 0 &&
            (now.soft != origin->limits[i].soft || now.hard != origin->limits[i].hard);
    }
    origin->compared = true;
}
