/* Owns names, dotted or not, and what they may define.
 *
 * What may be added to a table follows from how it came to be (enum toml_origin). A header may pass
 * through implied, header and dotted tables, and define what is missing or only implied. A dotted
 * key may pass through dotted tables and ones that are only implied, which it thereby defines; what
 * a header defined belongs to that header. Inline tables and lists are closed.
 *
 * A name that is already taken is reported but read on, into a value or table that nobody sees, so
 * that one mistake gives one message.
 */
#include "model/toml_parser.h"

#include "base/limits.h"

/* One part of a name. */
struct toml_part {
    struct str key;
    uint32_t hash;
    struct span span;
};

static bool toml_read_part(struct toml_parser *p, struct toml_part *part)
{
    const char *from = p->at;
    int c = toml_peek(p);

    if (c == '"' || c == '\'') {
        if (p->end - from >= 3 && from[1] == c && from[2] == c) {
            diag_error(p->diags, toml_span(p, from, from + 3), NULL,
                       "a key cannot be a multi-line string");
            return false;
        }
        if (!toml_read_string(p, &part->key)) {
            return false;
        }
    } else {
        while (p->at < p->end && toml_is(*p->at, TOML_CLASS_BARE)) {
            p->at++;
        }
        part->key = str_n(from, (size_t)(p->at - from));
        if (p->at == from) {
            return toml_unexpected(p, "a key");
        }
    }
    part->hash = toml_key_hash(part->key);
    part->span = toml_span(p, from, p->at);
    return true;
}

/* After a part: `*more` tells whether a dot followed; `at` is then at the next part. */
static void toml_skip_dot(struct toml_parser *p, bool *more)
{
    toml_skip_blanks(p);
    *more = toml_next_is(p, '.');
    if (*more) {
        p->at++;
        toml_skip_blanks(p);
    }
}

/* The text of a name from `name` up to the end of a part. */
#define TOML_NAME_ARG(p, name, part)                                                               \
    (int)((p)->begin + (part)->span.offset + (part)->span.len - (name)), (name)

/* Says of the error just made where the other definition is. */
static void toml_hint_first(struct toml_parser *p, struct span first)
{
    struct str place = diags_place_text(p->diags, &p->diags->arena, first);

    if (place.len != 0) {
        diag_hint(p->diags, "first defined at %.*s", STR_ARG(place));
    }
}

/* Why `entry` cannot be entered by a name that ends (so far) with `part`. */
static void toml_report_closed(struct toml_parser *p, const char *name,
                               const struct toml_part *part, const struct toml_entry *entry)
{
    const char *why = toml_kind_name(entry->value.kind);

    if (entry->value.kind == TOML_TABLE) {
        why = entry->value.table->origin == TOML_ORIGIN_INLINE ? "an inline table, which is closed"
                                                               : "a table defined by its header";
    } else if (entry->value.kind == TOML_ARRAY && entry->value.array.cap != 0) {
        why = "an array of tables defined by headers";
    }
    diag_error(p->diags, part->span, NULL, "cannot add to '%.*s': it is %s",
               TOML_NAME_ARG(p, name, part), why);
    toml_hint_first(p, entry->key_span);
}

static void toml_report_duplicate(struct toml_parser *p, const char *name,
                                  const struct toml_part *part, const struct toml_entry *entry)
{
    const char *what = entry->value.kind == TOML_TABLE ? "table" : "key";
    struct span span = part->span;

    span.offset = (uint32_t)(name - p->begin);
    span.len = part->span.offset + part->span.len - span.offset;
    diag_error(p->diags, span, NULL, "%s '%.*s' is already defined", what,
               TOML_NAME_ARG(p, name, part));
    toml_hint_first(p, entry->key_span);
}

static struct toml_entry *toml_add(struct toml_parser *p, struct toml_table *table,
                                   const struct toml_part *part)
{
    struct toml_entry *entry = toml_table_add(p->arena, table, part->key, part->hash);

    entry->key_span = part->span;
    entry->value.span = part->span;
    return entry;
}

static void toml_report_depth(struct toml_parser *p, const struct toml_part *part)
{
    diag_error(p->diags, part->span, NULL, "tables are nested deeper than %d", LIMIT_TOML_DEPTH);
}

/* A new table below `table`; NULL (reported) when that is too deep. */
static struct toml_table *toml_add_table(struct toml_parser *p, struct toml_table *table,
                                         const struct toml_part *part, enum toml_origin origin)
{
    struct toml_entry *entry;

    if (table->depth >= LIMIT_TOML_DEPTH) {
        toml_report_depth(p, part);
        return NULL;
    }
    entry = toml_add(p, table, part);
    entry->value.kind = TOML_TABLE;
    entry->value.table = toml_table_new(p->arena, origin, table->depth + 1);
    return entry->value.table;
}

static struct toml_table *toml_find_dotted(struct toml_parser *p, struct toml_table *table,
                                           const char *name, const struct toml_part *part)
{
    struct toml_entry *entry = toml_table_find(table, part->key, part->hash);

    if (entry == NULL) {
        return toml_add_table(p, table, part, TOML_ORIGIN_DOTTED);
    }
    if (entry->value.kind == TOML_TABLE) {
        if (entry->value.table->origin == TOML_ORIGIN_IMPLIED) {
            entry->value.table->origin = TOML_ORIGIN_DOTTED;
        }
        if (entry->value.table->origin == TOML_ORIGIN_DOTTED) {
            return entry->value.table;
        }
    }
    toml_report_closed(p, name, part, entry);
    return NULL;
}

/* Into the table that a dotted key's part names; NULL (reported) when it is closed to it. */
static struct toml_table *toml_enter_dotted(struct toml_parser *p, struct toml_table *table,
                                            const char *name, const struct toml_part *part)
{
    struct toml_table *found = toml_find_dotted(p, table, name, part);

    if (found != NULL && found->depth == TOML_OWNER_DEPTH) {
        toml_owner_scatter(found);
    }
    return found;
}

/* Into the table that a header's part, not its last, names. */
static struct toml_table *toml_enter_header(struct toml_parser *p, struct toml_table *table,
                                            const char *name, const struct toml_part *part)
{
    struct toml_entry *entry = toml_table_find(table, part->key, part->hash);

    if (entry == NULL) {
        return toml_add_table(p, table, part, TOML_ORIGIN_IMPLIED);
    }
    if (entry->value.kind == TOML_TABLE && entry->value.table->origin != TOML_ORIGIN_INLINE) {
        return entry->value.table;
    }
    if (entry->value.kind == TOML_ARRAY && entry->value.array.cap != 0) {
        return entry->value.array.items[entry->value.array.count - 1].table;
    }
    toml_report_closed(p, name, part, entry);
    return NULL;
}

bool toml_read_pair(struct toml_parser *p, struct toml_table *table)
{
    const char *name = p->at;
    struct toml_part part;
    struct toml_entry *entry = NULL;
    struct toml_value unseen;
    bool more;

    for (;;) {
        if (!toml_read_part(p, &part)) {
            return false;
        }
        toml_skip_dot(p, &more);
        if (!more) {
            break;
        }
        table = table != NULL ? toml_enter_dotted(p, table, name, &part) : NULL;
    }
    if (!toml_next_is(p, '=')) {
        return toml_unexpected(p, "'=' after the key");
    }
    p->at++;
    toml_skip_blanks(p);
    if (table != NULL) {
        entry = toml_table_find(table, part.key, part.hash);
        if (entry != NULL) {
            toml_report_duplicate(p, name, &part, entry);
            entry = NULL;
        } else {
            entry = toml_add(p, table, &part);
        }
    }
    return toml_read_value(p, entry != NULL ? &entry->value : &unseen,
                           table != NULL ? table->depth + 1 : 1);
}

/* [name]: defines what is missing or was only implied. */
static struct toml_value *toml_define_table(struct toml_parser *p, struct toml_table *table,
                                            const char *name, const struct toml_part *part)
{
    struct toml_entry *entry = toml_table_find(table, part->key, part->hash);

    if (entry == NULL) {
        return toml_add_table(p, table, part, TOML_ORIGIN_HEADER) != NULL ? &table->last->value
                                                                          : NULL;
    }
    if (entry->value.kind == TOML_TABLE && entry->value.table->origin == TOML_ORIGIN_IMPLIED) {
        entry->value.table->origin = TOML_ORIGIN_HEADER;
        entry->key_span = part->span;
        return &entry->value;
    }
    toml_report_duplicate(p, name, part, entry);
    return NULL;
}

/* [[name]]: one more table of the array. */
static struct toml_value *toml_define_item(struct toml_parser *p, struct toml_table *table,
                                           const char *name, const struct toml_part *part)
{
    struct toml_entry *entry = toml_table_find(table, part->key, part->hash);
    struct toml_value *item;

    if (table->depth + 2 > LIMIT_TOML_DEPTH) {
        toml_report_depth(p, part);
        return NULL;
    }
    if (entry == NULL) {
        entry = toml_add(p, table, part);
        entry->value.kind = TOML_ARRAY;
    } else if (entry->value.kind != TOML_ARRAY) {
        toml_report_duplicate(p, name, part, entry);
        return NULL;
    } else if (entry->value.array.cap == 0) {
        toml_report_closed(p, name, part, entry);
        return NULL;
    }
    item = toml_array_add(p->arena, &entry->value.array);
    item->kind = TOML_TABLE;
    item->table = toml_table_new(p->arena, TOML_ORIGIN_HEADER, table->depth + 2);
    return item;
}

static void toml_note_owner(struct toml_table *table, struct toml_table **owner)
{
    if (table != NULL && table->depth == TOML_OWNER_DEPTH) {
        *owner = table;
    }
}

bool toml_read_header_name(struct toml_parser *p, bool item, struct toml_value **defined,
                           struct toml_table **owner)
{
    const char *name = p->at;
    struct toml_table *table = p->root;
    struct toml_part part;
    bool more = true;

    *defined = NULL;
    *owner = NULL;
    while (more) {
        if (!toml_read_part(p, &part)) {
            return false;
        }
        toml_skip_dot(p, &more);
        if (table != NULL && more) {
            table = toml_enter_header(p, table, name, &part);
            toml_note_owner(table, owner);
        } else if (table != NULL) {
            *defined = item ? toml_define_item(p, table, name, &part)
                            : toml_define_table(p, table, name, &part);
            toml_note_owner(*defined != NULL ? (*defined)->table : NULL, owner);
        }
    }
    return true;
}
