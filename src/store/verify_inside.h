#ifndef PAWL_STORE_VERIFY_INSIDE_H
#define PAWL_STORE_VERIFY_INSIDE_H
/* What the files of verify share; nobody else includes this. */
#include "store/verify.h"

#define VERIFY_SET_ASIDE ".damaged"

/* Texts are copied; its number. */
size_t verify_say(struct verify *verify, enum verify_level level, struct str place,
                  struct str reason, struct str cost);
/* What an error says, without the name it begins with. */
size_t verify_say_err(struct verify *verify, struct str place, const struct err *err,
                      const char *cost);
/* A path in the store, as it is shown. */
struct str verify_in_store(struct verify *verify, const char *path);

/* verify_repair.c: notes what a repair did. */
void verify_repaired(struct verify *verify, size_t problem, struct str repair);
/* Renames a file of records that is nothing that can be read. */
bool verify_set_aside(int dirfd, const char *name, const char *kind, const char *aside,
                      struct err *err);

/* verify_items.c */
void verify_items(struct verify *verify);
bool verify_repair_items(struct verify *verify, struct err *err);
/* verify_objects.c */
void verify_objects(struct verify *verify, struct objects *objects);
/* verify_results.c */
void verify_results(struct verify *verify, struct objects *objects);
/* Is the object there, and whole; the tree, with all that it names? */
bool verify_object_is_there(const struct verify *verify, struct objects *objects,
                            const struct digest *digest);
bool verify_tree_is_there(struct verify *verify, struct objects *objects,
                          const struct digest *digest);
/* verify_checkpoints.c: looks at all of them; forgets those that are no good. */
void verify_checkpoints(struct verify *verify, struct objects *objects);
bool verify_repair_checkpoints(struct verify *verify, struct err *err);
void verify_repaired(struct verify *verify, size_t problem, struct str repair);
/* verify_left.c: what lies there while nobody works. */
void verify_say_left(struct verify *verify, int dirfd, const char *base, struct str name,
                     const char *reason, bool removable);
void verify_left(struct verify *verify);

#endif
