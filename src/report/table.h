#ifndef PAWL_REPORT_TABLE_H
#define PAWL_REPORT_TABLE_H
/* A table of texts and its three forms. Cells are added row by row; the heads are the first row.
 * Texts must live as long as the table. */
#include "base/str.h"

enum table_form {
    TABLE_TEXT, /* columns aligned by blanks; control characters made harmless */
    TABLE_CSV,  /* RFC 4180 but for its line ends: `\n` */
    TABLE_MARKDOWN
};

enum { TABLE_COLUMNS_MOST = 160 };

struct table {
    uint32_t columns;
    uint32_t right; /* bit n: column n is aligned right; those behind are not */
    struct str *cells;
    size_t count, cap;
};

void table_init(struct table *table, uint32_t columns, uint32_t right);
void table_fini(struct table *table);
void table_add(struct table *table, struct str cell);
/* One line of Markdown that shows the text as it is. */
void table_add_escaped(struct strbuf *out, struct str text);
void table_render(const struct table *table, enum table_form form, struct strbuf *out);

#endif
