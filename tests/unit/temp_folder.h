#ifndef PAWL_TESTS_TEMP_FOLDER_H
#define PAWL_TESTS_TEMP_FOLDER_H
/* A folder of its own for each test, and short ways to make and look at files in it. Included after
 * cmocka.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/remove.h"

struct temp_folder {
    char path[256];
    int fd;
};

/* In `where`; NULL: in TMPDIR or /tmp. */
static inline void temp_folder_in(struct temp_folder *temp, const char *where)
{
    const char *above = where != NULL ? where : getenv("TMPDIR");
    snprintf(temp->path, sizeof(temp->path), "%s/pawl-unit.XXXXXX", above != NULL ? above : "/tmp");
    assert_non_null(mkdtemp(temp->path));
    temp->fd = open(temp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(temp->fd >= 0);
}

static inline void temp_folder_make(struct temp_folder *temp)
{
    temp_folder_in(temp, NULL);
}

static inline void temp_folder_remove(struct temp_folder *temp)
{
    struct err err = {0};
    close(temp->fd);
    if (!tree_remove(AT_FDCWD, temp->path, &err)) {
        fail_msg("%s", err.text);
    }
}

static inline void temp_write(int dir, const char *path, const char *text)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* What is in a file; "(none)" when there is none. */
static inline const char *temp_read(int dir, const char *path, char text[static 256])
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, 255) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (len < 0) {
        return "(none)";
    }
    text[len] = '\0';
    return text;
}

static inline bool temp_exists(int dir, const char *path)
{
    struct stat stat;
    return fstatat(dir, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void temp_expect(int dir, const char *path, const char *text)
{
    char buffer[256];
    assert_string_equal(temp_read(dir, path, buffer), text);
}

#define EXPECT_OK(call, err)                                                                       \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, (err)->text);                                                \
        }                                                                                          \
    } while (0)

#endif
