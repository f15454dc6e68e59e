#ifndef PAWL_BASE_VEC_H
#define PAWL_BASE_VEC_H
/* Growing arrays on the heap, by type: `VEC(struct edge) edges = {0};`. Elements move when the
 * array grows, so keep indexes, not pointers. The owner calls VEC_FREE. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, cap;                                                                         \
    }

/* Makes room for one more element; VEC_PUSH(&v, element) appends a value. */
#define VEC_RESERVE(v, n)                                                                          \
    do {                                                                                           \
        if ((v)->cap < (v)->count + (n)) {                                                         \
            (v)->cap = ((v)->count + (n)) + ((v)->count + (n)) / 2 + 4;                            \
            (v)->items = mem_realloc((v)->items, (v)->cap, sizeof(*(v)->items));                   \
        }                                                                                          \
    } while (0)
#define VEC_PUSH(v, ...)                                                                           \
    do {                                                                                           \
        VEC_RESERVE((v), 1);                                                                       \
        (v)->items[(v)->count++] = (__VA_ARGS__);                                                  \
    } while (0)
#define VEC_POP(v) ((v)->items[--(v)->count])
#define VEC_EACH(item, v)                                                                          \
    for (__typeof__(*(v)->items) *item = (v)->items;                                               \
         item != NULL && item != (v)->items + (v)->count; item++)
/* A copy of the elements that lives as long as the arena. */
#define VEC_DUP(v, arena) arena_dup((arena), (v)->items, (v)->count, sizeof(*(v)->items))
#define VEC_CLEAR(v)      ((v)->count = 0)
#define VEC_FREE(v)       (free((v)->items), (v)->items = NULL, (v)->count = (v)->cap = 0)

#endif
