/* Outstanding effects: what is on the disk after each step, and in which order they are undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "store/effects.h"

static struct temp_folder folder;

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

static void open_again(struct effects *effects)
{
    struct err err = {0};

    effects_close(effects);
    if (!effects_open(effects, folder.fd, &err)) {
        fail_msg("%s", err.text);
    }
}

static void start(struct effects *effects, const char *id, const char *instance)
{
    struct effect effect = {.id = str_of(id),
                            .run = STR("r"),
                            .stage = STR("s"),
                            .instance = str_of(instance),
                            .undo = str_of(id)};

    assert_true(effects_start(effects, &effect, NULL));
}

static void newest_is(struct effects *effects, const char *id)
{
    const struct effect *newest = effects_newest(effects, false);

    if (id == NULL) {
        assert_null(newest);
        return;
    }
    assert_non_null(newest);
    assert_true(str_is(newest->id, id));
    assert_true(str_is(newest->undo, id));
}

static bool all(void *ctx, const struct effect *row)
{
    (void)ctx;
    (void)row;
    return true;
}

/* The same whether it is asked for at once or by the next process. */
static void order(void **state)
{
    struct effects effects;

    (void)state;
    for (int again = 0; again < 2; again++) {
        assert_true(effects_open(&effects, folder.fd, NULL));
        newest_is(&effects, NULL);
        start(&effects, "a", "s@n=1");
        start(&effects, "b", "s@n=2");
        start(&effects, "c", "s@n=3");
        start(&effects, "d", "s@n=4");
        assert_true(effects_finish(&effects, STR("b"), true, NULL));
        assert_true(effects_finish(&effects, STR("a"), false, NULL));
        if (again) {
            open_again(&effects);
        }
        newest_is(&effects, "d"); /* without an end, the later start */
        assert_true(effects_undone(&effects, STR("d"), NULL));
        newest_is(&effects, "c");
        assert_true(effects_undone(&effects, STR("c"), NULL));
        newest_is(&effects, "a"); /* the later end */
        if (again) {
            open_again(&effects);
        }
        newest_is(&effects, "a");
        assert_int_equal(effects_newest(&effects, false)->state, EFFECT_FAILED);
        assert_true(effects_undone(&effects, STR("a"), NULL));
        newest_is(&effects, "b");
        assert_int_equal(effects_newest(&effects, false)->state, EFFECT_GOOD);
        assert_true(effects_release(&effects, all, NULL, NULL));
        newest_is(&effects, NULL);
        open_again(&effects);
        newest_is(&effects, NULL);
        effects_close(&effects);
    }
}

static void of_an_instance(void **state)
{
    struct effects effects;

    (void)state;
    assert_true(effects_open(&effects, folder.fd, NULL));
    assert_null(effects_unknown(&effects, STR("s@n=1")));
    start(&effects, "a", "s@n=1");
    start(&effects, "b", "s@n=1");
    start(&effects, "c", "s@n=2");
    assert_true(effects_finish(&effects, STR("c"), true, NULL));
    assert_true(str_is(effects_unknown(&effects, STR("s@n=1"))->id, "b"));
    assert_null(effects_unknown(&effects, STR("s@n=2")));
    assert_true(effects_undone(&effects, STR("b"), NULL));
    assert_true(effects_finish(&effects, STR("a"), false, NULL));
    assert_true(str_is(effects_unknown(&effects, STR("s@n=1"))->id, "a"));
    assert_int_equal(effects_count(&effects, false), 2);
    /* What is not outstanding is no matter. */
    assert_true(effects_undone(&effects, STR("b"), NULL));
    assert_true(effects_finish(&effects, STR("b"), true, NULL));
    effects_close(&effects);
}

/* From the decision to undo on its result does not count, until it is started again. */
static void forgotten(void **state)
{
    struct effects effects;
    struct str a = STR("s@n=1"), b = STR("s@n=2");

    (void)state;
    assert_false(effects_exist(folder.fd));
    assert_true(effects_open(&effects, folder.fd, NULL));
    start(&effects, "a", "s@n=1");
    start(&effects, "b", "s@n=2");
    assert_true(effects_exist(folder.fd));
    assert_true(effects_finish(&effects, STR("a"), true, NULL));
    assert_false(effects_forget(&effects, a));
    assert_int_equal(effects_count(&effects, true), 0);
    assert_true(effects_condemn(&effects, STR("b"), NULL));
    open_again(&effects);
    assert_int_equal(effects_count(&effects, true), 1);
    assert_true(effects_forget(&effects, b));
    assert_false(effects_forget(&effects, a));
    assert_true(str_is(effects_newest(&effects, true)->id, "b"));
    assert_true(effects_condemn(&effects, STR(""), NULL));
    assert_true(effects_undone(&effects, STR("b"), NULL));
    open_again(&effects);
    assert_true(effects_forget(&effects, a));
    assert_true(effects_forget(&effects, b));
    assert_int_equal(effects_count(&effects, false), 1);
    newest_is(&effects, "a");
    effects_give_up(&effects, STR("a"));
    newest_is(&effects, NULL);
    open_again(&effects);
    newest_is(&effects, "a");
    start(&effects, "c", "s@n=2");
    assert_false(effects_forget(&effects, b));
    open_again(&effects);
    assert_false(effects_forget(&effects, b));
    assert_int_equal(effects_count(&effects, false), 2);
    effects_close(&effects);
}

/* A torn line never was; damage in the middle is told, and nothing is begun. */
static void torn_and_damaged(void **state)
{
    struct effects effects;
    struct err err = {0};
    int fd;
    off_t size;

    (void)state;
    assert_true(effects_open(&effects, folder.fd, NULL));
    start(&effects, "a", "s@n=1");
    start(&effects, "b", "s@n=2");
    effects_close(&effects);
    fd = openat(folder.fd, "effects", O_RDWR);
    size = lseek(fd, 0, SEEK_END);
    assert_int_equal(ftruncate(fd, size - 3), 0);
    assert_true(effects_open(&effects, folder.fd, NULL));
    newest_is(&effects, "a");
    start(&effects, "c", "s@n=2");
    effects_close(&effects);
    assert_int_equal(pwrite(fd, "xxxx", 4, size / 3), 4);
    close(fd);
    assert_false(effects_open(&effects, folder.fd, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
}

/* The file does not grow for ever, and keeps what is on the list. */
static void compacted(void **state)
{
    struct effects effects;

    (void)state;
    assert_true(effects_open(&effects, folder.fd, NULL));
    start(&effects, "kept", "s@n=1");
    assert_true(effects_finish(&effects, STR("kept"), false, NULL));
    assert_true(effects_condemn(&effects, STR("kept"), NULL));
    for (int i = 0; i < 600; i++) {
        start(&effects, "a", "s@n=2");
        assert_true(effects_undone(&effects, STR("a"), NULL));
    }
    open_again(&effects);
    assert_int_equal(effects.records, 5);
    for (int again = 0; again < 2; again++) {
        newest_is(&effects, "kept");
        assert_int_equal(effects_newest(&effects, true)->state, EFFECT_FAILED);
        assert_int_equal(effects_count(&effects, false), 1);
        assert_true(effects_forget(&effects, STR("s@n=2")));
        open_again(&effects);
    }
    start(&effects, "b", "s@n=2");
    open_again(&effects);
    newest_is(&effects, "b");
    effects_close(&effects);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(order), TEST(of_an_instance), TEST(forgotten), TEST(torn_and_damaged), TEST(compacted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
