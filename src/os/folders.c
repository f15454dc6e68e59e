/* Owns making and opening of folders below a folder, so that a link put in the way never leads
 * elsewhere: in one call where the kernel can and all is there, else one component at a time with
 * O_NOFOLLOW. */
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/sys.h"

enum { AT_ONCE_BYTES = 1024 };

static int open_component(int dir, const char *name, bool make)
{
    int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    int fd = sys_openat(dir, name, flags, 0);
    if (fd >= 0 || errno != ENOENT || !make) {
        return fd;
    }
    /* EEXIST: somebody else was faster, which is as good. */
    if (sys_mkdirat(dir, name, sys_mode_in(dir, 0777)) < 0 && errno != EEXIST) {
        return -1;
    }
    return sys_openat(dir, name, flags, 0);
}

/* Whatever goes wrong is the slow way's to tell, or to make good. */
static int open_at_once(int dirfd, const char *path, size_t len)
{
    char folder[AT_ONCE_BYTES];

    if (len == 0 || len >= sizeof(folder)) {
        return -1;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    return sys_open_linkless(dirfd, folder, O_PATH | O_DIRECTORY);
}

static int open_by_component(int dirfd, const char *path, size_t len, bool make)
{
    int at = sys_openat(dirfd, len > 0 && path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0);
    size_t next = 0;
    while (at >= 0 && next < len) {
        char name[NAME_MAX + 1];
        size_t end = next;
        while (end < len && path[end] != '/') {
            end++;
        }
        if (end > next) {
            int below = -1;
            if (end - next < sizeof(name)) {
                memcpy(name, path + next, end - next);
                name[end - next] = '\0';
                below = open_component(at, name, make);
            } else {
                errno = ENAMETOOLONG;
            }
            int sys = errno;
            (void)sys_close(at);
            errno = sys;
            at = below;
        }
        next = end + 1;
    }
    return at;
}

/* Opens the folder of the first `len` bytes of `path`; a duplicate of `dirfd` for none. */
static int descend(int dirfd, const char *path, size_t len, bool make)
{
    int fd = open_at_once(dirfd, path, len);

    return fd >= 0 ? fd : open_by_component(dirfd, path, len, make);
}

static bool folder_error(struct err *err, const char *path, size_t len)
{
    if (errno == ENOTDIR || errno == ELOOP) {
        return err_errno(err, errno, "'%.*s': a link or a file is where a folder should be",
                         (int)len, path);
    }
    return err_sys(err, "'%.*s': the folder cannot be opened or made", (int)len, path);
}

bool folder_make(int dirfd, const char *path, struct err *err)
{
    int fd = descend(dirfd, path, strlen(path), true);
    if (fd < 0) {
        return folder_error(err, path, strlen(path));
    }
    (void)sys_close(fd);
    return true;
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return 0;
    }
    return slash == path ? 1 : (size_t)(slash - path);
}

bool folder_make_parents(int dirfd, const char *path, struct err *err)
{
    size_t len = parent_len(path);
    int fd = len > 0 ? descend(dirfd, path, len, true) : -2;
    if (fd == -1) {
        return folder_error(err, path, len);
    }
    if (fd >= 0) {
        (void)sys_close(fd);
    }
    return true;
}

int folder_open_parent(int dirfd, const char *path, bool make, const char **base, bool *missing,
                       struct err *err)
{
    size_t len = parent_len(path);
    int fd = descend(dirfd, path, len, make);
    const char *slash = strrchr(path, '/');
    *base = slash != NULL ? slash + 1 : path;
    if (missing != NULL) {
        *missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    }
    if (fd < 0) {
        folder_error(err, path, len);
    }
    return fd;
}

int folder_open(int dirfd, const char *path, struct err *err)
{
    int fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        folder_error(err, path, strlen(path));
    }
    return fd;
}
