/* Tree objects: the frozen sample, and bytes that must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "os/files.h"
#include "store/tree.h"

#define SAMPLE "testdata/formats/tree-1.bin"

static void sample_make(struct tree *tree, struct tree_entry *items)
{
    items[0] =
        (struct tree_entry){STR("run.sh"), sha256_of("#!/bin/sh\n", 10), 10, TREE_FILE, true};
    items[1] = (struct tree_entry){STR("data/a\xff"), sha256_of("", 0), 0, TREE_FILE, false};
    items[2] = (struct tree_entry){.path = STR("data"), .type = TREE_FOLDER};
    items[3] = (struct tree_entry){STR("data-link"), sha256_of("data", 4), 4, TREE_LINK, false};
    *tree = (struct tree){items, 4};
}

static void test_sample(void **state)
{
    struct tree_entry items[4];
    struct tree tree, back;
    struct strbuf bytes, sample;
    struct arena arena;
    struct err err = {0};
    (void)state;
    arena_init(&arena);
    strbuf_init(&bytes);
    strbuf_init(&sample);
    sample_make(&tree, items);
    tree_encode(&tree, &bytes);
    EXPECT_OK(file_read(AT_FDCWD, SAMPLE, 4096, &sample, &err), &err);
    assert_true(str_equal(strbuf_str(&bytes), strbuf_str(&sample)));
    EXPECT_OK(tree_decode(strbuf_str(&sample), &arena, &back, &err), &err);
    assert_int_equal(back.count, 4);
    assert_true(str_is(back.items[0].path, "data"));
    assert_true(str_is(back.items[1].path, "data-link"));
    assert_true(str_is(back.items[2].path, "data/a\xff"));
    assert_true(back.items[3].executable);
    assert_non_null(tree_find(&back, STR("data/a\xff")));
    assert_null(tree_find(&back, STR("data/b")));
    /* No part of it is one. */
    for (size_t len = 0; len < sample.len; len++) {
        struct tree part;
        bool ok = tree_decode(str_n(sample.data, len), &arena, &part, &err);
        assert_true(!ok || part.count < 4);
    }
    strbuf_fini(&bytes);
    strbuf_fini(&sample);
    arena_fini(&arena);
}

static void put_entry(struct strbuf *out, char type, char mode, const char *path, size_t path_len)
{
    struct digest digest = {{0}};
    if (type != 'd') {
        digest = sha256_of("x", 1);
    }
    bytes_put_u8(out, (uint8_t)type);
    bytes_put_u8(out, (uint8_t)mode);
    bytes_put_digest(out, &digest);
    bytes_put_u64(out, type == 'd' ? 0 : 1);
    strbuf_add(out, path, path_len);
    bytes_put_u8(out, 0);
}

/* Entries as "type mode path", ended by NULL. */
static bool decodes(const char *const *entries)
{
    struct strbuf out;
    struct arena arena;
    struct tree tree;
    struct err err = {0};
    strbuf_init(&out);
    arena_init(&arena);
    strbuf_puts(&out, "pawl tree 1\n");
    for (; *entries != NULL; entries++) {
        put_entry(&out, (*entries)[0], (*entries)[1], *entries + 2, strlen(*entries + 2));
    }
    bool ok = tree_decode(strbuf_str(&out), &arena, &tree, &err);
    assert_true(ok || err.status == STATUS_CORRUPT);
    arena_fini(&arena);
    strbuf_fini(&out);
    return ok;
}

static void test_hostile(void **state)
{
    static const char *const good[][4] = {{NULL},
                                          {"f-a", NULL},
                                          {"fxa", "d-b", "f-b/c", NULL},
                                          {"f-...", "f-..a", NULL},
                                          {"d-a", "f-a-b", "f-a/b", NULL}};
    static const char *const bad[][4] = {{"f-/etc/passwd", NULL},
                                         {"f-..", NULL},
                                         {"d-..", "f-../x", NULL},
                                         {"f-.", NULL},
                                         {"f-", NULL},
                                         {"d-a", "f-a//b", NULL},
                                         {"d-a/", NULL},
                                         {"d-a", "f-a/../b", NULL},
                                         {"d-a", "f-a/.", NULL},
                                         {"f-b", "f-a", NULL},
                                         {"f-a", "f-a", NULL},
                                         {"d-a", "f-a", NULL},
                                         {"f-a/b", NULL},
                                         {"f-a", "f-a/b", NULL},
                                         {"l-a", "f-a/b", NULL},
                                         {"s-a", NULL},
                                         {"f?a", NULL},
                                         {"dxa", NULL},
                                         {"lxa", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(decodes(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (decodes(bad[i])) {
            fail_msg("accepted: %s", bad[i][0]);
        }
    }
}

static void test_hostile_bytes(void **state)
{
    static char path[LIMIT_PATH_BYTES + 1];
    struct strbuf out;
    struct arena arena;
    struct tree tree;
    struct err err = {0};
    (void)state;
    strbuf_init(&out);
    arena_init(&arena);
    memset(path, 'p', sizeof(path));
    strbuf_puts(&out, "pawl tree 1\n");
    put_entry(&out, 'f', '-', path, sizeof(path));
    assert_false(tree_decode(strbuf_str(&out), &arena, &tree, &err));
    strbuf_clear(&out);
    strbuf_puts(&out, "pawl tree 1\n");
    put_entry(&out, 'f', '-', "a", 1);
    out.len--; /* without its NUL */
    assert_false(tree_decode(strbuf_str(&out), &arena, &tree, &err));
    assert_false(tree_decode(STR("pawl tree 2\n"), &arena, &tree, &err));
    assert_false(tree_decode(STR_NONE, &arena, &tree, &err));
    /* A folder with a length. */
    strbuf_clear(&out);
    strbuf_puts(&out, "pawl tree 1\n");
    put_entry(&out, 'd', '-', "a", 1);
    out.data[12 + 2 + DIGEST_BYTES] = 1;
    assert_false(tree_decode(strbuf_str(&out), &arena, &tree, &err));
    arena_fini(&arena);
    strbuf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
