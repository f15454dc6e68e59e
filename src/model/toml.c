/* Owns the document: statements line by line, and how reading goes on after an error.
 *
 * After a fault the rest of the line is skipped; inside brackets, everything up to a line that
 * looks like a statement. After a faulty header the keys below it go into a table that nobody sees.
 */
#include "model/toml_parser.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

/* Beyond this many errors the text is no TOML, and the reader has more than enough. */
enum { TOML_ERRORS_MAX = 50 };

#define TOML_ALL  (TOML_CLASS_PLAIN | TOML_CLASS_BASIC | TOML_CLASS_LITERAL)
#define TOML_BARE (TOML_ALL | TOML_CLASS_BARE)

const uint8_t toml_classes[256] = {
    ['\t'] = TOML_ALL | TOML_CLASS_END,
    ['\n'] = TOML_CLASS_END,
    ['\r'] = TOML_CLASS_END,
    [' '] = TOML_ALL | TOML_CLASS_END,
    ['!'] = TOML_ALL,
    ['"'] = TOML_CLASS_PLAIN | TOML_CLASS_LITERAL,
    ['#'] = TOML_ALL | TOML_CLASS_END,
    ['$' ... '&'] = TOML_ALL,
    ['\''] = TOML_CLASS_PLAIN | TOML_CLASS_BASIC,
    ['(' ... '+'] = TOML_ALL,
    [','] = TOML_ALL | TOML_CLASS_END,
    ['-'] = TOML_BARE,
    ['.' ... '/'] = TOML_ALL,
    ['0' ... '9'] = TOML_BARE | TOML_CLASS_DIGIT,
    [':' ... '@'] = TOML_ALL,
    ['A' ... 'Z'] = TOML_BARE,
    ['['] = TOML_ALL,
    ['\\'] = TOML_CLASS_PLAIN | TOML_CLASS_LITERAL,
    [']'] = TOML_ALL | TOML_CLASS_END,
    ['^'] = TOML_ALL,
    ['_'] = TOML_BARE,
    ['`'] = TOML_ALL,
    ['a' ... 'z'] = TOML_BARE,
    ['{' ... '|'] = TOML_ALL,
    ['}'] = TOML_ALL | TOML_CLASS_END,
    ['~'] = TOML_ALL,
    [0x80 ... 0xff] = TOML_ALL,
};

bool toml_unexpected(struct toml_parser *p, const char *expected)
{
    size_t len = utf8_sequence(str_n(p->at, (size_t)(p->end - p->at)), 0);
    int c = toml_peek(p);

    if (c < 0) {
        diag_error(p->diags, toml_span(p, p->at, p->at), NULL, "expected %s, found the end",
                   expected);
    } else if (c == '\n' || (c == '\r' && p->end - p->at > 1 && p->at[1] == '\n')) {
        diag_error(p->diags, toml_span(p, p->at, p->at), NULL,
                   "expected %s, found the end of the line", expected);
    } else if (c == '\r') {
        diag_error(p->diags, toml_span(p, p->at, p->at + 1), NULL,
                   "carriage return without line feed");
    } else if (c < 0x20 || c == 0x7f) {
        diag_error(p->diags, toml_span(p, p->at, p->at + 1), NULL,
                   "expected %s, found a control character (0x%02x)", expected, (unsigned)c);
    } else {
        diag_error(p->diags, toml_span(p, p->at, p->at + len), NULL, "expected %s, found '%.*s'",
                   expected, (int)len, p->at);
    }
    return false;
}

bool toml_skip_newline(struct toml_parser *p)
{
    if (toml_next_is(p, '\n')) {
        p->at++;
        return true;
    }
    if (toml_next_is(p, '\r') && p->end - p->at > 1 && p->at[1] == '\n') {
        p->at += 2;
        return true;
    }
    return false;
}

bool toml_skip_comment(struct toml_parser *p)
{
    int c;

    if (!toml_next_is(p, '#')) {
        return true;
    }
    while (p->at < p->end && toml_is(*p->at, TOML_CLASS_PLAIN)) {
        p->at++;
    }
    c = toml_peek(p);
    if (c < 0 || c == '\n' || (c == '\r' && p->end - p->at > 1 && p->at[1] == '\n')) {
        return true;
    }
    diag_error(p->diags, toml_span(p, p->at, p->at + 1), NULL,
               c == '\r' ? "carriage return without line feed in comment"
                         : "control character (0x%02x) in comment",
               (unsigned)c);
    return false;
}

bool toml_skip_space(struct toml_parser *p)
{
    do {
        toml_skip_blanks(p);
        if (!toml_skip_comment(p)) {
            return false;
        }
    } while (toml_skip_newline(p));
    return true;
}

/* The brackets and the name between them; `*defined` is NULL if the name may not be defined. */
static bool toml_read_brackets(struct toml_parser *p, struct toml_value **defined,
                               struct toml_table **owner)
{
    bool item;

    *defined = NULL;
    *owner = NULL;
    p->at++;
    item = toml_next_is(p, '[');
    p->at += item;
    toml_skip_blanks(p);
    if (!toml_read_header_name(p, item, defined, owner)) {
        return false;
    }
    if (!toml_next_is(p, ']')) {
        return toml_unexpected(p, item ? "']]' after the name" : "']' after the name");
    }
    p->at++;
    if (item && !toml_next_is(p, ']')) {
        return toml_unexpected(p, "']]' after the name");
    }
    p->at += item;
    return true;
}

/* From here on the text speaks of another table of the second level, or of none. */
static void toml_change_owner(struct toml_parser *p, struct toml_table *owner, const char *from)
{
    if (owner != p->owner) {
        toml_owner_end(p->owner, (uint32_t)(from - p->begin));
        toml_owner_begin(owner, (uint32_t)(from - p->begin));
        p->owner = owner;
    }
}

static bool toml_read_header(struct toml_parser *p)
{
    const char *from = p->at;
    struct toml_value *defined;
    struct toml_table *owner;
    bool good = toml_read_brackets(p, &defined, &owner);

    toml_change_owner(p, owner, from);
    if (good && defined != NULL) {
        defined->span = toml_span(p, from, p->at);
        p->current = defined->table;
    } else {
        /* What follows a bad header belongs to a table nobody sees. */
        p->current = toml_table_new(p->arena, TOML_ORIGIN_HEADER, 0);
    }
    return good;
}

/* Nothing but a comment may follow on the line. */
static bool toml_end_line(struct toml_parser *p)
{
    toml_skip_blanks(p);
    if (!toml_skip_comment(p)) {
        return false;
    }
    return p->at == p->end || toml_skip_newline(p) || toml_unexpected(p, "the end of the line");
}

static void toml_skip_line(struct toml_parser *p)
{
    const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));

    p->at = newline != NULL ? newline + 1 : p->end;
}

/* Whether the line at `at` seems to start a statement: [, or a bare key and =, without the comma
 * that a line inside brackets would end with. */
static bool toml_is_statement(const struct toml_parser *p)
{
    const char *at = p->at;
    const char *end = memchr(at, '\n', (size_t)(p->end - at));
    struct str line = str_trim(str_n(at, (size_t)((end != NULL ? end : p->end) - at)));

    if (at == p->end || toml_is(*at, TOML_CLASS_END) || line.data[line.len - 1] == ',') {
        return false;
    }
    if (*at == '[') {
        return line.data[line.len - 1] == ']';
    }
    while (at < p->end && (toml_is(*at, TOML_CLASS_BARE) || *at == '.' || *at == ' ')) {
        at++;
    }
    return at < p->end && *at == '=';
}

/* After a fault: to the next line; inside brackets to the next line, perhaps this one, that looks
 * like a statement. `from` is where the faulty statement starts. */
static void toml_recover(struct toml_parser *p, const char *from)
{
    const char *line = p->at;

    p->items.count = 0;
    if (p->nesting == 0) {
        toml_skip_line(p);
        return;
    }
    p->nesting = 0;
    while (line > from && line[-1] != '\n') {
        line--;
    }
    p->at = line;
    if (line == from || !toml_is_statement(p)) {
        do {
            toml_skip_line(p);
        } while (p->at < p->end && !toml_is_statement(p));
    }
}

static bool toml_read_statement(struct toml_parser *p)
{
    return (toml_next_is(p, '[') ? toml_read_header(p) : toml_read_pair(p, p->current)) &&
           toml_end_line(p);
}

/* A gap begins where a statement does. */
static bool toml_skip_gap(struct toml_parser *p)
{
    if (p->gap_count == 0 || p->at != p->begin + p->gaps->from) {
        return false;
    }
    toml_change_owner(p, NULL, p->at);
    p->at = p->begin + p->gaps->to;
    p->gaps++;
    p->gap_count--;
    return true;
}

static void toml_read_document(struct toml_parser *p)
{
    uint32_t errors_max = p->diags->errors + TOML_ERRORS_MAX;

    while (p->diags->errors < errors_max) {
        const char *from = p->at;

        if (!toml_skip_space(p)) {
            toml_recover(p, from);
            continue;
        }
        if (p->at == p->end) {
            return;
        }
        if (toml_skip_gap(p)) {
            continue;
        }
        from = p->at;
        if (!toml_read_statement(p)) {
            toml_recover(p, from);
        }
    }
}

static bool toml_check_encoding(struct toml_parser *p, size_t from, size_t to)
{
    size_t valid = from + utf8_valid_len(str_n(p->begin + from, to - from));

    if (valid != to) {
        diag_error(p->diags, (struct span){(uint32_t)valid, 1, p->source}, "save it as UTF-8",
                   "byte 0x%02x is not UTF-8", (unsigned)(unsigned char)p->begin[valid]);
    }
    return valid == to;
}

/* Whether the text as a whole can be read: its size and its encoding. What is passed over was read
 * before. */
static bool toml_check_text(struct toml_parser *p, struct str text)
{
    size_t from = 0;

    if (text.len > LIMIT_TOML_BYTES) {
        diag_error(p->diags, (struct span){0, 0, p->source}, NULL, "text is larger than %d bytes",
                   LIMIT_TOML_BYTES);
        return false;
    }
    for (uint32_t i = 0; i < p->gap_count; i++) {
        const struct str_range *gap = &p->gaps[i];

        if (gap->from < from || gap->to < gap->from || gap->to > text.len) {
            diag_error(p->diags, (struct span){0, 0, p->source}, NULL,
                       "text has changed since its tables were found");
            return false;
        }
        if (!toml_check_encoding(p, from, gap->from)) {
            return false;
        }
        from = gap->to;
    }
    return toml_check_encoding(p, from, text.len);
}

struct toml_value *toml_parse(struct arena *arena, struct str text, uint16_t source,
                              struct diags *diags)
{
    return toml_parse_apart(arena, arena, text, source, diags);
}

struct toml_value *toml_parse_apart(struct arena *arena, struct arena *strings, struct str text,
                                    uint16_t source, struct diags *diags)
{
    return toml_parse_between(arena, strings, text, NULL, 0, source, diags);
}

struct toml_value *toml_parse_between(struct arena *arena, struct arena *strings, struct str text,
                                      const struct str_range *gaps, uint32_t gap_count,
                                      uint16_t source, struct diags *diags)
{
    struct toml_parser p = {.arena = arena,
                            .strings = strings,
                            .diags = diags,
                            .source = source,
                            .gaps = gaps,
                            .gap_count = gap_count};
    struct toml_value *root = ARENA_NEW(arena, struct toml_value);
    uint32_t errors = diags->errors;

    /* An empty text may come without an address. */
    p.begin = p.at = text.data != NULL ? text.data : "";
    p.end = p.begin + text.len;
    p.root = p.current = toml_table_new(arena, TOML_ORIGIN_HEADER, 0);
    if (!toml_check_text(&p, text)) {
        return NULL;
    }
    if (str_has_prefix(text, STR("\xef\xbb\xbf"))) {
        p.at += 3;
    }
    toml_read_document(&p);
    toml_change_owner(&p, NULL, p.end);
    VEC_FREE(&p.items);
    strbuf_fini(&p.scratch);
    root->kind = TOML_TABLE;
    root->table = p.root;
    root->span = (struct span){0, 0, source};
    return diags->errors == errors ? root : NULL;
}
