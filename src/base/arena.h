#ifndef PAWL_BASE_ARENA_H
#define PAWL_BASE_ARENA_H
/* Arenas: memory by lifetime. What is made in an arena lives until arena_fini or arena_reset; there
 * is no free of one object. A function that takes an arena says by it how long its result lives
 * (plan, run, turn, scratch). Not thread-safe: one arena, one thread.
 */
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *head; /* newest block */
    char *next, *end;         /* free range in it, for now */
    size_t total_bytes;       /* what all blocks hold */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);
/* Forgets everything but keeps the largest block for what comes next. */
void arena_reset(struct arena *arena);
/* Gives back what was made before the block that holds `kept` was begun: for who walks through what
 * an arena holds in the order in which it was made, and comes back to none of it. */
void arena_drop_before(struct arena *arena, const void *kept);

/* `size` zeroed bytes aligned for any type of that size. */
void *arena_alloc(struct arena *arena, size_t size);
/* `count` zeroed elements; the product is checked. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);
/* Bytes without alignment and not zeroed: for text. */
char *arena_bytes(struct arena *arena, size_t size);
/* A copy of `len` bytes with a NUL behind it. */
char *arena_copy(struct arena *arena, const void *data, size_t len);
/* A copy of `count` elements, aligned; see also VEC_DUP (base/vec.h). */
void *arena_dup(struct arena *arena, const void *items, size_t count, size_t size);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_calloc((arena), (count), sizeof(type)))

#endif
