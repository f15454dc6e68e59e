#ifndef PAWL_OS_USAGE_H
#define PAWL_OS_USAGE_H
/* What whole process groups take, by looking through /proc now and then: `wait4` knows only the
 * largest single process. One pass serves all groups that run. Main thread or a worker, one at a
 * time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct usage_group {
    pid_t pgid;         /* set by the caller */
    int64_t cpu_ns;     /* largest seen: user and system of all members and their waited children */
    int64_t rss_bytes;  /* at the last scan */
    int64_t peak_bytes; /* largest sum seen */
    uint32_t processes; /* at the last scan */
};

/* Updates all groups, which must be sorted by pgid; start with zeroes. False: no /proc. */
bool usage_scan(struct usage_group *groups, size_t count);

/* Processor time of ours, and of all children (and their children) that were waited for. */
int64_t usage_ended_ns(void);

/* Our own processor time and peak, for `runs --stats` and tests. */
void usage_self(int64_t *cpu_ns, int64_t *peak_bytes);

#endif
