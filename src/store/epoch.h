#ifndef PAWL_STORE_EPOCH_H
#define PAWL_STORE_EPOCH_H
/* Epochs: how far the page cache of a store can be trusted. An epoch is a digest of boot id, device
 * and mount id of the store and a random number. Two processes that write to one store without a
 * reboot or a remount between them are in one epoch, until one of them sees a sync or a close fail:
 * then it makes the random number anew (epoch_break) and all that was only fresh must be read
 * again.
 *
 * Where it is kept and how sessions find each other is at the head of epoch.c. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

enum { EPOCH_TEXT_BYTES = 200 };
struct epoch {
    struct digest digest;
    char boot[40]; /* boot id, or "" when unreadable: then the epoch is this process' alone */
    /* What the digest is of: the same text, the same epoch; "": it is this process' alone. */
    char text[EPOCH_TEXT_BYTES];
};

/* The epoch that holds now for the store whose fresh/ is `fresh_fd`. With `make`, a missing random
 * number is made. */
bool epoch_read(int fresh_fd, bool make, struct epoch *epoch, struct err *err);
/* The text alone of the epoch that holds now. False: it cannot be told from others. */
bool epoch_look(int fresh_fd, struct epoch *epoch);
/* Another random number, another epoch. */
bool epoch_break(int fresh_fd, struct epoch *epoch, struct err *err);
/* The folder's name in fresh/: 16 hexadecimal digits and a NUL. */
enum { EPOCH_NAME_BYTES = 16 };
const char *epoch_name(const struct epoch *epoch, char name[static EPOCH_NAME_BYTES + 1]);

#endif
