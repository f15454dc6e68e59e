#ifndef PAWL_BASE_MEM_H
#define PAWL_BASE_MEM_H
/* Heap memory that never returns NULL, and the two ways to give up.
 *
 * Out of memory is not recoverable here: what is running is killed with us, and the next command
 * cleans up (a crash is a supported case). So every allocation either succeeds or ends the process
 * with a message. Sizes that come from a file or a peer are checked by the caller first.
 */
#include <stddef.h>
#include <stdint.h>

/* Returns `size` bytes (at least one); aborts when there are none. The caller frees with free(). */
void *mem_alloc(size_t size);
/* The same, all bytes zero, `count` elements of `size` bytes, product checked for overflow. */
void *mem_calloc(size_t count, size_t size);
/* Grows or shrinks `old` (may be NULL) to `count` elements of `size` bytes, product checked. */
void *mem_realloc(void *old, size_t count, size_t size);
/* How many of the three this thread has called: for who looks that something that is done again and
 * again needs none. */
uint64_t mem_calls(void);
/* Has the kernel lay pages under memory of which every page is written soon: all at once costs half
 * of what a fault for each does, and a page that is read first has two. What the bytes are stays;
 * of little memory, or where the kernel cannot, nothing happens.
 *
 * What is filled from front to back is touched a step at a time: what the kernel has just cleared
 * is still near then, and nothing is asked for that is not needed in the end. */
void mem_touch(void *data, size_t size);
enum { MEM_STEP_BYTES = 1 << 16 };
/* Element `at` is about to be written, the one before it was, and so will be all before `sure`. */
#define MEM_TOUCH_NEXT(items, at, sure)                                                            \
    do {                                                                                           \
        size_t mem_step = MEM_STEP_BYTES / sizeof(*(items));                                       \
        if ((at) % mem_step == 0 && (at) + mem_step <= (sure)) {                                   \
            mem_touch((items) + (at), MEM_STEP_BYTES);                                             \
        }                                                                                          \
    } while (0)

/* A state that the program's own logic excludes: prints `pawl: bug: …` and aborts (status 70 is
 * made of that by main.c's handler). Use assert() for conditions, bug() where there is something to
 * say. */
_Noreturn void bug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of two uint32_t, for qsort and bsearch. */
int mem_compare_u32(const void *a, const void *b);

#endif
