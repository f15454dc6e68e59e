#ifndef PAWL_RUN_CHECKOUT_H
#define PAWL_RUN_CHECKOUT_H
/* Outputs of recorded results back from the store, by a person's word: into the workspace, whose
 * records then say what lies there, or into another folder, of which nothing is recorded.
 *
 * Order: checkout_init; checkout_add for each output, or each part of a folder; checkout_look for
 * each: what is to be done, while nothing is changed yet; checkout_do for what may be done;
 * checkout_save, whatever became of them; checkout_fini. Main thread; the lock is held unless `to`
 * is set or nothing is done.
 */
#include "run/session.h"
#include "store/ways.h"

enum checkout_fate {
    CHECKOUT_RIGHT,    /* lies there with the right bytes: left alone */
    CHECKOUT_FREE,     /* nothing lies there, or what pawl made and has in the store */
    CHECKOUT_ONLY,     /* what pawl made lies there, and nowhere else: it moves to kept/ */
    CHECKOUT_FOREIGN,  /* what pawl does not know lies there: only by force, then to kept/ */
    CHECKOUT_UNSTORED, /* its stage stores no bytes */
    CHECKOUT_LOST,     /* its bytes are not in the store, or damaged there: `err` */
    CHECKOUT_DONE
};

struct checkout_item {
    const struct result *result;
    const struct result_output *output;
    struct str path;  /* workspace path of what comes back: the output, or what is in it */
    struct str place; /* of that, relative to the workspace, or absolute below `to` */
    enum tree_type type;
    bool executable;
    struct digest digest; /* not of a folder within an output */
    struct tree tree;     /* of a folder; read by checkout_look */
    bool exists;          /* something lies there; the same */
    enum checkout_fate fate;
    uint64_t size_bytes;
    struct str kept; /* where what lay there is now, relative to the workspace; or "" */
    struct err err;
};

struct checkout {
    struct session *session;
    struct arena *arena;
    struct str to; /* "": the workspace */
    int to_fd;     /* -1 until something is written there */
    struct ways ways;
    bool changed;
};

/* `to`: relative to the workspace or absolute; "": the workspace itself. */
void checkout_init(struct checkout *checkout, struct session *session, struct str to,
                   struct arena *arena);
void checkout_fini(struct checkout *checkout);
/* `path` is the output's own or lies in it. */
void checkout_add(struct checkout *checkout, const struct result *result,
                  const struct result_output *output, struct str path, struct checkout_item *item);
/* False: the world failed, or a link or file is in the way of its folder (status 11), or a folder
 * output has no such entry (status 2). */
bool checkout_look(struct checkout *checkout, struct checkout_item *item, struct err *err);
/* Is the output another than what pawl put there last? */
bool checkout_is_news(const struct checkout *checkout, const struct checkout_item *item);
/* Of items whose fate is FREE, ONLY or FOREIGN. False: the world failed. Damage found on the way
 * makes it LOST, and nothing at its place is changed. What was put there since checkout_look by
 * somebody else stays: then the fate of what was not FOREIGN is that, with `err`. */
bool checkout_do(struct checkout *checkout, struct checkout_item *item, struct err *err);
bool checkout_save(struct checkout *checkout, struct err *err);

#endif
