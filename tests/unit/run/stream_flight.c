/* The items of a stream that are in flight: random additions and removals against a plain list,
 * with digests that collide; the queues they stand in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run/stream.h"

enum { DIGESTS = 300, STEPS = 200000 };

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Few different hashes, so that runs of slots are long and wrap around the end. */
static struct digest digest_of(uint32_t n)
{
    struct digest digest = {{0}};

    bytes_set_u32(digest.bytes, n % 7 == 0 ? UINT32_MAX - n % 3 : n % 50);
    bytes_set_u32(digest.bytes + 8, n);
    return digest;
}

static void set_against_a_list(void **state)
{
    struct stream stream = {0};
    struct stream_item *there[DIGESTS] = {0};
    uint64_t seed = 88172645463325252U;
    uint32_t count = 0;
    uint64_t bytes = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        uint32_t n = (uint32_t)(draw(&seed) % DIGESTS);
        struct digest digest = digest_of(n);

        assert_int_equal(stream_flight_has(&stream, &digest), there[n] != NULL);
        if (there[n] == NULL) {
            there[n] = stream_flight_add(&stream, &digest);
            assert_int_equal(there[n]->bytes.len, 0);
            assert_int_equal(there[n]->attempts, 0);
            strbuf_puts(&there[n]->bytes, "some bytes");
            there[n]->attempts = 3;
            stream.bytes_in_flight += there[n]->bytes.len;
            bytes += there[n]->bytes.len;
            count++;
        } else {
            bytes -= there[n]->bytes.len;
            stream_flight_drop(&stream, there[n]);
            there[n] = NULL;
            count--;
        }
        assert_int_equal(stream.in_flight, count);
        assert_true(stream.bytes_in_flight == bytes);
    }
    for (uint32_t n = 0; n < DIGESTS; n++) {
        struct digest digest = digest_of(n);

        assert_int_equal(stream_flight_has(&stream, &digest), there[n] != NULL);
    }
    stream_flight_fini(&stream);
}

static void queues(void **state)
{
    struct stream_item items[8] = {
        {.due_ns = 5}, {.due_ns = 1}, {.due_ns = 9}, {.due_ns = 5}, {.due_ns = 0}};
    static const int64_t due[] = {0, 1, 5, 5, 9};
    struct stream_queue queue;

    (void)state;
    stream_queue_init(&queue);
    assert_null(stream_queue_pop(&queue));
    for (int i = 0; i < 5; i++) {
        stream_queue_insert(&queue, &items[i]);
    }
    assert_int_equal(queue.count, 5);
    for (int i = 0; i < 5; i++) {
        struct stream_item *item = stream_queue_pop(&queue);

        assert_true(item->due_ns == due[i]);
        /* Of equal ones the first that came. */
        assert_true(i != 2 || item == &items[0]);
    }
    assert_null(stream_queue_pop(&queue));
    stream_queue_push_first(&queue, &items[5]);
    stream_queue_push(&queue, &items[6]);
    stream_queue_push_first(&queue, &items[7]);
    assert_ptr_equal(stream_queue_pop(&queue), &items[7]);
    assert_ptr_equal(stream_queue_pop(&queue), &items[5]);
    assert_ptr_equal(stream_queue_pop(&queue), &items[6]);
    assert_int_equal(queue.count, 0);
    assert_null(queue.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_against_a_list),
        cmocka_unit_test(queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
