/* Copies by clone, where the file system has none: a clone of ours stands for the kernel's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/sys.h"

/* All bytes to the new file; then somebody writes to the old one. */
static int clone_then_write(int out, int in)
{
    char bytes[4096];
    ssize_t len;

    for (off_t at = 0; (len = pread(in, bytes, sizeof(bytes), at)) > 0; at += len) {
        assert_int_equal(pwrite(out, bytes, (size_t)len, at), len);
    }
    assert_int_equal(pwrite(in, "later", 5, 0), 5);
    return 0;
}

#define sys_ficlone clone_then_write
#include "os/copy.c"

static struct temp_folder here;

static int make(const char *name)
{
    int fd = openat(here.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    assert_true(fd >= 0);
    return fd;
}

/* The digest is that of the copy. */
static void test_digest_of_the_copy(void **state)
{
    struct clone_memory memory = {0};
    struct copied copied;
    struct digest digest;
    struct err err = {0};
    int in, out;

    (void)state;
    temp_folder_make(&here);
    in = make("in");
    out = make("out");
    assert_int_equal(ftruncate(in, FILES_SMALL_BYTES + 1), 0);
    EXPECT_OK(file_copy(&memory, in, out, "in", &copied, &err), &err);
    assert_true(copied.cloned);
    EXPECT_OK(file_hash(here.fd, "out", &digest, NULL, &err), &err);
    assert_true(digest_equal(&digest, &copied.digest));
    EXPECT_OK(file_hash(here.fd, "in", &digest, NULL, &err), &err);
    assert_false(digest_equal(&digest, &copied.digest));
    close(in);
    close(out);
    temp_folder_remove(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digest_of_the_copy)};

    return cmocka_run_group_tests_name("os/clone", tests, NULL, NULL);
}
