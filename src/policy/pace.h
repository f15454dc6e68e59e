#ifndef PAWL_POLICY_PACE_H
#define PAWL_POLICY_PACE_H
/* How fast an attempt gets on, by what its command says of itself, and what of that is worth a
 * place in the record. Times are of one monotonic clock, in ns.
 *
 * Order of calls: pace_of when it starts; pace_hears for each word; then, if that is true,
 * pace_left and the word is recorded. pace_move when time stood still for it.
 */
#include <stdbool.h>
#include <stdint.h>

struct pace_mark {
    int64_t at_ns;
    uint32_t permille;
};

struct pace {
    struct pace_mark from, half, last; /* the rate is that between the first and the last */
    int64_t told_ns;                   /* INT64_MIN: nothing was told yet */
    uint32_t told_permille;
};

struct pace pace_of(int64_t now_ns);
/* It says it has done so much of 1000, and (`news`) other words than those told last. Is that worth
 * telling? At most once a second, and then a whole per cent or other words; a part of one per cent
 * every ten seconds. */
bool pace_hears(struct pace *pace, uint32_t permille, bool news, int64_t now_ns);
/* How long it still takes; -1: not known. */
int64_t pace_left(const struct pace *pace, int64_t now_ns);
void pace_move(struct pace *pace, int64_t by_ns);

#endif
