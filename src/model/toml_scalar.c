/* Owns bare words: numbers, booleans and times. A word is everything up to a blank, a newline, a
 * comma, a closing bracket or a comment; it is judged as a whole, so that a message shows all of
 * it. */
#include "model/toml_parser.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

static bool toml_is_digit(char c)
{
    return toml_is(c, TOML_CLASS_DIGIT);
}

static bool toml_is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Any bad word: `fault` in the words of the message. */
static bool toml_bad_word(struct toml_parser *p, struct str word, const char *fault,
                          const char *hint)
{
    p->at = word.data;
    diag_error(p->diags, toml_span(p, word.data, word.data + word.len), hint, "%s '%.*s'", fault,
               word.len > 60 ? 60 : (int)word.len, word.data);
    return false;
}

/* Digits of a base with single underscores between; the offset behind them, or 0 if they are not
 * well formed. */
static size_t toml_digits_len(struct str s, size_t at, unsigned base)
{
    bool digit = false; /* the byte before was one */

    for (; at < s.len; at++) {
        char c = s.data[at];
        char lower = (char)(c | 0x20);

        if (c == '_' && digit) {
            digit = false;
            continue;
        }
        if (toml_is_digit(c) ? (unsigned)(c - '0') >= base
                             : base != 16 || lower < 'a' || lower > 'f') {
            break;
        }
        digit = true;
    }
    return digit ? at : 0;
}

/* The value of well-formed digits; false when it is above `max`. */
static bool toml_digits_value(struct str s, unsigned base, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        unsigned digit = c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10;

        if (c == '_') {
            continue;
        }
        if (sum > (max - digit) / base) {
            return false;
        }
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

static bool toml_set_integer(struct toml_parser *p, struct toml_value *value, struct str word,
                             struct str digits, unsigned base)
{
    bool negative = word.data[0] == '-';
    uint64_t magnitude = 0;

    if (!toml_digits_value(digits, base, (uint64_t)INT64_MAX + negative, &magnitude)) {
        return toml_bad_word(p, word, "integer is out of the range of 64 bits:", NULL);
    }
    value->kind = TOML_INTEGER;
    value->integer = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static bool toml_read_based(struct toml_parser *p, struct toml_value *value, struct str word,
                            unsigned base)
{
    if (toml_digits_len(word, 2, base) != word.len) {
        return toml_bad_word(p, word, "not a number:",
                             "after 0x, 0o, 0b come digits of that base, underscores only between");
    }
    return toml_set_integer(p, value, word, str_skip(word, 2), base);
}

/* The word is a well-formed float: strtod wants it without underscores. It rounds correctly, and
 * what is too large becomes infinite, as IEEE 754 has it. */
static bool toml_set_float(struct toml_parser *p, struct toml_value *value, struct str word)
{
    strbuf_clear(&p->scratch);
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] != '_') {
            strbuf_putc(&p->scratch, word.data[i]);
        }
    }
    value->kind = TOML_FLOAT;
    value->real = strtod(p->scratch.data, NULL);
    return true;
}

/* Where a fraction and an exponent end, if they are there; 0 if they are not well formed. */
static size_t toml_float_len(struct str word, size_t at)
{
    if (at < word.len && word.data[at] == '.') {
        at = toml_digits_len(word, at + 1, 10);
    }
    if (at != 0 && at < word.len && (word.data[at] == 'e' || word.data[at] == 'E')) {
        at++;
        at += at < word.len && (word.data[at] == '+' || word.data[at] == '-');
        at = toml_digits_len(word, at, 10);
    }
    return at;
}

static bool toml_read_special(struct toml_value *value, struct str word, size_t sign)
{
    struct str name = str_skip(word, sign);

    if (!str_is(name, "inf") && !str_is(name, "nan")) {
        return false;
    }
    value->kind = TOML_FLOAT;
    value->real = name.data[0] == 'i' ? (double)INFINITY : (double)NAN;
    if (word.data[0] == '-') {
        value->real = -value->real;
    }
    return true;
}

/* What to do about a bad number, or NULL. */
static const char *toml_number_hint(struct str word, size_t sign)
{
    struct str digits = str_skip(word, sign);

    if (str_find(digits, '_') >= 0) {
        return "underscores stand between digits";
    }
    if (digits.len > 1 && digits.data[0] == '0' && toml_is_digit(digits.data[1])) {
        return "no leading zeros";
    }
    if (str_has_prefix(digits, STR(".")) || str_has_suffix(digits, STR(".")) ||
        str_find_str(digits, STR(".e")) >= 0) {
        return "digits stand on both sides of the point";
    }
    /* Most likely a duration or a size. */
    return digits.len != 0 && toml_is_letter(digits.data[digits.len - 1])
               ? "text is written in quotes"
               : NULL;
}

static bool toml_read_number(struct toml_parser *p, struct toml_value *value, struct str word)
{
    size_t sign = word.data[0] == '+' || word.data[0] == '-';
    size_t end = toml_digits_len(word, sign, 10);
    bool padded = end > sign + 1 && word.data[sign] == '0';

    if (toml_read_special(value, word, sign)) {
        return true;
    }
    if (end != 0 && !padded && end == word.len) {
        return toml_set_integer(p, value, word, str_skip(word, sign), 10);
    }
    if (end != 0 && !padded && toml_float_len(word, end) == word.len) {
        return toml_set_float(p, value, word);
    }
    return toml_bad_word(p, word, "not a number:", toml_number_hint(word, sign));
}

/* Two digits at `at`, within [low, high]; -1 if not. */
static int toml_two_digits(struct str s, size_t at, int low, int high)
{
    int number;

    if (s.len < at + 2 || !toml_is_digit(s.data[at]) || !toml_is_digit(s.data[at + 1])) {
        return -1;
    }
    number = (s.data[at] - '0') * 10 + (s.data[at + 1] - '0');
    return number < low || number > high ? -1 : number;
}

static int toml_days_in_month(int year, int month)
{
    static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month] + (month == 2 && leap);
}

/* YYYY-MM-DD at the start of `s`. */
static bool toml_is_date(struct str s)
{
    int century = toml_two_digits(s, 0, 0, 99);
    int years = toml_two_digits(s, 2, 0, 99);
    int month = toml_two_digits(s, 5, 1, 12);

    return s.len >= 10 && century >= 0 && years >= 0 && month >= 0 && s.data[4] == '-' &&
           s.data[7] == '-' &&
           toml_two_digits(s, 8, 1, toml_days_in_month(century * 100 + years, month)) >= 0;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fraction at `at`: the offset behind it, or 0. */
static size_t toml_time_len(struct str s, size_t at, bool *seconds)
{
    *seconds = false;
    if (toml_two_digits(s, at, 0, 23) < 0 || s.len < at + 5 || s.data[at + 2] != ':' ||
        toml_two_digits(s, at + 3, 0, 59) < 0) {
        return 0;
    }
    at += 5;
    if (at == s.len || s.data[at] != ':') {
        return at;
    }
    *seconds = true;
    /* A leap second is 60. */
    if (toml_two_digits(s, at + 1, 0, 60) < 0) {
        return 0;
    }
    at += 3;
    if (at < s.len && s.data[at] == '.') {
        size_t from = ++at;

        while (at < s.len && toml_is_digit(s.data[at])) {
            at++;
        }
        return at > from ? at : 0;
    }
    return at;
}

/* Z or +HH:MM, which is the rest of the word. */
static bool toml_is_offset(struct str s)
{
    if (s.len == 1) {
        return (s.data[0] | 0x20) == 'z';
    }
    return s.len == 6 && (s.data[0] == '+' || s.data[0] == '-') && s.data[3] == ':' &&
           toml_two_digits(s, 1, 0, 23) >= 0 && toml_two_digits(s, 4, 0, 59) >= 0;
}

/* The normal form: capital T and Z, seconds. */
static struct str toml_normal_time(struct toml_parser *p, struct str word, size_t clock_end,
                                   bool seconds)
{
    struct strbuf *out = &p->scratch;

    strbuf_clear(out);
    strbuf_add(out, word.data, clock_end);
    if (clock_end > 10 && word.data[4] == '-') {
        out->data[10] = 'T';
    }
    if (clock_end != 10 && !seconds) {
        strbuf_puts(out, ":00");
    }
    if (word.len - clock_end == 1) {
        strbuf_putc(out, 'Z');
    } else {
        strbuf_add(out, word.data + clock_end, word.len - clock_end);
    }
    return strbuf_dup(out, p->strings);
}

static bool toml_read_local_time(struct toml_parser *p, struct toml_value *value, struct str word)
{
    bool seconds;

    if (toml_time_len(word, 0, &seconds) != word.len) {
        return toml_bad_word(p, word, "not a time:", "as in 07:32 or 07:32:00.5");
    }
    value->kind = TOML_LOCAL_TIME;
    value->time = toml_normal_time(p, word, word.len, seconds);
    return true;
}

static bool toml_read_date(struct toml_parser *p, struct toml_value *value, struct str word)
{
    size_t end;
    bool seconds = false;

    if (!toml_is_date(word)) {
        return toml_bad_word(p, word,
                             "not a date:", "a date is a day of the calendar, as YYYY-MM-DD");
    }
    if (word.len == 10) {
        value->kind = TOML_LOCAL_DATE;
        value->time = str_dup(p->strings, word);
        return true;
    }
    end = toml_time_len(word, 11, &seconds);
    if (end == 0 || ((word.data[10] | 0x20) != 't' && word.data[10] != ' ') ||
        (end != word.len && !toml_is_offset(str_skip(word, end)))) {
        return toml_bad_word(p, word, "not a date-time:",
                             "as in 1979-05-27T07:32:00Z; for Z also +HH:MM or nothing");
    }
    value->kind = end == word.len ? TOML_LOCAL_DATETIME : TOML_OFFSET_DATETIME;
    value->time = toml_normal_time(p, word, end, seconds);
    return true;
}

static struct str toml_cut_word(const struct toml_parser *p)
{
    const char *to = p->at;

    while (to < p->end && !toml_is(*to, TOML_CLASS_END)) {
        to++;
    }
    /* A date and a time may be parted by one blank. */
    if (to - p->at == 10 && p->at[4] == '-' && p->end - to >= 2 && to[0] == ' ' &&
        toml_is_digit(to[1]) && toml_is_digit(p->at[0])) {
        do {
            to++;
        } while (to < p->end && !toml_is(*to, TOML_CLASS_END));
    }
    return str_n(p->at, (size_t)(to - p->at));
}

static bool toml_dispatch_word(struct toml_parser *p, struct toml_value *value, struct str word)
{
    char c = word.data[0];

    if (str_is(word, "true") || str_is(word, "false")) {
        value->kind = TOML_BOOLEAN;
        value->boolean = c == 't';
        return true;
    }
    if (c == '0' && word.len >= 2) {
        switch (word.data[1]) {
        case 'x':
            return toml_read_based(p, value, word, 16);
        case 'o':
            return toml_read_based(p, value, word, 8);
        case 'b':
            return toml_read_based(p, value, word, 2);
        default:
            break;
        }
    }
    if (toml_is_digit(c) && word.len > 2 && word.data[2] == ':') {
        return toml_read_local_time(p, value, word);
    }
    if (toml_two_digits(word, 0, 0, 99) >= 0 && word.len > 4 && word.data[4] == '-') {
        return toml_read_date(p, value, word);
    }
    if (toml_is_digit(c) || c == '+' || c == '-' || c == '.' || str_is(word, "inf") ||
        str_is(word, "nan")) {
        return toml_read_number(p, value, word);
    }
    if ((word.len == 4 && strncasecmp(word.data, "true", 4) == 0) ||
        (word.len == 5 && strncasecmp(word.data, "false", 5) == 0)) {
        return toml_bad_word(p, word, "not a value:", "booleans are true and false");
    }
    return toml_bad_word(p, word, "not a value:", "text is written in quotes");
}

bool toml_read_word(struct toml_parser *p, struct toml_value *value)
{
    struct str word = toml_cut_word(p);

    if (word.len == 0 || !toml_is(word.data[0], TOML_CLASS_LITERAL)) {
        return toml_unexpected(p, "a value");
    }
    if (!toml_dispatch_word(p, value, word)) {
        return false;
    }
    p->at = word.data + word.len;
    return true;
}
