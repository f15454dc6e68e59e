#ifndef PAWL_STORE_ITEMS_INSIDE_H
#define PAWL_STORE_ITEMS_INSIDE_H
/* What the files of store/items share; nobody else includes this. */
#include "store/items.h"

enum {
    ITEMS_RECORD_HEAD = 1,
    ITEMS_RECORD_DONE,
    ITEMS_RECORD_DEAD,
    ITEMS_RECORD_ACCEPTED,
    ITEMS_RECORD_REVIVED
};

/* Whose log it is; slices of the record. */
bool items_parse_head(const struct record *record, struct items_about *about);

#endif
