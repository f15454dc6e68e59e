#ifndef PAWL_RUN_PROBE_H
#define PAWL_RUN_PROBE_H
/* Asking a program something before the run: whether a shell knows pipefail, what a tool prints as
 * its version. Short commands, run to their end, with an empty standard input. Main thread.
 */
#include "run/session.h"

/* Runs `argv` (argv[0] already found) in the workspace with the environment that commands get, and
 * collects what it prints on stdout (at most `limit_bytes`; more is an error). `*exit_code` is
 * 128+n for a signal. False: it could not be started or took over 60 s. */
bool probe_run(struct session *session, const struct str *argv, uint32_t argc, uint64_t limit_bytes,
               struct strbuf *out, int *exit_code, struct err *err);

/* Whether `SHELL -o pipefail -c :` works; asked once for each shell of a session. */
bool probe_pipefail(struct session *session, struct str shell);

#endif
