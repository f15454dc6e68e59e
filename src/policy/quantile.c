/* Owns quantiles. */
#include "policy/quantile.h"

#include <assert.h>
#include <stdlib.h>

static int quantile_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void quantile_sort(uint64_t *values, size_t count)
{
    if (count > 1) {
        qsort(values, count, sizeof(*values), quantile_compare);
    }
}

uint64_t quantile(const uint64_t *sorted, size_t count, unsigned percent)
{
    assert(count != 0 && percent >= 1 && percent <= 100);
    return sorted[(count * percent + 99) / 100 - 1];
}
