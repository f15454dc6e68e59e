/* The last state: what is saved is read, what does not count is not, damage anywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/last_state.h"

static char folder[64];
static int dir;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pawl-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    return dir < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dir, "index", 0);
    unlinkat(dir, "index.log", 0);
    close(dir);
    return rmdir(folder);
}

static struct digest digest_n(uint64_t n)
{
    return sha256_of(&n, sizeof(n));
}

static struct signature signature_n(unsigned n)
{
    return (struct signature){.ino = n, .size = n, .mtime_ns = -5, .mode = 0100644};
}

static struct index *open_index(void)
{
    struct digest epoch = digest_n(1);
    struct index *index = index_open(dir, &epoch, NULL, NULL);

    assert_non_null(index);
    return index;
}

static void put(struct index *index, const char *path, unsigned n)
{
    struct index_path row = {.signature = signature_n(n), .digest = digest_n(n), .firm = true};

    index_put_path(index, str_of(path), &row);
}

/* Two stages of two units; 2 waits for 0, 3 for 0 and 2. */
static void build_graph(struct last_state_builder *builder)
{
    static const char *const names[] = {"zero", "one", "two", "three"};
    static const uint32_t outputs[] = {0, 1, 1, 2};
    struct last_stage first = {
        .units_first = 0, .text = {10, 50}, .line = 3, .column = 2, .inputs = {20, 40}};
    struct last_stage second = {.units_first = 2};
    struct digest plan = digest_n(101);
    struct digest manifest = digest_n(102);
    struct digest listing = digest_n(103);

    last_state_plan(builder, &plan, &manifest, &listing);
    last_state_add_stage(builder, &first);
    last_state_add_stage(builder, &second);
    for (uint32_t i = 0; i < 4; i++) {
        last_state_add_unit(builder, str_of(names[i]), outputs[i]);
        if (i >= 2) {
            last_state_add_producer(builder, 0);
        }
        if (i == 3) {
            last_state_add_producer(builder, 2);
        }
        last_state_flag(builder, i, i == 3 ? LAST_ASKED | LAST_READS_MORE : LAST_TARGET);
    }
    last_state_end_graph(builder);
}

static void check_units(struct last_units units, const char *want)
{
    char digits[8] = "";

    for (uint32_t i = 0; i < units.count; i++) {
        digits[i] = (char)('0' + last_units_get(units, i));
    }
    assert_string_equal(digits, want);
}

static void check_graph(struct last_state *state)
{
    struct digest listing = digest_n(103);
    struct digest kept;

    assert_true(last_state_load_graph(state));
    kept = last_state_digest(state, LAST_OF_LISTING);
    assert_true(digest_equal(&kept, &listing));
    assert_int_equal(last_state_stages(state), 2);
    assert_int_equal(last_state_stage(state, 0).text.to, 50);
    assert_int_equal(last_state_stage(state, 0).line, 3);
    assert_int_equal(last_state_stage(state, 0).column, 2);
    assert_int_equal(last_state_stage(state, 0).inputs.from, 20);
    assert_int_equal(last_state_stage(state, 0).inputs.to, 40);
    assert_int_equal(last_state_stage(state, 0).unit_count, 2);
    assert_int_equal(last_state_stage(state, 1).units_first, 2);
    assert_int_equal(last_state_stage(state, 1).unit_count, 2);
    check_units(last_state_producers(state, 0), "");
    check_units(last_state_producers(state, 3), "02");
    check_units(last_state_consumers(state, 0), "23");
    check_units(last_state_consumers(state, 2), "3");
    check_units(last_state_consumers(state, 3), "");
    assert_int_equal(last_state_outputs_first(state, 3), 2);
    assert_int_equal(last_state_outputs_first(state, 4), 2);
    assert_true(last_state_unit_is_named(state, 2, STR("two")));
    assert_false(last_state_unit_is_named(state, 2, STR("zwei")));
    assert_int_equal(last_state_unit_flags(state, 3), LAST_ASKED | LAST_READS_MORE);
    assert_int_equal(last_state_unit_flags(state, 0), LAST_TARGET);
}

/* Unit 0 reads `a` and makes `b`; 1 was skipped; 2 reads `b` and rests on `none` not being there; 3
 * is undecided; `extra` is a row that nobody rests on. */
static void build(struct last_state_builder *builder)
{
    struct last_output made = {.digest = digest_n(2),
                               .size_bytes = 77,
                               .state = LAST_OUTPUT_MADE,
                               .type = TREE_FILE,
                               .executable = true,
                               .stored = true};
    struct last_output missing = {.state = LAST_OUTPUT_MISSING};
    struct signature none = {0};

    last_state_begin(builder, 4, 2);
    strbuf_puts(&builder->guards, "guards");
    last_state_unit(builder, 0, LAST_STANDS);
    last_state_unit(builder, 1, LAST_SKIPPED);
    last_state_unit(builder, 2, LAST_STANDS);
    last_state_rest(builder, 0, STR("a"), LAST_FOLLOWED);
    last_state_rest(builder, 0, STR("b"), LAST_AS_IT_IS);
    last_state_rest(builder, 2, STR("b"), LAST_AS_IT_IS);
    last_state_rest_on(builder, 2, STR("none"), LAST_FOLLOWED, &none);
    last_state_output(builder, 0, &made);
    last_state_output(builder, 1, &missing);
    build_graph(builder);
}

static void save(void)
{
    struct index *index = open_index();
    struct last_state_builder builder;
    struct err err = {0};

    put(index, "b", 2);
    put(index, "extra", 9);
    put(index, "a", 1);
    build(&builder);
    if (!index_save_state(index, &builder, &err)) {
        fail_msg("%s", err.text);
    }
    last_state_builder_fini(&builder);
    index_close(index);
}

/* What is known of a path by name; the users go to `users` as digits. */
static bool path_of(const struct last_state *state, const char *name, struct last_path *found,
                    char users[16])
{
    for (uint32_t i = 0; i < last_state_paths(state); i++) {
        uint32_t count;
        uint32_t first = last_state_users(state, i, &count);

        if (last_state_path(state, i, found) && strcmp(found->name, name) == 0) {
            for (uint32_t u = 0; u < count; u++) {
                users[u] = (char)('0' + last_state_user(state, first + u));
            }
            users[count] = '\0';
            return true;
        }
    }
    return false;
}

static void check_all(struct last_state *state)
{
    struct signature one = signature_n(1);
    struct last_output output;
    struct last_path path;
    char users[16];

    assert_true(str_is(last_state_guards(state), "guards"));
    assert_int_equal(last_state_units(state), 4);
    assert_int_equal(last_state_unit_is(state, 0), LAST_STANDS);
    assert_int_equal(last_state_unit_is(state, 1), LAST_SKIPPED);
    assert_int_equal(last_state_unit_is(state, 2), LAST_STANDS);
    assert_int_equal(last_state_unit_is(state, 3), LAST_UNDECIDED);
    assert_true(path_of(state, "a", &path, users));
    assert_string_equal(users, "0");
    assert_int_equal(path.check, LAST_FOLLOWED);
    assert_true(signature_equal(&path.signature, &one));
    assert_true(path_of(state, "b", &path, users));
    assert_string_equal(users, "02");
    assert_int_equal(path.check, LAST_AS_IT_IS);
    assert_true(path_of(state, "none", &path, users));
    assert_string_equal(users, "2");
    assert_int_equal(path.signature.mode, 0);
    assert_false(path_of(state, "extra", &path, users));
    assert_true(last_state_load_outputs(state));
    assert_int_equal(last_state_outputs(state), 2);
    last_state_output_of(state, 0, &output);
    assert_true(output.state == LAST_OUTPUT_MADE && output.size_bytes == 77 && output.executable &&
                output.stored && output.type == TREE_FILE);
    last_state_output_of(state, 1, &output);
    assert_int_equal(output.state, LAST_OUTPUT_MISSING);
    check_graph(state);
}

static void test_round(void **unused)
{
    struct digest epoch = digest_n(1);
    struct digest other = digest_n(2);
    struct last_state *state;

    (void)unused;
    assert_null(last_state_open(dir));
    save();
    state = last_state_open(dir);
    assert_non_null(state);
    check_all(state);
    assert_true(last_state_is_of(state, &epoch));
    assert_false(last_state_is_of(state, &other));
    assert_true(last_state_is_current(state));
    save();
    assert_false(last_state_is_current(state));
    check_all(state);
    last_state_close(state);
}

/* Rows, and the state's own rows, are what they were for who opens the index. */
static void test_rows(void **unused)
{
    struct index_path row;
    struct index *index;

    (void)unused;
    save();
    index = open_index();
    assert_int_equal(index_path_count(index), 3);
    assert_true(index_path(index, STR("a"), &row));
    assert_int_equal(row.signature.size, 1);
    assert_false(index_path(index, STR("none"), &row));
    index_close(index);
}

/* Whatever is noted afterwards ends it: a log, or another save without a state. */
static void test_noted_since(void **unused)
{
    struct index *index;

    (void)unused;
    save();
    index = open_index();
    put(index, "a", 1);
    assert_true(index_flush(index, NULL));
    assert_null(last_state_open(dir));
    assert_true(index_save(index, NULL));
    assert_null(last_state_open(dir));
    index_close(index);
    save();
    index = open_index();
    assert_true(index_save(index, NULL)); /* nothing changed: nothing is written */
    index_close(index);
    index = NULL;
    struct last_state *state = last_state_open(dir);
    assert_non_null(state);
    last_state_close(state);
}

/* Units are kept from an older state only while the index says the same of their files. */
static void test_keep(void **unused)
{
    struct last_state_builder builder;
    struct last_state *old;
    struct last_state *state;
    struct index *index;
    uint8_t keep[4] = {1, 1, 1, 0};

    (void)unused;
    for (int changed = 0; changed < 2; changed++) {
        save();
        old = last_state_open(dir);
        assert_non_null(old);
        index = open_index();
        if (changed) {
            put(index, "a", 5);
        }
        last_state_begin(&builder, 4, 2);
        for (uint32_t i = 0; i < 3; i++) {
            last_state_unit(&builder, i, last_state_unit_is(old, i));
        }
        last_state_keep(&builder, old, index, keep);
        assert_true(index_save_state(index, &builder, NULL));
        last_state_builder_fini(&builder);
        index_close(index);
        last_state_close(old);
        state = last_state_open(dir);
        assert_non_null(state);
        assert_int_equal(last_state_unit_is(state, 0), changed ? LAST_UNDECIDED : LAST_STANDS);
        assert_int_equal(last_state_unit_is(state, 1), LAST_SKIPPED);
        assert_int_equal(last_state_unit_is(state, 2), LAST_STANDS);
        struct last_path path;
        char users[16];
        assert_true(path_of(state, "none", &path, users));
        assert_string_equal(users, "2");
        last_state_close(state);
    }
}

/* Two units that look at one path in different ways, or expect other things of it, cannot both be
 * right: who comes second is undecided. */
static void test_quarrel(void **unused)
{
    struct signature none = {0};
    struct signature one = signature_n(1);
    struct last_state_builder builder;

    (void)unused;
    last_state_begin(&builder, 4, 0);
    for (uint32_t i = 0; i < 4; i++) {
        last_state_unit(&builder, i, LAST_STANDS);
    }
    last_state_rest(&builder, 0, STR("a"), LAST_FOLLOWED);
    last_state_rest(&builder, 1, STR("a"), LAST_AS_IT_IS);
    last_state_rest_on(&builder, 2, STR("b"), LAST_FOLLOWED, &none);
    last_state_rest_on(&builder, 3, STR("b"), LAST_FOLLOWED, &one);
    assert_int_equal(builder.units[0], LAST_STANDS);
    assert_int_equal(builder.units[1], LAST_UNDECIDED);
    assert_int_equal(builder.units[2], LAST_STANDS);
    assert_int_equal(builder.units[3], LAST_UNDECIDED);
    last_state_builder_fini(&builder);
}

static struct last_state *open_if_sound(void)
{
    struct last_state *state = last_state_open(dir);

    if (state != NULL && (!last_state_load_outputs(state) || !last_state_load_graph(state))) {
        last_state_close(state);
        return NULL;
    }
    return state;
}

/* A row is what was put, or not known; what is saved then has it, or has not, and a state only if
 * all rows were right. Every 16th byte is saved with. */
static void check_beside(ssize_t at)
{
    struct digest epoch = digest_n(1);
    struct last_state *state = last_state_open(dir);
    struct index *index;

    if (state == NULL) {
        return;
    }
    index = index_open_beside(dir, &epoch, state, NULL, NULL);
    assert_non_null(index);
    for (unsigned n = 1; n <= 2; n++) {
        struct signature signature = signature_n(n);
        struct digest digest = digest_n(n);
        struct index_path row;

        if (index_path(index, n == 1 ? STR("a") : STR("b"), &row)) {
            assert_true(digest_equal(&row.digest, &digest) && row.firm);
            assert_true(signature_equal(&row.signature, &signature));
        }
    }
    assert_true(at % 16 != 0 || index_path_count(index) <= 3);
    index_close(index);
    last_state_close(state);
}

/* Each byte changed, each length: there is no state, or all of it is right (what is not part of it,
 * as digests of rows, may be damaged: then the rows are gone). */
static void test_damage(void **unused)
{
    static char data[16384];
    ssize_t size;
    int fd;

    (void)unused;
    save();
    fd = openat(dir, "index", O_RDWR);
    size = read(fd, data, sizeof(data));
    assert_true(size > 0 && (size_t)size < sizeof(data));
    for (ssize_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            char flipped = (char)(data[at] ^ (1 << bit));
            struct digest epoch = digest_n(1);
            struct last_state *state;
            struct index *index;
            bool damaged = false;

            assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
            state = open_if_sound();
            index = index_open(dir, &epoch, &damaged, NULL);
            assert_true(state == NULL || damaged);
            if (state != NULL) {
                check_all(state);
            }
            assert_true(!damaged || index_path_count(index) == 0);
            index_close(index);
            check_beside(at);
            last_state_close(state);
        }
        assert_int_equal(pwrite(fd, &data[at], 1, at), 1);
    }
    for (ssize_t cut = size - 1; cut >= 0; cut--) {
        assert_int_equal(ftruncate(fd, cut), 0);
        assert_null(last_state_open(dir));
    }
    close(fd);
}

/* --- an index beside a state --- */

static struct index *open_beside(const struct last_state *state)
{
    struct digest epoch = digest_n(1);
    struct index *index = index_open_beside(dir, &epoch, state, NULL, NULL);

    assert_non_null(index);
    return index;
}

/* It has the rows of the file, also when the state is closed before it, and those of another file
 * when that has taken its place. */
static void test_beside(void **unused)
{
    struct last_state *state;
    struct index_path row;
    struct index *index;

    (void)unused;
    save();
    state = last_state_open(dir);
    index = open_beside(state);
    last_state_close(state);
    assert_true(index_path(index, STR("a"), &row));
    assert_int_equal(row.signature.size, 1);
    assert_true(index_path(index, STR("extra"), &row));
    assert_false(index_path(index, STR("none"), &row));
    assert_false(index_path(index, STR("never"), &row));
    assert_int_equal(index_path_count(index), 3);
    put(index, "more", 5);
    assert_true(index_save(index, NULL));
    index_close(index);
    save();
    state = last_state_open(dir);
    index = open_index();
    put(index, "a", 7);
    assert_true(index_save(index, NULL));
    index_close(index);
    index = open_beside(state);
    assert_true(index_path(index, STR("a"), &row));
    assert_int_equal(row.signature.size, 7);
    assert_true(index_path(index, STR("more"), &row));
    index_close(index);
    last_state_close(state);
}

/* What the state says of a path since the file was saved is not what the file's digest is of. */
static void test_beside_change(void **unused)
{
    struct signature none = {0};
    struct last_change change;
    struct last_state *state;
    struct index_path row;
    struct index *index;

    (void)unused;
    save();
    state = last_state_open(dir);
    index = open_index();
    put(index, "a", 7);
    last_change_begin(&change, state);
    last_change_path(&change, last_state_find_path(state, STR("a")),
                     &(struct signature){.size = 8});
    last_change_path(&change, last_state_find_path(state, STR("b")), &none);
    assert_true(index_note_change(index, &change, NULL));
    last_change_fini(&change);
    index_close(index);
    last_state_close(state);
    state = last_state_open(dir);
    assert_non_null(state);
    index = open_beside(state);
    assert_true(index_path(index, STR("a"), &row));
    assert_int_equal(row.signature.size, 7);
    assert_false(index_path(index, STR("b"), &row));
    assert_true(index_path(index, STR("extra"), &row));
    assert_int_equal(index_path_count(index), 2);
    put(index, "b", 9);
    assert_true(index_path(index, STR("b"), &row));
    assert_true(index_save(index, NULL));
    index_close(index);
    last_state_close(state);
    index = open_index();
    assert_int_equal(index_path_count(index), 3);
    index_close(index);
}

/* Rows that are found damaged only when all are asked for take the state with them that was built
 * on them. */
static void test_beside_damage(void **unused)
{
    static char data[16384];
    struct digest of_extra = digest_n(9);
    struct last_state_builder builder;
    struct last_state *state;
    struct index_path row;
    struct index *index;
    char *at;
    ssize_t size;
    int fd;

    (void)unused;
    save();
    fd = openat(dir, "index", O_RDWR);
    size = read(fd, data, sizeof(data));
    at = memmem(data, (size_t)size, of_extra.bytes, DIGEST_BYTES);
    assert_non_null(at);
    assert_int_equal(pwrite(fd, "?", 1, at - data), 1);
    close(fd);
    state = last_state_open(dir);
    assert_non_null(state);
    index = open_beside(state);
    assert_false(index_path(index, STR("extra"), &row));
    put(index, "a", 1);
    build(&builder);
    assert_true(index_save_state(index, &builder, NULL));
    last_state_builder_fini(&builder);
    index_close(index);
    last_state_close(state);
    assert_null(last_state_open(dir));
    index = open_index();
    assert_true(index_path(index, STR("a"), &row));
    assert_false(index_path(index, STR("b"), &row));
    index_close(index);
}

static void copy_sample(const char *path)
{
    static char data[16384];
    int from = open(path, O_RDONLY);
    int to = openat(dir, "index", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t size = read(from, data, sizeof(data));

    assert_true(size > 0);
    assert_int_equal(write(to, data, (size_t)size), size);
    close(from);
    close(to);
}

static void test_frozen(void **unused)
{
    struct last_output output;
    struct last_state *state;
    struct last_path path;
    char users[16];

    (void)unused;
    copy_sample("testdata/formats/index");
    state = last_state_open(dir);
    assert_non_null(state);
    assert_true(str_is(last_state_guards(state), "guards"));
    assert_int_equal(last_state_units(state), 3);
    assert_int_equal(last_state_unit_is(state, 1), LAST_SKIPPED);
    assert_true(path_of(state, "p/2", &path, users));
    assert_string_equal(users, "02");
    assert_true(path_of(state, "p/9", &path, users));
    assert_int_equal(path.signature.mode, 0);
    assert_true(last_state_load_outputs(state));
    last_state_output_of(state, 0, &output);
    assert_int_equal(output.size_bytes, 22);
    assert_true(last_state_load_graph(state));
    assert_int_equal(last_state_stage(state, 1).text.to, 90);
    check_units(last_state_producers(state, 2), "01");
    check_units(last_state_consumers(state, 1), "2");
    assert_true(last_state_unit_is_named(state, 1, STR("two")));
    assert_int_equal(last_state_unit_flags(state, 2), LAST_ASKED);
    last_state_close(state);
}

/* --- changes --- */

static void change(struct last_state *state, unsigned n)
{
    struct last_output made = {.digest = digest_n(n), .size_bytes = n, .state = LAST_OUTPUT_MADE};
    struct signature signature = signature_n(n);
    struct index *index = open_index();
    struct last_change change;

    put(index, "a", n);
    last_change_begin(&change, state);
    last_change_path(&change, last_state_find_path(state, STR("a")), &signature);
    last_change_unit(&change, 3, LAST_STANDS);
    last_change_unit(&change, 0, LAST_UNDECIDED);
    last_change_output(&change, 1, &made);
    assert_true(index_note_change(index, &change, NULL));
    last_change_fini(&change);
    index_close(index);
}

static void check_changed(struct last_state *state, unsigned n)
{
    struct signature signature = signature_n(n);
    struct last_output output;
    struct last_path path;
    char users[16];

    assert_true(path_of(state, "a", &path, users));
    assert_string_equal(users, "0");
    assert_true(signature_equal(&path.signature, &signature));
    assert_true(path_of(state, "b", &path, users));
    assert_int_equal(path.signature.ino, 2);
    assert_int_equal(last_state_unit_is(state, 3), LAST_STANDS);
    assert_int_equal(last_state_unit_is(state, 0), LAST_UNDECIDED);
    assert_int_equal(last_state_unit_is(state, 1), LAST_SKIPPED);
    assert_true(last_state_load_outputs(state));
    last_state_output_of(state, 1, &output);
    assert_int_equal(output.size_bytes, n);
    check_graph(state);
}

static void test_change(void **unused)
{
    struct last_state *first;
    struct last_state *second;
    struct index_path row;
    struct index *index;

    (void)unused;
    save();
    first = last_state_open(dir);
    change(first, 20);
    assert_false(last_state_is_current(first));
    check_all(first);
    second = last_state_open(dir);
    assert_non_null(second);
    check_changed(second, 20);
    change(second, 21);
    last_state_close(first);
    last_state_close(second);
    second = last_state_open(dir);
    assert_non_null(second);
    check_changed(second, 21);
    assert_true(last_state_is_current(second));
    index = open_index();
    assert_true(index_path(index, STR("a"), &row));
    assert_int_equal(row.signature.ino, 21);
    /* A row behind it: somebody began to work. */
    put(index, "a", 30);
    assert_true(index_flush(index, NULL));
    assert_false(last_state_is_current(second));
    assert_null(last_state_open(dir));
    index_close(index);
    last_state_close(second);
}

/* A change of a file that another one has replaced, or of numbers that are none. */
static void test_wrong_change(void **unused)
{
    struct index *index;
    struct last_state *state;
    struct last_change wrong;
    char log[4096];
    ssize_t len;
    int fd;

    (void)unused;
    save();
    state = last_state_open(dir);
    change(state, 20);
    fd = openat(dir, "index.log", O_RDONLY);
    len = read(fd, log, sizeof(log));
    assert_true(len > 0);
    close(fd);
    last_state_close(state);
    save();
    fd = openat(dir, "index.log", O_WRONLY | O_CREAT, 0666);
    assert_int_equal(write(fd, log, (size_t)len), len);
    close(fd);
    /* Saved again with a row more, it is another file. */
    index = open_index();
    put(index, "more", 5);
    assert_true(index_save(index, NULL));
    index_close(index);
    assert_null(last_state_open(dir));
    for (int kind = 0; kind < 4; kind++) {
        struct signature signature = signature_n(1);
        struct last_output made = {.state = LAST_OUTPUT_MADE};

        save();
        state = last_state_open(dir);
        assert_non_null(state);
        last_change_begin(&wrong, state);
        if (kind == 0) {
            last_change_path(&wrong, last_state_paths(state), &signature);
        } else if (kind == 1) {
            last_change_unit(&wrong, 4, LAST_STANDS);
        } else if (kind == 2) {
            last_change_output(&wrong, 2, &made);
        } else {
            last_change_guard(&wrong, 0, &signature);
        }
        index = open_index();
        assert_true(index_note_change(index, &wrong, NULL));
        index_close(index);
        last_change_fini(&wrong);
        last_state_close(state);
        assert_null(last_state_open(dir));
    }
}

/* Each byte of the log flipped, each length: the state is what it is after all changes, or after
 * the first, or it does not count. */
static void test_damaged_change(void **unused)
{
    char data[4096];
    struct last_state *state;
    ssize_t size;
    int fd;

    (void)unused;
    save();
    state = last_state_open(dir);
    change(state, 20);
    last_state_close(state);
    fd = openat(dir, "index.log", O_RDWR);
    size = read(fd, data, sizeof(data));
    assert_true(size > 0 && (size_t)size < sizeof(data));
    for (ssize_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            char flipped = (char)(data[at] ^ (1 << bit));

            assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
            state = last_state_open(dir);
            assert_null(state);
        }
        assert_int_equal(pwrite(fd, &data[at], 1, at), 1);
    }
    for (ssize_t cut = size - 1; cut >= 0; cut--) {
        assert_int_equal(ftruncate(fd, cut), 0);
        state = last_state_open(dir);
        if (state != NULL) {
            check_all(state);
            last_state_close(state);
        }
    }
    close(fd);
}

static void test_copied_graph(void **unused)
{
    struct index *index;
    struct last_state_builder builder;
    struct last_state *state;

    (void)unused;
    save();
    state = last_state_open(dir);
    index = open_index();
    last_state_begin(&builder, 4, 2);
    last_state_copy_graph(&builder, state);
    for (uint32_t i = 0; i < 4; i++) {
        last_state_flag(&builder, i, last_state_unit_flags(state, i));
    }
    last_state_close(state);
    assert_true(index_save_state(index, &builder, NULL));
    last_state_builder_fini(&builder);
    index_close(index);
    state = last_state_open(dir);
    assert_non_null(state);
    check_graph(state);
    last_state_close(state);
}

/* A version that is not ours is damage to us: no rows, no state, and the next save replaces it. */
static void test_foreign_version(void **unused)
{
    struct digest epoch = digest_n(1);
    struct index *index;
    bool damaged = false;

    (void)unused;
    copy_sample("testdata/formats/foreign/index-3");
    assert_null(last_state_open(dir));
    copy_sample("testdata/formats/foreign/index-2");
    assert_null(last_state_open(dir));
    copy_sample("testdata/formats/foreign/index-1");
    assert_null(last_state_open(dir));
    index = index_open(dir, &epoch, &damaged, NULL);
    assert_non_null(index);
    assert_true(damaged);
    assert_int_equal(index_path_count(index), 0);
    index_close(index);
    save();
    struct last_state *state = last_state_open(dir);
    assert_non_null(state);
    check_all(state);
    last_state_close(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),          TEST(test_rows),
        TEST(test_noted_since),    TEST(test_keep),
        TEST(test_quarrel),        TEST(test_damage),
        TEST(test_frozen),         TEST(test_foreign_version),
        TEST(test_change),         TEST(test_wrong_change),
        TEST(test_damaged_change), TEST(test_copied_graph),
        TEST(test_beside),         TEST(test_beside_change),
        TEST(test_beside_damage),
    };

    return cmocka_run_group_tests_name("store/last_state", tests, NULL, NULL);
}
