#ifndef PAWL_MODEL_KEY_H
#define PAWL_MODEL_KEY_H
/* The key of an instance: a digest of everything that can change its result. It is made of
 * *fields*, a name and a value each, in a fixed order; the digest is over their length-framed
 * bytes, so that no two lists of fields have the same bytes. The fields are kept with the result,
 * which is how `why` can show the old and the new value of each.
 *
 * The names of fields (values are text; digests in hex):
 *
 *   format              version of this serialisation
 *   version             pipeline.version
 *   command             the `run` string;            argv[0], argv[1], …  for an array
 *   shell[0], …         the shell's words before it
 *   dir                 working folder
 *   env.NAME            what the stage sets;         pass_env.NAME  what it passes through
 *   tool NAME           digest of a program;         tool `COMMAND`  digest of what it prints
 *   input PATH          digest, " x" if executable;  input PATH (ROLE) with a role;
 *                       "link"/"folder" for those;   stdin PATH for the standard input
 *   each PATH           what the items of a stream come from
 *   mode, stream        how they are worked, and become outputs
 *   when NAME           value of a metric of another stage that `when` speaks of
 *   metrics PATH        the output whose figures are taken
 *   output PATH         how it is declared;          output PATH (ROLE); stdout PATH;
 *                       dead_letter PATH
 *   found PATH          what a depfile named: digest (only in the whole key)
 *
 * Not in a key: checks, timeouts, retries, resources, descriptions.
 */
#include "base/sha256.h"
#include "base/str.h"

enum { KEY_FORMAT = 1 };

struct key_field {
    struct str name, value;
};
struct key_fields {
    struct key_field *items;
    uint32_t count, cap;
    struct arena *arena;
};

void key_fields_init(struct key_fields *fields, struct arena *arena);
/* Neither is copied: they live as long as the fields. */
void key_fields_add(struct key_fields *fields, struct str name, struct str value);
/* "prefix name" and, with a role, " (role)". */
void key_fields_add_path(struct key_fields *fields, const char *prefix, struct str path,
                         struct str role, struct str value);
struct digest key_fields_digest(const struct key_fields *fields);

#endif
