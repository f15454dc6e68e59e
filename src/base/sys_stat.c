/* Owns the calls that look at files. A C library may lack statx: it goes through syscall(2) with
 * the layout that is part of the kernel's ABI, spelled out here. */
#include "base/sys_inside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The kernel's struct statx, 256 bytes. */
struct statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};

struct statx_raw {
    uint32_t mask, block_bytes;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mount_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct statx_raw) == 256, "layout of the kernel's struct statx");

enum { STATX_WANT = 0x7ff | 0x1000, STATX_HAS_MOUNT = 0x1000 }; /* BASIC_STATS, MNT_ID */

static int64_t time_ns(int64_t sec, int64_t nsec)
{
    return sec * 1000000000 + nsec;
}

static void stat_from_statx(const struct statx_raw *raw, struct sys_stat *stat)
{
    *stat = (struct sys_stat){
        .ino = raw->ino,
        .size_bytes = raw->size,
        .blocks_512 = raw->blocks,
        .mtime_ns = time_ns(raw->mtime.sec, raw->mtime.nsec),
        .ctime_ns = time_ns(raw->ctime.sec, raw->ctime.nsec),
        .atime_ns = time_ns(raw->atime.sec, raw->atime.nsec),
        .mount_id = raw->mount_id,
        .mode = raw->mode,
        .nlink = raw->nlink,
        .uid = raw->uid,
        .gid = raw->gid,
        .dev_major = raw->dev_major,
        .dev_minor = raw->dev_minor,
        .has_mount_id = (raw->mask & STATX_HAS_MOUNT) != 0,
    };
}

/* Sandboxes that filter system calls answer ENOSYS to statx. */
static int stat_old(int dir, const char *path, int flags, struct sys_stat *out)
{
    struct stat raw;

    if (fstatat(dir, path, &raw, flags) != 0) {
        return -1;
    }
    *out = (struct sys_stat){
        .ino = raw.st_ino,
        .size_bytes = (uint64_t)raw.st_size,
        .blocks_512 = (uint64_t)raw.st_blocks,
        .mtime_ns = time_ns(raw.st_mtim.tv_sec, raw.st_mtim.tv_nsec),
        .ctime_ns = time_ns(raw.st_ctim.tv_sec, raw.st_ctim.tv_nsec),
        .atime_ns = time_ns(raw.st_atim.tv_sec, raw.st_atim.tv_nsec),
        .mode = raw.st_mode,
        .nlink = (uint32_t)raw.st_nlink,
        .uid = raw.st_uid,
        .gid = raw.st_gid,
        .dev_major = (uint32_t)major(raw.st_dev),
        .dev_minor = (uint32_t)minor(raw.st_dev),
    };
    return 0;
}

static int stat_call(int dir, const char *path, int flags, struct sys_stat *stat)
{
    struct statx_raw raw = {0};

    if (syscall(SYS_statx, dir, path, flags | AT_NO_AUTOMOUNT, STATX_WANT, &raw) == 0) {
        stat_from_statx(&raw, stat);
        return 0;
    }
    return errno == ENOSYS ? stat_old(dir, path, flags, stat) : -1;
}

int sys_statat(int dir, const char *path, int flags, struct sys_stat *stat)
{
    int result;

    RETRY(STAT, stat_call(dir, path, flags, stat));
}

int sys_stat(const char *path, struct sys_stat *stat)
{
    return sys_statat(AT_FDCWD, path, 0, stat);
}

int sys_lstat(const char *path, struct sys_stat *stat)
{
    return sys_statat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, stat);
}

int sys_fstat(int fd, struct sys_stat *stat)
{
    return sys_statat(fd, "", AT_EMPTY_PATH, stat);
}

int sys_access(int dir, const char *path, int mode)
{
    int result;

    RETRY(ACCESS, faccessat(dir, path, mode, AT_EACCESS));
}

int sys_statfs(const char *path, struct statfs *stat)
{
    int result;

    RETRY(STATFS, statfs(path, stat));
}

int sys_fstatfs(int fd, struct statfs *stat)
{
    int result;

    RETRY(STATFS, fstatfs(fd, stat));
}
