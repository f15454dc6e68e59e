/* The functions of expressions. Where a function takes numbers, `min(a, b, c)` and `min(list)` are
 * the same.
 *
 *   abs(x)               keeps the kind
 *   min(x…) max(x…)      of numbers or of strings; the value itself, the first of equal ones
 *   round(x) round(x, n) to the nearest integer, or to n digits behind the point (a float); of a
 * tie the even neighbour floor(x) ceil(x)     an integer sqrt(x)              a float mean(x…) a
 * float stdev(x…)            of a sample (n - 1), at least two numbers len(x)               items
 * of a list, characters of a string (a byte that is no UTF-8 is one) join(list[, sep])    the texts
 * of the items with sep (a blank) between base(p) dir(p) stem(p) ext(p)   of path a/b.tar.gz:
 * b.tar.gz, a, b.tar, .gz; the folder of a bare name is `.`; each item of a list lower(s) upper(s)
 * ASCII letters only; each item of a list format(f, x…)        see expr_format.c default(x, y) y
 * where a value in x is missing raw(x)               x; in a `run` string it goes in unquoted
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/path.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "model/expr_ast.h"
#include "model/expr_format.h"

enum { ROUND_DIGITS_MAX = 100, MANY = 1 << 20 };

/* --- numbers --- */

/* A list alone stands for its items. */
static void spread(const struct value **args, size_t *count)
{
    if (*count == 1 && (*args)[0].kind == VALUE_LIST) {
        *count = (*args)[0].list.count;
        *args = (*args)[0].list.items;
    }
}

static bool wrong_kind(struct expr_run *run, const struct expr_node *node, const char *wanted,
                       const struct value *got)
{
    return expr_fail(run, node->span, NULL, "'%s' takes %s, not %s", node->function->name, wanted,
                     value_kind_name(got->kind));
}

static bool check_numbers(struct expr_run *run, const struct expr_node *node,
                          const struct value *args, size_t count, size_t least)
{
    for (size_t i = 0; i < count; i++) {
        if (!value_is_number(&args[i])) {
            return wrong_kind(run, node, "numbers", &args[i]);
        }
    }
    if (count < least) {
        return expr_fail(run, node->span, NULL, "'%s' of %s", node->function->name,
                         count == 0 ? "no values" : "one value: two are the least");
    }
    return true;
}

static bool call_abs(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    if (!check_numbers(run, node, args, count, 1)) {
        return false;
    }
    *out = args[0];
    if (args[0].kind == VALUE_FLOAT) {
        out->number = fabs(args[0].number);
    } else if (args[0].integer == INT64_MIN) {
        return expr_fail(run, node->span, NULL, "abs(%" PRId64 ") does not fit into 64 bits",
                         args[0].integer);
    } else {
        out->integer = args[0].integer < 0 ? -args[0].integer : args[0].integer;
    }
    return true;
}

static bool extreme(struct expr_run *run, const struct expr_node *node, const struct value *args,
                    size_t count, int wanted, struct value *out)
{
    spread(&args, &count);
    if (count == 0) {
        return expr_fail(run, node->span, NULL, "'%s' of no values", node->function->name);
    }
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        int order;
        if (!value_compare(&args[i], &args[best], &order)) {
            return expr_fail(run, node->span, NULL, "'%s' cannot compare %s with %s",
                             node->function->name, value_kind_name(args[best].kind),
                             value_kind_name(args[i].kind));
        }
        best = order == wanted ? i : best;
    }
    *out = args[best];
    return true;
}

static bool call_min(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    return extreme(run, node, args, count, -1, out);
}

static bool call_max(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    return extreme(run, node, args, count, 1, out);
}

/* A whole float as an integer. */
static bool whole(struct expr_run *run, const struct expr_node *node, double number,
                  struct value *out)
{
    if (number < -0x1p63 || number >= 0x1p63) {
        return expr_fail(run, node->span, NULL, "the result of '%s' does not fit into 64 bits",
                         node->function->name);
    }
    *out = value_int((int64_t)number);
    return true;
}

static bool to_whole(struct expr_run *run, const struct expr_node *node, const struct value *arg,
                     double (*convert)(double), struct value *out)
{
    if (!check_numbers(run, node, arg, 1, 1)) {
        return false;
    }
    if (arg->kind == VALUE_INT) {
        *out = *arg;
        return true;
    }
    return whole(run, node, convert(arg->number), out);
}

static bool call_floor(struct expr_run *run, const struct expr_node *node, const struct value *args,
                       size_t count, struct value *out)
{
    (void)count;
    return to_whole(run, node, args, floor, out);
}

static bool call_ceil(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    (void)count;
    return to_whole(run, node, args, ceil, out);
}

static bool call_round(struct expr_run *run, const struct expr_node *node, const struct value *args,
                       size_t count, struct value *out)
{
    if (count == 1) {
        return to_whole(run, node, args, rint, out);
    }
    if (!check_numbers(run, node, args, 1, 1)) {
        return false;
    }
    if (args[1].kind != VALUE_INT || args[1].integer < 0 || args[1].integer > ROUND_DIGITS_MAX) {
        return expr_fail(run, node->span, NULL, "'round' takes 0 to %d digits", ROUND_DIGITS_MAX);
    }
    if (args[0].kind == VALUE_INT) {
        *out = args[0];
        return true;
    }
    char text[512];
    snprintf(text, sizeof(text), "%.*f", (int)args[1].integer, args[0].number);
    return expr_float(run, node->span, strtod(text, NULL), out);
}

static bool call_sqrt(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    return check_numbers(run, node, args, count, 1) &&
           expr_float(run, node->span, sqrt(value_as_double(&args[0])), out);
}

static double mean_of(const struct value *args, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += value_as_double(&args[i]);
    }
    return sum / (double)count;
}

static bool call_mean(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    spread(&args, &count);
    return check_numbers(run, node, args, count, 1) &&
           expr_float(run, node->span, mean_of(args, count), out);
}

static bool call_stdev(struct expr_run *run, const struct expr_node *node, const struct value *args,
                       size_t count, struct value *out)
{
    spread(&args, &count);
    if (!check_numbers(run, node, args, count, 2)) {
        return false;
    }
    double mean = mean_of(args, count), squares = 0;
    for (size_t i = 0; i < count; i++) {
        double distance = value_as_double(&args[i]) - mean;
        squares += distance * distance;
    }
    return expr_float(run, node->span, sqrt(squares / (double)(count - 1)), out);
}

/* --- texts and lists --- */

static int64_t characters(struct str text)
{
    int64_t count = 0;
    for (size_t at = 0; at < text.len; count++) {
        size_t len = utf8_sequence(text, at);
        at += len > 0 ? len : 1;
    }
    return count;
}

static bool call_len(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    (void)count;
    if (args[0].kind == VALUE_LIST) {
        *out = value_int((int64_t)args[0].list.count);
    } else if (args[0].kind == VALUE_STRING) {
        *out = value_int(characters(args[0].text));
    } else {
        return wrong_kind(run, node, "a list or a string", &args[0]);
    }
    return true;
}

static bool join_items(struct expr_run *run, const struct expr_node *node, const struct value *list,
                       struct str separator, struct strbuf *out)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (i > 0) {
            strbuf_add_str(out, separator);
        }
        if (!value_render(&list->list.items[i], out)) {
            return wrong_kind(run, node, "a list of single values", &list->list.items[i]);
        }
    }
    return true;
}

static bool call_join(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    struct str separator = STR(" ");
    if (args[0].kind != VALUE_LIST) {
        return wrong_kind(run, node, "a list", &args[0]);
    }
    if (count == 2) {
        if (args[1].kind != VALUE_STRING) {
            return wrong_kind(run, node, "a string as its separator", &args[1]);
        }
        separator = args[1].text;
    }
    struct strbuf buf;
    strbuf_init(&buf);
    bool good = join_items(run, node, &args[0], separator, &buf);
    *out = value_string(strbuf_dup(&buf, run->arena));
    strbuf_fini(&buf);
    return good;
}

typedef struct value (*text_function)(struct arena *arena, struct str text);

static bool map_texts(struct expr_run *run, const struct expr_node *node, const struct value *arg,
                      text_function convert, struct value *out)
{
    if (arg->kind == VALUE_STRING) {
        *out = convert(run->arena, arg->text);
        return true;
    }
    if (arg->kind != VALUE_LIST) {
        return wrong_kind(run, node, "a string or a list", arg);
    }
    struct value *items = ARENA_ARRAY(run->arena, struct value, arg->list.count);
    for (size_t i = 0; i < arg->list.count; i++) {
        if (arg->list.items[i].kind != VALUE_STRING) {
            return wrong_kind(run, node, "a list of strings", &arg->list.items[i]);
        }
        items[i] = convert(run->arena, arg->list.items[i].text);
    }
    *out = value_list(items, arg->list.count);
    return true;
}

static struct str without_slashes(struct str path)
{
    while (path.len > 1 && path.data[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}

/* Where the extension starts: the last point that is not the first byte. */
static size_t extension_at(struct str base)
{
    ptrdiff_t point = str_rfind(base, '.');
    return point > 0 ? (size_t)point : base.len;
}

static struct value base_of(struct arena *arena, struct str text)
{
    (void)arena;
    return value_path(path_base(without_slashes(text)));
}

static struct value dir_of(struct arena *arena, struct str text)
{
    (void)arena;
    struct str dir = without_slashes(path_dir(without_slashes(text)));
    return value_path(dir.len > 0 ? dir : STR("."));
}

static struct value stem_of(struct arena *arena, struct str text)
{
    struct str base = base_of(arena, text).text;
    return value_path(str_head(base, extension_at(base)));
}

static struct value ext_of(struct arena *arena, struct str text)
{
    struct str base = base_of(arena, text).text;
    return value_string(str_skip(base, extension_at(base)));
}

static struct value change_case(struct arena *arena, struct str text, char first, char last)
{
    char *copy = arena_copy(arena, text.data, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] >= first && copy[i] <= last) {
            copy[i] = (char)(copy[i] ^ 0x20);
        }
    }
    return value_string(str_n(copy, text.len));
}

static struct value lower_of(struct arena *arena, struct str text)
{
    return change_case(arena, text, 'A', 'Z');
}

static struct value upper_of(struct arena *arena, struct str text)
{
    return change_case(arena, text, 'a', 'z');
}

static bool call_base(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, base_of, out);
}

static bool call_dir(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, dir_of, out);
}

static bool call_stem(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, stem_of, out);
}

static bool call_ext(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, ext_of, out);
}

static bool call_lower(struct expr_run *run, const struct expr_node *node, const struct value *args,
                       size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, lower_of, out);
}

static bool call_upper(struct expr_run *run, const struct expr_node *node, const struct value *args,
                       size_t count, struct value *out)
{
    (void)count;
    return map_texts(run, node, args, upper_of, out);
}

static bool call_raw(struct expr_run *run, const struct expr_node *node, const struct value *args,
                     size_t count, struct value *out)
{
    (void)run, (void)node, (void)count;
    *out = args[0];
    return true;
}

/* --- the table --- */

const struct expr_function expr_function_default = {"default", 2, 2, NULL, "say default(x, value)"};
const struct expr_function expr_function_raw = {"raw", 1, 1, call_raw, "say raw(x)"};

static const struct expr_function functions[] = {
    {"abs", 1, 1, call_abs, "say abs(x)"},
    {"min", 1, MANY, call_min, "say min(a, b, …) or min(list)"},
    {"max", 1, MANY, call_max, "say max(a, b, …) or max(list)"},
    {"round", 1, 2, call_round, "say round(x) or round(x, digits)"},
    {"floor", 1, 1, call_floor, "say floor(x)"},
    {"ceil", 1, 1, call_ceil, "say ceil(x)"},
    {"sqrt", 1, 1, call_sqrt, "say sqrt(x)"},
    {"mean", 1, MANY, call_mean, "say mean(a, b, …) or mean(list)"},
    {"stdev", 1, MANY, call_stdev, "say stdev(a, b, …) or stdev(list)"},
    {"len", 1, 1, call_len, "say len(x)"},
    {"join", 1, 2, call_join, "say join(list, ',')"},
    {"base", 1, 1, call_base, "say base(path)"},
    {"dir", 1, 1, call_dir, "say dir(path)"},
    {"stem", 1, 1, call_stem, "say stem(path)"},
    {"ext", 1, 1, call_ext, "say ext(path)"},
    {"lower", 1, 1, call_lower, "say lower(text)"},
    {"upper", 1, 1, call_upper, "say upper(text)"},
    {"format", 2, MANY, expr_call_format, "say format('%.2f', x)"},
};

enum { FUNCTION_COUNT = sizeof(functions) / sizeof(functions[0]) };

const struct expr_function *expr_function_find(struct str name, struct str *near)
{
    struct suggest suggest;
    suggest_init(&suggest, name);
    for (size_t i = 0; i < FUNCTION_COUNT + 2; i++) {
        const struct expr_function *function = i < FUNCTION_COUNT    ? &functions[i]
                                               : i == FUNCTION_COUNT ? &expr_function_default
                                                                     : &expr_function_raw;
        if (str_is(name, function->name)) {
            return function;
        }
        suggest_offer(&suggest, str_of(function->name));
    }
    *near = suggest.best;
    return NULL;
}
