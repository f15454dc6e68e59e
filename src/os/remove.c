/* Owns removing of trees. One descriptor for each level; what lies deeper than REMOVE_LEVELS is
 * moved up to the top of the tree first, so that no depth exhausts descriptors or stack. */
#include "os/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "os/files.h"

enum { REMOVE_LEVELS = 48 };

bool file_remove(int dirfd, const char *path, struct err *err)
{
    return sys_unlinkat(dirfd, path, 0) == 0 || errno == ENOENT ||
           err_sys(err, "'%s': cannot be removed", path);
}

/* Opens a folder for listing and gives us the right to change it where only that is missing. */
static int open_writable(int dir, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = sys_openat(dir, name, flags, 0);
    if (fd < 0 && errno == EACCES) {
        struct sys_stat stat;
        /* chmod follows links: only after a look that there is a folder. */
        if (sys_statat(dir, name, AT_SYMLINK_NOFOLLOW, &stat) == 0 && S_ISDIR(stat.mode) &&
            sys_fchmodat(dir, name, 0700) == 0) {
            fd = sys_openat(dir, name, flags, 0);
        }
    }
    return fd;
}

/* unlinkat, and once more after the folder was made writable. */
static int unlink_in(int folder, const char *name, int flags)
{
    int answer = sys_unlinkat(folder, name, flags);
    if (answer < 0 && errno == EACCES && sys_fchmod(folder, 0700) == 0) {
        answer = sys_unlinkat(folder, name, flags);
    }
    return answer;
}

static bool remove_entry(int folder, const char *name, bool is_folder, int top, unsigned level);

/* Removes all entries of an open folder. */
static bool remove_entries(int folder, int top, unsigned level)
{
    bool ok = true;
    int sys = 0;
    int list = sys_openat(folder, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *stream = list >= 0 ? sys_fdopendir(list) : NULL;
    if (stream == NULL) {
        return false;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = sys_readdir(stream);
        if (entry == NULL) {
            ok = ok && errno == 0;
            sys = ok ? 0 : errno != 0 ? errno : sys;
            break;
        }
        if (!remove_entry(folder, entry->d_name, entry->d_type == DT_DIR, top, level)) {
            ok = false;
            sys = errno;
            break;
        }
    }
    (void)sys_closedir(stream);
    errno = sys;
    return ok;
}

static bool remove_folder(int dir, const char *name, int top, unsigned level)
{
    int folder = open_writable(dir, name);
    if (folder < 0) {
        return errno == ENOENT;
    }
    bool ok = remove_entries(folder, top < 0 ? folder : top, level + 1);
    /* Folders from below were moved up here while the listing went on. */
    for (int again = 0; ok && top < 0 && again < 1 << 20; again++) {
        if (unlink_in(dir, name, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY) {
            break;
        }
        ok = remove_entries(folder, folder, level + 1);
    }
    int sys = errno;
    (void)sys_close(folder);
    errno = sys;
    return ok && (unlink_in(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
}

static bool raise_folder(int folder, const char *name, int top)
{
    char temp[FILE_TEMP_BYTES];
    return file_temp_name(temp) && sys_renameat(folder, name, top, temp) == 0;
}

static bool remove_entry(int folder, const char *name, bool is_folder, int top, unsigned level)
{
    if (!is_folder) {
        if (unlink_in(folder, name, 0) == 0 || errno == ENOENT) {
            return true;
        }
        if (errno != EISDIR && errno != EPERM) {
            return false;
        }
    }
    if (level >= REMOVE_LEVELS && raise_folder(folder, name, top)) {
        return true;
    }
    return remove_folder(folder, name, top, level);
}

bool tree_remove(int dirfd, const char *path, struct err *err)
{
    if (sys_unlinkat(dirfd, path, 0) == 0 || errno == ENOENT || errno == ENOTDIR) {
        return true;
    }
    if (errno != EISDIR && errno != EPERM) {
        return err_sys(err, "'%s': cannot be removed", path);
    }
    return remove_folder(dirfd, path, -1, 0) || err_sys(err, "'%s': cannot be removed", path);
}
