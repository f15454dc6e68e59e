/* Reading, copying, moving, removing, listing; signatures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../temp_folder.h"
#include "os/files.h"
#include "os/replace.h"
#include "os/signature.h"
#include "os/walk.h"

static struct temp_folder here;
static struct err err;

static int setup(void **state)
{
    (void)state;
    temp_folder_make(&here);
    err_clear(&err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_remove(&here);
    return 0;
}

static void test_read(void **state)
{
    struct strbuf out;
    (void)state;
    strbuf_init(&out);
    temp_write(here.fd, "f", "12345");
    EXPECT_OK(file_read(here.fd, "f", 5, &out, &err), &err);
    assert_true(str_is(strbuf_str(&out), "12345"));
    assert_false(file_read(here.fd, "f", 4, &out, &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
    assert_false(file_read(here.fd, "none", 4, &out, &err));
    assert_int_equal(err.sys, ENOENT);
    strbuf_fini(&out);
}

static bool write_or_fail(void *ctx, int fd)
{
    if (ctx == NULL) {
        errno = ENOSPC;
        return false;
    }
    return file_write_all(fd, ctx, strlen(ctx)) && file_write_all(fd, "!", 1);
}

static void test_write_replace(void **state)
{
    struct walk_options all = {.all = true};
    struct walk_list list;
    struct arena arena;
    (void)state;
    arena_init(&arena);
    mkdirat(here.fd, "d", 0777);
    EXPECT_OK(file_write_replace(here.fd, "d/f", STR("one"), 0666, true, &err), &err);
    EXPECT_OK(file_write_replace(here.fd, "d/f", STR("two"), 0666, false, &err), &err);
    temp_expect(here.fd, "d/f", "two");
    assert_false(file_write_replace(here.fd, "none/f", STR("x"), 0666, false, &err));
    EXPECT_OK(file_write_replace_by(here.fd, "d/f", write_or_fail, "by hand", 0666, false, &err),
              &err);
    temp_expect(here.fd, "d/f", "by hand!");
    assert_false(file_write_replace_by(here.fd, "d/f", write_or_fail, NULL, 0666, false, &err));
    assert_int_equal(err.sys, ENOSPC);
    temp_expect(here.fd, "d/f", "by hand!");
    EXPECT_OK(walk_folder(here.fd, "", &all, &arena, &list, &err), &err);
    assert_int_equal(list.count, 2);
    arena_fini(&arena);
}

/* In whatever order they were made, which is that in which some file systems list them. */
static void test_list_is_sorted(void **state)
{
    static const char *const orders[] = {"abcdefg", "gfedcba", "dgabfce", "bacdefg", "a"};
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        struct walk_options all = {.all = true};
        struct walk_list list;
        struct arena arena;
        char folder[] = "d?";
        char name[] = "d?/?";
        folder[1] = name[1] = (char)('0' + i);
        arena_init(&arena);
        mkdirat(here.fd, folder, 0777);
        for (const char *at = orders[i]; *at != '\0'; at++) {
            name[3] = *at;
            temp_write(here.fd, name, "");
        }
        EXPECT_OK(walk_folder(here.fd, folder, &all, &arena, &list, &err), &err);
        assert_int_equal(list.count, strlen(orders[i]));
        for (uint32_t k = 0; k < list.count; k++) {
            assert_int_equal(list.items[k].path.data[0], 'a' + (int)k);
        }
        arena_fini(&arena);
    }
}

static void copy_size(size_t size)
{
    struct clone_memory memory = {0};
    struct copied copied;
    struct digest digest;
    uint64_t size_bytes;
    char *data = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    int in = openat(here.fd, "in", O_RDWR | O_CREAT | O_TRUNC, 0666);
    int out = openat(here.fd, "out", O_RDWR | O_CREAT | O_TRUNC, 0666);
    assert_int_equal(write(in, data, size), (ssize_t)size);
    EXPECT_OK(file_copy(&memory, in, out, "in", &copied, &err), &err);
    digest = sha256_of(data, size);
    assert_true(digest_equal(&digest, &copied.digest));
    assert_int_equal(copied.size_bytes, size);
    EXPECT_OK(file_hash(here.fd, "out", &digest, &size_bytes, &err), &err);
    assert_true(digest_equal(&digest, &copied.digest));
    assert_int_equal(size_bytes, size);
    free(data);
    close(in);
    close(out);
}

static void test_copy(void **state)
{
    (void)state;
    copy_size(0);
    copy_size(1);
    copy_size(FILES_SMALL_BYTES);
    copy_size(FILES_SMALL_BYTES + 1);
    copy_size(3 * FILES_BUFFER_BYTES + 17);
}

static void test_hash_refuses(void **state)
{
    struct digest digest;
    (void)state;
    assert_int_equal(mkfifoat(here.fd, "fifo", 0666), 0);
    assert_false(file_hash(here.fd, "fifo", &digest, NULL, &err));
    assert_false(file_hash(here.fd, ".", &digest, NULL, &err));
}

static void test_folders(void **state)
{
    const char *base;
    bool missing;
    (void)state;
    EXPECT_OK(folder_make(here.fd, "a/b/c", &err), &err);
    EXPECT_OK(folder_make(here.fd, "a/b/c", &err), &err);
    EXPECT_OK(folder_make(here.fd, "", &err), &err);
    assert_true(temp_exists(here.fd, "a/b/c"));
    /* A link in the way leads nowhere. */
    assert_int_equal(symlinkat("/tmp", here.fd, "a/l"), 0);
    assert_false(folder_make(here.fd, "a/l/x", &err));
    assert_non_null(strstr(err.text, "link"));
    assert_int_equal(folder_open_parent(here.fd, "a/l/x", true, &base, &missing, &err), -1);
    /* Nor to what is there already. */
    assert_int_equal(symlinkat("b", here.fd, "a/in"), 0);
    assert_true(temp_exists(here.fd, "a/in/c"));
    assert_false(folder_make(here.fd, "a/in", &err));
    assert_false(folder_make(here.fd, "a/in/c", &err));
    assert_non_null(strstr(err.text, "link"));
    assert_false(folder_make_parents(here.fd, "a/in/x", &err));
    assert_int_equal(folder_open_parent(here.fd, "no/x", false, &base, &missing, &err), -1);
    assert_true(missing);
    int fd = folder_open_parent(here.fd, "a/b/x", false, &base, &missing, &err);
    assert_true(fd >= 0);
    assert_string_equal(base, "x");
    close(fd);
}

/* A tree with everything in it, as `top` below `dir`. */
static void make_tree(int dir)
{
    mkdirat(dir, "top", 0777);
    mkdirat(dir, "top/sub", 0777);
    mkdirat(dir, "top/empty", 0700);
    temp_write(dir, "top/f", "file");
    temp_write(dir, "top/sub/g", "deeper");
    fchmodat(dir, "top/sub/g", 0755, 0);
    assert_int_equal(symlinkat("nowhere", dir, "top/l"), 0);
}

static void expect_tree(int dir, const char *top)
{
    struct stat stat;
    char target[32];
    int fd = openat(dir, top, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    temp_expect(fd, "f", "file");
    temp_expect(fd, "sub/g", "deeper");
    assert_int_equal(fstatat(fd, "sub/g", &stat, 0), 0);
    assert_int_equal(stat.st_mode & 0777, 0755);
    assert_int_equal(fstatat(fd, "empty", &stat, 0), 0);
    assert_int_equal(stat.st_mode & 0777, 0700);
    assert_int_equal(readlinkat(fd, "l", target, sizeof(target)), 7);
    close(fd);
}

static void test_move(void **state)
{
    (void)state;
    make_tree(here.fd);
    EXPECT_OK(file_move(NULL, here.fd, "top", here.fd, "other", &err), &err);
    expect_tree(here.fd, "other");
    assert_false(temp_exists(here.fd, "top"));
    assert_false(file_move(NULL, here.fd, "top", here.fd, "other", &err));
    assert_int_equal(err.sys, ENOENT);
}

/* Another file system than the temporary folder's, or skip. */
static void other_file_system(struct temp_folder *other)
{
    struct stat a, b;
    if (stat("/dev/shm", &b) < 0 || access("/dev/shm", W_OK) < 0 || fstat(here.fd, &a) < 0 ||
        a.st_dev == b.st_dev) {
        skip();
    }
    temp_folder_in(other, "/dev/shm");
}

static void test_move_across(void **state)
{
    struct clone_memory memory = {0};
    struct temp_folder other;
    (void)state;
    other_file_system(&other);
    make_tree(here.fd);
    EXPECT_OK(file_move(&memory, here.fd, "top", other.fd, "there", &err), &err);
    expect_tree(other.fd, "there");
    assert_false(temp_exists(here.fd, "top"));
    temp_folder_remove(&other);
}

/* Killed in the middle: one entry copied and still in both places, one moved, rubbish of a copy. */
static void test_move_repeated(void **state)
{
    struct temp_folder other;
    (void)state;
    other_file_system(&other);
    make_tree(here.fd);
    mkdirat(other.fd, "there", 0700);
    mkdirat(other.fd, "there/sub", 0700);
    temp_write(other.fd, "there/f", "file");
    unlinkat(here.fd, "top/f", 0);
    temp_write(other.fd, "there/sub/g", "deeper");
    temp_write(here.fd, "top/.pawl-new.0123456789abcdef", "half");
    EXPECT_OK(file_move(NULL, here.fd, "top", other.fd, "there", &err), &err);
    expect_tree(other.fd, "there");
    assert_false(temp_exists(here.fd, "top"));
    assert_false(temp_exists(other.fd, "there/.pawl-new.0123456789abcdef"));
    temp_folder_remove(&other);
}

static void test_remove_deep(void **state)
{
    int at = dup(here.fd);
    (void)state;
    for (int depth = 0; depth < 3000; depth++) {
        assert_int_equal(mkdirat(at, "d", 0777), 0);
        temp_write(at, "f", "x");
        int below = openat(at, "d", O_RDONLY | O_DIRECTORY);
        close(at);
        at = below;
    }
    close(at);
    EXPECT_OK(tree_remove(here.fd, "d", &err), &err);
    assert_false(temp_exists(here.fd, "d"));
    EXPECT_OK(tree_remove(here.fd, "d", &err), &err);
}

static void test_remove_stays_inside(void **state)
{
    (void)state;
    mkdirat(here.fd, "out", 0777);
    temp_write(here.fd, "keep", "x");
    assert_int_equal(symlinkat("..", here.fd, "out/up"), 0);
    mkdirat(here.fd, "out/ro", 0500);
    EXPECT_OK(tree_remove(here.fd, "out", &err), &err);
    assert_true(temp_exists(here.fd, "keep"));
    assert_false(temp_exists(here.fd, "out"));
}

static void test_walk(void **state)
{
    static const char *const want[] = {"a", "a-b", "a/b", "a/b/.hidden", "a/z.py", "a0", "link"};
    struct str ignore[] = {STR("*.log"), STR("tmp/")};
    struct walk_options options = {.ignore = ignore, .ignore_count = 2};
    struct walk_room room = {.found = {0}};
    struct walk_list list;
    struct arena arena;
    (void)state;
    arena_init(&arena);
    folder_make(here.fd, "a/b", &err);
    folder_make(here.fd, ".git/x", &err);
    folder_make(here.fd, "a/__pycache__", &err);
    folder_make(here.fd, "a/tmp", &err);
    temp_write(here.fd, "a/b/.hidden", "");
    temp_write(here.fd, "a/z.py", "");
    temp_write(here.fd, "a/z.pyc", "");
    temp_write(here.fd, "a/x.log", "");
    temp_write(here.fd, "a-b", "");
    temp_write(here.fd, "a0", "");
    temp_write(here.fd, "a0~", "");
    temp_write(here.fd, ".a0.swp", "");
    assert_int_equal(symlinkat("a", here.fd, "link"), 0);
    EXPECT_OK(walk_folder(here.fd, "", &options, &arena, &list, &err), &err);
    assert_int_equal(list.count, sizeof(want) / sizeof(want[0]));
    for (uint32_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].path.data, want[i]);
    }
    assert_int_equal(list.items[6].type, FILE_LINK);
    options.room = &room;
    for (int again = 0; again < 2; again++) {
        EXPECT_OK(walk_folder(here.fd, "a/b", &options, &arena, &list, &err), &err);
        assert_int_equal(list.count, 1);
        EXPECT_OK(walk_folder(here.fd, "", &options, &arena, &list, &err), &err);
        assert_int_equal(list.count, sizeof(want) / sizeof(want[0]));
    }
    options.limit = 3;
    assert_false(walk_folder(here.fd, "", &options, &arena, &list, &err));
    options.room = NULL;
    walk_room_fini(&room);
    assert_false(walk_folder(here.fd, "none", NULL, &arena, &list, &err));
    assert_int_equal(err.sys, ENOENT);
    temp_write(here.fd, "a/z.py", "12345");
    assert_int_equal(walk_size_bytes(here.fd, "a", 100), 5);
    assert_int_equal(walk_size_bytes(here.fd, "a", 3), 3);
    assert_int_equal(walk_size_bytes(here.fd, "none", 3), 0);
    arena_fini(&arena);
}

static void test_signature(void **state)
{
    struct signature a, b;
    unsigned char bytes[SIGNATURE_BYTES];
    (void)state;
    EXPECT_OK(signature_read(here.fd, "f", true, &a, &err), &err);
    assert_int_equal(signature_type(&a), FILE_MISSING);
    temp_write(here.fd, "f", "one");
    EXPECT_OK(signature_read(here.fd, "f", true, &a, &err), &err);
    assert_int_equal(signature_type(&a), FILE_REGULAR);
    assert_false(signature_is_executable(&a));
    signature_encode(&a, bytes);
    signature_decode(bytes, &b);
    assert_true(signature_equal(&a, &b));
    fchmodat(here.fd, "f", 0755, 0);
    EXPECT_OK(signature_read(here.fd, "f", true, &b, &err), &err);
    assert_true(signature_is_executable(&b));
    assert_false(signature_equal(&a, &b));
    assert_int_equal(symlinkat("f", here.fd, "l"), 0);
    EXPECT_OK(signature_read(here.fd, "l", true, &a, &err), &err);
    assert_true(signature_equal(&a, &b));
    EXPECT_OK(signature_read(here.fd, "l", false, &a, &err), &err);
    assert_int_equal(signature_type(&a), FILE_LINK);
}

static void test_firm(void **state)
{
    const int64_t second = 1000000000;
    struct signature s = {.ino = 1, .mode = S_IFREG, .ctime_ns = 5 * second + 123456789};
    struct signature other = s, whole = s;
    struct signature_tick tick = {.coarse_ns = s.ctime_ns};
    (void)state;
    /* Within the same tick a second write leaves no trace. */
    assert_false(signature_is_firm(&s, &s, &tick));
    assert_true(signature_wait_ns(&s, &tick) > 0);
    tick.coarse_ns++;
    assert_true(signature_is_firm(&s, &s, &tick));
    assert_int_equal(signature_wait_ns(&s, &tick), 0);
    other.size = 1;
    assert_false(signature_is_firm(&s, &other, &tick));
    /* A clock that was set back: nothing of a later time is trusted, nor waited for. */
    tick.coarse_ns = s.ctime_ns - 3600 * second;
    assert_false(signature_is_firm(&s, &s, &tick));
    assert_true(signature_wait_ns(&s, &tick) <= 10 * second);
    /* Times of whole seconds. */
    whole.ctime_ns = 5 * second;
    tick.coarse_ns = 6 * second;
    assert_false(signature_is_firm(&whole, &whole, &tick));
    tick.coarse_ns = 7 * second + 1;
    assert_true(signature_is_firm(&whole, &whole, &tick));
    /* A network file system. */
    tick = (struct signature_tick){.coarse_ns = s.ctime_ns + 2 * second, .window_ns = 3 * second};
    assert_false(signature_is_firm(&s, &s, &tick));
    tick = (struct signature_tick){.coarse_ns = s.ctime_ns, .multigrain = true};
    assert_true(signature_is_firm(&s, &s, &tick));
    assert_false(signature_is_firm(&(struct signature){0}, &(struct signature){0}, &tick));
}

/* What the probe says must be true: a write after a look changes the ctime, a thousand times. */
static void test_probe(void **state)
{
    struct signature_times *times = signature_times_new();
    struct signature a, b;
    (void)state;
    signature_times_probe(times, here.fd);
    struct signature_tick tick = signature_tick_now(times, here.fd);
    for (int i = 0; tick.multigrain && i < 1000; i++) {
        temp_write(here.fd, "f", "x");
        EXPECT_OK(signature_read(here.fd, "f", true, &a, &err), &err);
        temp_write(here.fd, "f", "y");
        EXPECT_OK(signature_read(here.fd, "f", true, &b, &err), &err);
        assert_false(signature_equal(&a, &b));
    }
    signature_times_free(times);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_read),
        TEST(test_write_replace),
        TEST(test_list_is_sorted),
        TEST(test_copy),
        TEST(test_hash_refuses),
        TEST(test_folders),
        TEST(test_move),
        TEST(test_move_across),
        TEST(test_move_repeated),
        TEST(test_remove_deep),
        TEST(test_remove_stays_inside),
        TEST(test_walk),
        TEST(test_signature),
        TEST(test_firm),
        TEST(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
