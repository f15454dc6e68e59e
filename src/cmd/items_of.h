#ifndef PAWL_CMD_ITEMS_OF_H
#define PAWL_CMD_ITEMS_OF_H
/* What `items` and `dead` share: which logs of items a word of the command line means. */
#include "base/json_write.h"
#include "cmd/place.h"

/* Calls `each` for the newest log of each instance that the word selects, and of each variant by
 * which its items are worked. */
bool items_of(const struct session *session, const char *word,
              bool (*each)(void *ctx, struct str name, const char *path, struct err *err),
              void *ctx, struct err *err);
/* The instance in the name of whose log it is: `INSTANCE` or `INSTANCE variant NAME`. */
struct str items_of_instance(struct str name);
/* Both as members of a JSON object. */
void items_of_json(struct json_writer *w, struct str name);
/* Status 2: there is none. */
bool items_of_none(const char *word, struct err *err);

#endif
