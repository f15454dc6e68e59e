/* Owns what a screen may be given of text that is not ours, and how wide that is. */
#include "report/text.h"

#include "base/clock.h"
#include "base/units.h"
#include "base/utf8.h"

/* Bytes of the escape sequence that starts at `at` (which is ESC): CSI up to its final byte, OSC
 * and the other strings up to BEL or ESC \, else two bytes. */
static size_t text_escape_len(struct str s, size_t at)
{
    size_t i = at + 1;

    if (i >= s.len) {
        return 1;
    }
    switch (s.data[i]) {
    case '[':
        for (i++; i < s.len && (s.data[i] < 0x40 || s.data[i] > 0x7e); i++) {
        }
        break;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        for (i++; i < s.len && s.data[i] != '\a'; i++) {
            if (s.data[i] == '\033' && i + 1 < s.len && s.data[i + 1] == '\\') {
                i++;
                break;
            }
        }
        break;
    default:
        /* Intermediate bytes, as in ESC ( B. */
        for (; i < s.len && s.data[i] >= 0x20 && s.data[i] <= 0x2f; i++) {
        }
    }
    return (i < s.len ? i + 1 : s.len) - at;
}

static bool text_is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

static void text_add_hex(struct strbuf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        strbuf_printf(out, "\\x%02x", (unsigned char)bytes.data[i]);
    }
}

/* What is left of a line after its carriage returns did their work. */
static struct str text_last_state(struct str line)
{
    ptrdiff_t at;

    while (line.len != 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    at = str_rfind(line, '\r');
    return at < 0 ? line : str_skip(line, (size_t)at + 1);
}

static void text_add(struct strbuf *out, struct str s, bool one_line)
{
    for (size_t i = 0; i < s.len;) {
        size_t len = utf8_sequence(s, i);
        char c = s.data[i];

        if (c == '\033') {
            i += text_escape_len(s, i);
            continue;
        }
        if (c == '\t' || (one_line && (c == '\n' || c == '\r'))) {
            strbuf_putc(out, one_line ? ' ' : c);
        } else if (len == 0 || text_is_harmful(utf8_decode(s, i))) {
            text_add_hex(out, str_n(s.data + i, len == 0 ? 1 : len));
        } else {
            strbuf_add(out, s.data + i, len);
        }
        i += len == 0 ? 1 : len;
    }
}

void text_add_harmless(struct strbuf *out, struct str line)
{
    text_add(out, text_last_state(line), false);
}

void text_add_inline(struct strbuf *out, struct str text)
{
    text_add(out, text, true);
}

static uint32_t text_code_width(uint32_t code)
{
    if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200d) ||
        (code >= 0x20d0 && code <= 0x20ff) || (code >= 0xfe00 && code <= 0xfe0f)) {
        return 0;
    }
    return code < 0x1100 ? 1 : 2;
}

static uint32_t text_step(struct str text, size_t at, size_t *len)
{
    *len = utf8_sequence(text, at);
    if (*len == 0) {
        *len = 1;
        return 1;
    }
    return text_code_width(utf8_decode(text, at));
}

/* Bytes that fit into `columns`; `*taken` columns. */
static size_t text_fit(struct str text, uint32_t columns, uint32_t *taken)
{
    size_t i, len;

    *taken = 0;
    for (i = 0; i < text.len; i += len) {
        uint32_t width = text_step(text, i, &len);

        if (*taken + width > columns) {
            break;
        }
        *taken += width;
    }
    return i;
}

uint32_t text_width(struct str text)
{
    uint32_t width;

    text_fit(text, UINT32_MAX - 2, &width);
    return width;
}

uint32_t text_add_cut(struct strbuf *out, struct str text, uint32_t columns)
{
    uint32_t taken, dots = columns < 8 ? 0 : 3;
    size_t fit = text_fit(text, columns, &taken);

    if (fit < text.len) {
        fit = text_fit(text, columns - dots, &taken);
    } else {
        dots = 0;
    }
    strbuf_add(out, text.data, fit);
    strbuf_add(out, "...", dots);
    return taken + dots;
}

void text_add_seconds(struct strbuf *out, int64_t duration_ns)
{
    char text[UNITS_TEXT_BYTES];

    if (duration_ns < 60 * NS_PER_SEC) {
        strbuf_printf(out, "%ds", duration_ns > 0 ? (int)(duration_ns / NS_PER_SEC) : 0);
        return;
    }
    duration_format(duration_ns, text);
    strbuf_puts(out, text);
}
