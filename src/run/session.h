#ifndef PAWL_RUN_SESSION_H
#define PAWL_RUN_SESSION_H
/* A session: everything a command needs of one workspace, opened step by step, closed at once.
 *
 * Order of calls: session_init; session_find (which manifest, which workspace; the process changes
 * into it, so that workspace paths are paths); session_open_store (what was recorded; takes the
 * lock if the command changes the workspace); session_plan (reads manifest and parameters,
 * expands). session_fini releases all of it, whatever was opened. Main thread only.
 *
 * Diagnostics of the manifest collect in `diags`; session_show_diags prints them to stderr once.
 */
#include "base/clock.h"
#include "base/map.h"
#include "base/diag.h"
#include "model/manifest.h"
#include "model/event.h"
#include "model/plan.h"
#include "os/lock.h"
#include "os/machine.h"
#include "os/signals.h"
#include "os/signature.h"
#include "run/consulted.h"
#include "store/effects.h"
#include "store/index.h"
#include "store/made.h"
#include "store/objects.h"
#include "store/results.h"
#include "store/store_lock.h"
#include "store/workspace.h"

/* What the command line says about where and what. */
struct session_options {
    const char *dir;   /* -C; NULL: here */
    const char *file;  /* -f; NULL: pawl.toml, looked for here and upwards */
    const char *store; /* --store; NULL: as the manifest says */
    const struct m_override *overrides;
    uint32_t override_count;
    const char *params_file;        /* --params; NULL */
    const struct m_override *flags; /* --flag */
    uint32_t flag_count;
    const char *command; /* name of the command, for the lock's holder line */
    struct str manifest; /* the manifest's text, whatever the file says; data NULL: it counts */
};

enum { SESSION_TEXTS = 3 }; /* manifest, local manifest, params file */

struct session {
    struct session_options options;
    struct arena arena; /* lives as long as the session */
    struct arena files; /* of the manifest: what only planning needs; session_forget_files() */
    struct diags diags;
    struct err unseen; /* the first that planning could not look at; status 0: there is none */
    const struct clock *clock;
    const struct origin *origin;
    struct machine machine;
    struct str root;          /* workspace folder, its real path; the working folder from then on */
    struct str prefix;        /* where the user stands below it: "" or "sub/dir" */
    struct str manifest_path; /* relative to root: usually pawl.toml */
    struct strbuf
        texts[SESSION_TEXTS]; /* what was read, the manifest first: places point into it */
    uint32_t text_count;
    struct str manifest_text;
    int root_fd;
    struct workspace workspace;
    struct lock lock, lives;
    bool locked;
    int store_fd;                 /* .pawl or the shared store's folder */
    struct store_lock store_lock; /* of a shared store */
    struct objects *objects;
    struct results *results;
    struct index *index;
    const struct last_state *last; /* what the index is opened beside, not ours; NULL */
    struct made *made;
    struct effects effects;
    struct err effects_damage; /* status 0: none; see session_has_effects */
    struct signature_times *times;
    struct manifest manifest;
    bool manifest_read;
    struct plan plan;
    bool planned;
    struct digest manifest_digest;
    struct str machine_text; /* what names this machine, and its digest once the store is open */
    struct digest machine_digest;
    struct consulted consulted;
    struct map foreign; /* paths that other manifests of the workspace make: run/neighbours.h */
    bool foreign_loaded;
};

void session_init(struct session *session, const struct session_options *options,
                  const struct clock *clock, const struct origin *origin);
void session_fini(struct session *session);
/* Closes results and what was made, once nothing of them is asked any more: saving what a run
 * leaves needs memory. */
void session_close_records(struct session *session);

/* Goes to the folder of -C; NULL: stays here. Errors: status 2 (no such folder), 11. */
bool session_go(const char *dir, struct err *err);

/* Finds the manifest and opens the workspace folder. Errors: status 2 (no such file), 11. */
bool session_find(struct session *session, struct err *err);

enum session_access {
    SESSION_LOOK,  /* reads what is there; writes nothing */
    SESSION_CHANGE /* takes the lock; makes .pawl */
};
/* The lock and the store's folder alone. With SESSION_CHANGE: status 9 if somebody else holds the
 * workspace (`wait`: waits for him). */
bool session_open_folder(struct session *session, enum session_access access, bool wait,
                         struct err *err);
/* Opens store, results, index, made, after session_open_folder if that was not done. */
bool session_open_store(struct session *session, enum session_access access, bool wait,
                        struct err *err);
/* Whether it is known what may have to be undone, without which nothing is decided. False: status
 * 12, `.pawl/effects` is damaged. */
bool session_has_effects(const struct session *session, struct err *err);
/* Does a process hold the workspace now? Takes no lock. */
enum session_held { SESSION_FREE, SESSION_HELD, SESSION_HELD_UNKNOWN };
enum session_held session_is_held(const struct session *session);
/* Reads the manifest and its companions. False: errors are in diags (status 3) or in `err`. */
bool session_read_manifest(struct session *session, struct err *err);
/* Builds the plan; the same. Needs session_open_store for orphans. */
bool session_plan(struct session *session, struct err *err);

/* What only planning needs of the manifest leaves memory: the inputs and outputs of its stages. */
void session_forget_files(struct session *session);

/* The same of a slice alone (run/slice.h): the manifest without the stages in the gaps, and the
 * plan's instances that the slice names. */
struct session_part {
    const struct str_range *gaps;
    uint32_t gap_count;
    const struct diag_part *parts; /* what is between them, for places */
    uint32_t part_count;
    const uint8_t *outlines; /* see struct manifest_request */
    struct digest manifest;  /* of the whole text */
};
bool session_read_part(struct session *session, const struct session_part *part, struct err *err);
bool session_plan_slice(struct session *session, const struct plan_slice *slice, struct err *err);
/* Lets go of manifest, plan and diagnostics, to read and plan again. */
void session_forget_plan(struct session *session);

/* Other workspaces may use the store, too. */
bool session_store_is_shared(const struct session *session);

/* Prints warnings and errors once to stderr; returns true if there were errors. */
bool session_show_diags(struct session *session, bool color);

/* The digest that says whether a run may go on: manifest, parameters, flags of the manifest,
 * targets, the options that change what runs, and the instances of the plan. */
struct digest session_plan_digest(const struct session *session, const struct event_strs *targets,
                                  const struct event_pairs *flags);
/* All parameters and their values as text, in order of the manifest. */
struct event_pairs session_params(struct session *session);
/* The flags that `--flag` made other than the manifest says: "NAME=VALUE" each, in its order. In
 * the record they stand among the options that change what runs, each as a SESSION_FLAG. */
#define SESSION_FLAG "flag"
struct event_strs session_flags(struct session *session);
/* Time limit of a whole run; 0: none. */
int64_t session_timeout_ns(const struct session *session);
/* Tells those who find the workspace locked which run holds it. */
void session_tell_holder(struct session *session, const char *run);
/* A path as the user typed it, relative to where he stands, as a workspace path. False: it lies
 * outside or is none; then it is no path of ours. */
bool session_user_path(struct session *session, struct str typed, struct str *path);

#endif
