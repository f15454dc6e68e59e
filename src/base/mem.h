#ifndef PAWL_BASE_MEM_H
#define PAWL_BASE_MEM_H
/* Heap memory that never returns NULL, and the two ways to give up.
 *
 * Out of memory is not recoverable here: what is running is killed with us, and the next command
 * cleans up (a crash is a supported case). So every allocation either succeeds or ends the process
 * with a message. Sizes that come from a file or a peer are checked by the caller first.
 */
#include <stddef.h>

/* Returns `size` bytes (at least one); aborts when there are none. The caller frees with free(). */
void *mem_alloc(size_t size);
/* The same, all bytes zero, `count` elements of `size` bytes, product checked for overflow. */
void *mem_calloc(size_t count, size_t size);
/* Grows or shrinks `old` (may be NULL) to `count` elements of `size` bytes, product checked. */
void *mem_realloc(void *old, size_t count, size_t size);

/* A state that the program's own logic excludes: prints `pawl: bug: …` and aborts (status 70 is
 * made of that by main.c's handler). Use assert() for conditions, bug() where there is something to
 * say. */
_Noreturn void bug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of two uint32_t, for qsort and bsearch. */
int mem_compare_u32(const void *a, const void *b);

#endif
