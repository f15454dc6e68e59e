/* Owns the policy for a failed allocation and for broken invariants: one line on stderr, then
 * abort. */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"

enum { MEM_TOUCH_LEAST = 1 << 15 };

static _Noreturn void mem_out(size_t size)
{
    fprintf(stderr, "pawl: out of memory: no %zu bytes; finished stages are kept, run again\n",
            size);
    abort();
}

static _Thread_local uint64_t mem_called;

uint64_t mem_calls(void)
{
    return mem_called;
}

void *mem_alloc(size_t size)
{
    void *data = malloc(size != 0 ? size : 1);

    mem_called++;
    if (data == NULL) {
        mem_out(size);
    }
    return data;
}

void *mem_calloc(size_t count, size_t size)
{
    void *data = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

    mem_called++;
    if (data == NULL) {
        mem_out(size);
    }
    return data;
}

void *mem_realloc(void *old, size_t count, size_t size)
{
    void *data;

    if (size != 0 && count > SIZE_MAX / size) {
        mem_out(SIZE_MAX);
    }
    mem_called++;
    data = realloc(old, count * size != 0 ? count * size : 1);
    if (data == NULL) {
        mem_out(count * size);
    }
    return data;
}

/* From the page that holds the first byte to that which holds the last. */
void mem_touch(void *data, size_t size)
{
    size_t before = (uintptr_t)data & ((size_t)sysconf(_SC_PAGESIZE) - 1);
    int sys = errno;

    if (size >= MEM_TOUCH_LEAST) {
        (void)sys_madvise((char *)data - before, size + before, SYS_MADV_POPULATE_WRITE);
        errno = sys;
    }
}

void bug(const char *format, ...)
{
    va_list args;

    fputs("pawl: bug: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

int mem_compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}
