/* Owns the calls on names: renaming, linking, removing, modes and times, folders. */
#include "base/sys_inside.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_rename(const char *from, const char *to)
{
    return sys_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int result;

    RETRY(RENAME, renameat(from_dir, from, to_dir, to));
}

int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int result;

    RETRY(RENAME, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int sys_link(const char *from, const char *to)
{
    return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int sys_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int result;

    RETRY(LINK, linkat(from_dir, from, to_dir, to, flags));
}

int sys_unlink(const char *path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

int sys_unlinkat(int dir, const char *path, int flags)
{
    int result;

    RETRY(UNLINK, unlinkat(dir, path, flags));
}

int sys_rmdir(const char *path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int sys_mkdir(const char *path, mode_t mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
    int result;

    RETRY(MKDIR, mkdirat(dir, path, mode));
}

int sys_mkfifo(const char *path, mode_t mode)
{
    int result;

    RETRY(MKFIFO, mkfifo(path, mode));
}

int sys_symlink(const char *target, const char *path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

int sys_symlinkat(const char *target, int dir, const char *path)
{
    int result;

    RETRY(SYMLINK, symlinkat(target, dir, path));
}

ssize_t sys_readlink(const char *path, char *target, size_t size)
{
    return sys_readlinkat(AT_FDCWD, path, target, size);
}

ssize_t sys_readlinkat(int dir, const char *path, char *target, size_t size)
{
    ssize_t result;

    RETRY(READLINK, readlinkat(dir, path, target, size));
}

int sys_chmod(const char *path, mode_t mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

int sys_fchmod(int fd, mode_t mode)
{
    int result;

    RETRY(CHMOD, fchmod(fd, mode));
}

int sys_fchmodat(int dir, const char *path, mode_t mode)
{
    int result;

    RETRY(CHMOD, fchmodat(dir, path, mode, 0));
}

int sys_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    int result;

    RETRY(UTIMENS, utimensat(dir, path, times, flags));
}

int sys_futimens(int fd, const struct timespec times[2])
{
    int result;

    RETRY(UTIMENS, futimens(fd, times));
}

mode_t sys_umask(mode_t mask)
{
    return umask(mask);
}

mode_t sys_mode_in(int dir, mode_t mode)
{
    struct sys_stat stat;

    return sys_fstat(dir, &stat) == 0 && (stat.mode & S_IWOTH) != 0 ? mode
                                                                    : mode & ~(mode_t)S_IWOTH;
}

int sys_chdir(const char *path)
{
    int result;

    RETRY(CHDIR, chdir(path));
}

int sys_fchdir(int fd)
{
    int result;

    RETRY(CHDIR, fchdir(fd));
}

char *sys_realpath(const char *path)
{
    return FAULT(READLINK, NULL) ? NULL : realpath(path, NULL);
}

char *sys_getcwd(char *path, size_t size)
{
    return FAULT(GETCWD, NULL) ? NULL : getcwd(path, size);
}

DIR *sys_fdopendir(int fd)
{
    DIR *dir;

    do {
        dir = FAULT(OPEN, NULL) ? NULL : fdopendir(fd);
    } while (dir == NULL && errno == EINTR);
    if (dir == NULL) {
        int sys = errno;

        close(fd);
        errno = sys;
    }
    return dir;
}

DIR *sys_opendir(const char *path)
{
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);

    return fd < 0 ? NULL : sys_fdopendir(fd);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

struct dirent *sys_readdir(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = FAULT(GETDENTS, NULL) ? NULL : readdir(dir);
    } while (entry != NULL ? is_dots(entry->d_name) : errno == EINTR);
    return entry;
}

int sys_closedir(DIR *dir)
{
    return closedir(dir);
}

ssize_t sys_getdents(int fd, void *data, size_t size)
{
    ssize_t result;

    RETRY(GETDENTS, syscall(SYS_getdents64, fd, data, size));
}
