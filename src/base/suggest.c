/* Owns the word distance behind "did you mean". */
#include "base/suggest.h"

#include <string.h>

enum { SUGGEST_LONGEST = 64 };

void suggest_init(struct suggest *suggest, struct str word)
{
    *suggest = (struct suggest){.word = word, .distance = UINT32_MAX};
}

static uint32_t suggest_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment over three rows. */
static uint32_t suggest_distance(struct str a, struct str b)
{
    uint32_t rows[3][SUGGEST_LONGEST + 1];
    uint32_t *before = rows[0];
    uint32_t *last = rows[1];
    uint32_t *now = rows[2];

    for (uint32_t j = 0; j <= b.len; j++) {
        last[j] = j;
    }
    for (uint32_t i = 1; i <= a.len; i++) {
        uint32_t *spare = before;

        now[0] = i;
        for (uint32_t j = 1; j <= b.len; j++) {
            uint32_t replace = last[j - 1] + (a.data[i - 1] != b.data[j - 1]);

            now[j] = suggest_min(suggest_min(last[j], now[j - 1]) + 1, replace);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1]) {
                now[j] = suggest_min(now[j], before[j - 2] + 1);
            }
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

void suggest_offer(struct suggest *suggest, struct str candidate)
{
    size_t longer = suggest->word.len > candidate.len ? suggest->word.len : candidate.len;
    uint32_t distance;

    if (longer == 0 || longer > SUGGEST_LONGEST) {
        return;
    }
    distance = suggest_distance(suggest->word, candidate);
    /* Words that share a beginning may be a little farther apart: 'retires' for 'retry'. */
    if (distance < longer && distance <= (longer < 4 ? 1 : (longer + 2) / 3) &&
        distance < suggest->distance) {
        suggest->distance = distance;
        suggest->best = candidate;
    }
}
