/* Owns how tables look. */
#include "report/table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "report/text.h"

void table_init(struct table *table, uint32_t columns, uint32_t right)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS_MOST);
    *table = (struct table){.columns = columns, .right = right};
}

void table_fini(struct table *table)
{
    free(table->cells);
    *table = (struct table){0};
}

void table_add(struct table *table, struct str cell)
{
    if (table->count == table->cap) {
        table->cap = table->cap * 2 + 64;
        table->cells = mem_realloc(table->cells, table->cap, sizeof(*table->cells));
    }
    table->cells[table->count++] = cell;
}

static uint32_t table_cell_width(struct str cell)
{
    struct strbuf clean = {0};
    uint32_t width;

    text_add_inline(&clean, cell);
    width = text_width(strbuf_str(&clean));
    strbuf_fini(&clean);
    return width;
}

static bool table_is_right(const struct table *table, uint32_t column)
{
    return column < 32 && (table->right >> column & 1) != 0;
}

static void table_add_blanks(struct strbuf *out, uint32_t count)
{
    strbuf_printf(out, "%*s", (int)count, "");
}

static void table_render_text(const struct table *table, struct strbuf *out)
{
    uint32_t widths[TABLE_COLUMNS_MOST] = {0};

    for (size_t i = 0; i < table->count; i++) {
        uint32_t width = table_cell_width(table->cells[i]);
        uint32_t *most = &widths[i % table->columns];

        *most = width > *most ? width : *most;
    }
    for (size_t i = 0; i < table->count; i++) {
        uint32_t column = (uint32_t)(i % table->columns);
        uint32_t pad = widths[column] - table_cell_width(table->cells[i]);
        bool right = table_is_right(table, column);

        table_add_blanks(out, right ? pad : 0);
        text_add_inline(out, table->cells[i]);
        if (column + 1 < table->columns) {
            table_add_blanks(out, (right ? 0 : pad) + 2);
            continue;
        }
        while (out->len != 0 && out->data[out->len - 1] == ' ') {
            out->data[--out->len] = '\0';
        }
        strbuf_putc(out, '\n');
    }
}

static void table_add_csv(struct strbuf *out, struct str cell)
{
    bool plain = true;

    for (size_t i = 0; i < cell.len && plain; i++) {
        plain = cell.data[i] != ',' && cell.data[i] != '"' && cell.data[i] != '\n' &&
                cell.data[i] != '\r';
    }
    if (plain) {
        strbuf_add_str(out, cell);
        return;
    }
    strbuf_putc(out, '"');
    for (size_t i = 0; i < cell.len; i++) {
        strbuf_puts(out, cell.data[i] == '"' ? "\"" : "");
        strbuf_putc(out, cell.data[i]);
    }
    strbuf_putc(out, '"');
}

void table_add_escaped(struct strbuf *out, struct str cell)
{
    struct strbuf clean = {0};

    text_add_inline(&clean, cell);
    for (size_t i = 0; i < clean.len; i++) {
        char c = clean.data[i];

        if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<' || c == '[') {
            strbuf_putc(out, '\\');
        }
        strbuf_putc(out, c);
    }
    strbuf_fini(&clean);
}

static void table_add_rule(const struct table *table, struct strbuf *out)
{
    for (uint32_t i = 0; i < table->columns; i++) {
        strbuf_puts(out, table_is_right(table, i) ? "| ---: " : "| --- ");
    }
    strbuf_puts(out, "|\n");
}

static void table_render_marked(const struct table *table, enum table_form form, struct strbuf *out)
{
    bool markdown = form == TABLE_MARKDOWN;

    for (size_t i = 0; i < table->count; i++) {
        bool last = (i + 1) % table->columns == 0;

        if (markdown) {
            strbuf_puts(out, "| ");
            table_add_escaped(out, table->cells[i]);
            strbuf_puts(out, last ? " |\n" : " ");
        } else {
            table_add_csv(out, table->cells[i]);
            strbuf_puts(out, last ? "\n" : ",");
        }
        if (markdown && i + 1 == table->columns) {
            table_add_rule(table, out);
        }
    }
}

void table_render(const struct table *table, enum table_form form, struct strbuf *out)
{
    assert(table->count % table->columns == 0);
    if (form == TABLE_TEXT) {
        table_render_text(table, out);
    } else {
        table_render_marked(table, form, out);
    }
}
