#ifndef PAWL_MODEL_TEMPLATE_H
#define PAWL_MODEL_TEMPLATE_H
/* Templates: strings in which `{{ expr }}` stands for the text of a value and `{{{{` for a literal
 * `{{`. Parsed once, rendered for each instance.
 *
 * What a value may do depends on where the string is used:
 *
 *   TEMPLATE_TEXT   the value's text; a list is an error (say join)
 *   TEMPLATE_PATH   the same; a NUL or an empty result is an error
 *   TEMPLATE_ARGV   an element of an array `run`: the text; a template that is one `{{ expr }}` and
 *                   nothing else gives as many elements as a list has; a path that starts with `-`
 *                   at the start of the element goes in as ./-…
 *   TEMPLATE_SHELL  a `run` string: no value becomes code (the rules are at the head of
 *                   template.c). Where that cannot be kept, parsing is an error with a place.
 *
 * A template lies where its owner has it; what was parsed is immutable, lies in the arena of the
 * cache and points into the text. Spans as in expr.h: `where` is the content of the string without
 * its quotes.
 *
 * Templates of one text share what was parsed: a manifest of many like stages has few different
 * texts. Each still has its own place, and errors are told there.
 */
#include <stdbool.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/expr.h"

enum template_use { TEMPLATE_TEXT, TEMPLATE_PATH, TEMPLATE_ARGV, TEMPLATE_SHELL };
enum { TEMPLATE_USES = TEMPLATE_SHELL + 1 };

struct template_body;

/* A text with its templates. What the key of a manifest says is one: it is written by its reader,
 * and parsed where it stands; it can be copied. */
struct m_text {
    struct str text;                  /* as in the document, unescaped */
    const struct template_body *body; /* NULL: the text is what it gives */
    struct span span;                 /* with the quotes */
    uint8_t before, after;            /* the bytes at its ends that are no content */
    uint8_t use;                      /* enum template_use */
    bool given;                       /* false: the key was not, or not rightly */
};

struct template_known {
    const struct template_body *body;
};

/* What was parsed so far, by text, and the arena that all of it goes into. It is needed for parsing
 * alone: templates outlive it. */
struct template_cache {
    struct arena *arena;
    struct map numbers[TEMPLATE_USES]; /* of bodies */
    VEC(struct template_known) bodies;
};

void template_cache_init(struct template_cache *cache, struct arena *arena);
void template_cache_fini(struct template_cache *cache);

/* Parses the `text` at `span`, whose content is at `where`, in or at it; false after adding at
 * least one error. `shell` is the word that names the shell for TEMPLATE_SHELL: the program of
 * `shell` (its base name counts), or, when that is busybox, its applet joined by a blank ("busybox
 * sh"); STR_NONE otherwise. */
bool template_parse(struct template_cache *cache, struct m_text *text, struct span where,
                    enum template_use use, struct str shell, struct diags *diags);

/* The text without any expression, if there is none: no rendering is needed then. */
bool template_is_literal(const struct m_text *template, struct str *text);
/* Is the template one `{{ expr }}` and nothing else, so that the value may be a list or keep its
 * kind? */
bool template_is_sole(const struct m_text *template);
/* That value. False with `*error` set. */
bool template_eval_sole(const struct m_text *template, const struct expr_env *env,
                        struct arena *arena, struct value *value, struct expr_error *error);
/* All names in it, as expr_names. */
bool template_names(const struct m_text *template, expr_name_visitor visit, void *ctx);

/* Calls for each expression in it, in order. */
void template_exprs(const struct m_text *template,
                    void (*visit)(void *ctx, const struct expr *expr), void *ctx);

/* Calls for each part in order: a literal text, or (`name` is not NULL) a name that is a whole
 * expression. False if an expression is more than that, or the callback returned it. */
typedef bool (*template_part_visitor)(void *ctx, struct str literal, const struct expr_name *name);
bool template_parts(const struct m_text *template, template_part_visitor visit, void *ctx);
/* What is known of a name's value before there is one: nothing, or that it is a text, or a list of
 * texts, that hold no NUL. */
enum template_known_value { TEMPLATE_VALUE_ANY, TEMPLATE_VALUE_TEXT, TEMPLATE_VALUE_LIST };
typedef enum template_known_value (*template_value_visitor)(void *ctx,
                                                            const struct expr_name *name);
/* True if a TEMPLATE_TEXT or TEMPLATE_SHELL can be rendered with whatever values are such, as long
 * as the result is not too long: that is at most `*bytes` and, for each of `*names`, the value,
 * quoted. Adds to both. Is false where it is not clear. */
bool template_cannot_fail(const struct m_text *template, template_value_visitor visit, void *ctx,
                          size_t *bytes, uint32_t *names);

/* Renders to one string in the arena. False with `*error` set. */
bool template_render(const struct m_text *template, const struct expr_env *env, struct arena *arena,
                     struct str *out, struct expr_error *error);
/* The same, appended to `out`; `arena` is scratch for values and for the error's text. */
bool template_render_to(const struct m_text *template, const struct expr_env *env,
                        struct arena *arena, struct strbuf *out, struct expr_error *error);

struct template_words {
    struct str *items; /* on the heap: the caller frees with VEC_FREE */
    size_t count, cap;
};
/* Appends the elements that a TEMPLATE_ARGV gives: one, or for a sole list as many as it has (an
 * empty list gives none). Texts live in the arena. */
bool template_render_words(const struct m_text *template, const struct expr_env *env,
                           struct arena *arena, struct template_words *out,
                           struct expr_error *error);

#endif
