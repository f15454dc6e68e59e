#ifndef PAWL_RUN_SOURCES_H
#define PAWL_RUN_SOURCES_H
/* What lies at a path now: signature and digest, by the stat cache where it can be trusted, else by
 * reading. Main thread; what is found goes into the session's index.
 */
#include "run/session.h"

struct source_fact {
    struct signature signature; /* as noted before reading; mode 0: nothing there */
    struct digest digest;       /* file: its bytes; link (not followed): its text */
    bool exists;
    bool firm; /* the signature may be trusted later; else look again after use */
    bool executable;
    bool folder;
    uint64_t size_bytes;
};

/* `path` is a workspace path or absolute. Links are followed (`follow`): inputs are what they point
 * to. A folder has no digest here. False: it is there and cannot be read. `rehash`: the cache is
 * not asked. */
bool source_look(struct session *session, struct str path, bool follow, bool rehash,
                 struct source_fact *fact, struct err *err);

/* The same without reading a file: `*unread` tells that its digest is not known. */
bool source_look_cached(struct session *session, struct str path, bool follow, bool rehash,
                        struct source_fact *fact, bool *unread, struct err *err);
/* Does the stat cache know the digest of what has this signature now? */
bool source_is_cached(const struct session *session, struct str path,
                      const struct signature *signature, struct digest *digest);
/* Takes what was read into the stat cache. */
void source_note(struct session *session, struct str path, const struct signature *signature,
                 const struct digest *digest, bool firm);

/* Does the output at `path` have exactly these bytes? A folder is compared with its tree: every
 * entry, and nothing besides. `*exists`: something lies there. `*known`: what lies there is what
 * pawl's own record (`made`) says it put there, so it may be removed or replaced. */
struct output_look {
    bool exists, same, known;
};
bool source_look_output(struct session *session, struct str path, enum tree_type type,
                        bool executable, const struct digest *digest, bool rehash,
                        struct output_look *look, struct err *err);
/* Is the folder at `path` exactly what `tree` says? */
bool source_is_tree(struct session *session, struct str path, const struct tree *tree, bool rehash,
                    bool *same, struct err *err);
/* Is all that lies in the folder at `path` as `tree` says? It may lack some of it. */
bool source_is_within(struct session *session, struct str path, const struct tree *tree,
                      bool *within, struct err *err);
/* The same when no result is known: only `exists` and `known`. */
bool source_look_known(struct session *session, struct str path, struct output_look *look,
                       struct err *err);

/* Takes what is known of files that were just put or restored into the stat cache. */
void source_put_rows(struct session *session, const struct output_rows *rows);

/* The functions of model/plan.h over real files. `ctx` is the session. */
struct plan_files session_plan_files(struct session *session);

#endif
