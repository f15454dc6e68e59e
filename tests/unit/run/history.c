/* What of the record of a run agrees with a result. */
#include "run/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"

static struct result_output outputs[2];
static struct event_pair pairs[3];

/* Outputs a.txt and b of some digests. */
static struct result result_of(void)
{
    outputs[0] = (struct result_output){
        .path = STR("a.txt"), .digest = sha256_of("1", 1), .executable = true};
    outputs[1] = (struct result_output){
        .path = STR("b"), .digest = sha256_of("2", 1), .kind = RESULT_FOLDER};
    return (struct result){.outputs = outputs, .output_count = 2};
}

static struct event_pair pair_of(const char *path, const char *bytes,
                                 char hex[DIGEST_HEX_BYTES + 1])
{
    struct digest digest = sha256_of(bytes, 1);

    return (struct event_pair){str_of(path), str_of(digest_hex(&digest, hex))};
}

static void test_agrees(void **state)
{
    char hex[3][DIGEST_HEX_BYTES + 1];
    struct result result = result_of();

    (void)state;
    pairs[0] = pair_of("b", "2", hex[0]);
    pairs[1] = pair_of("a.txt", "1", hex[1]);
    assert_true(history_agrees(&result, &(struct event_pairs){pairs, 2}));
    /* A run that restored one of them says only that. */
    assert_true(history_agrees(&result, &(struct event_pairs){pairs, 1}));
    pairs[1] = pair_of("a.txt", "3", hex[1]);
    assert_false(history_agrees(&result, &(struct event_pairs){pairs, 2}));
    pairs[1] = pair_of("c", "1", hex[1]);
    assert_false(history_agrees(&result, &(struct event_pairs){pairs, 2}));
    pairs[1] = pair_of("a.txt", "2", hex[1]);
    assert_false(history_agrees(&result, &(struct event_pairs){pairs, 2}));
    pairs[1].value = STR("no digest");
    assert_false(history_agrees(&result, &(struct event_pairs){pairs, 2}));
}

static void test_redate(void **state)
{
    char hex[3][DIGEST_HEX_BYTES + 1];
    struct digest three = sha256_of("3", 1);
    struct result result = result_of();

    (void)state;
    pairs[0] = pair_of("b", "2", hex[0]);
    pairs[1] = pair_of("a.txt", "3", hex[1]);
    assert_true(history_redate(&result, &(struct event_pairs){pairs, 2}));
    assert_true(digest_equal(&outputs[0].digest, &three));
    assert_true(outputs[0].executable);
    assert_int_equal(outputs[1].kind, RESULT_FOLDER);
    /* Another set of outputs: fewer, more, others, or no digest. */
    result = result_of();
    assert_false(history_redate(&result, &(struct event_pairs){pairs, 1}));
    pairs[2] = pair_of("c", "3", hex[2]);
    assert_false(history_redate(&result, &(struct event_pairs){pairs, 3}));
    pairs[1] = pairs[2];
    assert_false(history_redate(&result, &(struct event_pairs){pairs, 2}));
    pairs[1] = (struct event_pair){STR("a.txt"), STR("no digest")};
    assert_false(history_redate(&result, &(struct event_pairs){pairs, 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees),
        cmocka_unit_test(test_redate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
