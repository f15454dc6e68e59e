#ifndef PAWL_STORE_ITEMS_H
#define PAWL_STORE_ITEMS_H
/* `.pawl/items/<64 hex>`: what the items of one stream gave, so that each is worked once. The name
 * of a log is the stream's key: everything that can change what an item gives, but the items
 * themselves; the instance is part of it, as a log belongs to one. An item is named by the digest
 * of its bytes.
 *
 * A log is one append-only file of records (base/record.h), whatever the number of items; while it
 * is open an index from digest to record lies beside it (store/items_index.h). What is in memory is
 * bounded: the last records, up to a flush, and a part of that index.
 *
 *     items_open(&items, pawl_fd, &key, &about, &err)   made if missing; waits for whoever works
 *                                                       with it
 *     items_find(&items, &digest)                       is it known?
 *     items_put(&items, &digest, &result, &err)         known from now on
 *     items_flush(&items, &err)                         one write; nothing is told before it
 *     items_get(&items, &digest, &bytes, &result, &err)
 *     items_accept(&items, &err)                        dead items stay dead from now on
 *     items_close(&items)
 *
 * A *dead* item is one that failed for good. It is known for as long as its log is open; when the
 * log is opened again it counts only if it was accepted: a stage that failed because of it tries it
 * again. Opening notes the time of the file, so that the newest log of an instance is the one that
 * was used last.
 *
 * One thread; one process at a time has a log open for writing, and one must not open the same log
 * twice: it would wait for itself. Errors: status 11; status 12 when a record that was found cannot
 * be read any more, and when the file's head is damaged. A torn tail is cut, damage is passed by:
 * such items are worked again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/str.h"
#include "store/items_index.h"

enum item_state { ITEM_UNKNOWN, ITEM_DONE, ITEM_DEAD };

/* In the cause of a dead item: only this way to work it is closed, another has it. */
enum { ITEM_CAUSE_LEFT = 0x100 };

/* Whose log it is. */
struct items_about {
    struct str stage, instance;
};

struct item_result {
    enum item_state state; /* DONE or DEAD */
    uint32_t attempts;
    uint32_t cause;   /* DEAD: a number of the caller's */
    bool fallback;    /* made by another command than the first choice */
    struct str bytes; /* DONE: what it gave; DEAD: the reason in words */
    struct str item;  /* DEAD: its bytes, the first LIMIT_DEAD_ITEM_BYTES of them */
};

/* What was looked for last. */
struct items_found {
    struct digest digest;
    bool valid, there;
    uint32_t type;
    uint64_t place, offset; /* in the index; in the file */
};

/* Its members are for items*.c alone. */
struct items {
    struct record_file file;
    struct record_batch batch; /* what will lie behind the file's end */
    struct items_index index;
    struct strbuf scratch;
    struct items_found found;
    uint64_t opened;            /* records from here on were put since it is open */
    uint64_t accepted, revived; /* before that: where the last of each lies */
    bool has_new_dead;          /* behind the last of both */
};

bool items_open(struct items *items, int pawl_fd, const struct digest *key,
                const struct items_about *about, struct err *err);
/* Without a flush. */
void items_close(struct items *items);

/* An item whose record cannot be read is not known. */
enum item_state items_find(struct items *items, const struct digest *digest);
/* A result that is too large for a record: false, status 1, with what to say of the item. Kept in
 * memory up to the next flush; flushes by itself when there is much. */
bool items_put(struct items *items, const struct digest *digest, const struct item_result *result,
               struct err *err);
bool items_flush(struct items *items, struct err *err);
/* What is known of it, also before a flush; the texts of `result` lie in `bytes`. Reading in the
 * order in which items were put is fast (through a window). False with status 70: it is not known.
 */
bool items_get(struct items *items, const struct digest *digest, struct strbuf *bytes,
               struct item_result *result, struct err *err);
/* Takes back all that was put since it is open; only a close may follow. */
bool items_undo(struct items *items, struct err *err);
/* Flushes, too. Adds nothing where there is nothing to accept. */
bool items_accept(struct items *items, struct err *err);

/* For one pass over a list: true the first time a digest is asked for since items_forget_seen().
 * The item must be known. */
bool items_first_seen(struct items *items, const struct digest *digest);
void items_forget_seen(struct items *items);

/* --- For those who only look (commands): the logs of a stage's instances, and their records. ---
 */

#define ITEMS_FOLDER "items"
#define ITEMS_KIND   "items"

/* Calls `each` for the newest log of each instance of the stage, in order of name (bytes); `path`
 * is below `.pawl`. */
bool items_logs(int pawl_fd, struct str stage,
                bool (*each)(void *ctx, struct str instance, const char *path, struct err *err),
                void *ctx, struct err *err);
/* A record of such a log: file opened by record_file_begin, walked by record_next; false: it is no
 * item. */
bool item_parse(const struct record *record, struct digest *digest, struct item_result *result);
/* Every item that is dead by the last that its log says of it, accepted or not, in the order of the
 * log, until `each` says false. Waits for nobody. */
bool items_dead(int pawl_fd, const char *path,
                bool (*each)(void *ctx, const struct item_result *result), void *ctx,
                struct err *err);
/* All of them get another chance; `count`: how many. */
bool items_revive(int pawl_fd, const char *path, uint64_t *count, struct err *err);

/* Removes the logs that are not the newest of their instance or were last used before `cutoff_ns`
 * (INT64_MIN: whenever), but none that is open; `dry`: only counts. */
struct items_gc_done {
    uint32_t logs;
    uint64_t freed_bytes;
};
bool items_gc(int pawl_fd, int64_t cutoff_ns, bool dry, struct items_gc_done *done,
              struct err *err);

/* Removes the logs of that instance but that of the key, and none that is open: whoever acts on the
 * world does again what it did before it did something else. */
bool items_forget_others(int pawl_fd, const struct items_about *about, const struct digest *key,
                         struct err *err);

/* Writes a log anew with what is whole in it, beside it under a name that ends in ITEMS_FRESH
 * first.
 */
#define ITEMS_FRESH ".new"
bool items_rewrite(int pawl_fd, const char *path, struct err *err);

#endif
