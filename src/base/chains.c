/* Owns chains: as many buckets as rows, a power of two. */
#include "base/chains.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHAINS_LEAST_BUCKETS = 1024 };

void chains_clear(struct chains *chains)
{
    free(chains->newest);
    free(chains->older);
    *chains = (struct chains){0};
}

void chains_fit(struct chains *chains, size_t count)
{
    size_t buckets = CHAINS_LEAST_BUCKETS;

    if (chains->newest != NULL && count <= (size_t)chains->mask + 1) {
        return;
    }
    while (buckets < count) {
        buckets *= 2;
    }
    chains_clear(chains);
    chains->newest = mem_alloc(buckets * sizeof(*chains->newest));
    chains->older = mem_alloc(buckets * sizeof(*chains->older));
    memset(chains->newest, 0xff, buckets * sizeof(*chains->newest));
    chains->mask = (uint32_t)(buckets - 1);
}

void chains_link(struct chains *chains, uint32_t hash)
{
    uint32_t *newest = &chains->newest[hash & chains->mask];

    chains->older[chains->linked] = *newest;
    *newest = chains->linked++;
}

void chains_pass(struct chains *chains)
{
    chains->linked++;
}

uint32_t chains_newest(const struct chains *chains, uint32_t hash)
{
    return chains->newest[hash & chains->mask];
}
