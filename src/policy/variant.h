#ifndef PAWL_POLICY_VARIANT_H
#define PAWL_POLICY_VARIANT_H
/* When a variant of a stage leaves its instance to the stage's own command. Pure.
 *
 * One with `fallback` does when its command failed for good: it ended badly, took too long, could
 * not be started, or made not what it should. What is no fault of the command (a cancel, a pause,
 * inputs that change, a damaged store, a check that refuses the result) changes nothing.
 */
#include "model/manifest.h"
#include "policy/outcome.h"

bool variant_gives_way(const struct m_variant *variant, enum cause cause);

#endif
