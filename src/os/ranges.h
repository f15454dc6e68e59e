#ifndef PAWL_OS_RANGES_H
#define PAWL_OS_RANGES_H
/* Work over many rows, split into one contiguous range for each of a few threads, this one among
 * them; returns when all ranges are done. */
#include <stdint.h>

enum { RANGES_THREADS = 4 };

/* Calls `work(ctx, first, end)` for ranges that cover 0 to `count`, each row once: at most
 * RANGES_THREADS of them and no more than `processors`, none of fewer than `least` rows (but the
 * only one). `work` must not touch what another range does. */
void ranges_run(uint32_t count, uint32_t least, uint32_t processors,
                void (*work)(void *ctx, uint32_t first, uint32_t end), void *ctx);

#endif
