#ifndef PAWL_BASE_METRIC_H
#define PAWL_BASE_METRIC_H
/* Figures that a command gives of its result: numbers by name. Integers have 64 bits and are exact,
 * others are doubles. What was given and is no finite number is kept, too, with what it is, so that
 * a check that asks for it can say why it is none.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum metric_kind {
    METRIC_INT,
    METRIC_FLOAT, /* finite */
    METRIC_NONE   /* no finite number: `is` says what it is */
};

struct metric {
    struct str name;
    enum metric_kind kind;
    int64_t integer;
    double number;
    struct str is; /* "NaN", "a string", "null" */
};

/* Sorted by name, each name once. */
struct metrics {
    struct metric *items;
    uint32_t count;
};

/* What was given so far; of two of one name the first counts. */
struct metric_list {
    struct arena *arena; /* names and texts are copied here */
    struct metric *items;
    uint32_t count, cap;
};

void metric_list_init(struct metric_list *list, struct arena *arena);
/* Takes the members of a JSON object; names of nested ones are joined by '.'. NaN and Infinity may
 * stand for numbers, as many programs write them. False: `err` (status 1) says what and where. */
bool metrics_add_json(struct metric_list *list, struct str text, struct err *err);
/* One value as text: a number, "nan", or anything else, which is no number. False: too many. */
bool metrics_add_text(struct metric_list *list, struct str name, struct str text, struct err *err);
/* The list may not be used any more. */
struct metrics metrics_of(struct metric_list *list);

/* NULL: there is none of that name. */
const struct metric *metrics_find(const struct metrics *metrics, struct str name);
/* The value as a person and JSON read it; of what is no number what it is. */
struct str metric_text(const struct metric *metric, struct arena *arena);
/* May a metric be called so? */
bool metric_is_name(struct str name);

#endif
