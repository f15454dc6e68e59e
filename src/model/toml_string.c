/* Owns strings in their four forms. A string is a sequence of pieces, cut by one function: text
 * that means itself, an escape, a newline, a line-ending backslash that means nothing. The reader
 * joins the pieces' contents; toml_string_span walks the same pieces to find where a byte of the
 * content was written. A string of one piece is a slice of the text and is not copied.
 *
 * Newlines in multi-line strings are LF in the content, however they were written.
 */
#include "model/toml_parser.h"

#include <assert.h>

#include "base/utf8.h"

enum toml_piece_kind {
    TOML_PIECE_TEXT,    /* stands for itself */
    TOML_PIECE_CODE,    /* an escape, or CR LF: stands for one code point */
    TOML_PIECE_NOTHING, /* a line-ending backslash and the space behind it */
    TOML_PIECE_END,     /* the closing quotes */
    TOML_PIECE_FAULT
};

struct toml_piece {
    enum toml_piece_kind kind;
    const char *from, *to; /* where it was written */
    uint32_t code;
    const char *fault, *hint;
};

struct toml_pieces {
    const char *at, *end;
    char quote;
    bool multi_line;
    bool closing; /* the next three quotes close it, whatever is behind them */
};

/* Opens a string at its first quote. */
static struct toml_pieces toml_pieces_open(const char *at, const char *end)
{
    struct toml_pieces s = {.at = at + 1, .end = end, .quote = *at};

    if (end - at >= 3 && at[1] == *at && at[2] == *at) {
        s.multi_line = true;
        s.at = at + 3;
        /* A newline right behind the opening quotes is not content. */
        if (s.at < end && *s.at == '\n') {
            s.at++;
        } else if (end - s.at >= 2 && s.at[0] == '\r' && s.at[1] == '\n') {
            s.at += 2;
        }
    }
    return s;
}

static void toml_piece_fault(struct toml_piece *piece, const char *to, const char *fault,
                             const char *hint)
{
    piece->kind = TOML_PIECE_FAULT;
    piece->to = to;
    piece->fault = fault;
    piece->hint = hint;
}

static int toml_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH, \uHHHH, \UHHHHHHHH: `at` is behind the letter. */
static void toml_cut_code(struct toml_pieces *s, struct toml_piece *piece, int digits)
{
    uint32_t code = 0;

    for (int i = 0; i < digits; i++) {
        int digit = s->at < s->end ? toml_hex_digit(*s->at) : -1;

        if (digit < 0) {
            toml_piece_fault(piece, s->at, "escape is too short",
                             "\\x takes 2 hexadecimal digits, \\u 4, \\U 8");
            return;
        }
        code = code << 4 | (uint32_t)digit;
        s->at++;
    }
    if (!utf8_is_scalar(code)) {
        toml_piece_fault(piece, s->at, "escape is not a Unicode scalar value",
                         "surrogates and values above 10FFFF are no characters");
        return;
    }
    piece->kind = TOML_PIECE_CODE;
    piece->code = code;
}

/* The backslash was followed by blanks or a newline: with a newline all space behind it goes. */
static bool toml_cut_line_ending(struct toml_pieces *s, struct toml_piece *piece)
{
    const char *at = s->at;
    bool newline = false;

    for (; at < s->end; at++) {
        if (*at == '\n') {
            newline = true;
        } else if (*at == '\r' && s->end - at >= 2 && at[1] == '\n') {
            newline = true;
            at++;
        } else if (*at != ' ' && *at != '\t') {
            break;
        }
    }
    if (!newline || !s->multi_line) {
        return false;
    }
    piece->kind = TOML_PIECE_NOTHING;
    s->at = at;
    return true;
}

/* `at` is behind the backslash. */
static void toml_cut_escape(struct toml_pieces *s, struct toml_piece *piece)
{
    static const char letters[] = "btnfre\"\\";
    static const char meanings[] = "\b\t\n\f\r\x1b\"\\";
    char c = s->at < s->end ? *s->at : '\n';

    if (c == 'x' || c == 'u' || c == 'U') {
        s->at++;
        toml_cut_code(s, piece, c == 'x' ? 2 : c == 'u' ? 4 : 8);
        return;
    }
    for (size_t i = 0; letters[i] != '\0'; i++) {
        if (c == letters[i]) {
            s->at++;
            piece->kind = TOML_PIECE_CODE;
            piece->code = (unsigned char)meanings[i];
            return;
        }
    }
    if (!toml_cut_line_ending(s, piece)) {
        toml_piece_fault(piece, s->at, "unknown escape in string",
                         "write '\\\\' for a backslash, or use single quotes");
        /* The caret covers the whole character. */
        if (c != '\n' && c != '\r') {
            piece->to += utf8_sequence(str_n(s->at, (size_t)(s->end - s->at)), 0);
        }
    }
}

/* Quotes inside a multi-line string: up to two are content, three close it, and up to two before
 * the closing three are content as well. */
static void toml_cut_quotes(struct toml_pieces *s, struct toml_piece *piece)
{
    size_t count = 1;

    if (!s->multi_line) {
        s->at++;
        piece->kind = TOML_PIECE_END;
        return;
    }
    while (count < 5 && (size_t)(s->end - s->at) > count && s->at[count] == s->quote) {
        count++;
    }
    if (count == 3 || s->closing) {
        piece->kind = TOML_PIECE_END;
        s->at += 3;
    } else {
        piece->kind = TOML_PIECE_TEXT;
        s->closing = count > 3;
        s->at += count < 3 ? count : count - 3;
    }
}

static void toml_cut_line_break(struct toml_pieces *s, struct toml_piece *piece)
{
    bool pair = *s->at == '\r' && s->end - s->at >= 2 && s->at[1] == '\n';

    if (*s->at == '\r' && !pair) {
        toml_piece_fault(piece, s->at + 1, "carriage return without line feed in string",
                         s->quote == '"' ? "write \\r" : "in double quotes, write \\r");
    } else if (!s->multi_line) {
        toml_piece_fault(piece, s->at, "string is not closed on its line",
                         "close it, or use three quotes");
    } else {
        piece->kind = TOML_PIECE_CODE;
        piece->code = '\n';
        s->at += pair ? 2 : 1;
    }
}

/* Text that stands for itself, up to whatever does not. */
static void toml_cut_text(struct toml_pieces *s, struct toml_piece *piece)
{
    unsigned plain = s->quote == '"' ? TOML_CLASS_BASIC : TOML_CLASS_LITERAL;

    /* A lone LF means itself too; so a multi-line string without escapes is one piece. */
    while (s->at < s->end && (toml_is(*s->at, plain) || (s->multi_line && *s->at == '\n'))) {
        s->at++;
    }
    piece->kind = TOML_PIECE_TEXT;
}

/* The next piece. After an end or a fault there is none. */
static struct toml_piece toml_pieces_next(struct toml_pieces *s)
{
    struct toml_piece piece = {.from = s->at};
    unsigned plain = s->quote == '"' ? TOML_CLASS_BASIC : TOML_CLASS_LITERAL;

    if (s->at == s->end) {
        toml_piece_fault(&piece, s->at, "string is not closed", "the text ends inside it");
    } else if (toml_is(*s->at, plain) || (s->multi_line && *s->at == '\n')) {
        toml_cut_text(s, &piece);
    } else if (*s->at == s->quote) {
        toml_cut_quotes(s, &piece);
    } else if (*s->at == '\\') {
        s->at++;
        toml_cut_escape(s, &piece);
    } else if (*s->at == '\n' || *s->at == '\r') {
        toml_cut_line_break(s, &piece);
    } else {
        toml_piece_fault(&piece, s->at + 1, "control character in string",
                         s->quote == '"' ? "write it as \\xHH"
                                         : "in double quotes, write it as \\xHH");
    }
    if (piece.kind != TOML_PIECE_FAULT) {
        piece.to = s->at;
    }
    return piece;
}

static bool toml_string_fault(struct toml_parser *p, const char *opened, struct toml_piece piece)
{
    if (piece.from == p->end) {
        /* What is not closed is shown where it was opened: the end says nothing. */
        p->at = p->end;
        diag_error(p->diags, toml_span(p, opened, opened + 1), piece.hint, "%s", piece.fault);
        return false;
    }
    p->at = piece.from;
    diag_error(p->diags, toml_span(p, piece.from, piece.to), piece.hint, "%s", piece.fault);
    return false;
}

bool toml_read_string(struct toml_parser *p, struct str *content)
{
    const char *opened = p->at;
    struct toml_pieces s = toml_pieces_open(p->at, p->end);
    struct toml_piece piece = toml_pieces_next(&s);
    struct toml_piece first = piece;

    if (piece.kind == TOML_PIECE_TEXT) {
        piece = toml_pieces_next(&s);
    }
    if (piece.kind == TOML_PIECE_END) {
        *content =
            str_n(first.from, first.kind == TOML_PIECE_TEXT ? (size_t)(first.to - first.from) : 0);
        p->at = s.at;
        return true;
    }
    strbuf_clear(&p->scratch);
    if (first.kind == TOML_PIECE_TEXT) {
        strbuf_add(&p->scratch, first.from, (size_t)(first.to - first.from));
    }
    for (; piece.kind != TOML_PIECE_END; piece = toml_pieces_next(&s)) {
        if (piece.kind == TOML_PIECE_FAULT) {
            return toml_string_fault(p, opened, piece);
        }
        if (piece.kind == TOML_PIECE_TEXT) {
            strbuf_add(&p->scratch, piece.from, (size_t)(piece.to - piece.from));
        } else if (piece.kind == TOML_PIECE_CODE) {
            utf8_encode(&p->scratch, piece.code);
        }
    }
    *content = strbuf_dup(&p->scratch, p->strings);
    p->at = s.at;
    return true;
}

static size_t toml_piece_len(const struct toml_piece *piece)
{
    if (piece->kind == TOML_PIECE_TEXT) {
        return (size_t)(piece->to - piece->from);
    }
    if (piece->kind == TOML_PIECE_CODE) {
        return piece->code < 0x80 ? 1 : piece->code < 0x800 ? 2 : piece->code < 0x10000 ? 3 : 4;
    }
    return 0;
}

struct span toml_string_span(struct str text, const struct toml_value *string, size_t offset,
                             size_t len)
{
    const char *written = text.data + string->span.offset;
    const char *from = NULL;
    struct toml_pieces s;
    size_t done = 0;

    assert(string->kind == TOML_STRING);
    if (string->span.len < 2 || string->span.offset + (size_t)string->span.len > text.len ||
        offset > string->string.len || len > string->string.len - offset) {
        return string->span;
    }
    s = toml_pieces_open(written, written + string->span.len);
    for (;;) {
        struct toml_piece piece = toml_pieces_next(&s);
        size_t piece_len = toml_piece_len(&piece);
        bool text_piece = piece.kind == TOML_PIECE_TEXT;

        if (from == NULL && (offset < done + piece_len || piece.kind == TOML_PIECE_END)) {
            from = text_piece ? piece.from + (offset - done) : piece.from;
        }
        if (from != NULL && (offset + len <= done + piece_len || piece.kind == TOML_PIECE_END)) {
            const char *to = text_piece ? piece.from + (offset + len - done)
                             : len == 0 ? from
                                        : piece.to;

            return (struct span){(uint32_t)(from - text.data), (uint32_t)(to - from),
                                 string->span.source};
        }
        if (piece.kind == TOML_PIECE_END || piece.kind == TOML_PIECE_FAULT) {
            return string->span;
        }
        done += piece_len;
    }
}
