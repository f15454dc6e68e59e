#ifndef PAWL_CMD_ITEMS_OF_H
#define PAWL_CMD_ITEMS_OF_H
/* What `items` and `dead` share: which logs of items a word of the command line means. */
#include "cmd/place.h"

/* Calls `each` for the newest log of each instance that the word selects. */
bool items_of(const struct session *session, const char *word,
              bool (*each)(void *ctx, struct str instance, const char *path, struct err *err),
              void *ctx, struct err *err);
/* Status 2: there is none. */
bool items_of_none(const char *word, struct err *err);

#endif
