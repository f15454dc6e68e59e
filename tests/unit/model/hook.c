/* Which events hooks are told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/hook.h"

static void names_are_those_of_the_manifest(void **state)
{
    enum hook hook;

    (void)state;
    for (unsigned i = 0; i < HOOK_COUNT; i++) {
        assert_true(hook_from_name(str_of(hook_name((enum hook)i)), &hook));
        assert_int_equal(hook, i);
        assert_true(hook_meaning(hook)[0] != '\0');
    }
    assert_false(hook_from_name(STR("complete"), &hook));
    assert_false(hook_from_name(STR(""), &hook));
}

static enum hook of(enum event_type type, const char *to)
{
    struct event event = {.type = type, .state = str_of(to)};

    return hook_of(&event);
}

static void the_state_says_what_an_attempt_came_to(void **state)
{
    (void)state;
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "done"), HOOK_STAGE_FINISHED);
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "failed"), HOOK_STAGE_FAILED);
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "unsettled"), HOOK_STAGE_FAILED);
    /* Made again, or ended by pawl. */
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "ready"), HOOK_COUNT);
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "waiting"), HOOK_COUNT);
    assert_int_equal(of(EVENT_ATTEMPT_FINISHED, "cancelled"), HOOK_COUNT);
    assert_int_equal(of(EVENT_INSTANCE_ENDED, ""), HOOK_STAGE_FAILED);
    assert_int_equal(of(EVENT_RUN_STARTED, ""), HOOK_STARTED);
    assert_int_equal(of(EVENT_RUN_COMPLETED, ""), HOOK_COMPLETED);
    assert_int_equal(of(EVENT_WARNING, ""), HOOK_WARNING);
}

/* Else a hook that fails would be told of itself. */
static void hooks_are_not_told_of_hooks(void **state)
{
    (void)state;
    assert_false(hook_is_about(EVENT_HOOK_STARTED));
    assert_false(hook_is_about(EVENT_HOOK_FAILED));
    assert_false(hook_is_about(EVENT_HOOKS_TOLD));
    assert_true(hook_is_about(EVENT_ATTEMPT_FINISHED));
}

static void what_is_recorded_is_read(void **state)
{
    struct arena arena;
    enum hook hook;
    uint32_t number;

    (void)state;
    arena_init(&arena);
    assert_true(hook_parse(hook_format(HOOK_FAILED, 16, &arena), &hook, &number));
    assert_int_equal(hook, HOOK_FAILED);
    assert_int_equal(number, 16);
    assert_false(hook_parse(STR("failed"), &hook, &number));
    assert_false(hook_parse(STR("failed.0"), &hook, &number));
    assert_false(hook_parse(STR("failed.17"), &hook, &number));
    assert_false(hook_parse(STR("fails.1"), &hook, &number));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_manifest),
        cmocka_unit_test(the_state_says_what_an_attempt_came_to),
        cmocka_unit_test(hooks_are_not_told_of_hooks),
        cmocka_unit_test(what_is_recorded_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
