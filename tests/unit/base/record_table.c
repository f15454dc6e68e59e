/* Tables beside files of records: round trip, damage, the frozen sample. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/record_table.h"

static char folder[64];
static int dir;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pawl-table-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    return dir < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dir, "t", 0);
    close(dir);
    return rmdir(folder);
}

static void write_table(void)
{
    struct record_table table;

    record_table_begin(&table, 12);
    table.mark = (struct record_mark){1, 2, 3, UINT64_MAX};
    table.extra = 77;
    for (uint32_t n = 0; n < 3; n++) {
        bytes_set_u64((char *)record_table_add(&table) + 4, n + 10);
    }
    record_table_write(&table, dir, "t", "test");
    record_table_fini(&table);
}

static void check_table(int where, const char *name)
{
    struct record_table table;

    assert_true(record_table_read(&table, where, name, "test", 12));
    assert_int_equal(table.count, 3);
    assert_int_equal(table.extra, 77);
    assert_true(table.mark.seed == 1 && table.mark.last == 2 && table.mark.len == 3 &&
                table.mark.checksum == UINT64_MAX);
    for (uint32_t n = 0; n < 3; n++) {
        const char *row = record_table_row(&table, n);

        assert_int_equal(bytes_get_u32(row), 0);
        assert_int_equal(bytes_get_u64(row + 4), n + 10);
    }
    record_table_fini(&table);
}

static void test_round(void **state)
{
    struct record_table table;

    (void)state;
    assert_false(record_table_read(&table, dir, "t", "test", 12));
    assert_false(record_table_read(&table, -1, "t", "test", 12));
    write_table();
    check_table(dir, "t");
    assert_false(record_table_read(&table, dir, "t", "test", 4));
    assert_false(record_table_read(&table, dir, "t", "tests", 12));
    assert_int_equal(faccessat(dir, "t.new", F_OK, 0), -1);
    write_table(); /* over the other */
    check_table(dir, "t");
}

/* Every flipped bit and every length but the right one. */
static void test_damage(void **state)
{
    struct record_table table;
    unsigned char data[256];
    ssize_t size;
    int fd;

    (void)state;
    write_table();
    fd = openat(dir, "t", O_RDWR);
    size = read(fd, data, sizeof(data));
    for (ssize_t bit = 0; bit < size * 8; bit++) {
        unsigned char byte = data[bit / 8] ^ (unsigned char)(1 << bit % 8);

        assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
        assert_false(record_table_read(&table, dir, "t", "test", 12));
        assert_int_equal(pwrite(fd, &data[bit / 8], 1, bit / 8), 1);
    }
    check_table(dir, "t");
    for (ssize_t cut = 0; cut < size; cut++) {
        assert_int_equal(ftruncate(fd, cut), 0);
        assert_false(record_table_read(&table, dir, "t", "test", 12));
        assert_int_equal(pwrite(fd, data, (size_t)size, 0), size);
    }
    assert_int_equal(pwrite(fd, data, 1, size), 1);
    assert_false(record_table_read(&table, dir, "t", "test", 12));
    close(fd);
}

static void test_due(void **state)
{
    (void)state;
    assert_false(record_table_is_due(1000, 0)); /* walked in no time */
    assert_true(record_table_is_due(2 << 20, 0));
    assert_false(record_table_is_due(2 << 20, 2 << 20));
    assert_false(record_table_is_due(100 << 20, 98 << 20));
    assert_true(record_table_is_due(100 << 20, 90 << 20));
}

static void test_frozen(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);

    (void)state;
    check_table(formats, "table");
    close(formats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),
        TEST(test_damage),
        TEST(test_due),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("base/record_table", tests, NULL, NULL);
}
