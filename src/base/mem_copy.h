#ifndef PAWL_BASE_MEM_COPY_H
#define PAWL_BASE_MEM_COPY_H
/* What memcpy, memmove and memcmp are in the static binary for x86-64. Nobody calls these by name
 * but the test; elsewhere the C library's are used. */
#include <stddef.h>

#if defined(__x86_64__)
void *mem_copy(void *restrict to, const void *restrict from, size_t size);
void *mem_move(void *to, const void *from, size_t size);
int mem_compare(const void *a, const void *b, size_t size);
#endif

#endif
