#ifndef PAWL_STORE_GC_INSIDE_H
#define PAWL_STORE_GC_INSIDE_H
/* What the files of gc share; nobody else includes this. */
#include "base/map.h"
#include "base/vec.h"
#include "store/gc.h"
#include "store/roots.h"

enum gc_need { GC_NEED_NONE, GC_NEED_EARLIER, GC_NEED_LAST };

struct gc_key {
    struct digest key;
    enum gc_need need;
    int64_t ended_ns; /* of its newest result */
    bool live;        /* there is a result */
};

struct gc_object {
    struct digest digest;
    uint64_t size_bytes;
    bool durable, needed;
};

struct gc_result {
    struct result_ref ref;
    int64_t ended_ns;
    uint32_t key;
};

/* A workspace whose roots say what it needs. */
struct gc_workspace {
    struct digest id;
    struct run_id newest;
    struct run_id whole; /* behind it every pipeline said what all of it needs; "": none did */
    int64_t whole_ns;    /* when that was written */
};

struct gc {
    const struct gc_store *store;
    const struct gc_options *options;
    struct arena arena;   /* as long as the gc */
    struct arena scratch; /* one result, one tree */
    struct map key_numbers, object_numbers, workspace_numbers;
    VEC(struct gc_key) keys;
    VEC(struct gc_object) objects;
    VEC(struct gc_workspace) workspaces;
    VEC(struct gc_result) results;
    struct map roots_seen; /* files of roots, by workspace, run and inode */
    struct map ended;      /* runs that said at their end what they need, by workspace and run */
    uint32_t unknown;      /* workspaces whose needs are not known: all that is there */
    uint32_t next_ref;     /* results before it were taken in */
    uint32_t generation;   /* of the results' numbers then */
    uint64_t needed_bytes;
    bool checkpoints_left; /* the disk was full: they are forgotten once there is room again */
};

/* gc.c */
bool gc_is_full(const struct err *err);
void gc_init(struct gc *gc, const struct gc_store *store, const struct gc_options *options);
void gc_fini(struct gc *gc);

/* gc_mark.c: what is there, and what of it is needed. */
bool gc_list_objects(struct gc *gc, struct err *err);
bool gc_mark(struct gc *gc, struct err *err);
/* What others committed since. */
bool gc_mark_new(struct gc *gc, struct err *err);
void gc_need_object(struct gc *gc, const struct digest *digest);
struct gc_key *gc_key(struct gc *gc, const struct digest *key);

/* What is listed of a tree, and the tree itself, is needed. */
void gc_need_tree(struct gc *gc, const struct digest *digest);

/* gc_checkpoints.c: forgets those that nobody goes on from, unless it is dry; what the others hold
 * is needed. */
bool gc_take_checkpoints(struct gc *gc, struct gc_done *done, struct err *err);
/* What others took since. */
bool gc_take_new_checkpoints(struct gc *gc, struct err *err);

/* gc_roots.c */
bool gc_take_roots(struct gc *gc, struct err *err);
bool gc_take_new_roots(struct gc *gc, struct err *err);
/* No roots say yet whether its workspace needs it. */
bool gc_is_unsaid(const struct gc *gc, const struct result *result);
/* Roots of the own workspace that only say what runs before the kept ones needed. Best effort. */
void gc_prune_roots(struct gc *gc);

#endif
