#ifndef PAWL_BASE_DIAG_H
#define PAWL_BASE_DIAG_H
/* What is wrong in the user's text: collected while reading goes on, sorted by place, shown at most
 * twenty at once as
 *
 *     pawl.toml:41:9: error: unknown key 'retires' in stage 'fetch'
 *        41 |         retires = 3
 *           |         ^~~~~~~ did you mean 'retry'?
 *
 * A place is a `struct span`: which source, byte offset, length. Line and column (in characters,
 * from 1) are computed only when a message is made. Spans travel from TOML node to stage to
 * instance to event, so that a failure in hour three still names its line.
 *
 * Order of calls: diags_init, diags_add_source for each text read,
 * diag_error/diag_warning/diag_note while reading, diags_render once, diags_fini. Texts of sources
 * are not copied: they must live as long as the diags.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct span {
    uint32_t offset; /* in bytes */
    uint32_t len;
    uint16_t source; /* number given by diags_add_source, from 1; 0: no place */
};

#define SPAN_NONE ((struct span){0, 0, 0})

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
    enum diag_severity severity;
    struct span span;
    struct str text;
    struct str hint; /* what to do; shown behind the caret; may be empty */
};

/* A part of a text, and where it begins, counted from 1. */
struct diag_part {
    struct str_range range;
    uint32_t line, column;
};

struct diag_source {
    struct str name; /* as the user knows it: "pawl.toml" */
    struct str text;
    const struct diag_part *parts; /* ascending; NULL: all of the text is there */
    uint32_t part_count;
    uint32_t *lines; /* offset of each line's first byte, made when a place is first asked for */
    uint32_t line_count;
};

struct diags {
    struct arena arena;
    struct diag *items;
    uint32_t count, cap;
    uint32_t errors, warnings;
    struct diag_source *sources;
    uint16_t source_count;
};

enum { DIAGS_SHOWN = 20 };

void diags_init(struct diags *diags);
void diags_fini(struct diags *diags);
/* Registers a text and returns its number for spans. At most 65,535. */
uint16_t diags_add_source(struct diags *diags, struct str name, struct str text);

/* Only these parts of a source's text were read: places in others are not known. Kept by pointer.
 */
void diags_set_parts(struct diags *diags, uint16_t source, const struct diag_part *parts,
                     uint32_t count);

/* Adds one; `hint` may be NULL. The text is formatted and copied. */
void diag_error(struct diags *diags, struct span span, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diags *diags, struct span span, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The last one added gets this hint (formatted), where the hint itself must be made. */
void diag_hint(struct diags *diags, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool diags_has_errors(const struct diags *diags);
/* Line and column, from 1, of a span's first byte; false without a place. A column counts
 * characters (UTF-8 sequences), a tab is one. */
bool diags_place(const struct diags *diags, struct span span, uint32_t *line, uint32_t *column);
/* "file:line:column", or "" without a place. */
struct str diags_place_text(const struct diags *diags, struct arena *arena, struct span span);
/* Sorts by source and offset (stable) and appends the text of the first twenty, with a last line
 * that counts the rest. Control characters in shown lines are replaced by '?', tabs by one blank.
 */
void diags_render(struct diags *diags, struct strbuf *out, bool color);

#endif
