#ifndef PAWL_MODEL_EXPR_H
#define PAWL_MODEL_EXPR_H
/* The one expression language of a manifest: in templates, `when`, `gate`, `validate`, `report` and
 * `flags.by`. No loops and no I/O: it always ends. The grammar is at the head of expr_parse.c, what
 * each operator and function does at the heads of expr_eval.c and expr_call.c.
 *
 * Order of calls: expr_parse once (errors go to the diags), expr_names to see what it depends on,
 * expr_eval many times, each with an environment that knows the names. An expression is immutable
 * and lies in the arena it was parsed into; it points into the text it was parsed from.
 *
 * Places. Each node has a span. The caller hands over the text and the span of the text's content
 * (without the quotes) in the manifest. Where both have the same length, bytes correspond one to
 * one and a node has its exact place; otherwise (the TOML string had escapes) each node has the
 * whole string's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "model/value.h"

struct expr;
struct expr_node;

/* The span of `len` bytes at `offset` of a text whose content lies at `where`. */
struct span expr_span_within(struct str text, struct span where, size_t offset, size_t len);

/* Parses; NULL after adding at least one error. */
const struct expr *expr_parse(struct arena *arena, struct str text, struct span where,
                              struct diags *diags);
struct str expr_text(const struct expr *expr);  /* as written */
struct span expr_span(const struct expr *expr); /* of the whole */
/* True if the whole expression is raw(…): in a `run` string it goes in unquoted. */
bool expr_is_raw(const struct expr *expr);
/* The name that the whole expression is, or NULL. */
const struct expr_name *expr_sole_name(const struct expr *expr);
/* True if the value is the same in every environment (no names). */
bool expr_is_constant(const struct expr *expr);

/* --- names --- */

enum expr_name_kind {
    EXPR_NAME_BARE,    /* x: a parameter, an axis, in checks a metric; `member` is x */
    EXPR_NAME_INPUTS,  /* inputs (`member` empty) or inputs.NAME */
    EXPR_NAME_OUTPUTS, /* outputs or outputs.NAME */
    EXPR_NAME_FLAG,    /* flag.NAME */
    EXPR_NAME_METRIC,  /* metric.x, metric['p-value']; nested names joined by '.' in `member` */
    EXPR_NAME_STAGE    /* STAGE.metric, `STAGE`.metric, STAGE@axis=value,….metric */
};

struct expr_selector {
    struct str axis;
    struct span span;
    struct value value; /* in a lookup; not set in expr_names */
};

struct expr_name {
    enum expr_name_kind kind;
    struct str stage;  /* of EXPR_NAME_STAGE */
    struct str member; /* what is behind the point, or the bare name */
    struct str text;   /* the whole as written: for messages */
    struct span span;
    const struct expr_selector *selectors; /* in the order written */
    uint32_t selector_count;
};

/* Calls for every name in the text, left to right, also those within selectors. `in_default` is
 * true within the first argument of default(…), where a missing value is no error. Stops early and
 * returns false when the callback does. */
typedef bool (*expr_name_visitor)(void *ctx, const struct expr_name *name, bool in_default);
bool expr_names(const struct expr *expr, expr_name_visitor visit, void *ctx);

/* --- evaluation --- */

enum expr_lookup {
    EXPR_FOUND,   /* answer->value is set */
    EXPR_UNKNOWN, /* nothing has this name; answer->hint may say what was meant */
    EXPR_MISSING, /* the name is right, the value is not there (a metric that was not written, an
                     output of an ignored stage); default(…) replaces it. answer->reason may say why
                   */
    EXPR_REFUSED /* the name cannot be used here; answer->reason goes behind the name: "is not known
                    yet in 'matrix'", "is both a parameter and a metric" */
};

struct expr_answer {
    struct value value;
    struct str reason;
    struct str hint;
};

struct expr_env {
    void *ctx;
    /* Texts in the answer must live as long as the result of expr_eval. `arena` is that of
     * expr_eval, for what the lookup has to make. NULL: no name is known. */
    enum expr_lookup (*lookup)(void *ctx, const struct expr_name *name, struct arena *arena,
                               struct expr_answer *answer);
};

enum expr_error_kind {
    EXPR_ERROR_WRONG,  /* kinds that do not fit, overflow, an unknown or refused name, … */
    EXPR_ERROR_MISSING /* a value that is not there */
};

struct expr_error {
    enum expr_error_kind kind;
    struct span span;
    struct str text; /* in the arena of the evaluation */
    struct str hint; /* may be empty */
};

/* Evaluates; false with `*error` set. Results and error texts live in `arena` (or in the
 * manifest). */
bool expr_eval(const struct expr *expr, const struct expr_env *env, struct arena *arena,
               struct value *out, struct expr_error *error);
/* The same for what must be a boolean (`when`, checks). */
bool expr_eval_bool(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                    bool *out, struct expr_error *error);
/* As expr_names, with the values of selectors. What is selected is evaluated, nothing else is.
 * False if the callback stopped (`error->text` is empty) or a selector has no value. */
bool expr_names_in(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                   expr_name_visitor visit, void *ctx, struct expr_error *error);
/* Of a condition that is false: appends what would be true instead, with the values that its right
 * sides have: `sharpe >= 0.816`. (expr_wanted.c) */
void expr_wanted(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                 struct strbuf *out);
/* Adds the error to the diags. */
void expr_error_report(const struct expr_error *error, struct diags *diags);

#endif
