#ifndef PAWL_MODEL_FLAG_H
#define PAWL_MODEL_FLAG_H
/* Whether a flag is on for a unit. Pure, any thread.
 *
 * The unit falls into a bucket: the first 53 bits of SHA-256 of the flag's name, a NUL and the
 * unit's bytes, as a fraction of 1. The flag is on for buckets below its share. So the same units
 * are on in every run and on every machine, a unit that is on stays on when the share grows, and
 * two flags choose independently of each other. At 0 no unit is on, at 100 each is.
 *
 * The unit is the name of an instance, what `by` says, or in a stream the item's bytes: of a flag
 * without `by` whoever works items asks for each of them.
 */
#include "model/manifest.h"

bool flag_is_on(const struct m_flag *flag, struct str unit);
/* Is it the same for all units? */
static inline bool flag_is_settled(const struct m_flag *flag)
{
    return flag->percent <= 0 || flag->percent >= 100;
}
/* Reads `on`, `off` or a percentage. */
bool flag_parse(struct str text, double *percent);
/* The same, written: what --flag gives for it. */
void flag_render(double percent, struct strbuf *out);

#endif
