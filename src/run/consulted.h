#ifndef PAWL_RUN_CONSULTED_H
#define PAWL_RUN_CONSULTED_H
/* What planning was told by the world: files it read whole, folders it listed, programs it looked
 * for. Noted while a session reads and plans, so that a later call can tell from signatures that
 * the same plan would come out (run/guards.h). Main thread; strings live in the session's arena.
 *
 * A folder that was listed is compared again at the end of a run, when pawl itself has made files
 * in it: consulted_settle() takes its signature anew if it differs from what was listed only by
 * outputs of the plan and folders that hold nothing else.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/sha256.h"
#include "base/vec.h"
#include "model/plan.h"
#include "os/signature.h"
#include "os/walk.h"

struct consulted_file {
    struct str path;
    bool follow;
    struct signature signature; /* mode 0: it was not there */
    bool firm;
};

struct consulted_entry {
    struct str name;
    enum file_type type;
    bool is_folder; /* a link: leads to one */
};

struct consulted_listing {
    struct consulted_entry *entries; /* sorted by bytes */
    uint32_t count;
    bool exists;                /* else nothing is there, or no folder */
    struct signature signature; /* from before, if no later change can leave it; else mode 0 */
};

struct consulted_folder {
    struct str path; /* "" is the workspace */
    struct consulted_listing listed;
    /* At the end, see consulted_settle(). */
    struct signature signature; /* mode 0: it is to be listed again each time */
    struct digest listing;
};

struct consulted_program {
    struct str name, path;      /* path "": not found */
    struct signature signature; /* before it was read or asked */
};

struct consulted {
    struct arena *arena;
    const struct clock *clock;
    VEC(struct consulted_file) files;
    VEC(struct consulted_folder) folders;
    VEC(struct consulted_program) programs;
    struct map folder_numbers, program_numbers;
    struct walk_room room; /* of all listings */
    bool unsure;           /* something was consulted that no signature can vouch for */
};

void consulted_init(struct consulted *consulted, struct arena *arena, const struct clock *clock);
void consulted_fini(struct consulted *consulted);

/* `firm` false: nothing can be said of it later, unless its bytes are read again. */
void consulted_file(struct consulted *consulted, struct str path, bool follow,
                    const struct signature *signature, bool firm);
/* Nothing, or no file that could be read, is at this path, and that counts. */
void consulted_absence(struct consulted *consulted, struct str path);
/* Reads a file whole; a signature that is not firm only because its tick has not passed is waited
 * for. ENOENT is noted, too. */
bool consulted_read(struct consulted *consulted, struct str path, uint64_t limit_bytes,
                    struct strbuf *text, struct err *err);
/* The same without what is in the gaps: see file_read_between(). */
bool consulted_read_between(struct consulted *consulted, struct str path, uint64_t limit_bytes,
                            const struct str_range *gaps, uint32_t gap_count, struct strbuf *text,
                            struct err *err);
void consulted_folder(struct consulted *consulted, struct str path,
                      const struct consulted_listing *listing);
/* Looks a program up on PATH and notes what came out; "" if there is none. */
struct str consulted_program(struct consulted *consulted, struct str name, struct arena *arena,
                             struct err *err);

/* Lists a folder; false if it cannot be. */
bool consulted_list(struct consulted *consulted, struct str path, struct arena *arena,
                    struct consulted_listing *listing, struct err *err);
struct digest consulted_listing_digest(const struct consulted_listing *listing);

/* A folder that a run has written into: does it still hold the same names? `*signature` is what it
 * is known by from now on; mode 0: it is to be listed again each time. */
bool consulted_is_same(struct consulted *consulted, struct str path, const struct digest *listing,
                       struct signature *signature);

/* At the end: signatures of all folders as they are now. False: something besides what the plan
 * makes has come or gone, so that another plan may come out. */
bool consulted_settle(struct consulted *consulted, const struct plan *plan);

#endif
