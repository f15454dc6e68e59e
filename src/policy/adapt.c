/* Owns the control law (see policy/adapt.h). Shares are thousandths of the processors we may use.
 *
 * Why it does not swing: a step up is judged by what was measured under it alone; 80 % down and
 * 70 % up are ten points apart; a step that was refuted makes the next wait longer. Why it does not
 * starve itself: our own commands can bring the limit down to the processors, never below. */
#include "policy/adapt.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"

enum {
    BUSY = 800,       /* down from here on */
    BACK = 700,       /* up again below */
    OTHERS = 200,     /* others take enough to give way */
    WAITED = 300,     /* and somebody is in our way */
    PACKED = 500,     /* our commands are in each other's way */
    NEARLY_ALL = 950, /* as far as our own commands may fill the processors, */
    HARDLY = 100,     /* while others and waiting are below */
    UNKNOWN = -1,
    QUICK_STEPS_NS = 250 * 1000000
};
#define SECOND_NS    NS_PER_SEC
#define WINDOW_NS    (5 * NS_PER_SEC)
#define HOLD_MOST_NS (60 * NS_PER_SEC)
#define NOT_YET      INT64_MIN
/* A timer is late now and then. */
#define NEARLY_A_SECOND_NS (SECOND_NS - 50 * NS_PER_MS)

struct adapt_shares {
    int busy, others, waited; /* thousandths; UNKNOWN */
};

void adapt_init(struct adapt *adapt, uint32_t limit, uint32_t most)
{
    assert(limit > 0);
    *adapt = (struct adapt){.processors = limit,
                            .most = most,
                            .limit = limit,
                            .changed_at_ns = NOT_YET,
                            .rose_at_ns = NOT_YET,
                            .fell_at_ns = NOT_YET,
                            .crowded_at_ns = NOT_YET,
                            .hold_ns = WINDOW_NS};
}

int64_t adapt_next_ns(const struct adapt *adapt)
{
    return adapt->next_ns;
}

/* --- what was measured --- */

static const struct adapt_sample *adapt_back(const struct adapt *adapt, uint32_t steps)
{
    return &adapt->samples[(adapt->newest + ADAPT_SAMPLES - steps) % ADAPT_SAMPLES];
}

static void adapt_push(struct adapt *adapt, const struct adapt_facts *facts, int64_t now_ns)
{
    adapt->newest = (adapt->newest + 1) % ADAPT_SAMPLES;
    adapt->count += adapt->count < ADAPT_SAMPLES;
    adapt->samples[adapt->newest] =
        (struct adapt_sample){now_ns, facts->busy_ns, facts->own_ns, facts->waited_ns};
}

/* The newest sample that is at least so old; NULL: there is none, or only a much older one. */
static const struct adapt_sample *adapt_from(const struct adapt *adapt, int64_t age_ns)
{
    int64_t now_ns = adapt_back(adapt, 0)->at_ns;

    for (uint32_t steps = 1; steps < adapt->count; steps++) {
        const struct adapt_sample *sample = adapt_back(adapt, steps);

        if (now_ns - sample->at_ns >= age_ns) {
            return now_ns - sample->at_ns <= age_ns + SECOND_NS ? sample : NULL;
        }
    }
    return NULL;
}

/* The oldest sample since a time. */
static const struct adapt_sample *adapt_since(const struct adapt *adapt, int64_t since_ns)
{
    uint32_t steps = 0;

    while (steps + 1 < adapt->count && adapt_back(adapt, steps + 1)->at_ns >= since_ns) {
        steps++;
    }
    return adapt_back(adapt, steps);
}

/* Where what is measured under the present limit begins, at most five seconds ago. */
static const struct adapt_sample *adapt_window(const struct adapt *adapt, int64_t now_ns)
{
    int64_t since_ns = now_ns - WINDOW_NS;

    return adapt_since(adapt, adapt->changed_at_ns > since_ns ? adapt->changed_at_ns : since_ns);
}

static int adapt_share(int64_t before_ns, int64_t after_ns, int64_t of_ns)
{
    if (before_ns < 0 || after_ns < 0 || of_ns <= 0) {
        return UNKNOWN;
    }
    if (after_ns <= before_ns) {
        return 0;
    }
    return after_ns - before_ns >= of_ns ? 1000 : (int)((after_ns - before_ns) * 1000 / of_ns);
}

static struct adapt_shares adapt_shares(const struct adapt *adapt, const struct adapt_sample *from)
{
    const struct adapt_sample *now = adapt_back(adapt, 0);
    int64_t wall_ns = now->at_ns - from->at_ns;
    int64_t all_ns = wall_ns * adapt->processors;
    int own = adapt_share(from->own_ns, now->own_ns, all_ns);
    struct adapt_shares shares = {.busy = adapt_share(from->busy_ns, now->busy_ns, all_ns),
                                  .others = UNKNOWN,
                                  .waited = adapt_share(from->waited_ns, now->waited_ns, wall_ns)};

    if (own != UNKNOWN && shares.busy != UNKNOWN) {
        shares.others = shares.busy > own ? shares.busy - own : 0;
    }
    return shares;
}

/* --- the steps --- */

static void adapt_set(struct adapt *adapt, uint32_t limit, int64_t now_ns)
{
    bool up = limit > adapt->limit;

    if (!up) {
        bool refuted =
            adapt->rose_at_ns != NOT_YET && !adapt->fell && now_ns - adapt->rose_at_ns < WINDOW_NS;

        if (refuted && adapt->fell_at_ns != NOT_YET) {
            adapt->hold_ns = adapt->hold_ns * 2 < HOLD_MOST_NS ? adapt->hold_ns * 2 : HOLD_MOST_NS;
        } else if (!adapt->fell) {
            adapt->hold_ns = WINDOW_NS;
        }
        adapt->fell_at_ns = now_ns;
    } else {
        adapt->rose_at_ns = now_ns;
    }
    adapt->fell = !up;
    adapt->changed_at_ns = now_ns;
    adapt->limit = limit;
}

static bool adapt_was(int64_t at_ns, int64_t now_ns, int64_t within_ns)
{
    return at_ns != NOT_YET && now_ns - at_ns < within_ns;
}

/* How many thousandths of a processor others want. Where processors are idle that is what they
 * take; else the kernel gives each that wants one the same, and we are as many as there are slots.
 */
static int64_t adapt_wanted(const struct adapt *adapt, const struct adapt_shares *shares)
{
    int own = shares->busy - shares->others;

    if (shares->busy < BUSY) {
        return (int64_t)adapt->processors * shares->others;
    }
    return own > 0 ? (int64_t)adapt->limit * 1000 * shares->others / own : INT64_MAX / 2;
}

/* Busy, and not just with what the slots are for. */
static bool adapt_is_crowded(const struct adapt_shares *shares)
{
    bool ours = shares->others != UNKNOWN && shares->others < OTHERS && shares->waited != UNKNOWN &&
                shares->waited < PACKED;

    return shares->busy >= BUSY && !ours;
}

static bool adapt_gives_way(const struct adapt *adapt, const struct adapt_shares *second)
{
    int64_t all = (int64_t)adapt->processors * 1000;
    int64_t margin = all > 5000 ? all / 10 : 500;
    int64_t wanted;

    if (adapt->limit > adapt->processors) {
        return adapt_is_crowded(second);
    }
    if (second->busy < BUSY || adapt->limit == 1) {
        return false;
    }
    if (second->others == UNKNOWN || (second->waited != UNKNOWN && second->waited < WAITED)) {
        return false;
    }
    wanted = adapt_wanted(adapt, second);
    return wanted <= all + 500 && (int64_t)adapt->limit * 1000 + wanted >= all + margin;
}

/* How many slots more while the limit is below the processors. */
static uint32_t adapt_comes_back(const struct adapt *adapt, const struct adapt_shares *second,
                                 int64_t now_ns)
{
    int64_t all = (int64_t)adapt->processors * 1000;
    int64_t wanted, room;

    if (second->others == UNKNOWN || adapt_was(adapt->fell_at_ns, now_ns, 2 * SECOND_NS)) {
        return 0;
    }
    wanted = adapt_wanted(adapt, second);
    if (wanted >= all + 1500) {
        return 1;
    }
    room = all - wanted - (int64_t)adapt->limit * 1000;
    return room < 750 ? 0 : room < 1000 ? 1 : (uint32_t)(room / 1000);
}

/* As many as processors are idle below 80 %; one where our own commands alone fill them further. */
static uint32_t adapt_idle(const struct adapt *adapt, const struct adapt_shares *shares,
                           int64_t window_ns)
{
    bool ours = shares->others != UNKNOWN && shares->others < HARDLY && shares->waited != UNKNOWN &&
                shares->waited < HARDLY;

    if (shares->busy == UNKNOWN) {
        return 0;
    }
    if (shares->busy < (adapt->fell ? BACK : BUSY)) {
        return ((uint32_t)(BUSY - shares->busy) * adapt->processors + 999) / 1000;
    }
    return ours && shares->busy < NEARLY_ALL && window_ns >= NEARLY_A_SECOND_NS;
}

/* How many more from the processors on. */
static uint32_t adapt_goes_beyond(const struct adapt *adapt, int64_t now_ns)
{
    int64_t least_ns = adapt->fell ? NEARLY_A_SECOND_NS : QUICK_STEPS_NS;
    const struct adapt_sample *from = adapt_window(adapt, now_ns);
    struct adapt_shares shares = adapt_shares(adapt, from);

    if (adapt_was(adapt->crowded_at_ns, now_ns, WINDOW_NS) ||
        (adapt->fell && adapt_was(adapt->fell_at_ns, now_ns, adapt->hold_ns)) ||
        now_ns - from->at_ns < least_ns) {
        return 0;
    }
    return adapt_idle(adapt, &shares, now_ns - from->at_ns);
}

static uint32_t adapt_more(const struct adapt *adapt, const struct adapt_shares *second,
                           int64_t now_ns)
{
    uint32_t more = adapt->limit < adapt->processors ? adapt_comes_back(adapt, second, now_ns)
                                                     : adapt_goes_beyond(adapt, now_ns);
    uint32_t top = adapt->limit < adapt->processors ? adapt->processors : adapt->most;

    return more < top - adapt->limit ? more : top - adapt->limit;
}

static void adapt_say(const struct adapt *adapt, const struct adapt_shares *shares,
                      const char *after, struct adapt_change *change)
{
    int len = snprintf(change->reason, sizeof(change->reason), "processors %d %% busy",
                       (shares->busy + 5) / 10);

    if (adapt->fell && shares->others >= OTHERS / 2) {
        len += snprintf(change->reason + len, sizeof(change->reason) - (size_t)len,
                        ", %d %% by others", (shares->others + 5) / 10);
    }
    if (adapt->fell && shares->waited >= WAITED) {
        len += snprintf(change->reason + len, sizeof(change->reason) - (size_t)len,
                        ", waited for %d %% of the time", (shares->waited + 5) / 10);
    }
    snprintf(change->reason + len, sizeof(change->reason) - (size_t)len, "%s", after);
}

/* True: the limit has changed. */
static bool adapt_step(struct adapt *adapt, int64_t now_ns, bool waits, struct adapt_change *change)
{
    const struct adapt_sample *second_from = adapt_from(adapt, NEARLY_A_SECOND_NS);
    struct adapt_shares second = {UNKNOWN, UNKNOWN, UNKNOWN};
    uint32_t more;

    if (second_from != NULL) {
        second = adapt_shares(adapt, second_from);
    }
    if (adapt_is_crowded(&second)) {
        adapt->crowded_at_ns = now_ns;
    }
    if (adapt_gives_way(adapt, &second) && !adapt_was(adapt->fell_at_ns, now_ns, SECOND_NS)) {
        adapt_set(adapt, adapt->limit - 1, now_ns);
        adapt_say(adapt, &second, "", change);
        return true;
    }
    more = waits && adapt->limit < adapt->most ? adapt_more(adapt, &second, now_ns) : 0;
    if (more != 0) {
        struct adapt_shares shares = adapt_shares(adapt, adapt_window(adapt, now_ns));

        adapt_set(adapt, adapt->limit + more, now_ns);
        adapt_say(adapt, &shares, ", instances wait for a slot", change);
        return true;
    }
    return false;
}

/* --- memory --- */

static bool adapt_memory_is_short(const struct adapt_facts *facts)
{
    enum { PRESSURE = 1000 };

    return facts->pressure > PRESSURE ||
           (facts->total_bytes != 0 &&
            facts->used_bytes > facts->total_bytes / 100 * ADAPT_MEMORY_PERCENT);
}

static void adapt_say_memory(const struct adapt *adapt, const struct adapt_facts *facts,
                             struct adapt_change *change)
{
    unsigned used = facts->total_bytes != 0
                        ? (unsigned)((double)facts->used_bytes * 100 / (double)facts->total_bytes)
                        : 0;

    snprintf(change->reason, sizeof(change->reason), "memory %u %% in use, pressure %d %%: %s",
             used, facts->pressure > 0 ? facts->pressure / 100 : 0,
             adapt->stopped ? "nothing is started beside what runs" : "starting again");
}

uint64_t adapt_memory_base(const struct adapt_facts *facts, uint64_t own_bytes,
                           uint64_t above_bytes)
{
    if (facts->total_bytes == 0) {
        return above_bytes;
    }
    return (facts->used_bytes > own_bytes ? facts->used_bytes - own_bytes : 0) + above_bytes;
}

/* --- one look --- */

/* Soon while steps may follow each other, else once a second. */
static int64_t adapt_pause_ns(const struct adapt *adapt, int64_t now_ns, bool waits)
{
    bool steps = waits && !adapt->fell && adapt->limit >= adapt->processors &&
                 adapt->limit < adapt->most && !adapt_was(adapt->crowded_at_ns, now_ns, WINDOW_NS);

    return steps && adapt_was(adapt->changed_at_ns, now_ns, SECOND_NS) ? QUICK_STEPS_NS : SECOND_NS;
}

bool adapt_take(struct adapt *adapt, const struct adapt_facts *facts, int64_t now_ns, bool waits,
                struct adapt_change *change)
{
    bool stopped = adapt_memory_is_short(facts);
    bool changed = stopped != adapt->stopped;

    change->before = adapt->limit;
    adapt->stopped = stopped;
    if (changed) {
        adapt_say_memory(adapt, facts, change);
    }
    adapt_push(adapt, facts, now_ns);
    if (adapt->changed_at_ns == NOT_YET) {
        adapt->changed_at_ns = now_ns;
    }
    if (adapt->most != 0 && facts->busy_ns >= 0) {
        changed = adapt_step(adapt, now_ns, waits, change) || changed;
    }
    change->limit = adapt->limit;
    adapt->next_ns = now_ns + adapt_pause_ns(adapt, now_ns, waits);
    return changed;
}
