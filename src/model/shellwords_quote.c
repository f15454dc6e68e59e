/* Quotes, substitutions and here-documents of a shell command. See shellwords.c for the design. */
#include <assert.h>
#include <string.h>

#include "model/shellwords_scan.h"

static int byte_at(const struct scanner *s, size_t at)
{
    return at < s->end ? (unsigned char)s->text.data[at] : SCAN_END;
}

/* --- quotes --- */

/* Up to the next `quote`, where nothing else has a meaning. */
static void scan_literal(struct scanner *s, char quote, enum shell_place place)
{
    size_t start = ++s->at;
    while (s->at < s->end && s->text.data[s->at] != quote) {
        s->at++;
    }
    scan_mark(s, start, s->at, place);
    if (s->at == s->end) {
        s->uncertain = true;
    } else {
        s->at++;
    }
}

void scan_single_quote(struct scanner *s)
{
    scan_literal(s, '\'', SHELL_PLACE_SINGLE_QUOTE);
}

/* Backslashes hide backquotes; quotes inside do not. */
void scan_backquote(struct scanner *s)
{
    size_t start = ++s->at;
    while (s->at < s->end && s->text.data[s->at] != '`') {
        s->at += s->text.data[s->at] == '\\' && s->at + 1 < s->end ? 2 : 1;
    }
    scan_mark(s, start, s->at, SHELL_PLACE_BACKQUOTE);
    if (s->at == s->end) {
        s->uncertain = true;
    } else {
        s->at++;
    }
}

/* What double quotes and unquoted here-documents hold, up to `quote` or (SCAN_END) the end. */
static void scan_quoted(struct scanner *s, int quote, enum shell_place place)
{
    for (int c; (c = byte_at(s, s->at)) != quote && c != SCAN_END;) {
        if (c == '\\' && s->at + 1 < s->end) {
            scan_mark(s, s->at, s->at + 2, place);
            s->at += 2;
        } else if (c == '`') {
            scan_backquote(s);
        } else if (c == '$') {
            scan_dollar(s, true);
        } else {
            scan_mark(s, s->at, s->at + 1, place);
            s->at++;
        }
    }
}

void scan_double_quote(struct scanner *s)
{
    s->at++;
    if (!scan_enter(s)) {
        return;
    }
    scan_quoted(s, '"', SHELL_PLACE_DOUBLE_QUOTE);
    s->depth--;
    s->uncertain = s->uncertain || s->at == s->end;
    s->at += s->at < s->end ? 1 : 0;
}

/* $'…': escapes in some shells, plain single quotes in dash. They agree on the end unless a
 * backslash stands before the first quote. */
static void scan_escaped_quote(struct scanner *s)
{
    size_t start = s->at;
    scan_single_quote(s);
    if (s->at >= start + 3 && s->text.data[s->at - 2] == '\\') {
        s->uncertain = true;
    }
}

/* --- substitutions --- */

void scan_parentheses(struct scanner *s, enum shell_place place, bool is_list)
{
    enum shell_place outer = s->context;
    size_t pending = s->pending.count;
    s->at++;
    if (!scan_enter(s)) {
        return;
    }
    s->context = place != SHELL_PLACE_WORD ? place : outer;
    scan_commands(s, true, is_list);
    s->context = outer;
    s->depth--;
    /* Shells differ about where a body is that starts or ends in a substitution. */
    s->uncertain = s->uncertain || (place != SHELL_PLACE_WORD && s->pending.count != pending);
    if (s->at == s->end) {
        s->uncertain = true;
    } else {
        s->at++;
    }
}

/* From behind `$((`. What closes early is a subshell in a substitution: too rare to follow. */
static void scan_arithmetic(struct scanner *s)
{
    uint32_t open = 2;
    for (int c; open > 0 && (c = scan_peek(s)) != SCAN_END;) {
        if (c == '$') {
            scan_dollar(s, true);
            continue;
        }
        if (c == '`') {
            scan_backquote(s);
            continue;
        }
        if (open == 1 && c != ')') {
            s->uncertain = true;
        }
        if (c == '\'' || c == '"' || c == '\\') {
            s->uncertain = true;
        }
        open += c == '(' ? 1 : 0;
        open -= c == ')' ? 1 : 0;
        scan_mark(s, s->at, s->at + 1, SHELL_PLACE_ARITHMETIC);
        s->at++;
    }
    s->uncertain = s->uncertain || open > 0;
}

/* A single quote in ${ … }. Within double quotes some shells take it for itself: they agree on the
 * rest if it has a partner and nothing between has a meaning. */
static void scan_parameter_quote(struct scanner *s, bool in_quotes)
{
    size_t start = s->at;
    scan_single_quote(s);
    for (size_t i = start + 1; in_quotes && i < s->at; i++) {
        char c = s->text.data[i];
        s->uncertain = s->uncertain || c == '\0' || strchr("}{\"`$\\", c) != NULL;
    }
}

/* From behind `${`. */
static void scan_parameter(struct scanner *s, bool in_quotes)
{
    int c = scan_peek(s);
    if (c == ' ' || c == '\t' || c == '\n' || c == '|') {
        s->uncertain = true; /* a function substitution in some shells */
    }
    while ((c = scan_peek(s)) != '}' && c != SCAN_END) {
        if (c == '\'') {
            scan_parameter_quote(s, in_quotes);
        } else if (c == '"') {
            scan_double_quote(s);
        } else if (c == '`') {
            scan_backquote(s);
        } else if (c == '$') {
            scan_dollar(s, in_quotes);
        } else {
            size_t len = c == '\\' && s->at + 1 < s->end ? 2 : 1;
            s->uncertain = s->uncertain || c == '{';
            scan_mark(s, s->at, s->at + len, SHELL_PLACE_PARAMETER);
            s->at += len;
        }
    }
    s->uncertain = s->uncertain || s->at == s->end;
    s->at += s->at < s->end ? 1 : 0;
}

static bool is_name_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* $name, $1, $?, and what zsh allows between: $#name, $=name. */
static enum dollar scan_dollar_name(struct scanner *s)
{
    int c = scan_peek(s);
    bool named = false;
    if (c > 0 && strchr("@*?-$!", c) != NULL) {
        s->at++;
        return DOLLAR_NAME;
    }
    for (; c > 0 && strchr("#=^~+", c) != NULL; c = scan_peek(s)) {
        s->at++;
        named = true;
    }
    if (c == '\0') {
        scan_hole(s, SHELL_PLACE_DOLLAR);
        return DOLLAR_OTHER;
    }
    for (; is_name_byte(c); c = scan_peek(s)) {
        s->at++;
        named = true;
    }
    return named ? DOLLAR_NAME : DOLLAR_PLAIN;
}

static void scan_dollar_parenthesis(struct scanner *s)
{
    size_t open = s->at;
    s->at++;
    if (scan_accept(s, '(')) {
        scan_arithmetic(s);
        return;
    }
    s->at = open;
    scan_parentheses(s, SHELL_PLACE_SUBSTITUTION, true);
}

enum dollar scan_dollar(struct scanner *s, bool in_quotes)
{
    s->at++;
    int c = scan_peek(s);
    if (c == '(' || c == '{') {
        if (!scan_enter(s)) {
            return DOLLAR_OTHER;
        }
        if (c == '(') {
            scan_dollar_parenthesis(s);
        } else {
            s->at++;
            scan_parameter(s, in_quotes);
        }
        s->depth--;
        return DOLLAR_OTHER;
    }
    if (c == '\'' && !in_quotes) {
        scan_escaped_quote(s);
        return DOLLAR_OTHER;
    }
    if (c == '[') { /* arithmetic in some shells, two characters in others */
        s->uncertain = true;
    }
    return scan_dollar_name(s);
}

/* --- here-documents --- */

static bool ends_delimiter(int c)
{
    return c == SCAN_END || (c > 0 && strchr(" \t\n;&|<>()", c) != NULL);
}

/* One piece of the delimiter: a quoted part or a character. */
static void scan_delimiter_piece(struct scanner *s, struct here_document *here, int c)
{
    size_t start = s->at;
    if (c == '\'' || c == '"') {
        scan_literal(s, (char)c, SHELL_PLACE_HERE_DELIMITER);
        size_t len = s->at - start;
        here->quoted = true;
        if (len >= 2) {
            strbuf_add(&here->delimiter, s->text.data + start + 1, len - 2);
        }
        s->uncertain =
            s->uncertain || (c == '"' && memchr(s->text.data + start, '\\', len) != NULL);
        return;
    }
    if (c == '\\') {
        here->quoted = true;
        s->at++;
        c = byte_at(s, s->at);
    }
    /* Shells differ about expansions here; no delimiter needs them. */
    s->uncertain = s->uncertain || c == '$' || c == '`' || c == SCAN_END;
    if (c != SCAN_END) {
        strbuf_putc(&here->delimiter, (char)c);
        s->at++;
    }
    scan_mark(s, start, s->at, SHELL_PLACE_HERE_DELIMITER);
}

void scan_here_operator(struct scanner *s)
{
    struct here_document here = {.tabs = scan_accept(s, '-')};
    int c;
    strbuf_init(&here.delimiter);
    while ((c = scan_peek(s)) == ' ' || c == '\t') {
        s->at++;
    }
    if (ends_delimiter(c)) {
        s->uncertain = true;
    }
    for (; !ends_delimiter(c); c = scan_peek(s)) {
        scan_delimiter_piece(s, &here, c);
    }
    VEC_PUSH(&s->pending, here);
}

static bool ends_in_backslash(struct str line)
{
    size_t count = 0;
    while (count < line.len && line.data[line.len - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 1;
}

static struct str next_line(struct scanner *s)
{
    size_t start = s->at;
    while (s->at < s->end && s->text.data[s->at] != '\n') {
        s->at++;
    }
    struct str line = str_n(s->text.data + start, s->at - start);
    s->at += s->at < s->end ? 1 : 0;
    return line;
}

/* Moves behind the line that ends the body; returns where that line starts. */
static size_t find_body_end(struct scanner *s, const struct here_document *here)
{
    bool continued = false;
    while (s->at < s->end) {
        size_t start = s->at;
        struct str line = next_line(s), bare = line;
        while (here->tabs && bare.len > 0 && bare.data[0] == '\t') {
            bare = str_skip(bare, 1);
        }
        if (str_equal(bare, strbuf_str(&here->delimiter))) {
            s->uncertain = s->uncertain || continued; /* shells differ */
            return start;
        }
        continued = !here->quoted && ends_in_backslash(line);
    }
    s->uncertain = true;
    return s->end;
}

static void scan_here_body(struct scanner *s, const struct here_document *here)
{
    size_t start = s->at, body_end = find_body_end(s, here), behind = s->at, end = s->end;
    scan_mark(s, start, behind, SHELL_PLACE_HERE_DOCUMENT);
    if (here->quoted) {
        return;
    }
    /* A substitution that is open at the end would go on behind it in some shells. */
    s->at = start;
    s->end = body_end;
    scan_quoted(s, SCAN_END, SHELL_PLACE_HERE_DOCUMENT);
    s->at = behind;
    s->end = end;
}

static void here_documents_free(struct here_document *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_fini(&items[i].delimiter);
    }
    free(items);
}

void scan_here_bodies(struct scanner *s)
{
    /* A body can hold substitutions with here-documents of their own. */
    struct here_document *items = s->pending.items;
    size_t count = s->pending.count;
    memset(&s->pending, 0, sizeof(s->pending));
    for (size_t i = 0; i < count; i++) {
        scan_here_body(s, &items[i]);
    }
    here_documents_free(items, count);
    scan_here_forget(s);
}

void scan_here_forget(struct scanner *s)
{
    s->uncertain = s->uncertain || s->pending.count > 0;
    here_documents_free(s->pending.items, s->pending.count);
    memset(&s->pending, 0, sizeof(s->pending));
}
