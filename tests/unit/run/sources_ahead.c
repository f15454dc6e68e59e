/* Reading ahead: whatever is read ahead or not, everything that is known is the same; and what is
 * certain to be asked for is read ahead, but nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/clock.h"
#include "run/facts.h"

enum { LEAVES = 700 };

static const char manifest[] =
    "[pipeline]\nname = \"ahead\"\n"
    "[stage.leaf]\nmatrix = { f = { glob = \"src/*.txt\" } }\n"
    "inputs = [\"{{f}}\", \"common.txt\"]\noutputs = [\"out/{{stem(f)}}\"]\n"
    "run = \"cp {{f}} {{outputs}}\"\n"
    "[stage.many]\ninputs = [\"tree/\"]\noutputs = [\"many\"]\nrun = \"ls tree >many\"\n"
    "[stage.behind]\ninputs = [\"many\", \"late.txt\"]\noutputs = [\"behind\"]\n"
    "run = \"cat {{inputs}} > behind\"\n";

static struct temp_folder here;
static int before;

/* One session that has decided. */
struct decided {
    struct session session;
    struct facts facts;
    struct decide decide;
    uint8_t *scope;
};

static void write_file(uint32_t number, const char *folder, const char *suffix)
{
    char path[64];
    char text[256];

    snprintf(path, sizeof(path), "%s/%u%s", folder, number, suffix);
    snprintf(text, sizeof(text), "%*u", (int)(number % 200) + 1, number);
    temp_write(here.fd, path, text);
}

static int setup(void **state)
{
    (void)state;
    before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    temp_folder_make(&here);
    assert_int_equal(fchdir(here.fd), 0);
    assert_int_equal(mkdirat(here.fd, "src", 0777) | mkdirat(here.fd, "tree", 0777), 0);
    for (uint32_t i = 0; i < LEAVES; i++) {
        write_file(i, "src", ".txt");
        write_file(i, "tree", "");
    }
    temp_write(here.fd, "common.txt", "common");
    temp_write(here.fd, "late.txt", "late");
    temp_write(here.fd, "pawl.toml", manifest);
    assert_int_equal(fchmodat(here.fd, "src/7.txt", 0755, 0), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(fchdir(before), 0);
    close(before);
    temp_folder_remove(&here);
    return 0;
}

static void open_session(struct session *session)
{
    static const struct session_options options = {.command = "test"};
    static const struct origin origin;
    struct err err = {0};

    session_init(session, &options, &clock_system, &origin);
    EXPECT_OK(session_find(session, &err), &err);
    EXPECT_OK(session_read_manifest(session, &err), &err);
    EXPECT_OK(session_open_store(session, SESSION_CHANGE, false, &err), &err);
    EXPECT_OK(session_plan(session, &err), &err);
}

static void decided_open(struct decided *decided, bool ahead, bool rehash)
{
    struct facts_options options = {.rehash = rehash};
    struct decide_facts functions;

    open_session(&decided->session);
    decided->scope = malloc(decided->session.plan.instance_count);
    assert_non_null(decided->scope);
    memset(decided->scope, 1, decided->session.plan.instance_count);
    facts_init(&decided->facts, &decided->session, &options);
    if (!ahead) {
        decided->facts.ahead.window = 0;
    }
    functions = facts_decide(&decided->facts);
    decide_init(&decided->decide, &decided->session.plan, &functions, decided->scope,
                decided->scope);
    decided->facts.decide = &decided->decide;
    decide_plan(&decided->decide);
}

static void decided_close(struct decided *decided)
{
    decide_fini(&decided->decide);
    facts_fini(&decided->facts);
    free(decided->scope);
    session_fini(&decided->session);
}

static void check_sources(struct decided *with, struct decided *without)
{
    assert_int_equal(with->facts.sources.count, without->facts.sources.count);
    for (uint32_t i = 0; i < with->session.plan.path_count; i++) {
        struct str path = plan_path_name(&with->session.plan, (struct path_id){i});
        const struct source_fact *one = facts_known_source(&with->facts, path);
        const struct source_fact *other = facts_known_source(&without->facts, path);

        assert_int_equal(one == NULL, other == NULL);
        if (one != NULL) {
            assert_memory_equal(&one->digest, &other->digest, sizeof(one->digest));
            assert_true(signature_equal(&one->signature, &other->signature));
            assert_int_equal(one->exists, other->exists);
            assert_int_equal(one->firm, other->firm);
            assert_int_equal(one->executable, other->executable);
            assert_int_equal(one->folder, other->folder);
            assert_int_equal(one->size_bytes, other->size_bytes);
        }
    }
}

/* Keys are made again from what was seen. */
static void check_keys(struct decided *with, struct decided *without, struct inst_id instance)
{
    struct inst_reads one, other;
    bool keyed;

    arena_reset(&with->facts.scratch);
    keyed = facts_reads_of(&with->facts, instance, &with->facts.scratch, &one);
    arena_reset(&without->facts.scratch);
    assert_int_equal(keyed,
                     facts_reads_of(&without->facts, instance, &without->facts.scratch, &other));
    if (keyed) {
        assert_memory_equal(&one.declared, &other.declared, sizeof(one.declared));
    }
}

static void check_instances(struct decided *with, struct decided *without)
{
    assert_int_equal(with->session.plan.instance_count, without->session.plan.instance_count);
    assert_true(with->session.plan.instance_count >= LEAVES + 2);
    for (uint32_t i = 0; i < with->session.plan.instance_count; i++) {
        const struct inst_fact *one = &with->facts.instances[i];
        const struct inst_fact *other = &without->facts.instances[i];

        assert_int_equal(with->decide.verdict[i], without->decide.verdict[i]);
        assert_int_equal(with->decide.action[i], without->decide.action[i]);
        assert_int_equal(one->keyed, other->keyed);
        check_keys(with, without, (struct inst_id){i});
    }
}

static void check_index(struct decided *with, struct decided *without)
{
    assert_int_equal(index_path_count(with->session.index),
                     index_path_count(without->session.index));
    for (uint32_t i = 0; i < with->session.plan.path_count; i++) {
        struct str path = plan_path_name(&with->session.plan, (struct path_id){i});
        struct index_path one, other;
        bool there = index_path(with->session.index, path, &one);

        assert_int_equal(there, index_path(without->session.index, path, &other));
        if (there) {
            assert_memory_equal(&one.digest, &other.digest, sizeof(one.digest));
            assert_true(signature_equal(&one.signature, &other.signature));
            assert_int_equal(one.firm, other.firm);
        }
    }
}

/* Until everything written before has a time that proves something. */
static void let_tick_pass(void)
{
    int64_t from = clock_real_ns(&clock_system);

    while (clock_coarse_real_ns(&clock_system) <= from) {
    }
}

static void check_both(bool rehash)
{
    struct decided with, without;

    let_tick_pass();
    decided_open(&with, true, rehash);
    /* The lock is one session's at a time. */
    lock_release(&with.session.lock);
    lock_release(&with.session.lives);
    decided_open(&without, false, rehash);
    check_sources(&with, &without);
    check_instances(&with, &without);
    check_index(&with, &without);
    decided_close(&without);
    decided_close(&with);
}

static uint32_t read_ahead_count(const struct facts *facts)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < facts->plan->path_count; i++) {
        count += sources_were_read(facts, plan_path_name(facts->plan, (struct path_id){i}));
    }
    return count;
}

static void test_same_from_nothing(void **state)
{
    (void)state;
    check_both(false);
    check_both(true);
}

/* Rows that are there, some of them of what is no longer so. */
static void test_same_after_changes(void **state)
{
    struct decided first;
    struct err err = {0};

    (void)state;
    let_tick_pass();
    decided_open(&first, true, false);
    EXPECT_OK(index_save(first.session.index, &err), &err);
    decided_close(&first);
    for (uint32_t i = 0; i < LEAVES; i += 3) {
        write_file(i + 1000 * (i % 2), "src", ".txt");
        write_file(i, "tree", ".more");
    }
    assert_int_equal(unlinkat(here.fd, "tree/5", 0), 0);
    temp_write(here.fd, "common.txt", "common, changed");
    check_both(false);
    check_both(true);
}

static void test_what_is_certain_is_read_ahead(void **state)
{
    struct decided decided;

    (void)state;
    let_tick_pass();
    decided_open(&decided, true, false);
    assert_int_equal(decided.facts.broken.status, 0);
    assert_int_equal(read_ahead_count(&decided.facts), 2 * LEAVES + 1);
    assert_true(sources_were_read(&decided.facts, STR("src/7.txt")));
    assert_true(sources_were_read(&decided.facts, STR("tree/7")));
    /* Behind a stage that must run first. */
    assert_false(sources_were_read(&decided.facts, STR("late.txt")));
    decided_close(&decided);
}

/* One file of many: the rest is not even looked at. */
static void test_one_change_reads_little(void **state)
{
    struct decided decided;
    struct err err = {0};
    uint32_t looked = 0;

    (void)state;
    let_tick_pass();
    decided_open(&decided, true, false);
    EXPECT_OK(index_save(decided.session.index, &err), &err);
    decided_close(&decided);
    temp_write(here.fd, "src/7.txt", "changed");
    let_tick_pass();
    decided_open(&decided, true, false);
    assert_int_equal(read_ahead_count(&decided.facts), 1);
    for (uint32_t i = 0; i < decided.session.plan.path_count; i++) {
        looked += decided.facts.ahead.paths[i] != 0;
    }
    assert_in_range(looked, 1, 40);
    decided_close(&decided);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_same_from_nothing), TEST(test_same_after_changes),
                                       TEST(test_what_is_certain_is_read_ahead),
                                       TEST(test_one_change_reads_little)};

    return cmocka_run_group_tests_name("run/sources_ahead", tests, NULL, NULL);
}
