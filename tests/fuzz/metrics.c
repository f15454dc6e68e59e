/* Any text as a file of metrics, and as what a command said: a reason why it is none, or figures
 * that written as JSON are read as the same ones. */
#include <assert.h>
#include <string.h>

#include "base/json_write.h"
#include "base/metric.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void write_one(struct json_writer *w, const struct metric *metric)
{
    json_key(w, metric->name);
    switch (metric->kind) {
    case METRIC_INT:
        json_int(w, metric->integer);
        break;
    case METRIC_FLOAT:
        json_double(w, metric->number);
        break;
    case METRIC_NONE:
        json_null(w);
        break;
    }
}

static void check_again(const struct metrics *metrics, struct arena *arena)
{
    struct strbuf out = {0};
    struct json_writer w = json_writer_of(&out, JSON_COMPACT);
    struct metric_list list;
    struct metrics again;
    struct err err = {0};

    json_object_begin(&w);
    for (uint32_t i = 0; i < metrics->count; i++) {
        write_one(&w, &metrics->items[i]);
    }
    json_object_end(&w);
    metric_list_init(&list, arena);
    assert(metrics_add_json(&list, strbuf_str(&out), &err));
    again = metrics_of(&list);
    assert(again.count == metrics->count);
    for (uint32_t i = 0; i < metrics->count; i++) {
        const struct metric *was = &metrics->items[i];
        const struct metric *now = metrics_find(&again, was->name);

        assert(now != NULL && now->kind == was->kind && now->integer == was->integer);
        assert(memcmp(&now->number, &was->number, sizeof(now->number)) == 0);
        assert(metric_text(was, arena).len != 0);
    }
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str text = str_n((const char *)data, size_bytes);
    struct metric_list list;
    struct metrics metrics;
    struct err err = {0};
    struct arena arena;

    arena_init(&arena);
    metric_list_init(&list, &arena);
    if (metrics_add_json(&list, text, &err)) {
        metrics = metrics_of(&list);
        check_again(&metrics, &arena);
    } else {
        assert(err.status == STATUS_STAGE_FAILED && err.text[0] != '\0');
    }
    metric_list_init(&list, &arena);
    assert(metrics_add_text(&list, STR("x"), text, &err));
    metrics = metrics_of(&list);
    assert(metrics.count == 1);
    check_again(&metrics, &arena);
    arena_fini(&arena);
    return 0;
}
