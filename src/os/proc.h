#ifndef PAWL_OS_PROC_H
#define PAWL_OS_PROC_H
/* Reading /proc: one process's stat line, all processes one after the other, and small files as
 * text. Processes come and go while one reads: whatever cannot be read is passed over.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct proc_stat {
    pid_t pid, ppid, pgid;
    char state;     /* R S D T Z … */
    int64_t cpu_ns; /* user and system, its own and of children it waited for */
    int64_t rss_bytes;
};

/* Reads a whole small file (at most `size` - 1 bytes) and puts a NUL behind; its length, or -1. */
ssize_t proc_read_text(int dir, const char *path, char *text, size_t size);

/* Parses the text of a stat file: `pid (name) state ppid pgrp …`; the name may hold anything. */
bool proc_parse_stat(struct str text, struct proc_stat *stat);

struct proc_scan {
    DIR *dir;
};

/* `root` is put before "/proc". False: there is none. */
bool proc_scan_open(struct proc_scan *scan, const char *root);
/* The next process that could be read; false: no more. */
bool proc_scan_next(struct proc_scan *scan, struct proc_stat *stat);
/* The next process of uid `uid` by the owner of its folder, unread; 0: no more. */
pid_t proc_scan_next_of(struct proc_scan *scan, uid_t uid);
void proc_scan_close(struct proc_scan *scan);

#endif
