/* Snapshots of a folder: what is read again, what is refused, and that they come back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "base/limits.h"
#include "store/restore.h"
#include "store/snapshot.h"

static struct temp_folder folder;
static struct objects *objects;
static struct signature_times *times;
static struct snapshot last;
static struct put_output put;
static struct snapshot_counts counts;
static struct err problem;

static int set_up(void **state)
{
    struct objects_options options;

    (void)state;
    temp_folder_in(&folder, NULL);
    assert_int_equal(mkdirat(folder.fd, "f", 0777), 0);
    options = (struct objects_options){.dirfd = folder.fd, .shown = "store"};
    objects = objects_open(&options, NULL, NULL);
    times = signature_times_new();
    signature_times_probe(times, folder.fd);
    return objects != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_fini(&last);
    objects_close(objects);
    signature_times_free(times);
    temp_folder_remove(&folder);
    return 0;
}

static bool take(void)
{
    struct snapshot_taking taking = {
        .objects = objects, .times = times, .dirfd = folder.fd, .path = "f", .threads = 3};

    err_clear(&problem);
    return snapshot_take(&taking, &last, &put, &counts, &problem);
}

static void takes(uint32_t entries, uint32_t read)
{
    if (!take()) {
        fail_msg("%s", problem.text);
    }
    assert_int_equal(counts.entries, entries);
    assert_int_equal(counts.read, read);
}

static void refuses(const char *text)
{
    assert_false(take());
    if (strstr(problem.text, text) == NULL) {
        fail_msg("'%s' does not say '%s'", problem.text, text);
    }
}

/* The last one, back in another folder. */
static void come_back(const char *path)
{
    struct arena arena;
    struct output_rows rows = {.arena = &arena, .times = times};

    arena_init(&arena);
    assert_true(restore_output(objects, folder.fd, path, &put, &WAYS_DEFAULT, RESTORE_REPLACES,
                               &rows, NULL));
    arena_fini(&arena);
}

static void an_empty_one_is_one(void **state)
{
    (void)state;
    takes(0, 0);
    come_back("b");
    assert_int_equal(faccessat(folder.fd, "b", F_OK, 0), 0);
}

static void only_what_changed_is_read(void **state)
{
    struct digest first;
    char text[256];

    (void)state;
    assert_int_equal(mkdirat(folder.fd, "f/d", 0777), 0);
    temp_write(folder.fd, "f/a", "one");
    temp_write(folder.fd, "f/d/b", "two");
    temp_write(folder.fd, "f/d-c", "three");
    takes(4, 3);
    assert_int_equal(counts.size_bytes, 11);
    first = put.digest;
    takes(4, 0);
    assert_int_equal(counts.size_bytes, 11);
    assert_true(digest_equal(&first, &put.digest));
    /* Of the same size, at once. */
    temp_write(folder.fd, "f/d/b", "TWO");
    takes(4, 1);
    assert_int_equal(counts.read_bytes, 3);
    assert_false(digest_equal(&first, &put.digest));
    unlinkat(folder.fd, "f/a", 0);
    temp_write(folder.fd, "f/new", "new");
    takes(4, 1);
    come_back("b");
    assert_string_equal(temp_read(folder.fd, "b/d/b", text), "TWO");
    assert_string_equal(temp_read(folder.fd, "b/new", text), "new");
    assert_string_equal(temp_read(folder.fd, "b/a", text), "(none)");
}

/* A file that was renamed over another is another one, whatever its size. */
static void another_file_in_its_place_is_read(void **state)
{
    char text[256];

    (void)state;
    temp_write(folder.fd, "f/a", "old");
    takes(1, 1);
    temp_write(folder.fd, "f/t", "new");
    assert_int_equal(renameat(folder.fd, "f/t", folder.fd, "f/a"), 0);
    takes(1, 1);
    come_back("b");
    assert_string_equal(temp_read(folder.fd, "b/a", text), "new");
}

static void the_x_bit_counts(void **state)
{
    struct digest first;
    struct stat stat;

    (void)state;
    temp_write(folder.fd, "f/a", "run");
    takes(1, 1);
    first = put.digest;
    assert_int_equal(fchmodat(folder.fd, "f/a", 0755, 0), 0);
    takes(1, 1);
    assert_false(digest_equal(&first, &put.digest));
    come_back("b");
    assert_int_equal(fstatat(folder.fd, "b/a", &stat, 0), 0);
    assert_true((stat.st_mode & S_IXUSR) != 0);
}

static void links_stay_links(void **state)
{
    char text[256] = "";

    (void)state;
    temp_write(folder.fd, "secret", "not to be kept");
    assert_int_equal(symlinkat("../secret", folder.fd, "f/out"), 0);
    assert_int_equal(symlinkat("/", folder.fd, "f/root"), 0);
    assert_int_equal(symlinkat("nowhere", folder.fd, "f/broken"), 0);
    takes(3, 0);
    come_back("b");
    assert_int_equal(readlinkat(folder.fd, "b/out", text, sizeof(text)), 9);
    assert_memory_equal(text, "../secret", 9);
    assert_int_equal(readlinkat(folder.fd, "b/root", text, sizeof(text)), 1);
    assert_int_equal(readlinkat(folder.fd, "b/broken", text, sizeof(text)), 7);
}

static void the_folder_itself_is_no_link(void **state)
{
    (void)state;
    assert_int_equal(unlinkat(folder.fd, "f", AT_REMOVEDIR), 0);
    refuses("'f'");
    assert_int_equal(symlinkat(".", folder.fd, "f"), 0);
    refuses("'f'");
}

/* What was known stays known. */
static void other_files_are_refused(void **state)
{
    (void)state;
    temp_write(folder.fd, "f/a", "one");
    takes(1, 1);
    assert_int_equal(mkfifoat(folder.fd, "f/pipe", 0666), 0);
    refuses("'pipe': is neither file, folder nor link");
    unlinkat(folder.fd, "f/pipe", 0);
    takes(1, 0);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip();
    }
    temp_write(folder.fd, "f/a", "one");
    assert_int_equal(fchmodat(folder.fd, "f/a", 0, 0), 0);
    refuses("'a': cannot be opened");
}

static void too_many_are_refused(void **state)
{
    char name[32];

    (void)state;
    /* Names alone, of a few files: an inode may have 65000 on some file systems. */
    for (unsigned i = 0; i <= LIMIT_CHECKPOINT_ENTRIES; i++) {
        char first[32];

        snprintf(first, sizeof(first), "f/%u", i - i % 30000);
        snprintf(name, sizeof(name), "f/%u", i);
        if (i % 30000 == 0) {
            temp_write(folder.fd, name, "");
        } else {
            assert_int_equal(linkat(folder.fd, first, folder.fd, name, 0), 0);
        }
    }
    refuses("more than 100000 files");
}

/* An object that is gone is put again, though its signature is known. */
static void what_the_store_lost_is_read_again(void **state)
{
    struct digest digest = sha256_of("one", 3);

    (void)state;
    temp_write(folder.fd, "f/a", "one");
    takes(1, 1);
    assert_true(objects_remove(objects, &digest, NULL));
    takes(1, 1);
    assert_true(objects_verify(objects, &digest, NULL, NULL));
}

static void what_was_restored_is_known(void **state)
{
    struct arena arena;
    struct output_rows rows = {.arena = &arena, .times = times};

    (void)state;
    assert_int_equal(mkdirat(folder.fd, "f/d", 0777), 0);
    temp_write(folder.fd, "f/d/a", "one");
    temp_write(folder.fd, "f/d-b", "two");
    takes(3, 2);
    arena_init(&arena);
    assert_true(restore_output(objects, folder.fd, "f", &put, &WAYS_DEFAULT, RESTORE_REPLACES,
                               &rows, NULL));
    snapshot_restored(&last, STR("f"), &rows);
    arena_fini(&arena);
    assert_int_equal(last.count, 3);
    /* Firm at once where the file system tells any write; else read once more. */
    takes(3, signature_tick_now(times, folder.fd).multigrain ? 0 : 2);
    takes(3, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_one_is_one),
        TEST(only_what_changed_is_read),
        TEST(another_file_in_its_place_is_read),
        TEST(the_x_bit_counts),
        TEST(links_stay_links),
        TEST(the_folder_itself_is_no_link),
        TEST(other_files_are_refused),
        TEST(what_cannot_be_read_is_named),
        TEST(too_many_are_refused),
        TEST(what_the_store_lost_is_read_again),
        TEST(what_was_restored_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
