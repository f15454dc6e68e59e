/* When a variant gives way to its stage's own command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/variant.h"

static void faults_of_the_command_give_way(void **state)
{
    static const enum cause faults[] = {CAUSE_EXIT,   CAUSE_SIGNAL,    CAUSE_TIMEOUT,
                                        CAUSE_OOM,    CAUSE_NOT_FOUND, CAUSE_ENVIRONMENT,
                                        CAUSE_OUTPUT, CAUSE_TRANSIENT};
    struct m_variant variant = {.fallback = true};
    bool is_fault[CAUSE_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        is_fault[faults[i]] = true;
    }
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        assert_int_equal(variant_gives_way(&variant, (enum cause)cause), is_fault[cause]);
    }
}

static void without_fallback_none_does(void **state)
{
    struct m_variant variant = {.breaks = true};

    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        assert_false(variant_gives_way(&variant, (enum cause)cause));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_of_the_command_give_way),
        cmocka_unit_test(without_fallback_none_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
