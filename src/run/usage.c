/* Owns the looks at what commands take, through /proc, and at the machine around them. wait4 knows
 * only the largest process of a group, and nothing of one that runs. */
#include <stdlib.h>

#include "base/mem.h"
#include "run/executor.h"
#include "run/progress_file.h"

/* Sorted by group, as usage_scan wants them; those that started before a time. */
static uint32_t usage_collect(struct executor *executor, int64_t before_ns,
                              struct attempt **attempts)
{
    uint32_t count = 0;

    for (struct attempt *attempt = executor->live; attempt != NULL; attempt = attempt->next) {
        uint32_t at = count;

        if (attempt->started_mono_ns > before_ns) {
            continue;
        }
        attempt->usage.pgid = attempt->child.pid;
        for (; at > 0 && attempts[at - 1]->usage.pgid > attempt->usage.pgid; at--) {
            attempts[at] = attempts[at - 1];
        }
        attempts[at] = attempt;
        count++;
    }
    return count;
}

static uint32_t usage_live(const struct executor *executor)
{
    uint32_t count = 0;

    for (const struct attempt *attempt = executor->live; attempt != NULL; attempt = attempt->next) {
        count++;
    }
    return count;
}

static bool usage_scan_live(struct executor *executor, int64_t before_ns)
{
    uint32_t most = usage_live(executor);
    struct attempt **attempts = mem_calloc(most, sizeof(struct attempt *));
    struct usage_group *groups = mem_calloc(most, sizeof(*groups));
    uint32_t count = usage_collect(executor, before_ns, attempts);
    bool scanned;

    for (uint32_t i = 0; i < count; i++) {
        groups[i] = attempts[i]->usage;
    }
    scanned = count == 0 || usage_scan(groups, count);
    for (uint32_t i = 0; scanned && i < count; i++) {
        attempts[i]->usage = groups[i];
    }
    free(groups);
    free(attempts);
    return scanned;
}

void usage_look(struct executor *executor, int64_t now_ns)
{
    if (now_ns < executor->next_usage_ns) {
        return;
    }
    executor->next_usage_ns = now_ns + USAGE_PERIOD_S * NS_PER_SEC;
    /* What ends soon after its start needs no look: it is not worth one for all. */
    usage_scan_live(executor, now_ns - USAGE_LEAST_MS * NS_PER_MS);
    progress_file_look(executor);
}

uint64_t usage_memory(void *ctx, struct inst_id instance)
{
    const struct attempt *attempt = ((struct executor *)ctx)->by_instance[instance.n];

    return attempt != NULL && !attempt->exited ? (uint64_t)attempt->usage.rss_bytes : 0;
}

/* --- the machine --- */

static void usage_load_memory(const struct machine *machine, struct adapt_facts *facts)
{
    struct machine_memory memory;
    uint32_t pressure;

    if (machine_memory(machine, "", &memory)) {
        facts->used_bytes = memory.used_bytes;
        facts->total_bytes = memory.total_bytes;
    }
    if (machine_pressure(machine, "", "memory", &pressure)) {
        facts->pressure = (int32_t)pressure;
    }
}

/* Ours is what ended and was waited for, and what runs. Read last: what ends between two reads is
 * rather counted as ours twice than as somebody else's. */
static void usage_load_processors(struct executor *executor, bool scanned,
                                  struct adapt_facts *facts)
{
    const struct machine *machine = &executor->session->machine;
    int64_t stolen_ns;

    if (!machine_cpu_busy_ns(machine, "", &facts->busy_ns, &stolen_ns)) {
        facts->busy_ns = -1;
    }
    if (!machine_stalled_ns(machine, "", "cpu", &facts->waited_ns)) {
        facts->waited_ns = -1;
    }
    if (scanned) {
        /* Fewer commands do not bring back what the host gives to other machines. */
        facts->own_ns = usage_ended_ns() + stolen_ns;
        for (const struct attempt *attempt = executor->live; attempt != NULL;
             attempt = attempt->next) {
            facts->own_ns += attempt->usage.cpu_ns;
        }
    }
}

/* Where memory is half taken it matters whose it is. */
static bool usage_is_tight(const struct adapt_facts *facts)
{
    return facts->used_bytes > facts->total_bytes / 2;
}

void usage_load(void *ctx, bool adapts, struct adapt_facts *facts)
{
    struct executor *executor = ctx;
    int64_t now_ns = clock_mono_ns(executor->session->clock);
    bool scanned = false;

    *facts = (struct adapt_facts){.busy_ns = -1, .own_ns = -1, .waited_ns = -1, .pressure = -1};
    usage_load_memory(&executor->session->machine, facts);
    if (adapts || usage_is_tight(facts)) {
        scanned = usage_scan_live(executor, now_ns);
        /* The next of these calls comes first: one pass a second is enough. */
        executor->next_usage_ns = now_ns + 2 * USAGE_PERIOD_S * NS_PER_SEC;
    }
    if (adapts) {
        usage_load_processors(executor, scanned, facts);
    }
}

static bool usage_disk_of(struct str path, struct engine_disk *disk)
{
    disk->path = path;
    return machine_disk(path.data, &disk->free_bytes, &disk->free_permille);
}

bool usage_disk(void *ctx, struct engine_disk *disk)
{
    struct executor *executor = ctx;
    const struct session *session = executor->session;
    bool known = usage_disk_of(STR("."), disk);
    struct engine_disk store;

    if (session_store_is_shared(session) &&
        usage_disk_of(str_dup(&executor->recorder->turn, session->manifest.store), &store) &&
        (!known || store.free_permille < disk->free_permille)) {
        *disk = store;
        known = true;
    }
    return known;
}
