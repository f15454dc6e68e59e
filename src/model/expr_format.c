/* format(text, x…): each conversion in the text takes the next value; as many values as
 * conversions.
 *
 *     % [flags] [width] [.precision] conversion
 *
 * flags: `-` to the left, `0` filled with zeros, `+` or a blank in place of a missing minus. Width
 * up to 999, precision up to 99. Conversions: `d` an integer; `x` an integer not below 0, in
 * hexadecimal; `f g e` a number, as in C; `s` the text of any value but a list, cut to `precision`
 * characters; `%%` a per cent sign. Width counts characters. */
#include "model/expr_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { WIDTH_MAX = 999, PRECISION_MAX = 99, NUMBER_BYTES = 512 };

struct conversion {
    bool left, zero;
    char plus; /* '+', ' ' or NUL */
    int width;
    int precision; /* -1: none */
    char letter;
};

static bool read_count(struct str text, size_t *at, int most, int *count)
{
    *count = 0;
    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        *count = *count * 10 + (text.data[*at] - '0');
        if (*count > most) {
            return false;
        }
    }
    return true;
}

/* Reads what stands behind the per cent sign. */
static bool conversion_read(struct str text, size_t *at, struct conversion *conversion)
{
    *conversion = (struct conversion){.precision = -1};
    for (; *at < text.len && strchr("-0+ ", text.data[*at]) != NULL && text.data[*at] != '\0';
         (*at)++) {
        char c = text.data[*at];
        conversion->left = conversion->left || c == '-';
        conversion->zero = conversion->zero || c == '0';
        conversion->plus =
            c == '+' || (c == ' ' && conversion->plus == '\0') ? c : conversion->plus;
    }
    if (!read_count(text, at, WIDTH_MAX, &conversion->width)) {
        return false;
    }
    if (*at < text.len && text.data[*at] == '.') {
        (*at)++;
        if (!read_count(text, at, PRECISION_MAX, &conversion->precision)) {
            return false;
        }
    }
    if (*at == text.len || text.data[*at] == '\0' || strchr("dxfges", text.data[*at]) == NULL) {
        return false;
    }
    conversion->letter = text.data[(*at)++];
    return true;
}

static size_t count_characters(struct str text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++) {
        size_t len = utf8_sequence(text, at);
        at += len > 0 ? len : 1;
    }
    return count;
}

static struct str head_characters(struct str text, size_t count)
{
    size_t at = 0;
    while (at < text.len && count-- > 0) {
        size_t len = utf8_sequence(text, at);
        at += len > 0 ? len : 1;
    }
    return str_head(text, at);
}

static void fill(struct strbuf *out, char c, size_t count)
{
    while (count-- > 0) {
        strbuf_putc(out, c);
    }
}

/* Adds sign and body, filled up to the width. */
static void add_filled(struct strbuf *out, const struct conversion *conversion, struct str sign,
                       struct str body)
{
    size_t used = sign.len + count_characters(body), width = (size_t)conversion->width;
    size_t missing = width > used ? width - used : 0;
    bool zero = conversion->zero && !conversion->left && conversion->letter != 's';
    if (!conversion->left && !zero) {
        fill(out, ' ', missing);
    }
    strbuf_add_str(out, sign);
    fill(out, '0', zero ? missing : 0);
    strbuf_add_str(out, body);
    fill(out, ' ', conversion->left ? missing : 0);
}

static void add_number(struct strbuf *out, const struct conversion *conversion, const char *text)
{
    struct str body = str_of(text), sign = STR("");
    if (text[0] == '-') {
        sign = STR("-");
        body = str_skip(body, 1);
    } else if (conversion->plus != '\0') {
        sign = str_n(&conversion->plus, 1);
    }
    add_filled(out, conversion, sign, body);
}

static bool add_float(struct strbuf *out, const struct conversion *conversion,
                      const struct value *value)
{
    char text[NUMBER_BYTES];
    int precision = conversion->precision < 0 ? 6 : conversion->precision;
    double number;
    if (!value_is_number(value)) {
        return false;
    }
    number = value_as_double(value);
    if (conversion->letter == 'f') {
        snprintf(text, sizeof(text), "%.*f", precision, number);
    } else if (conversion->letter == 'e') {
        snprintf(text, sizeof(text), "%.*e", precision, number);
    } else {
        snprintf(text, sizeof(text), "%.*g", precision, number);
    }
    add_number(out, conversion, text);
    return true;
}

static bool add_int(struct strbuf *out, const struct conversion *conversion,
                    const struct value *value)
{
    char text[NUMBER_BYTES];
    bool hex = conversion->letter == 'x';
    if (value->kind != VALUE_INT || (hex && value->integer < 0)) {
        return false;
    }
    if (hex) {
        snprintf(text, sizeof(text), "%" PRIx64, (uint64_t)value->integer);
    } else {
        snprintf(text, sizeof(text), "%" PRId64, value->integer);
    }
    add_number(out, conversion, text);
    return true;
}

static bool add_text(struct strbuf *out, const struct conversion *conversion,
                     const struct value *value, struct arena *arena)
{
    if (value->kind == VALUE_LIST) {
        return false;
    }
    struct str text = value_text(value, arena);
    if (conversion->precision >= 0) {
        text = head_characters(text, (size_t)conversion->precision);
    }
    add_filled(out, conversion, STR(""), text);
    return true;
}

static bool add_value(struct expr_run *run, const struct expr_node *node, struct strbuf *out,
                      const struct conversion *conversion, const struct value *value)
{
    bool good;
    const char *wanted = "a number";
    if (conversion->letter == 's') {
        good = add_text(out, conversion, value, run->arena);
        wanted = "a single value";
    } else if (conversion->letter == 'd' || conversion->letter == 'x') {
        good = add_int(out, conversion, value);
        wanted = conversion->letter == 'd' ? "an integer" : "an integer not below 0";
    } else {
        good = add_float(out, conversion, value);
    }
    if (!good) {
        struct strbuf shown;
        strbuf_init(&shown);
        value_show(value, &shown);
        expr_fail(run, node->span, conversion->letter == 'd' ? "round it, or say %.0f" : NULL,
                  "'%%%c' in 'format' takes %s, not %s", conversion->letter, wanted, shown.data);
        strbuf_fini(&shown);
    }
    return good;
}

static bool format_to(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct strbuf *out)
{
    struct str text = args[0].text;
    struct conversion conversion;
    size_t used = 1;
    for (size_t at = 0; at < text.len;) {
        char c = text.data[at++];
        if (c != '%') {
            strbuf_putc(out, c);
        } else if (at < text.len && text.data[at] == '%') {
            strbuf_putc(out, text.data[at++]);
        } else if (!conversion_read(text, &at, &conversion)) {
            return expr_fail(run, node->span,
                             "a conversion is %d %x %f %g %e or %s, as in '%05.2f'",
                             "'format' has a wrong conversion");
        } else if (used == count) {
            return expr_fail(run, node->span, NULL, "'format' has more conversions than values");
        } else if (!add_value(run, node, out, &conversion, &args[used++])) {
            return false;
        }
    }
    return used == count ||
           expr_fail(run, node->span, NULL, "'format' has more values than conversions");
}

bool expr_call_format(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out)
{
    struct strbuf buf;
    if (args[0].kind != VALUE_STRING) {
        return expr_fail(run, node->span, NULL, "'format' takes a string first, not %s",
                         value_kind_name(args[0].kind));
    }
    strbuf_init(&buf);
    bool good = format_to(run, node, args, count, &buf);
    *out = value_string(strbuf_dup(&buf, run->arena));
    strbuf_fini(&buf);
    return good;
}
