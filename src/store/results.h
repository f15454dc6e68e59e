#ifndef PAWL_STORE_RESULTS_H
#define PAWL_STORE_RESULTS_H
/* What each key gave: the file `results` of the store, append-only, checksummed, compacted when
 * more than half of it is dead.
 *
 *     results = results_open(storefd, &err);
 *     results_find_declared(results, &declared, refs)     newest first, then results_read each
 *     results_add(results, &result); … results_flush(results, &err);      once a turn: one write
 *     results_close(results);
 *
 * In memory are hashes and places alone; a result is read from the file, checked and decoded each
 * time it is asked for. Opening takes them from a table beside the file (`results.table`) and walks
 * only what was appended since that was written. A line counts when its checksum is right; whether
 * its objects are there is asked by the caller. What was added is found at once, flushed or not.
 *
 * A key that was forgotten (results_forget) has no result until the next one is added.
 *
 * One thread. Several processes may have the same file open; results_refresh shows what others
 * appended.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/sha256.h"
#include "base/str.h"

enum { RESULTS_PER_KEY = 16 };

enum result_flag {
    RESULT_ADOPTED = 1 << 0,  /* existing outputs taken as they were, nothing ran */
    RESULT_PORTABLE = 1 << 1, /* may serve other workspaces and machines */
    RESULT_DIFFERS = 1 << 2,  /* a rerun of this key gave other bytes than before */
    RESULT_UNKEYED = 1 << 3,  /* an attempt began and gave nothing: found by instance only */
    RESULT_FALLBACK = 1 << 4  /* made by another command than the key says, because that failed */
};

enum result_kind { RESULT_FILE, RESULT_FOLDER, RESULT_LINK };

struct result_output {
    struct str role; /* name in a table of outputs, or "" */
    struct str path; /* workspace path */
    enum result_kind kind;
    bool executable;
    bool stored;          /* its bytes were put into the store */
    struct digest digest; /* FOLDER: of the tree object */
    uint64_t size_bytes;
};

/* What a depfile named. */
struct result_input {
    struct str path;
    struct digest digest;
    bool missing; /* did not exist; digest all zero */
};

/* One part of the key as text, for `why`: ("command", "awk …"), ("input data/x.csv", hex),
 * ("env.FOO", "1"). A name may come several times: a list. In the order of the key. */
struct result_field {
    struct str name, value;
};

struct result {
    struct digest key;      /* of everything, discovered inputs too */
    struct digest declared; /* of what is declared; equals `key` without discovered inputs */
    struct digest workspace, machine;
    struct str stage, instance;
    struct str run, attempt;      /* ids */
    int64_t started_ns, ended_ns; /* since 1970 */
    uint64_t wall_ns, cpu_user_ns, cpu_sys_ns, peak_bytes;
    uint32_t flags; /* enum result_flag */
    struct result_output *outputs;
    uint32_t output_count;
    struct result_input *discovered;
    uint32_t discovered_count;
    struct result_field *fields;
    uint32_t field_count;
    struct metrics metrics;
};

struct results;

/* A result not yet decoded: valid until results_flush, results_compact,
 * results_refresh or close. */
struct result_ref {
    uint32_t n;
};
#define RESULT_NONE UINT32_MAX
static inline bool result_ref_is_some(struct result_ref ref)
{
    return ref.n != RESULT_NONE;
}

/* `dirfd`: the store's folder, not taken over, open as long as this. A missing file is empty.
 * NULL on error. */
struct results *results_open(int dirfd, struct err *err);
/* The store is that of one workspace, whose lock is held: see record_file_own. */
void results_own(struct results *results);
void results_close(struct results *results); /* what was not flushed is lost */
bool results_refresh(struct results *results, struct err *err);
uint32_t results_count(const struct results *results); /* that some look-up can find */
/* Grows when another process rewrote the file: then all have other numbers. */
uint32_t results_generation(const struct results *results);

/* The newest up to 16 for a declared key, newest first; how many. Each with distinct key, workspace
 * or machine. */
uint32_t results_find_declared(const struct results *results, const struct digest *declared,
                               struct result_ref refs[static RESULTS_PER_KEY]);
/* The newest of exactly this key, whoever made it; RESULT_NONE. */
struct result_ref results_find(const struct results *results, const struct digest *key);
/* The last one of an instance in a workspace, keyed or not; RESULT_NONE. */
struct result_ref results_find_last(const struct results *results, struct str stage,
                                    struct str instance, const struct digest *workspace);
/* Every live one, oldest first: pass 0 first, then what it returned, until RESULT_NONE. */
struct result_ref results_next(const struct results *results, uint32_t from);

/* Decodes all of it into the arena. False: the line was damaged since, or is wrong although its
 * checksum is right (made by a later version); treat as absent. */
bool results_read(const struct results *results, struct result_ref ref, struct arena *arena,
                  struct result *result);

/* The name of the field of a RESULT_FALLBACK that is no part of its key: the key, in hex, of what
 * made it. */
#define RESULT_FIELD_FALLBACK "fallback"
struct str result_fallback(const struct result *result);

/* Buffered until results_flush; found at once. */
void results_add(struct results *results, const struct result *result);
/* Forgets all results of exactly this key; buffered too. Where one of them was the last of its
 * instance, the instance has no last result until the next one: an older one does not come back. */
void results_forget(struct results *results, const struct digest *key);
/* Appends what is buffered with one write. On failure it stays buffered. */
bool results_flush(struct results *results, struct err *err);

/* More than half of the file is dead and it is worth rewriting. */
bool results_should_compact(const struct results *results);
/* Rewrites the file with what is live (and, if `keep` is not NULL, what it says yes to). Flush
 * first. The caller sees to it that no other process commits (the store's lock). */
bool results_compact(struct results *results,
                     bool (*keep)(void *context, const struct results *results,
                                  struct result_ref ref),
                     void *context, struct err *err);
/* False, status 12, with the place, if the file has damaged lines (`verify`). */
bool results_check(const struct results *results, struct err *err);

#endif
