/* Owns the block list of an arena. Blocks double up to 1 MiB, so many small lives stay cheap and a
 * plan of 100,000 instances takes few large pieces. Of a large block only the next pages are free
 * at a time (`end` is before the block's end): they are asked for at once, and never many that
 * nobody comes to need. */
#include "base/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    ARENA_FIRST_BYTES = 4096,
    ARENA_LARGEST_BYTES = 1 << 20,
    ARENA_LARGE_BYTES = MEM_STEP_BYTES * 4,
    ARENA_ALIGN = 16
};

struct arena_block {
    struct arena_block *older;
    size_t size;
    _Alignas(16) char data[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void arena_free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
}

void arena_fini(struct arena *arena)
{
    arena_free_blocks(arena->head);
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->head;

    if (keep == NULL) {
        return;
    }
    arena_free_blocks(keep->older);
    keep->older = NULL;
    arena->next = keep->data;
    arena->end = keep->data + keep->size;
    arena->total_bytes = keep->size;
}

void arena_drop_before(struct arena *arena, const void *kept)
{
    struct arena_block *block = arena->head;
    const char *at = kept;

    while (block != NULL && !(at >= block->data && at < block->data + block->size)) {
        block = block->older;
    }
    assert(block != NULL);
    for (struct arena_block *older = block->older; older != NULL; older = older->older) {
        arena->total_bytes -= older->size;
    }
    arena_free_blocks(block->older);
    block->older = NULL;
}

/* Frees the next bytes of the newest block, at least `size`; false: it has not that many. */
static bool arena_step(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->head;
    size_t left = block != NULL ? (size_t)(block->data + block->size - arena->next) : 0;
    size_t step = size > MEM_STEP_BYTES ? size : MEM_STEP_BYTES;
    char *before = arena->end;

    if (left < size) {
        return false;
    }
    if (block->size < ARENA_LARGE_BYTES || step > left) {
        step = left;
    }
    arena->end = arena->next + step;
    if (block->size >= ARENA_LARGE_BYTES && size <= MEM_STEP_BYTES) {
        mem_touch(before, (size_t)(arena->end - before));
    }
    return true;
}

static void arena_grow(struct arena *arena, size_t size)
{
    size_t want = arena->head == NULL ? ARENA_FIRST_BYTES : arena->head->size * 2;
    struct arena_block *block;

    if (arena_step(arena, size)) {
        return;
    }
    if (want > ARENA_LARGEST_BYTES) {
        want = ARENA_LARGEST_BYTES;
    }
    if (want < size) {
        want = size;
    }
    assert(want < SIZE_MAX - sizeof(*block));
    block = mem_alloc(sizeof(*block) + want);
    block->older = arena->head;
    block->size = want;
    arena->head = block;
    arena->next = block->data;
    arena->end = block->data;
    arena->total_bytes += want;
    arena_step(arena, size);
}

char *arena_bytes(struct arena *arena, size_t size)
{
    char *data;

    if ((size_t)(arena->end - arena->next) < size) {
        arena_grow(arena, size);
    }
    data = arena->next;
    arena->next += size;
    return data;
}

/* The size of a type is a multiple of its alignment, so the size says how little will do. */
static size_t arena_align(size_t size)
{
    size_t align = size & -size;

    return size == 0 || align > ARENA_ALIGN ? ARENA_ALIGN : align;
}

/* A step at a time, so that what the kernel has just cleared is still near. */
static void arena_clear(char *data, size_t size)
{
    while (size > MEM_STEP_BYTES) {
        mem_touch(data, MEM_STEP_BYTES);
        memset(data, 0, MEM_STEP_BYTES);
        data += MEM_STEP_BYTES;
        size -= MEM_STEP_BYTES;
    }
    memset(data, 0, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t mask = arena_align(size) - 1;
    size_t pad = (size_t)(-(uintptr_t)arena->next) & mask;
    char *data;

    assert(size < SIZE_MAX / 2);
    if (arena->next == NULL || (size_t)(arena->end - arena->next) < size + pad) {
        arena_grow(arena, size + ARENA_ALIGN);
        pad = (size_t)(-(uintptr_t)arena->next) & mask;
    }
    data = arena->next + pad;
    arena->next = data + size;
    arena_clear(data, size);
    return data;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    assert(size == 0 || count <= SIZE_MAX / 2 / size);
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const void *data, size_t len)
{
    char *copy = arena_bytes(arena, len + 1);

    if (len != 0) {
        memcpy(copy, data, len);
    }
    copy[len] = '\0';
    return copy;
}

void *arena_dup(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = arena_calloc(arena, count, size);

    return count != 0 ? memcpy(copy, items, count * size) : copy;
}
