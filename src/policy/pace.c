/* Owns the rate: that of the last half to three quarters of the time since the attempt began, or
 * since it last stood at 0 or went back, so that a slow start is forgotten. */
#include "policy/pace.h"

#include "base/clock.h"

/* Words are looked at once a second, not to the nanosecond. */
#define PACE_SECOND_NS (NS_PER_SEC * 9 / 10)
enum { PACE_PARTS_S = 10, PACE_WHOLE = 1000, PACE_PERCENT = 10 };

struct pace pace_of(int64_t now_ns)
{
    struct pace_mark start = {now_ns, 0};

    return (struct pace){start, start, start, INT64_MIN, 0};
}

static void pace_step(struct pace *pace, struct pace_mark step)
{
    if (step.permille < pace->last.permille || step.permille == 0) {
        pace->from = pace->half = pace->last = step;
        return;
    }
    if (step.permille == pace->last.permille) {
        return;
    }
    pace->last = step;
    if (step.at_ns - pace->half.at_ns >= 2 * (pace->half.at_ns - pace->from.at_ns)) {
        pace->from = pace->half;
        pace->half = step;
    }
}

bool pace_hears(struct pace *pace, uint32_t permille, bool news, int64_t now_ns)
{
    bool first = pace->told_ns == INT64_MIN;
    int64_t since_ns = first ? INT64_MAX : now_ns - pace->told_ns;

    pace_step(pace, (struct pace_mark){now_ns, permille});
    news |= first || permille / PACE_PERCENT != pace->told_permille / PACE_PERCENT;
    news |= permille != pace->told_permille && since_ns >= PACE_PARTS_S * NS_PER_SEC;
    if (!news || since_ns < PACE_SECOND_NS) {
        return false;
    }
    pace->told_ns = now_ns;
    pace->told_permille = permille;
    return true;
}

/* As long as the next per cent is not overdue, the rate up to the last step counts. */
int64_t pace_left(const struct pace *pace, int64_t now_ns)
{
    int64_t span_ns = pace->last.at_ns - pace->from.at_ns;
    double steps = (double)pace->last.permille - pace->from.permille;
    double rest = (double)PACE_WHOLE - pace->last.permille;
    double by_steps, by_now;

    if (steps <= 0 || span_ns < PACE_SECOND_NS) {
        return -1;
    }
    by_steps = (double)span_ns * rest / steps - (double)(now_ns - pace->last.at_ns);
    by_now = (double)(now_ns - pace->from.at_ns) * (rest - PACE_PERCENT) / (steps + PACE_PERCENT);
    by_steps = by_now > by_steps ? by_now : by_steps;
    return by_steps > 0 ? (int64_t)by_steps : 0;
}

void pace_move(struct pace *pace, int64_t by_ns)
{
    pace->from.at_ns += by_ns;
    pace->half.at_ns += by_ns;
    pace->last.at_ns += by_ns;
    pace->told_ns += pace->told_ns != INT64_MIN ? by_ns : 0;
}
