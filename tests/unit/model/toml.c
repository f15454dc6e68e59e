/* TOML: tables of documents in testdata/toml, and what no file can say: control characters, places,
 * limits, large tables, damaged text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "model/toml.h"

/* One reading of one text. */
struct reading {
    struct arena arena;
    struct diags diags;
    struct str text;
    struct toml_value *root;
};

/* The copy has no NUL behind it and is freed with the reading, so that the sanitizer sees a read
 * beyond the end. */
static void reading_init(struct reading *r, const char *name, struct str text)
{
    char *copy = malloc(text.len != 0 ? text.len : 1);
    uint16_t source;

    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    arena_init(&r->arena);
    diags_init(&r->diags);
    r->text = str_n(copy, text.len);
    source = diags_add_source(&r->diags, str_of(name), r->text);
    r->root = toml_parse(&r->arena, r->text, source, &r->diags);
    assert_int_equal(r->root == NULL, diags_has_errors(&r->diags));
}

static void reading_fini(struct reading *r)
{
    arena_fini(&r->arena);
    diags_fini(&r->diags);
    free((char *)(uintptr_t)r->text.data);
}

static void reading_init_good(struct reading *r, struct str text)
{
    reading_init(r, "t.toml", text);
    if (r->root == NULL) {
        struct strbuf out = {0};

        diags_render(&r->diags, &out, false);
        fail_msg("%s", out.data);
    }
}

static const struct toml_value *value_of(const struct reading *r, const char *key)
{
    const struct toml_value *value = toml_get(r->root->table, key);

    assert_non_null(value);
    return value;
}

static void assert_str(struct str s, const char *expected)
{
    if (!str_is(s, expected)) {
        fail_msg("found '%.*s', expected '%s'", STR_ARG(s), expected);
    }
}

static struct str written(const struct reading *r, struct span span)
{
    assert_true((size_t)span.offset + span.len <= r->text.len);
    return str_n(r->text.data + span.offset, span.len);
}

/* ---- documents */

static struct strbuf file_read(const char *path)
{
    struct strbuf content = {0};
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    do {
        len = fread(strbuf_reserve(&content, 4096), 1, 4096, file);
        content.len += len;
    } while (len != 0);
    strbuf_puts(&content, "");
    fclose(file);
    return content;
}

static int is_toml(const struct dirent *entry)
{
    return str_has_suffix(str_of(entry->d_name), STR(".toml"));
}

/* What the document comes to: JSON and a newline, or the diagnostics. */
static void document_answer(const char *name, struct str text, struct strbuf *out)
{
    struct reading r;

    reading_init(&r, name, text);
    if (r.root != NULL) {
        toml_dump_json(out, r.root);
        strbuf_putc(out, '\n');
    } else {
        diags_render(&r.diags, out, false);
    }
    reading_fini(&r);
}

static bool document_check(const char *folder, const char *name, const char *suffix)
{
    char path[300];
    struct strbuf text;
    struct strbuf expected;
    struct strbuf found = {0};
    bool same;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    text = file_read(path);
    snprintf(path + strlen(path) - strlen("toml"), 5, "%s", suffix);
    expected = file_read(path);
    document_answer(name, strbuf_str(&text), &found);
    same = str_equal(strbuf_str(&expected), strbuf_str(&found));
    if (!same) {
        print_error("%s: found\n%s\n", path, found.data);
    }
    strbuf_fini(&text);
    strbuf_fini(&expected);
    strbuf_fini(&found);
    return same;
}

static void documents_check(const char *folder, const char *suffix, int at_least)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_toml, alphasort);
    int different = 0;

    assert_true(count >= at_least);
    for (int i = 0; i < count; i++) {
        different += !document_check(folder, entries[i]->d_name, suffix);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(different, 0);
}

static void test_valid_documents(void **state)
{
    (void)state;
    documents_check("testdata/toml/valid", "json", 9);
}

static void test_invalid_documents(void **state)
{
    (void)state;
    documents_check("testdata/toml/invalid", "txt", 14);
}

/* ---- rows: a text and whether it is TOML */

struct row {
    const char *text;
    bool valid;
};

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading r;

        reading_init(&r, "t.toml", str_of(rows[i].text));
        if ((r.root != NULL) != rows[i].valid) {
            fail_msg("%s was %s", rows[i].text, rows[i].valid ? "refused" : "accepted");
        }
        reading_fini(&r);
    }
}

static void test_redefinition(void **state)
{
    static const struct row rows[] = {
        {"[a.b]\n[a]\n", true},
        {"[a]\n[a.b]\n[a.c]\n", true},
        {"[a]\n[a]\n", false},
        {"[a.b]\n[a]\n[a]\n", false},
        {"[a.b]\n[a]\n[a.b]\n", false},
        {"a.b = 1\n[a]\n", false},
        {"a.b = 1\n[a.c]\n", true},
        {"a.b = 1\n[a.b]\n", false},
        {"a.b.c = 1\n[a.b]\n", false},
        {"a.b.c = 1\n[a.b.d]\n", true},
        {"[x]\na.b = 1\n[x.a]\n", false},
        {"[x]\na.b = 1\n[x.a.c]\n", true},
        {"[x.a]\n[x]\na.b = 1\n", false},
        {"[x.a.c]\n[x]\na.b = 1\n", true},
        {"[x.a.c]\n[x]\na.c.b = 1\n", false},
        {"[x.a.c]\n[x]\na.b = 1\n[x.a]\n", false},
        {"[[x.a]]\n[x]\na.b = 1\n", false},
        {"a = {b = 1}\na.c = 1\n", false},
        {"a = {b = 1}\n[a]\n", false},
        {"a = {b = 1}\n[a.c]\n", false},
        {"a = {b.c = 1}\n[a.b.d]\n", false},
        {"a = {b.c = 1, b.d = 2}\n", true},
        {"a = {b = {c = 1}, b.d = 2}\n", false},
        {"a = []\n[[a]]\n", false},
        {"a = [{}]\n[a.b]\n", false},
        {"[[a]]\n[[a]]\n", true},
        {"[[a]]\n[a]\n", false},
        {"[a]\n[[a]]\n", false},
        {"[a.b]\n[[a]]\n", false},
        {"[[a]]\n[a.b]\n[[a]]\n[a.b]\n", true},
        {"[[a]]\n[a.b]\n[a.b]\n", false},
        {"[[a.b]]\n[a]\n[[a.b]]\n", true},
        {"[[a.b]]\n[a.b.c]\n[[a.b.d]]\n[a.b]\n", false},
        {"a = 1\n\"a\" = 2\n", false},
        {"a = 1\n'\\u0061' = 2\n", true},
        {"a = 1\n\"\\u0061\" = 2\n", false},
        {"a = 1\n\"\\x61\" = 2\n", false},
        {"a = 1\nA = 2\n", true},
    };

    (void)state;
    rows_check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_where_a_text_ends(void **state)
{
    static const struct row rows[] = {
        {"", true},
        {"\n", true},
        {"\r\n", true},
        {"\r", false},
        {"#", true},
        {"# a", true},
        {"#\r\n", true},
        {"#\r", false},
        {"a", false},
        {"a ", false},
        {"a.", false},
        {"a=", false},
        {"a =1", true},
        {"a=1\r\n", true},
        {"a=1\r", false},
        {"a=1 #", true},
        {"[", false},
        {"[[", false},
        {"[a", false},
        {"[a]", true},
        {"[[a]", false},
        {"[[a]]", true},
        {"a=[", false},
        {"a=[1", false},
        {"a=[1,", false},
        {"a=[]", true},
        {"a={", false},
        {"a={b", false},
        {"a={b=1", false},
        {"a={b=1,", false},
        {"a={}", true},
        {"a=\"", false},
        {"a=\"\\", false},
        {"a=\"\\u", false},
        {"a=\"\"", true},
        {"a=\"\"\"", false},
        {"a=\"\"\"\"", false},
        {"a=\"\"\"\\", false},
        {"a='", false},
        {"a=''", true},
        {"a='''", false},
        {"a='''''", false},
        {"a=''''''", true},
        {"a=1979-05-27 ", true},
        {"a=1979-05-27 0", false},
        {"a=12:3", false},
        {"a=0x", false},
        {"a=1e", false},
        {"\xef\xbb\xbf", true},
        {"\xef\xbb\xbf"
         "a=1",
         true},
        {"\xef\xbb", false},
        {"a=1\n\xef\xbb\xbf", false},
    };

    (void)state;
    rows_check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_where_a_newline_may_be(void **state)
{
    static const struct row rows[] = {
        {"a\n= 1", false},
        {"a =\n1", false},
        {"a.\nb = 1", false},
        {"[a\n]", false},
        {"[[a]\n]", false},
        {"a = {b\n= 1}", false},
        {"a = {b =\n1}", false},
        {"a = {b\n.c = 1}", false},
        {"a = {\nb = 1\n,\nc = 2\n}", true},
        {"a = {b = 1, # x\n}", true},
        {"a = {# x\n}", true},
        {"a = {# x}", false},
        {"a = [\n1\n,\n2 # x\n]", true},
        {"a = [ # x\r\n]", true},
        {"a = [\n,\n]", false},
        {"a = 1, ", false},
    };

    (void)state;
    rows_check(rows, sizeof(rows) / sizeof(rows[0]));
}

/* ---- characters */

static bool is_read(const char *before, char c, const char *behind)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%s?%s", before, behind);
    struct reading r;
    bool read;

    text[strlen(before)] = c;
    reading_init(&r, "t.toml", str_n(text, (size_t)len));
    read = r.root != NULL;
    reading_fini(&r);
    return read;
}

static void test_control_characters(void **state)
{
    (void)state;
    for (int c = 0; c < 0x80; c++) {
        bool control = (c < 0x20 && c != '\t') || c == 0x7f;
        bool newline = c == '\n';
        bool basic = !control && c != '"' && c != '\\';

        assert_int_equal(is_read("a = \"x", (char)c, "y\""), basic);
        assert_int_equal(is_read("a = 'x", (char)c, "y'"), !control && c != '\'');
        assert_int_equal(is_read("a = \"\"\"x", (char)c, "y\"\"\""),
                         newline || (!control && c != '\\'));
        assert_int_equal(is_read("a = '''x", (char)c, "y'''"), newline || !control);
        assert_int_equal(is_read("# x", (char)c, ""), newline || !control);
        assert_int_equal(is_read("a = 1 ", (char)c, ""),
                         newline || c == ' ' || c == '\t' || c == '#');
        assert_int_equal(is_read("a = [", (char)c, "]"),
                         newline || c == ' ' || c == '\t' || (c >= '0' && c <= '9'));
        assert_int_equal(is_read("x", (char)c, "y = 1"),
                         (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.');
    }
}

static void test_text_must_be_utf8(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xc3",
        "\xc0\x80",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xff",
    };
    static const char *const places[] = {
        "# %s", "a = \"%s\"", "a = '%s'", "a = \"\"\"%s\"\"\"", "\"%s\" = 1", "a = 1 # %s\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
            struct strbuf text = {0};
            struct str place = str_of(places[j]);
            ptrdiff_t at = str_find(place, '%');
            struct reading r;

            strbuf_add(&text, place.data, (size_t)at);
            strbuf_puts(&text, bad[i]);
            strbuf_add_str(&text, str_skip(place, (size_t)at + 2));
            reading_init(&r, "t.toml", strbuf_str(&text));
            assert_null(r.root);
            assert_int_equal(r.diags.count, 1);
            assert_int_equal(r.diags.items[0].span.offset, at);
            reading_fini(&r);
            strbuf_fini(&text);
        }
    }
}

/* ---- values */

static void test_strings_keep_their_length(void **state)
{
    struct reading r;

    (void)state;
    reading_init_good(&r, STR("s = \"a\\u0000b\"\n\"k\\u0000\" = 1"));
    assert_int_equal(value_of(&r, "s")->string.len, 3);
    assert_memory_equal(value_of(&r, "s")->string.data, "a\0b", 3);
    assert_null(toml_get(r.root->table, "k"));
    assert_non_null(toml_find(r.root->table, STR("k\0")));
    reading_fini(&r);
}

static void test_floats_round_correctly(void **state)
{
    struct reading r;

    (void)state;
    reading_init_good(&r, STR("a = 9007199254740993.0\nb = 2.2250738585072011e-308\n"
                              "c = -0.0\nd = 1_0.0_1e+0_2\ne = -nan\nf = -1e999\n"));
    assert_true(value_of(&r, "a")->real == 9007199254740992.0);
    assert_true(value_of(&r, "b")->real == 2.2250738585072011e-308);
    assert_true(signbit(value_of(&r, "c")->real));
    assert_true(value_of(&r, "d")->real == 1001.0);
    assert_true(isnan(value_of(&r, "e")->real));
    assert_true(isinf(value_of(&r, "f")->real));
    reading_fini(&r);
}

static void test_entries_keep_their_order(void **state)
{
    struct strbuf text = {0};
    struct reading r;
    uint32_t i = 0;
    char key[16];

    (void)state;
    for (uint32_t k = 0; k < 5000; k++) {
        strbuf_printf(&text, "k%u = %u\n", k * 7919 % 5000, k);
    }
    reading_init_good(&r, strbuf_str(&text));
    assert_int_equal(r.root->table->count, 5000);
    TOML_EACH(entry, r.root->table)
    {
        assert_int_equal(entry->value.integer, i);
        i++;
    }
    assert_int_equal(i, 5000);
    for (uint32_t k = 0; k < 5000; k++) {
        snprintf(key, sizeof(key), "k%u", k * 7919 % 5000);
        assert_int_equal(value_of(&r, key)->integer, k);
    }
    assert_null(toml_get(r.root->table, "k5000"));
    assert_null(toml_get(r.root->table, ""));
    reading_fini(&r);
    strbuf_fini(&text);
}

/* ---- places */

static void test_spans(void **state)
{
    struct reading r;
    const struct toml_entry *entry;
    const struct toml_value *item;

    (void)state;
    reading_init_good(&r, STR("'k 1' = \"v\"\nlist = [ 1, {x = 2} ]\na.b = 3\n"
                              "[ c . d ] # here\n[[e]]\n[[e]]\nf = 12:00\n[c]\n"));
    entry = toml_find(r.root->table, STR("k 1"));
    assert_str(written(&r, entry->key_span), "'k 1'");
    assert_str(written(&r, entry->value.span), "\"v\"");
    item = value_of(&r, "list");
    assert_str(written(&r, item->span), "[ 1, {x = 2} ]");
    assert_str(written(&r, item->array.items[0].span), "1");
    assert_str(written(&r, item->array.items[1].span), "{x = 2}");
    assert_str(written(&r, value_of(&r, "a")->span), "a");
    assert_str(written(&r, value_of(&r, "c")->span), "[c]");
    entry = value_of(&r, "c")->table->first;
    assert_str(written(&r, entry->key_span), "d");
    assert_str(written(&r, entry->value.span), "[ c . d ]");
    item = value_of(&r, "e");
    assert_int_equal(item->array.count, 2);
    assert_str(written(&r, item->array.items[1].span), "[[e]]");
    assert_int_equal(item->array.items[1].span.offset, item->array.items[0].span.offset + 6);
    assert_int_equal(entry->value.span.source, 1);
    reading_fini(&r);
}

/* Every part of the content, by what was written for it. */
static void test_places_inside_strings(void **state)
{
    static const struct {
        const char *text, *part, *written;
    } rows[] = {
        {"s = \"plain {{x}} text\"", "{{x}}", "{{x}}"},
        {"s = 'plain {{x}} text'", "{{x}}", "{{x}}"},
        {"s = \"\\t\\u00e9 {{x}}\"", "{{x}}", "{{x}}"},
        {"s = \"\\t\\u00e9 {{x}}\"", "\xc3\xa9", "\\u00e9"},
        {"s = \"a\\tb\"", "a\tb", "a\\tb"},
        {"s = \"\"\"\n  one\r\n  {{x}}\"\"\"", "{{x}}", "{{x}}"},
        {"s = \"\"\"\n  one \\\n\n   {{x}}\\\n \"\"\"", "{{x}}", "{{x}}"},
        {"s = \"\"\"one \\\n two\"\"\"", "one two", "one \\\n two"},
        {"s = '''\n'{{x}}'''''", "{{x}}''", "{{x}}''"},
        {"s = \"end\"", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reading r;
        const struct toml_value *value;
        ptrdiff_t at;
        struct span span;

        reading_init_good(&r, str_of(rows[i].text));
        value = value_of(&r, "s");
        at = rows[i].part[0] != '\0' ? str_find_str(value->string, str_of(rows[i].part))
                                     : (ptrdiff_t)value->string.len;
        assert_true(at >= 0);
        span = toml_string_span(r.text, value, (size_t)at, strlen(rows[i].part));
        assert_str(written(&r, span), rows[i].written);
        span = toml_string_span(r.text, value, value->string.len, 1);
        assert_memory_equal(&span, &value->span, sizeof(span));
        reading_fini(&r);
    }
}

/* ---- limits */

static void repeat(struct strbuf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_puts(out, text);
    }
}

/* `depth` times `open`, `middle`, `depth` times `close`: read or refused, never more. */
static bool is_depth_read(const char *start, const char *open, const char *middle,
                          const char *close, size_t depth)
{
    struct strbuf text = {0};
    struct reading r;
    bool read;

    strbuf_puts(&text, start);
    repeat(&text, open, depth);
    strbuf_puts(&text, middle);
    repeat(&text, close, depth);
    reading_init(&r, "t.toml", strbuf_str(&text));
    read = r.root != NULL;
    if (read) {
        struct strbuf json = {0};

        toml_dump_json(&json, r.root);
        strbuf_fini(&json);
    } else {
        assert_int_equal(r.diags.count, 1);
        assert_true(str_find_str(r.diags.items[0].text, STR("nested deeper than 128")) >= 0);
    }
    reading_fini(&r);
    strbuf_fini(&text);
    return read;
}

static void test_depth(void **state)
{
    (void)state;
    assert_true(is_depth_read("a = ", "[", "", "]", LIMIT_TOML_DEPTH));
    assert_false(is_depth_read("a = ", "[", "", "]", LIMIT_TOML_DEPTH + 1));
    assert_false(is_depth_read("a = ", "[", "", "]", 1000000));
    assert_true(is_depth_read("a = ", "{a = ", "1", "}", LIMIT_TOML_DEPTH));
    assert_false(is_depth_read("a = ", "{a = ", "1", "}", LIMIT_TOML_DEPTH + 1));
    assert_true(is_depth_read("", "a.", "a = 1", "", LIMIT_TOML_DEPTH));
    assert_false(is_depth_read("", "a.", "a = 1", "", LIMIT_TOML_DEPTH + 1));
    assert_true(is_depth_read("[", "a.", "a]", "", LIMIT_TOML_DEPTH - 1));
    assert_false(is_depth_read("[", "a.", "a]", "", LIMIT_TOML_DEPTH));
    assert_false(is_depth_read("[[", "a.", "a]]", "", LIMIT_TOML_DEPTH - 1));
    assert_false(is_depth_read("a = ", "{a.b = [", "1", "]}", LIMIT_TOML_DEPTH / 2));
}

static void test_size(void **state)
{
    struct arena arena;
    struct diags diags;
    /* Refused by its length alone: not a byte is looked at. */
    struct str text = {"", (size_t)LIMIT_TOML_BYTES + 1};

    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    assert_null(toml_parse(&arena, text, 0, &diags));
    assert_int_equal(diags.errors, 1);
    diags_fini(&diags);
    arena_fini(&arena);
}

static void test_errors_are_not_endless(void **state)
{
    struct strbuf text = {0};
    struct reading r;

    (void)state;
    repeat(&text, "=\n", 100000);
    reading_init(&r, "t.toml", strbuf_str(&text));
    assert_null(r.root);
    assert_true(r.diags.errors >= 20 && r.diags.errors < 100);
    reading_fini(&r);
    strbuf_fini(&text);
}

/* Earlier errors of other sources do not make this text bad. */
static void test_errors_of_others(void **state)
{
    struct arena arena;
    struct diags diags;

    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    diag_error(&diags, SPAN_NONE, NULL, "something else");
    assert_non_null(toml_parse(&arena, STR_NONE, 0, &diags));
    assert_non_null(toml_parse(&arena, STR("a = 1"), 0, &diags));
    diags_fini(&diags);
    arena_fini(&arena);
}

/* ---- damaged text */

static struct strbuf all_valid(void)
{
    static const char *const names[] = {"strings", "numbers", "times", "tables", "inline"};
    struct strbuf all = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[100];
        struct strbuf one;

        snprintf(path, sizeof(path), "testdata/toml/valid/%s.toml", names[i]);
        one = file_read(path);
        /* Below a header of its own each stays what it was, nearly. */
        strbuf_printf(&all, "[file%zu]\n", i);
        strbuf_add_str(&all, strbuf_str(&one));
        strbuf_fini(&one);
    }
    return all;
}

static void read_and_draw(struct str text)
{
    struct strbuf out = {0};

    document_answer("t.toml", text, &out);
    assert_true(out.len != 0);
    strbuf_fini(&out);
}

static void test_prefixes(void **state)
{
    struct strbuf all = all_valid();

    (void)state;
    for (size_t len = 0; len <= all.len; len++) {
        read_and_draw(str_n(all.data, len));
    }
    strbuf_fini(&all);
}

static void test_mutations(void **state)
{
    static const char spice[] = "\"'[]{}=.,#\\\n\r \t0-:_eTx\x80\xff\x01";
    struct strbuf all = all_valid();
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char *copy = malloc(all.len);

        memcpy(copy, all.data, all.len);
        for (int i = 0; i < 1 + round % 4; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            copy[(seed >> 33) % all.len] = spice[(seed >> 20) % (sizeof(spice) - 1)];
        }
        read_and_draw(str_n(copy, all.len));
        free(copy);
    }
    strbuf_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_documents),
        cmocka_unit_test(test_invalid_documents),
        cmocka_unit_test(test_redefinition),
        cmocka_unit_test(test_where_a_text_ends),
        cmocka_unit_test(test_where_a_newline_may_be),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_text_must_be_utf8),
        cmocka_unit_test(test_strings_keep_their_length),
        cmocka_unit_test(test_floats_round_correctly),
        cmocka_unit_test(test_entries_keep_their_order),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_places_inside_strings),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_errors_are_not_endless),
        cmocka_unit_test(test_errors_of_others),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
