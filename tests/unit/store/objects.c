/* The object store: putting, asking, epochs, barriers, restoring. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include <poll.h>
#include <pthread.h>

#include "../temp_folder.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/walk.h"
#include "store/barrier.h"
#include "store/restore.h"

static struct temp_folder here;
static struct objects *store;
static struct err err;
static struct arena arena;
static struct objects_settled settled;

static struct objects *open_store(bool read_only)
{
    struct objects_options options = {.dirfd = here.fd, .shown = ".pawl", .read_only = read_only};
    struct objects *objects = objects_open(&options, &settled, &err);
    if (objects == NULL) {
        fail_msg("%s", err.text);
    }
    return objects;
}

static int setup(void **state)
{
    (void)state;
    err_clear(&err);
    arena_init(&arena);
    temp_folder_make(&here);
    mkdirat(here.fd, "ws", 0777);
    store = open_store(false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    objects_close(store);
    temp_folder_remove(&here);
    arena_fini(&arena);
    return 0;
}

static const struct ways *ways = &WAYS_DEFAULT;

static bool restore(const char *path, enum tree_type type, bool executable,
                    const struct digest *digest, struct output_rows *rows)
{
    struct put_output output = {.type = type, .digest = *digest, .executable = executable};
    return restore_output(store, here.fd, path, &output, ways, RESTORE_REPLACES, rows, &err);
}

static void reopen(void)
{
    objects_close(store);
    store = open_store(false);
}

static struct digest put_text(const char *text)
{
    struct digest digest;
    EXPECT_OK(objects_put_bytes(store, str_of(text), &digest, &err), &err);
    return digest;
}

/* Where the object lies: "objects", "fresh", both, or nowhere. */
static const char *place_of(const struct digest *digest)
{
    char hex[DIGEST_HEX_BYTES + 1], name[128], epoch[17];
    struct digest now = objects_epoch(store);
    digest_hex(digest, hex);
    hex_encode(now.bytes, 8, epoch);
    snprintf(name, sizeof(name), "objects/%.2s/%s", hex, hex + 2);
    bool durable = temp_exists(here.fd, name);
    snprintf(name, sizeof(name), "fresh/%s/%s", epoch, hex);
    bool fresh = temp_exists(here.fd, name);
    return durable && fresh ? "both" : durable ? "objects" : fresh ? "fresh" : "nowhere";
}

static uint32_t count_tmp(void)
{
    struct walk_options all = {.all = true};
    struct walk_list list;
    EXPECT_OK(walk_folder(here.fd, "tmp", &all, &arena, &list, &err), &err);
    return list.count;
}

static void test_put(void **state)
{
    struct digest digest = put_text("hello"), none = sha256_of("none", 4);
    struct strbuf out;
    uint64_t count, bytes;
    (void)state;
    strbuf_init(&out);
    assert_string_equal(place_of(&digest), "fresh");
    assert_true(objects_has(store, &digest));
    assert_false(objects_is_durable(store, &digest));
    assert_false(objects_has(store, &none));
    put_text("hello");
    objects_fresh(store, &count, &bytes);
    assert_int_equal(count, 1);
    assert_int_equal(bytes, 5);
    EXPECT_OK(objects_read(store, &digest, 100, &out, &err), &err);
    assert_true(str_is(strbuf_str(&out), "hello"));
    assert_int_equal(objects_get(store, &none, &err), -1);
    assert_int_equal(err.status, STATUS_CORRUPT);
    assert_int_equal(count_tmp(), 0);
    strbuf_fini(&out);
}

/* Two sessions of one epoch: what the other one put stays the file that it is, and is known. */
static void test_put_of_another_session(void **state)
{
    char hex[DIGEST_HEX_BYTES + 1], name[128], epoch[17];
    struct digest digest = sha256_of("hello", 5), now;
    struct objects *other = store;
    struct stat before, after;
    (void)state;
    store = open_store(false);
    put_text("hello");
    now = objects_epoch(store);
    hex_encode(now.bytes, 8, epoch);
    snprintf(name, sizeof(name), "fresh/%s/%s", epoch, digest_hex(&digest, hex));
    assert_int_equal(fstatat(here.fd, name, &before, 0), 0);
    objects_close(store);
    store = other;
    put_text("hello");
    assert_int_equal(fstatat(here.fd, name, &after, 0), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_int_equal(count_tmp(), 0);
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    assert_string_equal(place_of(&digest), "objects");
}

static void test_put_file(void **state)
{
    struct copied copied;
    struct digest digest;
    size_t sizes[] = {0, 10, FILES_SMALL_BYTES, FILES_SMALL_BYTES + 1, 5 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *data = malloc(sizes[i] + 1);
        memset(data, 'a' + (int)i, sizes[i]);
        int fd = openat(here.fd, "in", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        assert_int_equal(write(fd, data, sizes[i]), (ssize_t)sizes[i]);
        close(fd);
        digest = sha256_of(data, sizes[i]);
        for (int twice = 0; twice < 2; twice++) {
            EXPECT_OK(objects_put_file(store, here.fd, "in", false, &copied, &err), &err);
            assert_true(digest_equal(&digest, &copied.digest));
            assert_int_equal(copied.size_bytes, sizes[i]);
            EXPECT_OK(objects_verify(store, &digest, NULL, &err), &err);
        }
        free(data);
    }
    assert_int_equal(count_tmp(), 0);
    assert_int_equal(symlinkat("in", here.fd, "l"), 0);
    assert_false(objects_put_file(store, here.fd, "l", false, &copied, &err));
    EXPECT_OK(objects_put_file(store, here.fd, "l", true, &copied, &err), &err);
    assert_false(objects_put_file(store, here.fd, "ws", true, &copied, &err));
}

static void test_barrier(void **state)
{
    struct barrier barrier;
    struct digest a = put_text("a"), b;
    (void)state;
    barrier_note(store, &barrier);
    b = put_text("b"); /* behind the note: not covered */
    EXPECT_OK(barrier_run(store, &barrier, here.fd, &err), &err);
    assert_string_equal(place_of(&a), "objects");
    assert_true(objects_is_durable(store, &a));
    assert_string_equal(place_of(&b), "fresh");
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    assert_string_equal(place_of(&b), "objects");
    put_text("a");
    assert_string_equal(place_of(&a), "objects");
    barrier_note(store, &barrier);
    barrier_drop(store, &barrier);
    EXPECT_OK(barrier_now(store, -1, &err), &err);
}

/* The same epoch: what a dead session left counts, and the next barrier covers it. */
static void test_same_epoch(void **state)
{
    struct digest a = put_text("left"), epoch = objects_epoch(store), again;
    (void)state;
    reopen();
    again = objects_epoch(store);
    assert_true(digest_equal(&epoch, &again));
    assert_true(objects_has(store, &a));
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    assert_string_equal(place_of(&a), "objects");
    struct objects *second = open_store(true);
    assert_true(objects_is_durable(second, &a));
    objects_close(second);
}

/* Makes the present fresh folder one of another epoch (and boot): as after a power cut. */
static void make_foreign(const char *boot)
{
    char from[64], epoch[17], to[64];
    struct digest now = objects_epoch(store);
    hex_encode(now.bytes, 8, epoch);
    snprintf(from, sizeof(from), "fresh/%s", epoch);
    objects_close(store);
    assert_int_equal(renameat(here.fd, from, here.fd, "fresh/00000000000000aa"), 0);
    snprintf(to, sizeof(to), "fresh/00000000000000aa/lock");
    temp_write(here.fd, to, boot);
    temp_write(here.fd, "tmp/o.00000000000000aa.00000001.1", "half");
    temp_write(here.fd, "tmp/other", "not ours");
}

static void damage(const struct digest *digest)
{
    char hex[DIGEST_HEX_BYTES + 1], name[128], epoch[17];
    struct digest now = objects_epoch(store);
    hex_encode(now.bytes, 8, epoch);
    snprintf(name, sizeof(name), "fresh/%s/%s", epoch, digest_hex(digest, hex));
    fchmodat(here.fd, name, 0644, 0);
    temp_write(here.fd, name, "XX");
}

static void settle_after(const char *boot, const char *where)
{
    struct digest good = put_text("good"), bad = put_text("bad");
    damage(&bad);
    make_foreign(boot);
    store = open_store(false);
    assert_int_equal(settled.sessions, 1);
    assert_int_equal(settled.moved, 1);
    assert_int_equal(settled.removed, 1);
    assert_string_equal(place_of(&good), where);
    assert_string_equal(place_of(&bad), "nowhere");
    assert_false(objects_has(store, &bad));
    assert_false(temp_exists(here.fd, "fresh/00000000000000aa"));
    assert_false(temp_exists(here.fd, "tmp/o.00000000000000aa.00000001.1"));
    assert_true(temp_exists(here.fd, "tmp/other"));
}

static void test_other_boot(void **state)
{
    (void)state;
    settle_after("11111111-2222-3333-4444-555555555555\n", "objects");
}

static void test_boot_unknown(void **state)
{
    (void)state;
    settle_after("\n", "fresh");
}

/* A live session of another epoch is left alone. */
static void test_foreign_alive(void **state)
{
    struct digest a = put_text("theirs");
    (void)state;
    struct objects *theirs = store;
    temp_write(here.fd, "fresh/salt", "0123456789abcdef0123456789abcdef\n");
    store = open_store(false);
    assert_int_equal(settled.sessions, 0);
    assert_false(objects_has(store, &a));
    assert_true(objects_has(theirs, &a));
    objects_close(theirs);
    reopen();
    assert_int_equal(settled.sessions, 1);
    assert_true(objects_has(store, &a));
    assert_string_equal(place_of(&a), "fresh");
}

static void test_break(void **state)
{
    struct digest a = put_text("a"), bad = put_text("bad"), before = objects_epoch(store), after;
    struct barrier barrier;
    (void)state;
    barrier_note(store, &barrier);
    damage(&bad);
    EXPECT_OK(objects_break_epoch(store, &err), &err);
    after = objects_epoch(store);
    assert_false(digest_equal(&before, &after));
    assert_true(objects_has(store, &a));
    assert_false(objects_has(store, &bad));
    /* What was noted before the break is not moved by what was synced before it. */
    EXPECT_OK(barrier_run(store, &barrier, -1, &err), &err);
    assert_string_equal(place_of(&a), "fresh");
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    assert_string_equal(place_of(&a), "objects");
}

/* Another boot, another mount, another random number: another epoch. */
static void test_epoch(void **state)
{
    char boot[64], salt[256], expected[512];
    struct digest is = objects_epoch(store), named;
    struct str text = objects_epoch_text(store);
    struct sys_stat stat;
    int fresh = openat(here.fd, "fresh", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, boot, sizeof(boot)) : 0;
    (void)state;
    assert_int_equal(sys_fstat(fresh, &stat), 0);
    close(fresh);
    close(fd);
    if (len <= 1 || !stat.has_mount_id) {
        skip();
    }
    snprintf(expected, sizeof(expected), "pawl epoch 1\n%.*s\n%u:%u:%llu\n%.32s", (int)len - 1,
             boot, stat.dev_major, stat.dev_minor, (unsigned long long)stat.mount_id,
             temp_read(here.fd, "fresh/salt", salt));
    assert_true(str_is(text, expected));
    named = sha256_of(text.data, text.len);
    assert_true(digest_equal(&is, &named));
}

/* ---- an epoch that breaks while an object is written */

struct breaking {
    pthread_t thread;
    _Atomic bool broken;
    bool begun;
};

static void *break_now(void *ctx)
{
    struct breaking *breaking = ctx;
    (void)objects_break_epoch(store, NULL);
    breaking->broken = true;
    return NULL;
}

/* The first bytes; then somebody wants to break the epoch, and must wait for the name. */
static ssize_t feed_and_break(void *ctx, void *data, size_t size, struct err *error)
{
    struct breaking *breaking = ctx;
    (void)error;
    if (breaking->begun) {
        return 0;
    }
    breaking->begun = true;
    memcpy(data, "text", size < 4 ? size : 4);
    assert_int_equal(pthread_create(&breaking->thread, NULL, break_now, breaking), 0);
    for (int i = 0; i < 20 && !breaking->broken; i++) {
        poll(NULL, 0, 1);
    }
    assert_false(breaking->broken);
    return 4;
}

/* Bytes written before a failed sync get no name in the epoch after it. */
static void test_break_waits_for_a_put(void **state)
{
    struct breaking breaking = {.broken = false};
    struct objects_feed feed = {feed_and_break, &breaking};
    struct digest digest = sha256_of("text", 4), before = objects_epoch(store), after;
    bool added;
    (void)state;
    EXPECT_OK(objects_put_feed(store, &digest, &feed, &added, &err), &err);
    pthread_join(breaking.thread, NULL);
    assert_true(added);
    after = objects_epoch(store);
    assert_false(digest_equal(&before, &after));
    assert_string_equal(place_of(&digest), "fresh");
}

/* ---- a file that somebody writes to while it is put */

enum { WRITTEN_ROUNDS = 40 };

struct writing {
    int fd;
    unsigned char byte;
    int64_t after_ns;
};

/* Now sooner, now later. */
static void *write_once(void *ctx)
{
    struct writing *writing = ctx;
    int64_t until_ns = clock_mono_ns(&clock_system) + writing->after_ns;
    while (clock_mono_ns(&clock_system) < until_ns) {
    }
    (void)!pwrite(writing->fd, &writing->byte, 1, 0);
    return NULL;
}

/* The object has the bytes of its name; and as long as the signature of the row is the file's and
 * firm, its digest is that of the file. */
static void put_once_written(struct writing *writing, struct signature_times *times)
{
    struct output_rows rows = {.arena = &arena, .times = times};
    struct put_output output;
    struct signature now;
    struct digest found;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_once, writing), 0);
    EXPECT_OK(objects_put_output(store, here.fd, "in", &rows, &output, &err), &err);
    pthread_join(writer, NULL);
    EXPECT_OK(objects_verify(store, &output.digest, NULL, &err), &err);
    EXPECT_OK(signature_read(here.fd, "in", false, &now, &err), &err);
    if (rows.items[0].firm && signature_equal(&now, &rows.items[0].signature)) {
        EXPECT_OK(file_hash(here.fd, "in", &found, NULL, &err), &err);
        assert_true(digest_equal(&found, &rows.items[0].digest));
    }
}

static void test_put_under_a_writer(void **state)
{
    static const size_t sizes[] = {FILES_SMALL_BYTES, 2 << 20};
    struct signature_times *times = signature_times_new();
    (void)state;
    signature_times_probe(times, here.fd);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct writing writing = {
            .fd = openat(here.fd, "in", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
        assert_int_equal(ftruncate(writing.fd, (off_t)sizes[i]), 0);
        for (int round = 0; round < WRITTEN_ROUNDS; round++) {
            writing.byte++;
            writing.after_ns = round * (int64_t)sizes[i] / 10;
            put_once_written(&writing, times);
        }
        close(writing.fd);
    }
    signature_times_free(times);
}

static void test_corrupt(void **state)
{
    struct digest a = put_text("bytes");
    struct strbuf out;
    (void)state;
    strbuf_init(&out);
    damage(&a);
    assert_false(objects_verify(store, &a, NULL, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    assert_false(objects_read(store, &a, 100, &out, &err));
    mkdirat(here.fd, "ws", 0777);
    temp_write(here.fd, "ws/f", "old");
    assert_false(restore("ws/f", TREE_FILE, false, &a, NULL));
    assert_int_equal(err.status, STATUS_CORRUPT);
    temp_expect(here.fd, "ws/f", "old");
    EXPECT_OK(objects_remove(store, &a, &err), &err);
    assert_false(objects_has(store, &a));
    strbuf_fini(&out);
}

/* Whoever makes the folder again must be able to write its tree. */
static void test_damaged_tree(void **state)
{
    struct tree_entry entry = {.path = STR("a"), .type = TREE_FOLDER};
    struct tree tree = {&entry, 1};
    struct digest digest;
    struct objects *reader;
    (void)state;
    EXPECT_OK(objects_put_tree(store, &tree, &digest, &err), &err);
    damage(&digest);
    reader = open_store(true);
    assert_false(objects_read_tree(reader, &digest, &arena, &tree, NULL));
    assert_false(objects_take_damage(reader, &err));
    objects_close(reader);
    assert_true(objects_has(store, &digest));
    assert_false(objects_read_tree(store, &digest, &arena, &tree, NULL));
    assert_false(objects_has(store, &digest));
    assert_true(objects_take_damage(store, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    assert_false(objects_take_damage(store, &err));
    tree = (struct tree){&entry, 1};
    EXPECT_OK(objects_put_tree(store, &tree, &digest, &err), &err);
    assert_true(objects_read_tree(store, &digest, &arena, &tree, &err));
}

static bool count_item(void *ctx, const struct objects_item *item)
{
    uint32_t *counts = ctx;
    counts[item->durable]++;
    return true;
}

static void test_list(void **state)
{
    uint32_t counts[2] = {0};
    (void)state;
    put_text("1");
    put_text("2");
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    put_text("3");
    temp_write(here.fd, "objects/README", "not an object");
    EXPECT_OK(objects_list(store, count_item, counts, &err), &err);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2);
}

/* ---- outputs: put, spoil, restore */

static void make_output(void)
{
    folder_make(here.fd, "ws/out/sub/empty", &err);
    temp_write(here.fd, "ws/out/f", "file");
    temp_write(here.fd, "ws/out/sub/run", "#!");
    fchmodat(here.fd, "ws/out/sub/run", 0755, 0);
    assert_int_equal(symlinkat("/nowhere", here.fd, "ws/out/l"), 0);
    temp_write(here.fd, "ws/out/.git", "an output is whole");
}

static void expect_output(void)
{
    struct put_output put;
    struct stat stat;
    char target[32];
    temp_expect(here.fd, "ws/out/f", "file");
    temp_expect(here.fd, "ws/out/sub/run", "#!");
    assert_int_equal(fstatat(here.fd, "ws/out/sub/run", &stat, 0), 0);
    assert_int_equal(stat.st_mode & 0100, 0100);
    assert_int_equal(readlinkat(here.fd, "ws/out/l", target, sizeof(target)), 8);
    assert_true(temp_exists(here.fd, "ws/out/sub/empty"));
    EXPECT_OK(objects_put_output(store, here.fd, "ws/out", NULL, &put, &err), &err);
}

static void expect_rows(const struct output_rows *rows, uint32_t count)
{
    assert_int_equal(rows->count, count);
    for (uint32_t i = 0; i < count; i++) {
        struct signature now;
        EXPECT_OK(signature_read(here.fd, rows->items[i].path.data, false, &now, &err), &err);
        assert_true(signature_equal(&now, &rows->items[i].signature));
    }
}

static void test_folder(void **state)
{
    struct signature_times *times = signature_times_new();
    struct output_rows rows = {.arena = &arena, .times = times};
    struct put_output put, again;
    (void)state;
    make_output();
    signature_times_probe(times, here.fd);
    EXPECT_OK(objects_put_output(store, here.fd, "ws/out", &rows, &put, &err), &err);
    assert_int_equal(put.type, TREE_FOLDER);
    assert_int_equal(put.files, 3);
    assert_int_equal(put.size_bytes, 4 + 2 + 18);
    assert_true(objects_has_output(store, put.type, &put.digest));
    expect_rows(&rows, 7);
    for (uint32_t i = 0; i < rows.count; i++) {
        assert_true(rows.items[i].type != TREE_FILE || rows.items[i].firm);
    }
    /* Replaced, never merged: what is not in the tree goes. */
    temp_write(here.fd, "ws/out/extra", "x");
    temp_write(here.fd, "ws/out/f", "spoilt");
    EXPECT_OK(restore("ws/out", put.type, false, &put.digest, &rows), &err);
    expect_output();
    expect_rows(&rows, 7);
    assert_false(temp_exists(here.fd, "ws/out/extra"));
    EXPECT_OK(objects_put_output(store, here.fd, "ws/out", NULL, &again, &err), &err);
    assert_true(digest_equal(&put.digest, &again.digest));
    /* Where nothing was, and where a file was. */
    EXPECT_OK(tree_remove(here.fd, "ws", &err), &err);
    EXPECT_OK(restore("ws/out", put.type, false, &put.digest, NULL), &err);
    expect_output();
    EXPECT_OK(tree_remove(here.fd, "ws/out", &err), &err);
    temp_write(here.fd, "ws/out", "a file");
    EXPECT_OK(restore("ws/out", put.type, false, &put.digest, NULL), &err);
    expect_output();
    signature_times_free(times);
}

static void test_single(void **state)
{
    struct output_rows rows = {.arena = &arena};
    struct put_output file, link;
    struct stat stat;
    (void)state;
    temp_write(here.fd, "ws/f", "text");
    fchmodat(here.fd, "ws/f", 0777, 0);
    assert_int_equal(symlinkat("f", here.fd, "ws/l"), 0);
    EXPECT_OK(objects_put_output(store, here.fd, "ws/f", &rows, &file, &err), &err);
    assert_true(file.executable);
    expect_rows(&rows, 1);
    EXPECT_OK(objects_put_output(store, here.fd, "ws/l", NULL, &link, &err), &err);
    assert_int_equal(link.type, TREE_LINK);
    unlinkat(here.fd, "ws/f", 0);
    unlinkat(here.fd, "ws/l", 0);
    /* A folder in the way of a file. */
    folder_make(here.fd, "ws/f/x", &err);
    EXPECT_OK(restore("ws/f", TREE_FILE, true, &file.digest, &rows), &err);
    expect_rows(&rows, 1);
    EXPECT_OK(restore("ws/l", TREE_LINK, false, &link.digest, NULL), &err);
    temp_expect(here.fd, "ws/l", "text");
    assert_int_equal(fstatat(here.fd, "ws/f", &stat, 0), 0);
    assert_int_equal(stat.st_mode & 0100, 0100);
    assert_false(objects_put_output(store, here.fd, "ws/none", NULL, &file, &err));
    assert_int_equal(mkfifoat(here.fd, "ws/fifo", 0666), 0);
    assert_false(objects_put_output(store, here.fd, "ws/fifo", NULL, &file, &err));
}

/* ---- hard links */

static const struct ways LINKED = {.items = {WAY_HARDLINK}, .count = 1};

static void expect_links(const char *path, nlink_t links, bool writable)
{
    struct stat stat;
    assert_int_equal(fstatat(here.fd, path, &stat, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(stat.st_nlink, links);
    assert_int_equal((stat.st_mode & 0222) != 0, writable);
}

static void expect_no_temp(const char *path)
{
    static const struct walk_options everything = {.all = true};
    struct walk_list list;
    int folder = folder_open(here.fd, path, &err);
    assert_true(folder >= 0);
    EXPECT_OK(walk_folder(folder, "", &everything, &arena, &list, &err), &err);
    for (uint32_t i = 0; i < list.count; i++) {
        assert_false(file_is_temp_name(list.items[i].path.data));
    }
    close(folder);
}

static void test_put_is_linked(void **state)
{
    struct output_rows rows = {.arena = &arena};
    struct put_output put;
    (void)state;
    temp_write(here.fd, "ws/f", "text");
    temp_write(here.fd, "ws/same", "text");
    temp_write(here.fd, "ws/x", "program");
    fchmodat(here.fd, "ws/x", 0755, 0);
    EXPECT_OK(objects_put_output(store, here.fd, "ws", &rows, &put, &err), &err);
    restore_link_put(store, here.fd, &WAYS_DEFAULT, &rows);
    expect_links("ws/f", 1, true);
    restore_link_put(store, here.fd, &LINKED, &rows);
    expect_links("ws/f", 3, false);
    expect_links("ws/same", 3, false);
    expect_links("ws/x", 1, true);
    temp_expect(here.fd, "ws/same", "text");
    expect_no_temp("ws");
    assert_int_equal(count_tmp(), 0);
}

/* What was written since it was put is somebody's. */
static void test_put_changed_is_not_linked(void **state)
{
    struct output_rows rows = {.arena = &arena};
    struct put_output put;
    (void)state;
    temp_write(here.fd, "ws/f", "text");
    EXPECT_OK(objects_put_output(store, here.fd, "ws/f", &rows, &put, &err), &err);
    struct signature before = rows.items[0].signature;
    temp_write(here.fd, "ws/f", "other text");
    restore_link_put(store, here.fd, &LINKED, &rows);
    temp_expect(here.fd, "ws/f", "other text");
    assert_true(signature_equal(&before, &rows.items[0].signature));
    unlinkat(here.fd, "ws/f", 0);
    restore_link_put(store, here.fd, &LINKED, &rows);
    assert_false(temp_exists(here.fd, "ws/f"));
    expect_no_temp("ws");
}

static void test_restore_new(void **state)
{
    struct put_output output = {.type = TREE_FILE, .digest = put_text("bytes")};
    (void)state;
    temp_write(here.fd, "ws/f", "somebody's");
    assert_false(restore_output(store, here.fd, "ws/f", &output, ways, RESTORE_IS_NEW, NULL, &err));
    assert_int_equal(err.sys, EEXIST);
    temp_expect(here.fd, "ws/f", "somebody's");
    expect_no_temp("ws");
    err_clear(&err);
    EXPECT_OK(restore_output(store, here.fd, "ws/g", &output, ways, RESTORE_IS_NEW, NULL, &err),
              &err);
    temp_expect(here.fd, "ws/g", "bytes");
}

static void test_restore_links(void **state)
{
    struct output_rows rows = {.arena = &arena};
    struct digest a = put_text("a");
    struct put_output put;
    (void)state;
    ways = &LINKED;
    EXPECT_OK(restore("ws/f", TREE_FILE, false, &a, &rows), &err);
    expect_links("ws/f", 2, false);
    expect_rows(&rows, 1);
    /* Once more over itself, and as what no object can be. */
    EXPECT_OK(restore("ws/f", TREE_FILE, false, &a, NULL), &err);
    expect_links("ws/f", 2, false);
    EXPECT_OK(restore("ws/x", TREE_FILE, true, &a, NULL), &err);
    expect_links("ws/x", 1, true);
    expect_no_temp("ws");
    unlinkat(here.fd, "ws/x", 0);
    unlinkat(here.fd, "ws/f", 0);
    make_output();
    EXPECT_OK(objects_put_output(store, here.fd, "ws/out", NULL, &put, &err), &err);
    EXPECT_OK(restore("ws/out", put.type, false, &put.digest, &rows), &err);
    expect_output();
    expect_rows(&rows, 7);
    ways = &WAYS_DEFAULT;
}

/* Who could write through a link is found out by the next restore. */
static void test_restore_damaged_link(void **state)
{
    struct digest a = put_text("a");
    (void)state;
    ways = &LINKED;
    EXPECT_OK(restore("ws/f", TREE_FILE, false, &a, NULL), &err);
    fchmodat(here.fd, "ws/f", 0644, 0);
    temp_write(here.fd, "ws/f", "b");
    assert_false(restore("ws/g", TREE_FILE, false, &a, NULL));
    assert_int_equal(err.status, STATUS_CORRUPT);
    assert_false(temp_exists(here.fd, "ws/g"));
    expect_no_temp("ws");
    err_clear(&err);
    EXPECT_OK(objects_remove(store, &a, &err), &err);
    assert_false(restore("ws/g", TREE_FILE, false, &a, NULL));
    assert_int_equal(err.status, STATUS_CORRUPT);
    ways = &WAYS_DEFAULT;
}

static void test_ways_in_order(void **state)
{
    static const struct ways cloned = {.items = {WAY_REFLINK, WAY_HARDLINK}, .count = 2};
    static const struct ways copied = {.items = {WAY_COPY, WAY_HARDLINK}, .count = 2};
    struct digest a = put_text("a");
    struct stat stat;
    (void)state;
    ways = &copied;
    EXPECT_OK(restore("ws/f", TREE_FILE, false, &a, NULL), &err);
    expect_links("ws/f", 1, true);
    /* A clone is writable and alone; where there are none it is the link. */
    ways = &cloned;
    EXPECT_OK(restore("ws/g", TREE_FILE, false, &a, NULL), &err);
    temp_expect(here.fd, "ws/g", "a");
    assert_int_equal(fstatat(here.fd, "ws/g", &stat, 0), 0);
    expect_links("ws/g", stat.st_nlink, stat.st_nlink == 1);
    expect_no_temp("ws");
    ways = &WAYS_DEFAULT;
}

/* A link planted where the parent of an output was leads nowhere. */
static void test_planted_link(void **state)
{
    struct digest a = put_text("a");
    (void)state;
    mkdirat(here.fd, "outside", 0777);
    assert_int_equal(symlinkat("../outside", here.fd, "ws/dir"), 0);
    assert_false(restore("ws/dir/f", TREE_FILE, false, &a, NULL));
    assert_false(temp_exists(here.fd, "outside/f"));
}

/* ---- many at once, while barriers run and the epoch breaks: nothing is lost */

static void *put_many(void *ctx)
{
    int first = *(int *)ctx;
    for (int i = 0; i < 400; i++) {
        char text[32];
        struct digest digest;
        snprintf(text, sizeof(text), "object %d", first + i);
        if (!objects_put_bytes(store, str_of(text), &digest, NULL)) {
            return ctx;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[3];
    int firsts[3] = {0, 300, 600};
    uint32_t counts[2] = {0};
    void *failed;
    (void)state;
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, put_many, &firsts[i]);
    }
    for (int i = 0; i < 5; i++) {
        EXPECT_OK(barrier_now(store, -1, &err), &err);
        EXPECT_OK(i != 3 || objects_break_epoch(store, &err), &err);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    EXPECT_OK(objects_list(store, count_item, counts, &err), &err);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 1000);
    assert_int_equal(count_tmp(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put),
        TEST(test_put_of_another_session),
        TEST(test_put_file),
        TEST(test_barrier),
        TEST(test_same_epoch),
        TEST(test_other_boot),
        TEST(test_boot_unknown),
        TEST(test_foreign_alive),
        TEST(test_break),
        TEST(test_epoch),
        TEST(test_break_waits_for_a_put),
        TEST(test_put_under_a_writer),
        TEST(test_corrupt),
        TEST(test_damaged_tree),
        TEST(test_list),
        TEST(test_folder),
        TEST(test_single),
        TEST(test_put_is_linked),
        TEST(test_threads),
        TEST(test_put_changed_is_not_linked),
        TEST(test_threads),
        TEST(test_restore_new),
        TEST(test_restore_links),
        TEST(test_threads),
        TEST(test_restore_damaged_link),
        TEST(test_threads),
        TEST(test_ways_in_order),
        TEST(test_threads),
        TEST(test_planted_link),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
