#ifndef PAWL_CMD_TARGETS_H
#define PAWL_CMD_TARGETS_H
/* What the words of a command line select of a session's plan. Selections are added to `selected`,
 * one byte an instance. Errors: status 2, with a suggestion. */
#include "cmd/command.h"
#include "run/session.h"

/* What a user means by `typed`: a stage, an instance, a selection, or the path of an output, seen
 * from where he stands. */
bool targets_select(struct session *session, const char *typed, uint8_t *selected, struct err *err);
/* The same for each word. */
bool targets_select_all(struct session *session, const struct cli_texts *typed, uint8_t *selected,
                        struct err *err);
/* The same; without words the manifest's default, else everything. */
bool targets_take(struct session *session, const struct cli_texts *typed, uint8_t *selected,
                  struct err *err);
/* --force and --from; `--force` alone means `target`. */
bool targets_force(struct session *session, const struct cli *cli, const uint8_t *target,
                   uint8_t *forced, struct err *err);

#endif
