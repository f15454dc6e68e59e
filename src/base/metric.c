/* Owns how figures are read. Numbers are taken by their text: one without point and exponent is an
 * integer, so that 3 is not 3.0. */
#include "base/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"

enum { METRIC_DEPTH = 32 };

void metric_list_init(struct metric_list *list, struct arena *arena)
{
    *list = (struct metric_list){.arena = arena};
}

static bool metric_add(struct metric_list *list, const struct metric *metric, struct err *err)
{
    if (list->count == LIMIT_METRICS) {
        return err_set(err, STATUS_STAGE_FAILED, "more than %d metrics", LIMIT_METRICS);
    }
    if (list->count == list->cap) {
        struct metric *more;

        list->cap = list->cap * 2 + 8;
        more = ARENA_ARRAY(list->arena, struct metric, list->cap);
        if (list->count != 0) {
            memcpy(more, list->items, list->count * sizeof(*more));
        }
        list->items = more;
    }
    list->items[list->count++] = *metric;
    return true;
}

static bool metric_is_integer(struct str text)
{
    return strcspn(text.data, ".eE") == text.len;
}

/* The text of a number as JSON has it, or of what stands for none; followed by a NUL. */
static void metric_read_number(struct metric *metric, struct str text)
{
    char *end;

    metric->kind = METRIC_NONE;
    metric->is = STR("NaN");
    if (str_find(text, 'n') >= 0 || str_find(text, 'N') >= 0) {
        /* "Infinity", "inf" and "nan" in any case. */
        metric->is =
            str_find(text, 'f') >= 0 || str_find(text, 'F') >= 0 ? STR("infinite") : STR("NaN");
        return;
    }
    if (metric_is_integer(text)) {
        struct str digits = text.data[0] == '-' ? str_skip(text, 1) : text;
        uint64_t magnitude;
        bool negative = digits.len != text.len;

        if (str_to_u64(digits, &magnitude) && magnitude <= (uint64_t)INT64_MAX + negative) {
            metric->kind = METRIC_INT;
            metric->integer = (int64_t)(negative ? 0 - magnitude : magnitude);
        } else {
            metric->is = STR("an integer that does not fit into 64 bits");
        }
        return;
    }
    metric->number = strtod(text.data, &end);
    if (isfinite(metric->number)) {
        metric->kind = METRIC_FLOAT;
    } else {
        metric->number = 0;
        metric->is = STR("beyond 1.8e308");
    }
}

/* --- JSON --- */

static bool metrics_take(struct metric_list *list, struct str name, struct json value,
                         unsigned depth, struct err *err);

static bool metrics_take_object(struct metric_list *list, struct str before, struct json object,
                                unsigned depth, struct err *err)
{
    struct json_iter iter = json_iter_of(object);
    struct json value;
    struct str key;

    while (json_next(&iter, &key, &value)) {
        struct str name = before.len != 0 ? STR_JOIN(list->arena, before, STR("."), key)
                                          : str_dup(list->arena, key);

        if (!metrics_take(list, name, value, depth, err)) {
            return false;
        }
    }
    return true;
}

static bool metrics_take(struct metric_list *list, struct str name, struct json value,
                         unsigned depth, struct err *err)
{
    struct metric metric = {
        .name = name, .kind = METRIC_NONE, .is = STR("an object nested too deep")};
    struct str text;
    bool truth;

    if (json_type(value) == JSON_OBJECT && depth < METRIC_DEPTH) {
        return metrics_take_object(list, name, value, depth + 1, err);
    }
    if (json_as_number_text(value, &text)) {
        metric_read_number(&metric, text);
    } else if (json_as_bool(value, &truth)) {
        metric.is = truth ? STR("true") : STR("false");
    } else if (json_type(value) != JSON_OBJECT) {
        metric.is = str_of(json_type_name(json_type(value)));
    }
    return metric_add(list, &metric, err);
}

bool metrics_add_json(struct metric_list *list, struct str text, struct err *err)
{
    struct json_problem problem = {0};
    struct json_doc *doc = json_parse_figures(text, &problem);
    bool ok;

    if (doc == NULL) {
        return err_set(err, STATUS_STAGE_FAILED, "no JSON: %s, at byte %zu", problem.text,
                       problem.offset);
    }
    if (json_type(json_root(doc)) != JSON_OBJECT) {
        err_set(err, STATUS_STAGE_FAILED, "%s where an object is expected",
                json_type_name(json_type(json_root(doc))));
        json_free(doc);
        return false;
    }
    ok = metrics_take_object(list, STR(""), json_root(doc), 0, err);
    json_free(doc);
    return ok;
}

/* --- text --- */

static bool metric_is_nan(struct str text)
{
    static const char *const words[] = {"nan", "inf", "infinity"};

    if (text.len != 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        text = str_skip(text, 1);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text.len == strlen(words[i]) && strncasecmp(text.data, words[i], text.len) == 0) {
            return true;
        }
    }
    return false;
}

bool metrics_add_text(struct metric_list *list, struct str name, struct str text, struct err *err)
{
    struct metric metric = {
        .name = str_dup(list->arena, name), .kind = METRIC_NONE, .is = STR("a string")};
    struct json_doc *doc = json_parse_figures(text, NULL);
    struct str number;

    if (metric_is_nan(text)) {
        metric_read_number(&metric, str_dup(list->arena, text));
    } else if (doc != NULL && json_as_number_text(json_root(doc), &number)) {
        metric_read_number(&metric, number);
    }
    json_free(doc);
    return metric_add(list, &metric, err);
}

/* --- all --- */

struct metric_place {
    const struct metric *metric;
    uint32_t place;
};

static int metric_compare(const void *a, const void *b)
{
    const struct metric_place *x = a;
    const struct metric_place *y = b;
    int order = str_compare(x->metric->name, y->metric->name);

    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

struct metrics metrics_of(struct metric_list *list)
{
    struct metric_place *places = ARENA_ARRAY(list->arena, struct metric_place, list->count);
    struct metrics metrics = {ARENA_ARRAY(list->arena, struct metric, list->count), 0};

    for (uint32_t i = 0; i < list->count; i++) {
        places[i] = (struct metric_place){&list->items[i], i};
    }
    if (list->count != 0) {
        qsort(places, list->count, sizeof(*places), metric_compare);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (i == 0 || !str_equal(places[i].metric->name, places[i - 1].metric->name)) {
            metrics.items[metrics.count++] = *places[i].metric;
        }
    }
    return metrics;
}

const struct metric *metrics_find(const struct metrics *metrics, struct str name)
{
    uint32_t low = 0;
    uint32_t high = metrics->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(metrics->items[middle].name, name);

        if (order == 0) {
            return &metrics->items[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

struct str metric_text(const struct metric *metric, struct arena *arena)
{
    char digits[STR_INT_BYTES];
    struct strbuf text = {0};
    struct str copy;

    switch (metric->kind) {
    case METRIC_INT:
        return str_dup(arena, str_int(metric->integer, digits));
    case METRIC_NONE:
        return metric->is;
    case METRIC_FLOAT:
        break;
    }
    json_double_text(&text, metric->number);
    copy = strbuf_dup(&text, arena);
    strbuf_fini(&text);
    return copy;
}

bool metric_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return false;
        }
    }
    return name.len != 0 && name.len <= LIMIT_NAME_BYTES;
}
