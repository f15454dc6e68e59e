#ifndef PAWL_POLICY_ADAPT_H
#define PAWL_POLICY_ADAPT_H
/* How many slots the machine bears now, and whether its memory bears another attempt. Pure: facts
 * come in, a limit comes out.
 *
 * The limit begins at the processors we may use and stays between one and `most`.
 *
 * Up, beyond the processors: while an instance waits for a slot, no second of the last five was
 * crowded, and under the present limit the processors were less than 80 % busy (after a step down
 * less than 70 %). A step is as many slots as processors were idle below 80 %, so that it fills
 * them even if each new command computes; the next one waits for what came of it, a quarter of a
 * second. A limit that had to be taken back at once is not tried again for five seconds, then ten,
 * up to a minute.
 *
 * Down, one slot a second, after a crowded second: the processors were 80 % busy, and others took a
 * fifth of them or somebody waited for one half of the time. What our own commands take
 * without waiting is what the slots are for: with that alone one more slot is tried up to 95 %.
 * Where others and waiting cannot be known, 80 % is the end.
 *
 * Below the processors: to make room for others where they want no more than there is, one slot for
 * each processor that they want, and back when they want less. Where they want more than all
 * processors a slot of ours would change nothing for them: there we compete with as many slots as
 * processors. What our own commands take never lowers the limit below the processors.
 *
 * Memory: over 85 % in use, or over 10 % pressure, nothing is admitted beside what runs.
 *
 * Order of calls: adapt_init; adapt_take at adapt_next_ns or later, first with what is to be
 * compared with.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADAPT_SLOTS_A_PROCESSOR = 4, ADAPT_MEMORY_PERCENT = 85, ADAPT_REASON_BYTES = 120 };

/* Times are sums since anywhere; -1: not known. */
struct adapt_facts {
    int64_t busy_ns;   /* processor time that was taken of what we may use, by all */
    int64_t own_ns;    /* by us and our commands, and what nobody gets if we give way */
    int64_t waited_ns; /* time in which somebody waited for a processor */
    uint64_t used_bytes, total_bytes; /* memory; total 0: not known */
    int32_t pressure;                 /* memory, hundredths of a percent; -1: not known */
};

struct adapt_sample {
    int64_t at_ns, busy_ns, own_ns, waited_ns;
};

enum { ADAPT_SAMPLES = 32 };

struct adapt {
    uint32_t processors, most, limit;
    bool stopped;                               /* memory */
    struct adapt_sample samples[ADAPT_SAMPLES]; /* a ring */
    uint32_t newest, count;
    int64_t changed_at_ns;                         /* the limit */
    int64_t rose_at_ns, fell_at_ns, crowded_at_ns; /* INT64_MIN: never */
    int64_t hold_ns;                               /* after a step down */
    bool fell;                                     /* the last step went down */
    int64_t next_ns;
};

struct adapt_change {
    uint32_t before, limit;
    char reason[ADAPT_REASON_BYTES];
};

/* `most` 0: the limit is fixed, and only memory is looked at. */
void adapt_init(struct adapt *adapt, uint32_t limit, uint32_t most);
/* `waits`: another slot would have admitted another instance since the last call. True: the limit
 * or `stopped` has changed, and `change` says why. */
bool adapt_take(struct adapt *adapt, const struct adapt_facts *facts, int64_t now_ns, bool waits,
                struct adapt_change *change);
/* When facts are wanted next. */
int64_t adapt_next_ns(const struct adapt *adapt);

/* Memory that is taken beside the needs of what runs: what others hold, and what our commands hold
 * above their needs. `own_bytes`: what all our commands hold, of it `above_bytes` above needs. */
uint64_t adapt_memory_base(const struct adapt_facts *facts, uint64_t own_bytes,
                           uint64_t above_bytes);

#endif
