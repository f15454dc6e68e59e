/* Owns the list of diagnostics and how one is drawn. */
#include "base/diag.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { DIAG_LINE_SHOWN = 160 };

void diags_init(struct diags *diags)
{
    *diags = (struct diags){0};
    arena_init(&diags->arena);
}

void diags_fini(struct diags *diags)
{
    arena_fini(&diags->arena);
    for (uint16_t i = 0; i < diags->source_count; i++) {
        free(diags->sources[i].lines);
    }
    free(diags->items);
    free(diags->sources);
    *diags = (struct diags){0};
}

uint16_t diags_add_source(struct diags *diags, struct str name, struct str text)
{
    assert(diags->source_count < UINT16_MAX);
    diags->sources = mem_realloc(diags->sources, diags->source_count + 1u, sizeof(*diags->sources));
    diags->sources[diags->source_count] =
        (struct diag_source){.name = str_dup(&diags->arena, name), .text = text};
    return ++diags->source_count;
}

static void diag_add(struct diags *diags, enum diag_severity severity, struct span span,
                     const char *hint, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

static void diag_add(struct diags *diags, enum diag_severity severity, struct span span,
                     const char *hint, const char *format, va_list args)
{
    struct strbuf text = {0};

    strbuf_vprintf(&text, format, args);
    if (diags->count == diags->cap) {
        diags->cap = diags->cap * 2 + 8;
        diags->items = mem_realloc(diags->items, diags->cap, sizeof(*diags->items));
    }
    diags->items[diags->count++] =
        (struct diag){severity, span, strbuf_dup(&text, &diags->arena),
                      hint != NULL ? str_dup(&diags->arena, str_of(hint)) : STR_NONE};
    strbuf_fini(&text);
    diags->errors += severity == DIAG_ERROR;
    diags->warnings += severity == DIAG_WARNING;
}

void diag_error(struct diags *diags, struct span span, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    diag_add(diags, DIAG_ERROR, span, hint, format, args);
    va_end(args);
}

void diag_warning(struct diags *diags, struct span span, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    diag_add(diags, DIAG_WARNING, span, hint, format, args);
    va_end(args);
}

void diag_hint(struct diags *diags, const char *format, ...)
{
    struct strbuf text = {0};
    va_list args;

    assert(diags->count != 0);
    va_start(args, format);
    strbuf_vprintf(&text, format, args);
    va_end(args);
    diags->items[diags->count - 1].hint = strbuf_dup(&text, &diags->arena);
    strbuf_fini(&text);
}

bool diags_has_errors(const struct diags *diags)
{
    return diags->errors != 0;
}

static bool diag_is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The start of the line that holds `offset`. */
static uint32_t diag_line_start(struct str text, uint32_t offset)
{
    while (offset > 0 && text.data[offset - 1] != '\n') {
        offset--;
    }
    return offset;
}

static uint32_t diag_characters(struct str text, uint32_t from, uint32_t to)
{
    uint32_t count = 0;

    for (uint32_t i = from; i < to; i++) {
        count += !diag_is_continuation(text.data[i]);
    }
    return count;
}

/* The source a span points into, with the offset brought inside its text; NULL without a place. */
static struct diag_source *diag_source_of(const struct diags *diags, struct span *span)
{
    struct diag_source *source;

    if (span->source == 0 || span->source > diags->source_count) {
        return NULL;
    }
    source = &diags->sources[span->source - 1];
    if (span->offset > source->text.len) {
        span->offset = (uint32_t)source->text.len;
    }
    return source;
}

static void diag_index_lines(struct diag_source *source)
{
    uint32_t cap = 64;
    uint32_t at = 0;

    source->lines = mem_alloc(cap * sizeof(*source->lines));
    source->lines[source->line_count++] = 0;
    while (at < source->text.len) {
        const char *end = memchr(source->text.data + at, '\n', source->text.len - at);

        if (end == NULL) {
            break;
        }
        at = (uint32_t)(end - source->text.data) + 1;
        if (source->line_count == cap) {
            cap *= 2;
            source->lines = mem_realloc(source->lines, cap, sizeof(*source->lines));
        }
        source->lines[source->line_count++] = at;
    }
}

/* The number, from 0, of the last line that starts at or before `offset`. */
static uint32_t diag_line_of(const struct diag_source *source, uint32_t offset)
{
    uint32_t low = 0;
    uint32_t high = source->line_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (source->lines[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void diags_set_parts(struct diags *diags, uint16_t source, const struct diag_part *parts,
                     uint32_t count)
{
    diags->sources[source - 1].parts = parts;
    diags->sources[source - 1].part_count = count;
}

/* The last part that begins at or before `offset`, if that lies in it. */
static const struct diag_part *diag_part_of(const struct diag_source *source, uint32_t offset)
{
    uint32_t low = 0;
    uint32_t high = source->part_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (source->parts[middle].range.from <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high != 0 && source->parts[low].range.from <= offset &&
                   offset < source->parts[low].range.to
               ? &source->parts[low]
               : NULL;
}

static bool diags_place_in_part(const struct diag_source *source, uint32_t offset, uint32_t *line,
                                uint32_t *column)
{
    const struct diag_part *part = diag_part_of(source, offset);
    uint32_t at;

    if (part == NULL) {
        return false;
    }
    at = part->range.from;
    *line = part->line;
    *column = part->column;
    for (const char *end; (end = memchr(source->text.data + at, '\n', offset - at)) != NULL;) {
        at = (uint32_t)(end - source->text.data) + 1;
        ++*line;
        *column = 1;
    }
    *column += diag_characters(source->text, at, offset);
    return true;
}

bool diags_place(const struct diags *diags, struct span span, uint32_t *line, uint32_t *column)
{
    struct diag_source *source = diag_source_of(diags, &span);
    uint32_t number;

    if (source == NULL) {
        return false;
    }
    if (source->parts != NULL) {
        return diags_place_in_part(source, span.offset, line, column);
    }
    if (source->lines == NULL) {
        diag_index_lines(source);
    }
    number = diag_line_of(source, span.offset);
    *line = number + 1;
    *column = 1 + diag_characters(source->text, source->lines[number], span.offset);
    return true;
}

struct str diags_place_text(const struct diags *diags, struct arena *arena, struct span span)
{
    char lines[STR_INT_BYTES], columns[STR_INT_BYTES];
    uint32_t line;
    uint32_t column;

    if (!diags_place(diags, span, &line, &column)) {
        return STR("");
    }
    return STR_JOIN(arena, diags->sources[span.source - 1].name, STR(":"), str_int(line, lines),
                    STR(":"), str_int(column, columns));
}

static int diag_compare(const struct diag *a, const struct diag *b)
{
    if (a->span.source != b->span.source) {
        /* What has no place comes last: it speaks of the whole. */
        return (uint16_t)(a->span.source - 1) < (uint16_t)(b->span.source - 1) ? -1 : 1;
    }
    return a->span.offset < b->span.offset ? -1 : a->span.offset > b->span.offset;
}

/* Insertion sort keeps equal places in the order they were found; lists are short or sorted. */
static void diags_sort(struct diags *diags)
{
    for (uint32_t i = 1; i < diags->count; i++) {
        struct diag item = diags->items[i];
        uint32_t at = i;

        while (at > 0 && diag_compare(&diags->items[at - 1], &item) > 0) {
            diags->items[at] = diags->items[at - 1];
            at--;
        }
        diags->items[at] = item;
    }
}

/* A terminal gets no control characters and nothing that is not UTF-8. A stray continuation byte is
 * left out, because columns do not count it. */
static void diag_add_shown(struct strbuf *out, const char *data, uint32_t len)
{
    size_t sequence;

    for (size_t i = 0; i < len; i += sequence + (sequence == 0)) {
        unsigned char c = (unsigned char)data[i];

        sequence = utf8_sequence(str_n(data, len), i);
        if (sequence > 1) {
            strbuf_add(out, data + i, sequence);
        } else if (sequence == 1) {
            strbuf_putc(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : data[i]);
        } else if (!diag_is_continuation(data[i])) {
            strbuf_putc(out, '?');
        }
    }
}

/* The window of a long line that is shown: around the span, cut at characters. */
static void diag_window(struct str text, struct span span, uint32_t *from, uint32_t *to)
{
    uint32_t start = diag_line_start(text, span.offset);
    uint32_t end = span.offset;

    while (end < text.len && text.data[end] != '\n') {
        end++;
    }
    if (end > start && text.data[end - 1] == '\r' && span.offset < end) {
        end--;
    }
    *from = start;
    *to = end;
    if (end - start > DIAG_LINE_SHOWN) {
        *from =
            span.offset - start > DIAG_LINE_SHOWN / 2 ? span.offset - DIAG_LINE_SHOWN / 2 : start;
        *to = end - *from > DIAG_LINE_SHOWN ? *from + DIAG_LINE_SHOWN : end;
        while (*from < span.offset && diag_is_continuation(text.data[*from])) {
            (*from)++;
        }
        while (*to < end && diag_is_continuation(text.data[*to])) {
            (*to)++;
        }
    }
}

static void diag_render_line(const struct diags *diags, const struct diag *diag, uint32_t line,
                             struct strbuf *out, bool color)
{
    struct span span = diag->span;
    struct str text = diag_source_of(diags, &span)->text;
    uint32_t from;
    uint32_t to;
    uint32_t end;
    uint32_t width;

    diag_window(text, span, &from, &to);
    strbuf_printf(out, "%5u | ", line);
    diag_add_shown(out, text.data + from, to - from);
    end = span.len > to - span.offset ? to : span.offset + span.len;
    width = end > span.offset ? diag_characters(text, span.offset, end) : 1;
    strbuf_puts(out, "\n      | ");
    for (uint32_t i = diag_characters(text, from, span.offset); i > 0; i--) {
        strbuf_putc(out, ' ');
    }
    strbuf_puts(out, color ? "\033[1;32m^" : "^");
    for (uint32_t i = 1; i < width; i++) {
        strbuf_putc(out, '~');
    }
    strbuf_puts(out, color ? "\033[0m" : "");
    if (diag->hint.len != 0) {
        strbuf_putc(out, ' ');
        strbuf_add_str(out, diag->hint);
    }
    strbuf_putc(out, '\n');
}

static void diag_render(const struct diags *diags, const struct diag *diag, struct strbuf *out,
                        bool color)
{
    static const char *const words[] = {"error", "warning", "note"};
    static const char *const colors[] = {"\033[1;31m", "\033[1;35m", "\033[1;36m"};
    uint32_t line = 0;
    uint32_t column = 0;
    bool placed = diags_place(diags, diag->span, &line, &column);

    if (placed) {
        strbuf_printf(out, "%.*s:%u:%u: ", STR_ARG(diags->sources[diag->span.source - 1].name),
                      line, column);
    }
    strbuf_puts(out, color ? colors[diag->severity] : "");
    strbuf_printf(out, "%s:%s ", words[diag->severity], color ? "\033[0m" : "");
    diag_add_shown(out, diag->text.data, (uint32_t)diag->text.len);
    if (!placed && diag->hint.len != 0) {
        strbuf_puts(out, "; ");
        strbuf_add_str(out, diag->hint);
    }
    strbuf_putc(out, '\n');
    if (placed) {
        diag_render_line(diags, diag, line, out, color);
    }
}

void diags_render(struct diags *diags, struct strbuf *out, bool color)
{
    diags_sort(diags);
    for (uint32_t i = 0; i < diags->count && i < DIAGS_SHOWN; i++) {
        diag_render(diags, &diags->items[i], out, color);
    }
    if (diags->count > DIAGS_SHOWN) {
        strbuf_printf(out, "%u more not shown\n", diags->count - DIAGS_SHOWN);
    }
}
