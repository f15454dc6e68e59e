/* Owns which causes of an end are a fault of the command. */
#include "policy/variant.h"

bool variant_gives_way(const struct m_variant *variant, enum cause cause)
{
    switch (cause) {
    case CAUSE_EXIT:
    case CAUSE_SIGNAL:
    case CAUSE_TIMEOUT:
    case CAUSE_OOM:
    case CAUSE_NOT_FOUND:
    case CAUSE_ENVIRONMENT:
    case CAUSE_OUTPUT:
    case CAUSE_TRANSIENT:
        return variant->fallback;
    case CAUSE_NONE:
    case CAUSE_INPUT:
    case CAUSE_UNSETTLED:
    case CAUSE_CORRUPT:
    case CAUSE_CANCELLED:
    case CAUSE_BREAKER:
    case CAUSE_PAUSED:
    case CAUSE_GATE:
    case CAUSE_VALIDATION:
    case CAUSE_COMPENSATION:
    case CAUSE_COUNT:
        break;
    }
    return false;
}
