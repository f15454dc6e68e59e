/* Logs of items: what is known of an item after each step and by the next process, torn tails,
 * damage, dead items, marks, many of them, and digests that are alike at first sight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/sys.h"
#include "os/files.h"
#include "store/items.h"

static struct temp_folder folder;
static const struct digest key = {{0xab, 0xcd}};
static const char log_path[] =
    "items/abcd000000000000000000000000000000000000000000000000000000000000";
static const struct items_about about = {.stage = {"embed", 5}, .instance = {"embed@n=1", 9}};

static int set_up(void **state)
{
    (void)state;
    temp_folder_in(&folder, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static void open_log(struct items *items)
{
    struct err err = {0};

    if (!items_open(items, folder.fd, &key, &about, &err)) {
        fail_msg("%s", err.text);
    }
}

static void close_log(struct items *items)
{
    assert_true(items_flush(items, NULL));
    items_close(items);
}

static struct digest digest_of(unsigned n)
{
    return sha256_of(&n, sizeof(n));
}

static void put(struct items *items, const struct digest *digest, const char *bytes)
{
    struct item_result result = {.state = ITEM_DONE, .attempts = 2, .bytes = str_of(bytes)};
    struct err err = {0};

    if (!items_put(items, digest, &result, &err)) {
        fail_msg("%s", err.text);
    }
}

static void put_dead(struct items *items, const struct digest *digest, const char *reason)
{
    struct item_result result = {.state = ITEM_DEAD,
                                 .attempts = 4,
                                 .cause = 7,
                                 .fallback = true,
                                 .bytes = str_of(reason),
                                 .item = STR("the item")};

    assert_true(items_put(items, digest, &result, NULL));
}

static void gives(struct items *items, const struct digest *digest, const char *bytes)
{
    struct item_result result;
    struct strbuf room = {0};
    struct err err = {0};

    assert_int_equal(items_find(items, digest), ITEM_DONE);
    if (!items_get(items, digest, &room, &result, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(result.state, ITEM_DONE);
    assert_int_equal(result.attempts, 2);
    assert_true(str_is(result.bytes, bytes));
    strbuf_fini(&room);
}

static void is_dead(struct items *items, const struct digest *digest, const char *reason)
{
    struct item_result result;
    struct strbuf room = {0};

    assert_int_equal(items_find(items, digest), ITEM_DEAD);
    assert_true(items_get(items, digest, &room, &result, NULL));
    assert_int_equal(result.state, ITEM_DEAD);
    assert_int_equal(result.attempts, 4);
    assert_int_equal(result.cause, 7);
    assert_true(result.fallback);
    assert_true(str_is(result.bytes, reason));
    assert_true(str_is(result.item, "the item"));
    strbuf_fini(&room);
}

static void is_unknown(struct items *items, const struct digest *digest)
{
    struct item_result result;
    struct strbuf room = {0};
    struct err err = {0};

    assert_int_equal(items_find(items, digest), ITEM_UNKNOWN);
    assert_false(items_get(items, digest, &room, &result, &err));
    assert_int_equal(err.status, STATUS_BUG);
    strbuf_fini(&room);
}

static void put_and_get(void **state)
{
    struct digest one = digest_of(1), two = digest_of(2), none = digest_of(3);
    struct items items;

    (void)state;
    for (int again = 0; again < 2; again++) {
        open_log(&items);
        if (again == 0) {
            is_unknown(&items, &one);
            put(&items, &one, "result one");
            put(&items, &two, "");
            gives(&items, &one, "result one");
            assert_true(items_flush(&items, NULL));
        }
        gives(&items, &one, "result one");
        gives(&items, &two, "");
        is_unknown(&items, &none);
        close_log(&items);
    }
    open_log(&items);
    put(&items, &one, "another");
    gives(&items, &one, "another");
    close_log(&items);
    open_log(&items);
    gives(&items, &one, "another");
    gives(&items, &two, "");
    items_close(&items);
}

static void without_a_flush_nothing_stays(void **state)
{
    struct digest one = digest_of(1);
    struct items items;

    (void)state;
    open_log(&items);
    put(&items, &one, "x");
    items_close(&items);
    open_log(&items);
    is_unknown(&items, &one);
    items_close(&items);
}

static off_t size_of_log(void)
{
    struct sys_stat stat;

    assert_int_equal(sys_statat(folder.fd, log_path, 0, &stat), 0);
    return (off_t)stat.size_bytes;
}

static void dead_items(void **state)
{
    struct digest one = digest_of(1), two = digest_of(2), good = digest_of(3);
    struct items items;
    uint64_t count;
    off_t size;

    (void)state;
    open_log(&items);
    put(&items, &good, "good");
    put_dead(&items, &one, "exit 1");
    is_dead(&items, &one, "exit 1");
    assert_true(items_flush(&items, NULL));
    is_dead(&items, &one, "exit 1");
    close_log(&items);

    /* Not accepted: another chance, which it does not take. */
    open_log(&items);
    is_unknown(&items, &one);
    gives(&items, &good, "good");
    put_dead(&items, &one, "exit 2");
    is_dead(&items, &one, "exit 2");
    assert_true(items_accept(&items, NULL));
    put_dead(&items, &two, "late");
    is_dead(&items, &two, "late");
    close_log(&items);

    open_log(&items);
    is_dead(&items, &one, "exit 2");
    is_unknown(&items, &two);
    assert_true(items_accept(&items, NULL));
    close_log(&items);
    open_log(&items);
    is_dead(&items, &two, "late");
    size = size_of_log();
    assert_true(items_accept(&items, NULL)); /* as it was */
    close_log(&items);
    assert_int_equal(size_of_log(), size);

    assert_true(items_revive(folder.fd, log_path, &count, NULL));
    assert_int_equal(count, 2);
    open_log(&items);
    is_unknown(&items, &one);
    is_unknown(&items, &two);
    gives(&items, &good, "good");
    put(&items, &one, "now it works");
    put_dead(&items, &two, "still not");
    assert_true(items_accept(&items, NULL));
    close_log(&items);
    open_log(&items);
    gives(&items, &one, "now it works");
    is_dead(&items, &two, "still not");
    close_log(&items);
    assert_true(items_revive(folder.fd, log_path, &count, NULL));
    assert_int_equal(count, 1);
    assert_true(items_revive(folder.fd, log_path, &count, NULL));
    assert_int_equal(count, 0);
}

static void cut(off_t size)
{
    int fd = openat(folder.fd, log_path, O_WRONLY);

    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

/* What was not written whole never was; and what is put next is whole. */
static void torn_tail(void **state)
{
    struct digest one = digest_of(1), two = digest_of(2), three = digest_of(3);
    struct items items;

    (void)state;
    open_log(&items);
    put(&items, &one, "one");
    put(&items, &two, "two");
    close_log(&items);
    cut(size_of_log() - 1);
    open_log(&items);
    gives(&items, &one, "one");
    is_unknown(&items, &two);
    put(&items, &three, "three");
    gives(&items, &three, "three");
    assert_true(items_flush(&items, NULL));
    gives(&items, &three, "three");
    close_log(&items);
    open_log(&items);
    gives(&items, &one, "one");
    gives(&items, &three, "three");
    items_close(&items);
}

static void damage(off_t at)
{
    int fd = openat(folder.fd, log_path, O_WRONLY);

    assert_int_equal(pwrite(fd, "bad", 3, at), 3);
    close(fd);
}

/* Items in a damaged part are not known; one that is damaged while the log is open is told. */
static void damage_in_the_middle(void **state)
{
    struct digest digest[3] = {digest_of(1), digest_of(2), digest_of(3)};
    struct item_result result;
    struct strbuf room = {0};
    struct err err = {0};
    struct items items;
    off_t size;

    (void)state;
    open_log(&items);
    put(&items, &digest[0], "one");
    assert_true(items_flush(&items, NULL));
    size = size_of_log();
    put(&items, &digest[1], "two");
    put(&items, &digest[2], "three");
    assert_true(items_flush(&items, NULL));
    damage(size + 20 + 32 + 5); /* the result of the second */
    assert_false(items_get(&items, &digest[1], &room, &result, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    close_log(&items);

    open_log(&items);
    gives(&items, &digest[0], "one");
    is_unknown(&items, &digest[1]);
    gives(&items, &digest[2], "three");
    put(&items, &digest[1], "two");
    close_log(&items);
    open_log(&items);
    gives(&items, &digest[1], "two");
    close_log(&items);

    damage(3); /* its head */
    err_clear(&err);
    assert_false(items_open(&items, folder.fd, &key, &about, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    strbuf_fini(&room);
}

static void marks(void **state)
{
    struct digest digest[3] = {digest_of(1), digest_of(2), digest_of(3)};
    struct items items;

    (void)state;
    open_log(&items);
    for (int i = 0; i < 3; i++) {
        put(&items, &digest[i], "x");
    }
    for (int pass = 0; pass < 2; pass++) {
        assert_true(items_first_seen(&items, &digest[0]));
        assert_true(items_first_seen(&items, &digest[1]));
        assert_false(items_first_seen(&items, &digest[0]));
        put(&items, &digest[1], "y");
        assert_false(items_first_seen(&items, &digest[1]));
        assert_true(items_first_seen(&items, &digest[2]));
        items_forget_seen(&items);
    }
    items_close(&items);
}

/* Two digests that share all that the index keeps of them. */
static void alike(void **state)
{
    struct digest one = digest_of(1), two = one, three = one;
    struct items items;

    (void)state;
    two.bytes[16] ^= 1;
    three.bytes[31] ^= 1;
    open_log(&items);
    put(&items, &one, "one");
    is_unknown(&items, &two);
    put(&items, &two, "two");
    for (int again = 0; again < 3; again++) {
        gives(&items, &one, "one");
        gives(&items, &two, "two");
        is_unknown(&items, &three);
        assert_true(items_first_seen(&items, &one));
        assert_true(items_first_seen(&items, &two));
        assert_true(items_flush(&items, NULL));
        if (again == 1) {
            items_close(&items);
            open_log(&items);
        }
        items_forget_seen(&items);
    }
    items_close(&items);
}

enum { MANY = 200000 };

static void put_numbered(struct items *items, unsigned n)
{
    struct digest digest = digest_of(n);
    char text[120];

    snprintf(text, sizeof(text), "%u %100u", n, n);
    put(items, &digest, text);
}

static void gives_number(struct items *items, unsigned n)
{
    struct digest digest = digest_of(n);
    char text[120];

    snprintf(text, sizeof(text), "%u %100u", n, n);
    gives(items, &digest, text);
}

static void many(void **state)
{
    struct items items;
    unsigned at = 1;

    (void)state;
    open_log(&items);
    for (unsigned n = 0; n < MANY; n++) {
        put_numbered(&items, n);
    }
    for (int again = 0; again < 2; again++) {
        for (unsigned n = 0; n < MANY; n++) {
            gives_number(&items, n);
        }
        for (unsigned n = 0; n < MANY / 10; n++) { /* in no order */
            struct digest none = digest_of(MANY + n);

            at = at * 1103515245 + 12345;
            gives_number(&items, at % MANY);
            assert_int_equal(items_find(&items, &none), ITEM_UNKNOWN);
        }
        for (unsigned n = 0; n < MANY; n++) {
            struct digest digest = digest_of(n);

            assert_true(items_first_seen(&items, &digest));
            assert_false(items_first_seen(&items, &digest));
        }
        close_log(&items);
        open_log(&items);
    }
    assert_int_equal(items.index.count, MANY);
    items_close(&items);
}

/* A result of some megabytes among small ones; one that is too large is refused. */
static void large(void **state)
{
    struct digest digest[3] = {digest_of(1), digest_of(2), digest_of(3)};
    size_t size = LIMIT_RECORD_BYTES;
    char *text = test_malloc(size + 1);
    struct item_result too_large = {.state = ITEM_DONE, .bytes = {text, size}};
    struct err err = {0};
    struct items items;

    (void)state;
    memset(text, 'x', size);
    text[size] = '\0';
    open_log(&items);
    assert_false(items_put(&items, &digest[0], &too_large, &err));
    assert_int_equal(err.status, STATUS_STAGE_FAILED);
    assert_int_equal(items_find(&items, &digest[0]), ITEM_UNKNOWN);
    text[5 << 20] = '\0';
    put(&items, &digest[0], "small");
    put(&items, &digest[1], text);
    put(&items, &digest[2], "small, too");
    for (int again = 0; again < 2; again++) {
        gives(&items, &digest[2], "small, too");
        gives(&items, &digest[1], text);
        gives(&items, &digest[0], "small");
        close_log(&items);
        open_log(&items);
    }
    items_close(&items);
    test_free(text);
}

/* Of a dead item so much is kept as is good to look at. */
static void large_dead(void **state)
{
    struct digest digest = digest_of(1);
    char *text = test_malloc(2 * LIMIT_DEAD_ITEM_BYTES);
    struct item_result dead = {
        .state = ITEM_DEAD, .bytes = STR("why"), .item = {text, 2 * LIMIT_DEAD_ITEM_BYTES}};
    struct item_result result;
    struct strbuf room = {0};
    struct items items;

    (void)state;
    memset(text, 'x', 2 * LIMIT_DEAD_ITEM_BYTES);
    open_log(&items);
    assert_true(items_put(&items, &digest, &dead, NULL));
    assert_true(items_get(&items, &digest, &room, &result, NULL));
    assert_true(str_is(result.bytes, "why"));
    assert_int_equal(result.item.len, LIMIT_DEAD_ITEM_BYTES);
    items_close(&items);
    strbuf_fini(&room);
    test_free(text);
}

/* The second waits until the first has closed it, and finds all that it put. */
static void two_processes(void **state)
{
    struct digest one = digest_of(1), two = digest_of(2);
    struct items items;
    int ready[2], status;
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    open_log(&items);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct items other;
        struct err err = {0};

        sys_close(items.file.fd); /* with it the lock would be ours, too */
        assert_int_equal(write(ready[1], "b", 1), 1);
        open_log(&other);
        _exit(items_find(&other, &one) == ITEM_DONE && items_find(&other, &two) == ITEM_DONE &&
                      err.status == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    put(&items, &one, "one");
    assert_true(items_flush(&items, NULL));
    put(&items, &two, "two");
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    close_log(&items);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

/* --- looking from outside --- */

static const char log_a[] =
    "items/aa00000000000000000000000000000000000000000000000000000000000000";
static const char log_b[] =
    "items/bb00000000000000000000000000000000000000000000000000000000000000";

/* The frozen samples, as if they had been made here. */
static void copy_samples(void)
{
    const char *const paths[] = {log_a, log_b};

    assert_int_equal(mkdirat(folder.fd, "items", 0777), 0);
    for (int i = 0; i < 2; i++) {
        struct strbuf bytes = {0};
        int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);

        assert_true(file_read(formats, paths[i], 1 << 20, &bytes, NULL));
        assert_true(file_write_replace(folder.fd, paths[i], strbuf_str(&bytes), 0666, false, NULL));
        strbuf_fini(&bytes);
        close(formats);
    }
}

static struct digest named(const char *name)
{
    return sha256_of(name, strlen(name));
}

static void get_named(struct items *items, const char *name, struct strbuf *bytes,
                      struct item_result *result)
{
    struct digest digest = named(name);
    struct err err = {0};

    if (!items_get(items, &digest, bytes, result, &err)) {
        fail_msg("'%s': %s", name, err.text);
    }
}

static void frozen(void **state)
{
    const struct digest key_a = {{0xaa}};
    struct digest six = named("6");
    struct item_result result;
    struct strbuf room = {0};
    struct items items;

    (void)state;
    copy_samples();
    assert_true(items_open(&items, folder.fd, &key_a, &about, NULL));
    get_named(&items, "1", &room, &result);
    assert_int_equal(result.state, ITEM_DONE);
    assert_true(str_is(result.bytes, "one\n") && result.attempts == 1 && !result.fallback);
    get_named(&items, "2", &room, &result);
    assert_true(str_is(result.bytes, "two") && result.attempts == 3 && result.fallback);
    get_named(&items, "3", &room, &result);
    assert_true(result.state == ITEM_DONE && str_is(result.bytes, ""));
    get_named(&items, "4", &room, &result);
    assert_true(result.state == ITEM_DONE && str_is(result.bytes, "four at last\n"));
    get_named(&items, "5", &room, &result);
    assert_int_equal(result.state, ITEM_DEAD);
    assert_true(str_is(result.bytes, "timeout after 5s") && result.attempts == 2 &&
                result.cause == 3 && str_is(result.item, "fi\033[1mve\nsecond line\n"));
    assert_int_equal(items_find(&items, &six), ITEM_UNKNOWN);
    items_close(&items);
    strbuf_fini(&room);
}

static bool note_dead(void *ctx, const struct item_result *result)
{
    strbuf_printf(ctx, "%.*s|", STR_ARG(result->bytes));
    return true;
}

static void dead_are(const char *path, const char *want)
{
    struct strbuf text = {0};

    strbuf_puts(&text, "");
    assert_true(items_dead(folder.fd, path, note_dead, &text, NULL));
    assert_string_equal(text.len == 0 ? "" : text.data, want);
    strbuf_fini(&text);
}

/* What is dead is told whether it was accepted or not, and while somebody has the log open. */
static void dead_from_outside(void **state)
{
    const struct digest key_a = {{0xaa}};
    struct digest five = named("5");
    struct items items;
    uint64_t count;

    (void)state;
    copy_samples();
    dead_are(log_a, "timeout after 5s|exit 75|");
    dead_are(log_b, "killed by signal 11|");
    assert_true(items_open(&items, folder.fd, &key_a, &about, NULL));
    put(&items, &five, "at last");
    assert_true(items_flush(&items, NULL));
    dead_are(log_a, "exit 75|");
    put_dead(&items, &five, "again");
    close_log(&items);
    dead_are(log_a, "exit 75|again|");
    assert_true(items_revive(folder.fd, log_a, &count, NULL));
    assert_int_equal(count, 2);
    dead_are(log_a, "");
    dead_are("items/none", "");
}

static bool note_log(void *ctx, struct str instance, const char *path, struct err *err)
{
    (void)err;
    strbuf_printf(ctx, "%.*s=%.8s|", STR_ARG(instance), path);
    return true;
}

static void logs_are(const char *stage, const char *want)
{
    struct strbuf text = {0};

    strbuf_puts(&text, "");
    assert_true(items_logs(folder.fd, str_of(stage), note_log, &text, NULL));
    assert_string_equal(text.len == 0 ? "" : text.data, want);
    strbuf_fini(&text);
}

static void set_mtime(const char *path, int64_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(folder.fd, path, times, 0), 0);
}

/* Of two logs of an instance the one that was used last; using one makes it that. */
static void newest(void **state)
{
    const struct digest first = {{0xaa}}, second = {{0x11}};
    const struct items_about of = {.stage = STR("embed"), .instance = STR("embed@part=a")};
    struct items items;

    (void)state;
    logs_are("embed", "");
    copy_samples();
    temp_write(folder.fd, "items/README", "no log");
    logs_are("embed", "embed@part=a=items/aa|embed@part=b=items/bb|");
    logs_are("other", "");
    assert_true(items_open(&items, folder.fd, &second, &of, NULL));
    items_close(&items);
    set_mtime(log_a, 1000);
    logs_are("embed", "embed@part=a=items/11|embed@part=b=items/bb|");
    assert_true(items_open(&items, folder.fd, &second, &of, NULL));
    items_close(&items);
    set_mtime("items/1100000000000000000000000000000000000000000000000000000000000000", 2000);
    assert_true(items_open(&items, folder.fd, &first, &of, NULL));
    items_close(&items);
    logs_are("embed", "embed@part=a=items/aa|embed@part=b=items/bb|");
}

static void collected(void **state)
{
    const struct digest second = {{0x11}};
    const struct items_about of = {.stage = STR("embed"), .instance = STR("embed@part=a")};
    struct items_gc_done done;
    struct items items;
    int fd;

    (void)state;
    assert_true(items_gc(folder.fd, INT64_MIN, false, &done, NULL));
    assert_int_equal(done.logs, 0);
    copy_samples();
    set_mtime(log_a, 1000);
    assert_true(items_open(&items, folder.fd, &second, &of, NULL));
    items_close(&items);
    set_mtime(log_b, 2000);

    fd = openat(folder.fd, log_a, O_RDWR);
    assert_int_equal(sys_lock(fd, F_WRLCK, 0, 0, false), 0);
    assert_true(items_gc(folder.fd, INT64_MIN, true, &done, NULL));
    assert_int_equal(done.logs, 0);
    assert_true(items_gc(folder.fd, INT64_MIN, false, &done, NULL));
    assert_int_equal(done.logs, 0);
    close(fd);
    assert_true(items_gc(folder.fd, INT64_MIN, true, &done, NULL));
    assert_int_equal(done.logs, 1);
    assert_int_equal(done.freed_bytes, 643);
    assert_true(items_gc(folder.fd, INT64_MIN, false, &done, NULL));
    assert_int_equal(done.logs, 1);
    logs_are("embed", "embed@part=a=items/11|embed@part=b=items/bb|");
    assert_true(items_gc(folder.fd, INT64_C(3000) * 1000000000, false, &done, NULL));
    assert_int_equal(done.logs, 1);
    logs_are("embed", "embed@part=a=items/11|");
}

/* Damage goes, and what is whole stays. */
/* What was put since it is open is taken back, and what was there before stays. */
static void taken_back(void **state)
{
    const struct digest before = digest_of(1), since = digest_of(2);
    struct items items;

    (void)state;
    open_log(&items);
    put(&items, &before, "b");
    close_log(&items);
    for (int flushed = 0; flushed < 2; flushed++) {
        open_log(&items);
        put(&items, &since, "s");
        assert_true(flushed == 0 || items_flush(&items, NULL));
        assert_true(items_undo(&items, NULL));
        items_close(&items);
        open_log(&items);
        assert_int_equal(items_find(&items, &since), ITEM_UNKNOWN);
        gives(&items, &before, "b");
        close_log(&items);
    }
}

static void rewritten(void **state)
{
    const struct digest key_a = {{0xaa}};
    struct item_result result;
    struct strbuf room = {0};
    struct record_file file;
    struct err err = {0};
    struct items items;
    int fd;

    (void)state;
    copy_samples();
    fd = openat(folder.fd, log_a, O_WRONLY);
    assert_int_equal(pwrite(fd, "bad", 3, 150), 3);
    close(fd);
    for (int again = 0; again < 2; again++) {
        assert_true(record_file_open(&file, folder.fd, log_a, ITEMS_KIND, NULL));
        assert_int_equal(record_check(&file, &err), again == 1);
        record_file_close(&file);
        if (again == 0) {
            temp_write(folder.fd,
                       "items/aa00000000000000000000000000000000000000000000000000000000"
                       "000000" ITEMS_FRESH,
                       "left by one that was killed");
            assert_true(items_rewrite(folder.fd, log_a, &err));
        }
    }
    dead_are(log_a, "timeout after 5s|exit 75|");
    logs_are("embed", "embed@part=a=items/aa|embed@part=b=items/bb|");
    assert_true(items_open(&items, folder.fd, &key_a, &about, NULL));
    get_named(&items, "4", &room, &result);
    assert_true(str_is(result.bytes, "four at last\n"));
    items_close(&items);
    strbuf_fini(&room);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(put_and_get),
        TEST(without_a_flush_nothing_stays),
        TEST(dead_items),
        TEST(torn_tail),
        TEST(damage_in_the_middle),
        TEST(marks),
        TEST(alike),
        TEST(many),
        TEST(large),
        TEST(large_dead),
        TEST(two_processes),
        TEST(frozen),
        TEST(dead_from_outside),
        TEST(newest),
        TEST(collected),
        TEST(rewritten),
        TEST(taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
