#ifndef PAWL_REPORT_TEXT_H
#define PAWL_REPORT_TEXT_H
/* Text that came from a command or a manifest, made fit for a screen: harmless, of known width.
 *
 * Widths are never too small: marks that combine count nothing, and everything from U+1100 on
 * counts two, although a terminal may draw it in one.
 */
#include <stdint.h>

#include "base/str.h"

/* Appends one line of output. Escape sequences of terminals go; of a line that was rewritten with
 * carriage returns the last state stays; other control characters, marks that turn the direction of
 * writing and bytes that are not UTF-8 become \xNN. Tabs stay. */
void text_add_harmless(struct strbuf *out, struct str line);
/* The same, but tabs and line ends become blanks: always one line. */
void text_add_inline(struct strbuf *out, struct str text);
/* Columns of harmless text without tabs and colours. */
uint32_t text_width(struct str text);
/* Appends as much of harmless text as fits; what is cut ends in "..." (where there is room).
 * Returns the columns taken. */
uint32_t text_add_cut(struct strbuf *out, struct str text, uint32_t columns);
/* A duration of something that goes on: `9s` `4m12s` `1h02m`. */
void text_add_seconds(struct strbuf *out, int64_t duration_ns);

#endif
