/* Any text as a `run` string: it parses or has errors, and what it renders to is read by the
 * scanner with the value in the same words: a hostile value changes neither the number of places
 * that take values nor what is certain about the text behind it. */
#include <assert.h>
#include <stdlib.h>

#include "model/shellwords.h"
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum expr_lookup lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                               struct expr_answer *answer)
{
    (void)name, (void)arena;
    answer->value = value_string(str_of(ctx));
    return EXPR_FOUND;
}

static bool count_word(void *ctx, struct str word, size_t offset, size_t len)
{
    (void)word, (void)offset, (void)len;
    ++*(size_t *)ctx;
    return true;
}

static void check_value(const struct m_text *template, struct arena *arena, char *value,
                        bool *has_pipe)
{
    struct expr_env env = {value, lookup};
    struct expr_error error;
    struct str out;
    struct shell_scan scan;
    size_t words = 0;
    if (!template_render(template, &env, arena, &out, &error)) {
        assert(error.text.len > 0);
        return;
    }
    shell_scan(arena, out, &scan);
    assert(scan.hole_count == 0);
    shell_words(out, count_word, &words);
    *has_pipe = scan.has_pipe;
}

static bool is_raw_name(struct str text)
{
    return str_find_str(text, STR("raw")) >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct template_cache templates;
    struct diags diags;
    struct str text = str_n((const char *)data, size);
    arena_init(&arena);
    template_cache_init(&templates, &arena);
    diags_init(&diags);
    struct span where = {0, (uint32_t)size, diags_add_source(&diags, STR("t"), text)};
    for (int use = TEMPLATE_TEXT; use <= TEMPLATE_SHELL; use++) {
        bool plain = false, hostile = false;
        uint32_t errors = diags.errors;
        struct m_text template = {.text = text, .span = where};
        bool good =
            template_parse(&templates, &template, where, (enum template_use)use, STR("sh"), &diags);
        assert(good == template.given && good == (diags.errors == errors));
        if (good) {
            check_value(&template, &arena, "a b", &plain);
            hostile = plain;
            check_value(&template, &arena, "a' | b\"`$(", &hostile);
            assert(use != TEMPLATE_SHELL || hostile == plain || is_raw_name(text));
        }
    }
    diags_fini(&diags);
    template_cache_fini(&templates);
    arena_fini(&arena);
    return 0;
}
