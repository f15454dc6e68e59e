#ifndef PAWL_POLICY_QUANTILE_H
#define PAWL_POLICY_QUANTILE_H
/* Quantiles of what was measured, by nearest rank: always one of the values, and of a few of them
 * the largest rather than something between. Pure.
 */
#include <stddef.h>
#include <stdint.h>

void quantile_sort(uint64_t *values, size_t count);
/* The value that `percent` (1 to 100) of all do not exceed; of sorted ones, at least one. */
uint64_t quantile(const uint64_t *sorted, size_t count, unsigned percent);

#endif
