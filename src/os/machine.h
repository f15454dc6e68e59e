#ifndef PAWL_OS_MACHINE_H
#define PAWL_OS_MACHINE_H
/* What this machine, or the container around us, offers: processors, memory, pressure, identity,
 * kernel features. Everything can be missing (an empty root has no /proc): then a number is 0 and a
 * text is empty, which means "not known". Any thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct machine {
    unsigned cpus;           /* usable: affinity and cgroup quota (rounded up); at least 1 */
    uint64_t memory_bytes;   /* of the machine, or the cgroup's limit where that is lower; 0 */
    bool memory_is_limited;  /* it is the cgroup's */
    int cgroup_version;      /* whose memory files we read: 0 none, 1, 2 */
    char cgroup_memory[512]; /* folder of those files, or "" */
    char cgroup_cpu[512];
    char boot_id[40];
    char pid_namespace[32]; /* `pid:[4026531836]` */
    char host[72];
    char kernel[72]; /* release */
    char user[40];   /* name, or the number where there is no name */
};

/* Reads all that does not change while we run. `root` is put before /proc and /sys: "" but in
 * tests. */
void machine_read(struct machine *machine, const char *root);

struct machine_memory {
    uint64_t total_bytes; /* as machine.memory_bytes */
    uint64_t used_bytes;  /* what cannot be given back: without page cache that is easily dropped */
};
/* False: not known. */
bool machine_memory(const struct machine *machine, const char *root, struct machine_memory *now);

/* Processor time of all that share our limit (the processors we may use, or our cgroup when it has
 * a quota). Two samples give a share: (busy2 - busy1) / (wall * cpus). `stolen_ns` is what of it
 * went to other machines on the same host. */
bool machine_cpu_busy_ns(const struct machine *machine, const char *root, int64_t *busy_ns,
                         int64_t *stolen_ns);

/* Pressure `some avg10` in hundredths of a percent (12.34 % is 1234). False: not known. */
bool machine_pressure(const struct machine *machine, const char *root, const char *resource,
                      uint32_t *some_avg10);

/* Time in which at least one process of those that share our limit waited for the resource (`some
 * total`, since boot). Two samples give a share: (stalled2 - stalled1) / wall. False: not known. */
bool machine_stalled_ns(const struct machine *machine, const char *root, const char *resource,
                        int64_t *stalled_ns);

/* How often the kernel has killed a process for want of memory, in our cgroup and on the machine; 0
 * where that is not known. A SIGKILL during which it grows was one of those. */
uint64_t machine_oom_kills(const struct machine *machine, const char *root);

/* Free bytes for us, and in per mille of the whole, of the file system that holds `path`. */
bool machine_disk(const char *path, uint64_t *free_bytes, uint32_t *free_permille);

/* For doctor: rows of a name, whether it works, and a few words. */
struct machine_feature {
    const char *name;
    bool works;
    char detail[96];
};
enum { MACHINE_FEATURES_MAX = 24 };
/* Probes the kernel, and the file system of the folder `dir` (which must be writable). Returns how
 * many rows were filled. */
unsigned machine_probe(const struct machine *machine, const char *dir,
                       struct machine_feature features[MACHINE_FEATURES_MAX]);

#endif
