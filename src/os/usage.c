/* Owns the sums over process groups. A process that ends between two scans without having been
 * waited for takes its time with it, so sums can fall; the largest seen is kept. */
#include "os/usage.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "os/proc.h"

static struct usage_group *find(struct usage_group *groups, size_t count, pid_t pgid)
{
    size_t low = 0;

    while (count > 0) {
        size_t half = count / 2;

        if (groups[low + half].pgid < pgid) {
            low += half + 1;
            count -= half + 1;
        } else if (groups[low + half].pgid > pgid) {
            count = half;
        } else {
            return &groups[low + half];
        }
    }
    return NULL;
}

bool usage_scan(struct usage_group *groups, size_t count)
{
    struct proc_scan scan;
    struct proc_stat stat;
    int64_t *largest;

    if (!proc_scan_open(&scan, "")) {
        return false;
    }
    largest = mem_calloc(count, sizeof(*largest));
    for (size_t i = 0; i < count; i++) {
        largest[i] = groups[i].cpu_ns;
        groups[i].cpu_ns = groups[i].rss_bytes = 0;
        groups[i].processes = 0;
    }
    while (proc_scan_next(&scan, &stat)) {
        struct usage_group *group = find(groups, count, stat.pgid);

        if (group != NULL) {
            group->cpu_ns += stat.cpu_ns;
            group->rss_bytes += stat.rss_bytes;
            group->processes++;
        }
    }
    proc_scan_close(&scan);
    for (size_t i = 0; i < count; i++) {
        groups[i].cpu_ns = groups[i].cpu_ns > largest[i] ? groups[i].cpu_ns : largest[i];
        if (groups[i].rss_bytes > groups[i].peak_bytes) {
            groups[i].peak_bytes = groups[i].rss_bytes;
        }
    }
    free(largest);
    return true;
}

static int64_t cpu_of(const struct rusage *usage)
{
    return ((int64_t)usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * NS_PER_SEC +
           ((int64_t)usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * NS_PER_US;
}

int64_t usage_ended_ns(void)
{
    struct rusage self = {0}, children = {0};

    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return cpu_of(&self) + cpu_of(&children);
}

void usage_self(int64_t *cpu_ns, int64_t *peak_bytes)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    *cpu_ns = cpu_of(&usage);
    *peak_bytes = (int64_t)usage.ru_maxrss * 1024;
}
