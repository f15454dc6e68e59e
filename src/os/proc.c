/* Owns the reading of /proc; formats as in proc(5). */
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

ssize_t proc_read_text(int dir, const char *path, char *text, size_t size)
{
    int fd = sys_openat(dir, path, O_RDONLY, 0);
    ssize_t len;

    if (fd < 0) {
        return -1;
    }
    len = sys_read_full(fd, text, size - 1);
    sys_close(fd);
    if (len >= 0) {
        text[len] = '\0';
    }
    return len;
}

/* Cuts off the next field and reads it as a number; false when there is none. A negative one (a
 * group of -1, as kernel threads have) reads as 0. */
static bool take_number(struct str *rest, uint64_t *number)
{
    struct str field;

    if (!str_split(rest, ' ', &field)) {
        return false;
    }
    *number = 0;
    return (field.len > 0 && field.data[0] == '-') || str_to_u64(field, number);
}

enum { /* numbers of fields, from 1, that are used; see proc_pid_stat(5) */
       FIELD_PPID = 4,
       FIELD_PGRP = 5,
       FIELD_UTIME = 14,
       FIELD_CSTIME = 17,
       FIELD_RSS = 24
};

static void stat_set(struct proc_stat *stat, int field, uint64_t value)
{
    long tick = sysconf(_SC_CLK_TCK);

    if (field == FIELD_PPID) {
        stat->ppid = (pid_t)(value & INT32_MAX);
    } else if (field == FIELD_PGRP) {
        stat->pgid = (pid_t)(value & INT32_MAX);
    } else if (field >= FIELD_UTIME && field <= FIELD_CSTIME && value < INT64_MAX / NS_PER_SEC) {
        stat->cpu_ns += (int64_t)value * (NS_PER_SEC / (tick > 0 ? tick : 100));
    } else if (field == FIELD_RSS && value < INT64_MAX / 65536) {
        stat->rss_bytes = (int64_t)value * sysconf(_SC_PAGESIZE);
    }
}

bool proc_parse_stat(struct str text, struct proc_stat *stat)
{
    ptrdiff_t open = str_find(text, '('), close = str_rfind(text, ')');
    struct str rest;
    uint64_t value;

    *stat = (struct proc_stat){0};
    if (open < 1 || close < open || (size_t)close + 4 > text.len ||
        !str_to_u64(str_head(text, (size_t)open - 1), &value)) {
        return false;
    }
    stat->pid = (pid_t)(value & INT32_MAX);
    stat->state = text.data[close + 2];
    rest = str_skip(text, (size_t)close + 4);
    for (int field = FIELD_PPID; field <= FIELD_RSS; field++) {
        if (!take_number(&rest, &value)) {
            return false;
        }
        stat_set(stat, field, value);
    }
    return true;
}

bool proc_scan_open(struct proc_scan *scan, const char *root)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/proc", root);
    scan->dir = sys_opendir(path);
    return scan->dir != NULL;
}

static pid_t pid_of(const char *name)
{
    uint64_t value;

    return str_to_u64(str_of(name), &value) && value <= INT32_MAX ? (pid_t)value : 0;
}

bool proc_scan_next(struct proc_scan *scan, struct proc_stat *stat)
{
    struct dirent *entry;

    while ((entry = sys_readdir(scan->dir)) != NULL) {
        char path[300], text[1024];
        ssize_t len;

        if (pid_of(entry->d_name) == 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/stat", entry->d_name);
        len = proc_read_text(dirfd(scan->dir), path, text, sizeof(text));
        if (len > 0 && proc_parse_stat(str_n(text, (size_t)len), stat)) {
            return true;
        }
    }
    return false;
}

pid_t proc_scan_next_of(struct proc_scan *scan, uid_t uid)
{
    struct dirent *entry;

    while ((entry = sys_readdir(scan->dir)) != NULL) {
        struct sys_stat stat;
        pid_t pid = pid_of(entry->d_name);

        if (pid != 0 && sys_statat(dirfd(scan->dir), entry->d_name, 0, &stat) == 0 &&
            stat.uid == uid) {
            return pid;
        }
    }
    return 0;
}

void proc_scan_close(struct proc_scan *scan)
{
    sys_closedir(scan->dir);
}
