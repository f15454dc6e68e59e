/* Templates: segments of literal text and of expressions.
 *
 * In a `run` string no value becomes code:
 *
 *   - A value made only of A-Za-z0-9_./:=@%+,- (and not empty) goes in as it is, any other
 *     single-quoted. A list is words, each by this rule, and stands alone between blanks.
 *   - A safe value is quoted as well where the shell could join it with what is next to it or take
 *     it for something else: next to `$name`, before `<`, `>` or `(`, behind a plain `{`, in zsh at
 * a word's start with `=` first, and as (or within) the first word of a command when it is a
 *     reserved word, has a `=`, or is not the whole word.
 *   - A path that starts with `-` goes in as ./-… at the start of a word or behind a `=`.
 *   - Everywhere but in plain words (quotes, substitutions, here-documents, …: enum shell_place) a
 *     value is an error in the manifest. In a comment a value must have no line end.
 *   - raw(…) goes in as it is, wherever it stands; a shell that pawl does not know takes only that.
 *
 * What a command makes of its arguments is its own affair: `eval {{x}}`, `sh -c {{x}}`, a builtin
 * that computes (`let`, `declare -i`, `[ x -eq y ]` of ksh and zsh) run what they are given.
 */
#include "model/template.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/vec.h"
#include "model/shellwords.h"

struct segment {
    struct str literal;      /* if expr is NULL */
    const struct expr *expr; /* of `{{ expr }}` */
    struct span span;
    struct shell_hole hole; /* in TEMPLATE_SHELL */
};

/* What was parsed, for all templates of one text and use: their spans are those of the first one,
 * at `where`. */
struct template_body {
    struct str shell;
    struct span where;
    enum template_use use;
    uint32_t count;
    struct segment segments[];
};

typedef VEC(struct segment) segment_vec;

/* --- parsing --- */

/* Offset of the `}}` that ends the expression starting at `at`, or -1. */
static ptrdiff_t find_end(struct str text, size_t at)
{
    char quote = '\0';
    for (; at < text.len; at++) {
        char c = text.data[at];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"' || c == '`') {
            quote = c;
        } else if (c == '}' && at + 1 < text.len && text.data[at + 1] == '}') {
            return (ptrdiff_t)at;
        }
    }
    return -1;
}

static bool parse_expression(struct arena *arena, struct str text, struct span where, size_t *at,
                             segment_vec *segments, struct diags *diags)
{
    size_t start = *at + 2;
    ptrdiff_t end = find_end(text, start);
    if (end < 0) {
        diag_error(diags, expr_span_within(text, where, *at, 2), "a literal {{ is written {{{{",
                   "'{{' has no '}}'");
        return false;
    }
    size_t len = (size_t)end - start;
    struct segment segment = {.span = expr_span_within(text, where, *at, len + 4)};
    struct str inside = str_n(text.data + start, len);
    bool exact = where.len == text.len;
    struct span place = exact ? expr_span_within(text, where, start, len) : where;
    if (str_trim(inside).len == 0) {
        diag_error(diags, segment.span, "a literal {{ is written {{{{", "'{{ }}' is empty");
        return false;
    }
    segment.expr = expr_parse(arena, inside, place, diags);
    *at = (size_t)end + 2;
    VEC_PUSH(segments, segment);
    return segment.expr != NULL;
}

/* Adds literal text, joined to what is before. */
static void add_literal(struct arena *arena, segment_vec *segments, struct str literal)
{
    struct segment *last = segments->count > 0 ? &segments->items[segments->count - 1] : NULL;
    if (literal.len == 0) {
        return;
    }
    if (last != NULL && last->expr == NULL) {
        last->literal = str_concat(arena, last->literal, literal);
        return;
    }
    VEC_PUSH(segments, ((struct segment){.literal = literal}));
}

static bool parse_segments(struct arena *arena, struct str text, struct span where,
                           segment_vec *segments, struct diags *diags)
{
    bool good = true;
    size_t at = 0;
    while (at < text.len) {
        struct str rest = str_skip(text, at);
        ptrdiff_t open = str_find_str(rest, STR("{{"));
        add_literal(arena, segments, open < 0 ? rest : str_head(rest, (size_t)open));
        if (open < 0) {
            break;
        }
        at += (size_t)open;
        if (str_has_prefix(str_skip(text, at), STR("{{{{"))) {
            add_literal(arena, segments, STR("{{"));
            at += 4;
            continue;
        }
        size_t before = at;
        good = parse_expression(arena, text, where, &at, segments, diags) && good;
        if (at == before) {
            break; /* where the next one starts is not known */
        }
    }
    return good;
}

/* --- the shell's places --- */

static bool is_value(const struct segment *segment)
{
    return segment->expr != NULL && !expr_is_raw(segment->expr);
}

static bool check_place(const struct segment *segment, struct diags *diags)
{
    enum shell_place place = segment->hole.place;
    if (!is_value(segment) || place == SHELL_PLACE_WORD || place == SHELL_PLACE_COMMENT) {
        return true;
    }
    bool quotes = place == SHELL_PLACE_DOUBLE_QUOTE || place == SHELL_PLACE_SINGLE_QUOTE;
    diag_error(diags, segment->span,
               quotes ? "close the quotes around it: \"a\"{{x}}\"b\""
                      : "let it stand by itself, as in \"a\"{{x}}\"b\", or pass it through env",
               "a value cannot stand %s", shell_place_text(place));
    return false;
}

static bool check_shell(struct arena *arena, segment_vec *segments, struct diags *diags)
{
    struct strbuf skeleton;
    struct shell_scan scan;
    bool good = true;
    uint32_t hole = 0;
    strbuf_init(&skeleton);
    VEC_EACH (segment, segments) {
        if (segment->expr != NULL) {
            strbuf_putc(&skeleton, '\0');
        } else {
            strbuf_add_str(&skeleton, segment->literal);
        }
    }
    shell_scan(arena, strbuf_str(&skeleton), &scan);
    VEC_EACH (segment, segments) {
        if (segment->expr != NULL) {
            segment->hole = scan.holes[hole++];
            good = check_place(segment, diags) && good;
        }
    }
    assert(hole == scan.hole_count);
    strbuf_fini(&skeleton);
    return good;
}

static bool check_unknown_shell(segment_vec *segments, struct str shell, struct diags *diags)
{
    bool good = true;
    VEC_EACH (segment, segments) {
        if (is_value(segment)) {
            diag_error(diags, segment->span, "pass it through env, or say {{raw(x)}} if it is safe",
                       "pawl does not know how '%.*s' quotes", STR_ARG(shell));
            good = false;
        }
    }
    return good;
}

static bool check_segments(struct arena *arena, segment_vec *segments, enum template_use use,
                           struct str shell, struct diags *diags)
{
    if (use != TEMPLATE_SHELL) {
        return true;
    }
    return shell_is_known(shell) ? check_shell(arena, segments, diags)
                                 : check_unknown_shell(segments, shell, diags);
}

static bool check_no_nul(struct str text, struct span where, struct diags *diags)
{
    ptrdiff_t at = str_find(text, '\0');
    if (at >= 0) {
        diag_error(diags, expr_span_within(text, where, (size_t)at, 1), NULL,
                   "the text has a NUL byte");
    }
    return at < 0;
}

static const struct template_body *body_new(struct arena *arena, struct span where,
                                            enum template_use use, struct str shell,
                                            const segment_vec *segments)
{
    size_t bytes = segments->count * sizeof(struct segment);
    struct template_body *body = arena_alloc(arena, sizeof(*body) + bytes);
    body->shell = shell;
    body->where = where;
    body->use = use;
    body->count = (uint32_t)segments->count;
    if (bytes > 0) {
        memcpy(body->segments, segments->items, bytes);
    }
    return body;
}

static const struct template_body *body_parse(struct arena *arena, struct str text,
                                              struct span where, enum template_use use,
                                              struct str shell, struct diags *diags)
{
    segment_vec segments = {0};
    const struct template_body *body = NULL;
    if (parse_segments(arena, text, where, &segments, diags) &&
        check_segments(arena, &segments, use, shell, diags)) {
        body = body_new(arena, where, use, shell, &segments);
    }
    VEC_FREE(&segments);
    return body;
}

/* --- bodies that are known --- */

void template_cache_init(struct template_cache *cache, struct arena *arena)
{
    *cache = (struct template_cache){.arena = arena};
}

void template_cache_fini(struct template_cache *cache)
{
    for (unsigned use = 0; use < TEMPLATE_USES; use++) {
        map_fini(&cache->numbers[use]);
    }
    VEC_FREE(&cache->bodies);
}

/* A body with exact places can be moved to any other place. Of one text for two shells only the
 * first is known. */
static const struct template_body *cache_find(struct template_cache *cache, struct str text,
                                              struct span where, enum template_use use,
                                              struct str shell, struct diags *diags)
{
    bool exact = where.len == text.len && where.source != 0;
    uint32_t number = exact ? map_get(&cache->numbers[use], text) : MAP_MISSING;
    const struct template_body *body;

    if (number != MAP_MISSING && str_equal(cache->bodies.items[number].body->shell, shell)) {
        return cache->bodies.items[number].body;
    }
    body = body_parse(cache->arena, text, where, use, shell, diags);
    if (body != NULL && exact && number == MAP_MISSING) {
        map_put(&cache->numbers[use], text, (uint32_t)cache->bodies.count);
        VEC_PUSH(&cache->bodies, (struct template_known){body});
    }
    return body;
}

/* In the document a text has little around it: its quotes. Of one that has more (line ends that are
 * left out) all is its content. */
static void set_place(struct m_text *text, struct span where)
{
    uint32_t before = where.offset - text->span.offset;
    uint32_t after = text->span.len - before - where.len;
    bool fits = before <= UINT8_MAX && after <= UINT8_MAX;

    text->before = fits ? (uint8_t)before : 0;
    text->after = fits ? (uint8_t)after : 0;
}

static struct span content_of(const struct m_text *text)
{
    return (struct span){text->span.offset + text->before,
                         text->span.len - text->before - text->after, text->span.source};
}

bool template_parse(struct template_cache *cache, struct m_text *text, struct span where,
                    enum template_use use, struct str shell, struct diags *diags)
{
    set_place(text, where);
    text->use = (uint8_t)use;
    text->body = NULL;
    text->given = check_no_nul(text->text, where, diags);
    if (text->given && str_find_str(text->text, STR("{{")) >= 0) {
        text->body = cache_find(cache, text->text, where, use, shell, diags);
        text->given = text->body != NULL;
    }
    return text->given;
}

/* A span of the body as one of this template. */
static struct span moved(const struct m_text *template, struct span span)
{
    if (span.source == 0) {
        return span;
    }
    span.offset += content_of(template).offset - template->body->where.offset;
    span.source = template->span.source;
    return span;
}

static bool moved_error(const struct m_text *template, struct expr_error *error)
{
    error->span = moved(template, error->span);
    return false;
}

/* --- questions --- */

bool template_is_literal(const struct m_text *template, struct str *text)
{
    const struct template_body *body = template->body;
    if (body == NULL) {
        *text = template->text;
        return true;
    }
    if (body->count > 1 || body->segments[0].expr != NULL) {
        return false;
    }
    *text = body->segments[0].literal;
    return true;
}

static const struct expr *sole_of(const struct m_text *template)
{
    const struct template_body *body = template->body;
    return body != NULL && body->count == 1 ? body->segments[0].expr : NULL;
}

bool template_is_sole(const struct m_text *template)
{
    return sole_of(template) != NULL;
}

bool template_eval_sole(const struct m_text *template, const struct expr_env *env,
                        struct arena *arena, struct value *value, struct expr_error *error)
{
    return expr_eval(sole_of(template), env, arena, value, error) || moved_error(template, error);
}

struct names_walk {
    const struct m_text *template;
    expr_name_visitor visit;
    void *ctx;
};

static bool visit_moved(void *ctx, const struct expr_name *name, bool in_default)
{
    struct names_walk *walk = ctx;
    struct expr_name here = *name;
    here.span = moved(walk->template, name->span);
    return walk->visit(walk->ctx, &here, in_default);
}

bool template_names(const struct m_text *template, expr_name_visitor visit, void *ctx)
{
    const struct template_body *body = template->body;
    struct names_walk walk = {template, visit, ctx};
    for (uint32_t i = 0; body != NULL && i < body->count; i++) {
        const struct expr *expr = body->segments[i].expr;
        if (expr != NULL && !expr_names(expr, visit_moved, &walk)) {
            return false;
        }
    }
    return true;
}

void template_exprs(const struct m_text *template,
                    void (*visit)(void *ctx, const struct expr *expr), void *ctx)
{
    const struct template_body *body = template->body;
    for (uint32_t i = 0; body != NULL && i < body->count; i++) {
        if (body->segments[i].expr != NULL) {
            visit(ctx, body->segments[i].expr);
        }
    }
}

bool template_parts(const struct m_text *template, template_part_visitor visit, void *ctx)
{
    const struct template_body *body = template->body;
    if (body == NULL) {
        return visit(ctx, template->text, NULL);
    }
    for (uint32_t i = 0; i < body->count; i++) {
        const struct segment *segment = &body->segments[i];
        const struct expr_name *name = NULL;
        if (segment->expr != NULL) {
            name = expr_sole_name(segment->expr);
            if (name == NULL || name->selector_count != 0) {
                return false;
            }
        }
        if (!visit(ctx, segment->literal, name)) {
            return false;
        }
    }
    return true;
}

/* A list must be where words of its own may begin; a line end must do no harm. */
static bool segment_cannot_fail(const struct segment *segment, enum template_use use,
                                enum template_known_value known)
{
    const struct shell_hole *hole = &segment->hole;
    if (use == TEMPLATE_TEXT) {
        return known == TEMPLATE_VALUE_TEXT;
    }
    return hole->place == SHELL_PLACE_WORD && !hole->must_one_line &&
           (known == TEMPLATE_VALUE_TEXT ||
            (known == TEMPLATE_VALUE_LIST && hole->alone && !hole->redirected));
}

bool template_cannot_fail(const struct m_text *template, template_value_visitor visit, void *ctx,
                          size_t *bytes, uint32_t *names)
{
    const struct template_body *body = template->body;
    if (template->use != TEMPLATE_TEXT && template->use != TEMPLATE_SHELL) {
        return false;
    }
    *bytes += template->text.len;
    for (uint32_t i = 0; body != NULL && i < body->count; i++) {
        const struct segment *segment = &body->segments[i];
        const struct expr_name *name;
        if (segment->expr == NULL) {
            continue;
        }
        name = expr_sole_name(segment->expr);
        if (name == NULL || name->selector_count != 0 ||
            !segment_cannot_fail(segment, (enum template_use) template->use, visit(ctx, name))) {
            return false;
        }
        (*names)++;
    }
    return true;
}

/* --- rendering --- */

struct render {
    enum template_use use;
    struct arena *arena;
    struct strbuf *out;
    size_t start; /* of what is rendered, in out */
    struct expr_error *error;
    bool content; /* a value before in this word of a command had text */
};

static bool render_fail(struct render *r, struct span span, const char *hint, const char *text)
{
    *r->error = (struct expr_error){
        .kind = EXPR_ERROR_WRONG, .span = span, .text = str_of(text), .hint = str_of(hint)};
    return false;
}

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Can this text stand unquoted in this place? */
static bool stands_plain(struct str text, const struct shell_hole *hole)
{
    if (!shell_is_safe(text) || hole->must_quote) {
        return false;
    }
    if ((hole->in_braces && !all_digits(text)) || (hole->word_start && text.data[0] == '=')) {
        return false;
    }
    return !hole->command || (hole->alone && str_find(text, '=') < 0 && !shell_is_reserved(text));
}

static bool render_word(struct render *r, const struct segment *segment, struct str text,
                        bool is_path)
{
    const struct shell_hole *hole = &segment->hole;
    bool one_line = hole->must_one_line || hole->place == SHELL_PLACE_COMMENT;
    if (one_line && str_find(text, '\n') >= 0) {
        return render_fail(r, segment->span, "pass it through env",
                           hole->place == SHELL_PLACE_COMMENT
                               ? "a value with a line end would end the comment it stands in"
                               : "a value with a line end stands beside a here-document");
    }
    bool at_start = (hole->word_start && !r->content) || hole->after_equals;
    if (is_path && at_start && text.len > 0 && text.data[0] == '-') {
        text = str_concat(r->arena, STR("./"), text);
    }
    r->content = r->content || text.len > 0;
    if (stands_plain(text, hole)) {
        strbuf_add_str(r->out, text);
    } else {
        shell_quote(text, r->out);
    }
    return true;
}

static bool render_plain(struct render *r, struct str text, bool is_path)
{
    char before = r->out->len > r->start ? r->out->data[r->out->len - 1] : '=';
    bool argument = r->use == TEMPLATE_ARGV && is_path && before == '=';
    if (argument && text.len > 0 && text.data[0] == '-') {
        strbuf_puts(r->out, "./");
    }
    strbuf_add_str(r->out, text);
    return true;
}

static bool render_text(struct render *r, const struct segment *segment, const struct value *value)
{
    char digits[STR_INT_BYTES];
    struct str text = value_text_near(value, r->arena, digits);
    bool is_path = value->kind == VALUE_STRING && value->is_path;
    if (value->kind == VALUE_LIST) {
        return render_fail(r, segment->span, NULL, "a list stands within a list");
    }
    if (value->kind == VALUE_STRING && str_find(text, '\0') >= 0) {
        return render_fail(r, segment->span, NULL, "the value has a NUL byte");
    }
    bool quotes = r->use == TEMPLATE_SHELL && !expr_is_raw(segment->expr);
    return quotes ? render_word(r, segment, text, is_path) : render_plain(r, text, is_path);
}

/* A list where no word of its own may begin. */
static bool render_free_fail(struct render *r, const struct segment *segment)
{
    if (segment->hole.redirected) {
        return render_fail(
            r, segment->span,
            "give its path a name, such as outputs.NAME, or use 'stdin' and 'stdout'",
            "a list is the target of a redirection");
    }
    return render_fail(r, segment->span, "put blanks around it, or say join(x, ' ')",
                       "a list stands within a word");
}

static bool render_list(struct render *r, const struct segment *segment, const struct value *list)
{
    const struct shell_hole *hole = &segment->hole;
    if (r->use != TEMPLATE_SHELL) {
        return render_fail(r, segment->span, "say join(x, ' ')",
                           r->use == TEMPLATE_ARGV ? "a list stands within an element"
                                                   : "a list stands where one text is expected");
    }
    bool free = hole->place == SHELL_PLACE_COMMENT || (hole->alone && !hole->redirected);
    if (!free && !expr_is_raw(segment->expr)) {
        return render_free_fail(r, segment);
    }
    for (size_t i = 0; i < list->list.count; i++) {
        if (i > 0) {
            strbuf_putc(r->out, ' ');
        }
        r->content = false;
        if (!render_text(r, segment, &list->list.items[i])) {
            return false;
        }
    }
    return true;
}

static bool render_segment(struct render *r, const struct segment *segment,
                           const struct expr_env *env)
{
    struct value value;
    if (segment->expr == NULL) {
        strbuf_add_str(r->out, segment->literal);
        return true;
    }
    if (!expr_eval(segment->expr, env, r->arena, &value, r->error)) {
        return false;
    }
    r->content = r->content && !segment->hole.first;
    return value.kind == VALUE_LIST ? render_list(r, segment, &value)
                                    : render_text(r, segment, &value);
}

static bool render_body(struct render *r, const struct template_body *body,
                        const struct expr_env *env)
{
    for (uint32_t i = 0; i < body->count; i++) {
        if (!render_segment(r, &body->segments[i], env)) {
            return false;
        }
        if (r->out->len - r->start > LIMIT_RENDERED_BYTES) {
            return true; /* more will not make it shorter */
        }
    }
    return true;
}

bool template_render_to(const struct m_text *template, const struct expr_env *env,
                        struct arena *arena, struct strbuf *out, struct expr_error *error)
{
    struct render r = {.use = (enum template_use) template->use,
                       .arena = arena,
                       .out = out,
                       .start = out->len,
                       .error = error};
    if (template->body == NULL) {
        strbuf_add_str(out, template->text);
    } else if (!render_body(&r, template->body, env)) {
        return moved_error(template, error);
    }
    if (out->len - r.start > LIMIT_RENDERED_BYTES) {
        return render_fail(&r, content_of(template), NULL, "the text becomes longer than 1 MiB");
    }
    if (template->use == TEMPLATE_PATH && out->len == r.start) {
        return render_fail(&r, content_of(template), NULL, "the path is empty");
    }
    return true;
}

bool template_render(const struct m_text *template, const struct expr_env *env, struct arena *arena,
                     struct str *out, struct expr_error *error)
{
    struct strbuf buf;
    strbuf_init(&buf);
    bool good = template_render_to(template, env, arena, &buf, error);
    if (good) {
        *out = strbuf_dup(&buf, arena);
    }
    strbuf_fini(&buf);
    return good;
}

static bool render_element(const struct template_body *body, const struct value *value,
                           struct arena *arena, struct template_words *out,
                           struct expr_error *error)
{
    struct strbuf buf;
    strbuf_init(&buf);
    struct render r = {.use = body->use, .arena = arena, .out = &buf, .error = error};
    bool good = render_text(&r, &body->segments[0], value);
    if (good) {
        VEC_PUSH(out, strbuf_dup(&buf, arena));
    }
    strbuf_fini(&buf);
    return good;
}

bool template_render_words(const struct m_text *template, const struct expr_env *env,
                           struct arena *arena, struct template_words *out,
                           struct expr_error *error)
{
    struct value value;
    assert(template->use == TEMPLATE_ARGV);
    if (!template_is_sole(template)) {
        struct str text;
        if (!template_render(template, env, arena, &text, error)) {
            return false;
        }
        VEC_PUSH(out, text);
        return true;
    }
    if (!template_eval_sole(template, env, arena, &value, error)) {
        return false;
    }
    bool list = value.kind == VALUE_LIST;
    const struct value *items = list ? value.list.items : &value;
    for (size_t i = 0; i < (list ? value.list.count : 1); i++) {
        if (!render_element(template->body, &items[i], arena, out, error)) {
            return moved_error(template, error);
        }
    }
    return true;
}
