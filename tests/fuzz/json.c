/* Any bytes as JSON: an error inside the text, or a tree whose text, written again, reads the same.
 */
#include <assert.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void write_value(struct json_writer *w, struct json value, int depth)
{
    struct json_iter iter = json_iter_of(value);
    struct json element;
    struct str text;
    bool truth;

    if (json_as_str(value, &text)) {
        json_str(w, text);
    } else if (json_as_number_text(value, &text)) {
        json_raw(w, text);
    } else if (json_as_bool(value, &truth)) {
        json_bool(w, truth);
    } else if (json_type(value) == JSON_NULL || depth == JSON_WRITE_DEPTH) {
        json_null(w);
    } else if (json_type(value) == JSON_ARRAY) {
        json_array_begin(w);
        while (json_next(&iter, &text, &element)) {
            write_value(w, element, depth + 1);
        }
        json_array_end(w);
    } else {
        json_object_begin(w);
        while (json_next(&iter, &text, &element)) {
            json_key(w, text);
            write_value(w, element, depth + 1);
        }
        json_object_end(w);
    }
}

static void write_doc(const struct json_doc *doc, struct strbuf *out, enum json_style style)
{
    struct json_writer w = json_writer_of(out, style);

    write_value(&w, json_root(doc), 0);
}

static void check_again(const struct json_doc *doc)
{
    struct strbuf first;
    struct strbuf second;

    strbuf_init(&first);
    strbuf_init(&second);
    write_doc(doc, &first, JSON_PRETTY);
    struct json_doc *again = json_parse(strbuf_str(&first), NULL);
    assert(again != NULL);
    strbuf_clear(&first);
    write_doc(doc, &first, JSON_COMPACT);
    write_doc(again, &second, JSON_COMPACT);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    json_free(again);
    strbuf_fini(&first);
    strbuf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct json_problem problem;
    struct json_doc *doc = json_parse(str_n((const char *)data, size_bytes), &problem);

    if (doc == NULL) {
        assert(problem.offset <= size_bytes && problem.text[0] != '\0');
        return 0;
    }
    check_again(doc);
    json_free(doc);
    return 0;
}
