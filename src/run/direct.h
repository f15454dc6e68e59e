#ifndef PAWL_RUN_DIRECT_H
#define PAWL_RUN_DIRECT_H
/* Starting the command of a `run` string without its shell, when that means the same.
 *
 * It does when the string is one simple command (shell_read_simple), the shell is a dash by its
 * absolute path with no options but -e, -u and -c, and nothing in the environment says something to
 * that shell. The command then finds the arguments, the environment in its order, the folder and
 * the descriptors that the shell would have given it. Whatever cannot be told or fails goes to the
 * shell: a program that is missing, not executable or a script without a `#!` line is the shell's
 * to report or to run. Of what the command itself can see only its parent is another, and that it
 * leads its process group, as a command without a shell always does.
 *
 * Not the shell's name alone is believed: after a few such commands the shell is asked once in a
 * run, by a command that prints its environment and kills itself. Unless environment, status and
 * message are what pawl would have made of it, all goes to the shell. */
#include "os/spawn.h"
#include "run/session.h"

/* A program that was found: the next command that names it tries the same paths itself, in the same
 * order. One that has come meanwhile is found; one that has gone is the shell's to miss. */
struct direct_program {
    struct str name;
    struct str search; /* the value of PATH; of a name with a slash the folder, "" for ours */
    const char *const *sooner;
    const char *program;
};

enum { DIRECT_PROGRAMS = 32 };

struct direct {
    struct session *session;
    struct direct_program programs[DIRECT_PROGRAMS];
    uint32_t program_count;
    struct str *shell; /* the words before the string that were asked about */
    uint32_t shell_count;
    uint32_t seen; /* simple commands so far, up to when it is asked */
    bool asked, good;
};

/* Many commands of one shell come: it is asked with the first. */
void direct_expect_many(struct direct *direct);
/* Fills program, argv and envp of a copy of what would start the shell. False: start the shell. */
bool direct_prepare(struct direct *direct, const struct plan_command *command, struct arena *arena,
                    struct spawn *spawn);

#endif
