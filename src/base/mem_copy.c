/* Owns memcpy, memmove and memcmp of the static binary. musl's for x86-64 are `rep movsq` whatever
 * the length, and starting that costs more than copying two hundred bytes; nearly all that pawl
 * copies is shorter (names, paths, rows), and it took a quarter of the time of planning.
 *
 * Up to 128 bytes everything is loaded before anything is stored, from both ends, so that the two
 * halves overlap where the length is no power of two; that also makes it right for overlapping
 * ranges. Beyond that a loop, and for what is long the string instruction after all.
 *
 * musl's memcmp goes byte by byte, and names and paths of one folder have most of theirs in common;
 * here it is eight at a time, as numbers whose order is that of the bytes. */
#include "base/mem_copy.h"

#if defined(__x86_64__)

#include <features.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { COPY_CHUNK = 16, COPY_STRING_FROM = 1024 };

typedef long long copy_chunk __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t copy_u64 __attribute__((aligned(1), may_alias));
typedef uint32_t copy_u32 __attribute__((aligned(1), may_alias));

/* gcc must not make a call of memcpy of the loops that are memcpy. */
#if defined(__GNUC__) && !defined(__clang__)
#define COPY_BY_HAND __attribute__((optimize("no-tree-loop-distribute-patterns")))
#else
#define COPY_BY_HAND __attribute__((no_builtin("memcpy", "memmove")))
#endif

static inline copy_chunk copy_load(const char *from)
{
    return *(const copy_chunk *)from;
}

static inline void copy_store(char *to, copy_chunk chunk)
{
    *(copy_chunk *)to = chunk;
}

/* Up to 16 bytes. */
static inline void copy_few(char *to, const char *from, size_t size)
{
    if (size >= 8) {
        copy_u64 first = *(const copy_u64 *)from;
        copy_u64 last = *(const copy_u64 *)(from + size - 8);

        *(copy_u64 *)to = first;
        *(copy_u64 *)(to + size - 8) = last;
    } else if (size >= 4) {
        copy_u32 first = *(const copy_u32 *)from;
        copy_u32 last = *(const copy_u32 *)(from + size - 4);

        *(copy_u32 *)to = first;
        *(copy_u32 *)(to + size - 4) = last;
    } else if (size != 0) {
        char first = from[0];
        char middle = from[size / 2];
        char last = from[size - 1];

        to[0] = first;
        to[size / 2] = middle;
        to[size - 1] = last;
    }
}

/* 17 to 32 bytes. */
static inline void copy_pair(char *to, const char *from, size_t size)
{
    copy_chunk first = copy_load(from);
    copy_chunk last = copy_load(from + size - COPY_CHUNK);

    copy_store(to, first);
    copy_store(to + size - COPY_CHUNK, last);
}

/* Twice `half` chunks from each end: 33 to 64 bytes with 2, 65 to 128 with 4. */
static inline void copy_ends(char *to, const char *from, size_t size, size_t half)
{
    copy_chunk first[4];
    copy_chunk last[4];

    for (size_t i = 0; i < half; i++) {
        first[i] = copy_load(from + i * COPY_CHUNK);
        last[i] = copy_load(from + size - (i + 1) * COPY_CHUNK);
    }
    for (size_t i = 0; i < half; i++) {
        copy_store(to + i * COPY_CHUNK, first[i]);
        copy_store(to + size - (i + 1) * COPY_CHUNK, last[i]);
    }
}

/* False if there are more than 128 bytes. */
static inline bool copy_short(char *to, const char *from, size_t size)
{
    if (size <= COPY_CHUNK) {
        copy_few(to, from, size);
    } else if (size <= 2 * COPY_CHUNK) {
        copy_pair(to, from, size);
    } else if (size <= 4 * COPY_CHUNK) {
        copy_ends(to, from, size, 2);
    } else if (size <= 8 * COPY_CHUNK) {
        copy_ends(to, from, size, 4);
    } else {
        return false;
    }
    return true;
}

/* From the first byte to the last: right unless `to` lies within the range behind `from`. */
COPY_BY_HAND static void copy_forward(char *to, const char *from, size_t size)
{
    copy_chunk last = copy_load(from + size - COPY_CHUNK);
    char *end = to + size - COPY_CHUNK;

    for (; to < end; to += COPY_CHUNK, from += COPY_CHUNK) {
        copy_store(to, copy_load(from));
    }
    copy_store(end, last);
}

COPY_BY_HAND static void copy_backward(char *to, const char *from, size_t size)
{
    copy_chunk first = copy_load(from);
    size_t left = size;

    for (; left > COPY_CHUNK; left -= COPY_CHUNK) {
        copy_store(to + left - COPY_CHUNK, copy_load(from + left - COPY_CHUNK));
    }
    copy_store(to, first);
}

static void copy_string(char *to, const char *from, size_t size)
{
    copy_u64 last = *(const copy_u64 *)(from + size - 8);
    copy_u64 *end = (copy_u64 *)(to + size - 8);
    size_t words = size / 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    *end = last;
}

COPY_BY_HAND void *mem_copy(void *restrict to, const void *restrict from, size_t size)
{
    if (copy_short(to, from, size)) {
        return to;
    }
    if (size >= COPY_STRING_FROM) {
        copy_string(to, from, size);
    } else {
        copy_forward(to, from, size);
    }
    return to;
}

COPY_BY_HAND void *mem_move(void *to, const void *from, size_t size)
{
    uintptr_t ahead = (uintptr_t)to - (uintptr_t)from;

    if (copy_short(to, from, size)) {
        return to;
    }
    if (ahead >= size) {
        copy_forward(to, from, size);
    } else {
        copy_backward(to, from, size);
    }
    return to;
}

/* --- comparing --- */

static inline uint64_t compare_load(const unsigned char *from)
{
    return __builtin_bswap64(*(const copy_u64 *)from);
}

/* Up to seven bytes as one number; where they overlap, what is equal is compared twice. */
static inline uint64_t compare_few(const unsigned char *from, size_t size)
{
    if (size >= 4) {
        return (uint64_t)__builtin_bswap32(*(const copy_u32 *)from) << 32 |
               __builtin_bswap32(*(const copy_u32 *)(from + size - 4));
    }
    return size == 0 ? 0 : (uint64_t)from[0] << 16 | (uint64_t)from[size / 2] << 8 | from[size - 1];
}

static inline int compare_order(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

COPY_BY_HAND int mem_compare(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    if (size < 8) {
        return compare_order(compare_few(x, size), compare_few(y, size));
    }
    for (size_t at = 0; at + 8 < size; at += 8) {
        uint64_t one = compare_load(x + at);
        uint64_t other = compare_load(y + at);

        if (one != other) {
            return compare_order(one, other);
        }
    }
    return compare_order(compare_load(x + size - 8), compare_load(y + size - 8));
}

/* The linker takes these before the C library's. The sanitizers' builds have glibc, whose own are
 * good. */
#if !defined(__GLIBC__)
void *memcpy(void *restrict to, const void *restrict from, size_t size)
    __attribute__((alias("mem_copy")));
void *memmove(void *to, const void *from, size_t size) __attribute__((alias("mem_move")));
int memcmp(const void *a, const void *b, size_t size) __attribute__((alias("mem_compare")));
#endif

#endif
