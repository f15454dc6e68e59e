/* The text of a shell command: commands and words.
 *
 * A recursive reading: scan_commands reads words and operators up to the closing parenthesis,
 * scan_word one word, shellwords_quote.c what stands in quotes and substitutions. It keeps what it
 * takes to find the ends of things: `case` patterns, whose `)` closes nothing; here-documents,
 * whose bodies start behind the line; comments; `\` and line end, which vanish wherever they stand
 * unquoted. It follows reserved words only as far as that; it takes more words for the first of a
 * command than the shell does, because that only means more quotes.
 *
 * What cannot be told for every shell makes the whole text uncertain, and then no hole has a known
 * place.
 */
#include <string.h>

#include "model/shellwords_scan.h"

static bool ends_word(int c)
{
    return c == SCAN_END || (c > 0 && strchr(" \t\n;&|<>()", c) != NULL);
}

/* --- words --- */

struct word {
    struct strbuf text; /* without quotes; of a word with holes or expansions, what is literal */
    bool literal;       /* text is all of it */
    bool quoted;        /* a part was quoted: it is no reserved word */
    bool has_content;   /* something literal or expanded that is not empty quotes */
    bool has_hole;
    bool assigns;   /* starts with NAME= */
    bool in_braces; /* a plain { was seen */
    bool in_bracket;
    char last; /* the plain character before, or NUL */
    bool after_name;
};

/* What the word's place allows. */
struct word_place {
    bool command, redirected, tested;
};

static bool is_assignment(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == '=' || c == '[' || (c == '+' && i + 1 < text.len && text.data[i + 1] == '=')) {
            return i > 0;
        }
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return false;
}

static void word_hole(struct scanner *s, struct word *word, const struct word_place *where)
{
    bool word_start = !word->has_content;
    bool alone = word_start && !word->quoted && !word->has_hole;
    bool command = where->command && !where->redirected && !word->assigns;
    struct shell_hole *hole = scan_hole(s, where->tested      ? SHELL_PLACE_TEST
                                           : word->in_bracket ? SHELL_PLACE_BRACKET
                                                              : SHELL_PLACE_WORD);
    int next = scan_peek(s);
    hole->word_start = word_start;
    hole->alone = alone && ends_word(next) && next != '(' && next != '<' && next != '>';
    hole->first = !word->has_hole;
    hole->after_equals = word->last == '=';
    hole->command = command;
    hole->redirected = where->redirected;
    hole->in_braces = word->in_braces;
    hole->must_quote = word->after_name || next == '<' || next == '>' || next == '(';
    hole->must_one_line = s->pending.count > 0;
    word->literal = false;
    word->has_hole = true;
    word->last = '\0';
}

static void word_quoted(struct scanner *s, struct word *word, int c)
{
    size_t start = s->at;
    if (c == '\'') {
        scan_single_quote(s);
    } else {
        scan_double_quote(s);
    }
    size_t len = s->at - start;
    struct str inside = str_n(s->text.data + start + 1, len > 2 ? len - 2 : 0);
    for (size_t i = 0; i < inside.len; i++) {
        if (inside.data[i] == '\0' || (c == '"' && strchr("$`\\", inside.data[i]) != NULL)) {
            word->literal = false;
        }
    }
    if (s->pending.count > 0 && str_find(inside, '\n') >= 0) {
        s->uncertain = true; /* whether the here-document starts there */
    }
    strbuf_add_str(&word->text, inside);
    word->quoted = true;
    word->has_content = word->has_content || inside.len > 0;
    word->last = '\0';
}

static void word_backslash(struct scanner *s, struct word *word)
{
    s->at++;
    if (s->at == s->end) {
        strbuf_putc(&word->text, '\\');
    } else if (s->text.data[s->at] == '\0') {
        scan_hole(s, SHELL_PLACE_BACKSLASH);
        word->literal = false;
    } else {
        strbuf_putc(&word->text, s->text.data[s->at++]);
    }
    word->quoted = word->has_content = true;
    word->last = '\0';
}

static void word_plain(struct scanner *s, struct word *word, char c)
{
    if (c == '[') {
        word->in_bracket = true;
    } else if (c == ']') {
        word->in_bracket = false;
    } else if (c == '{') {
        word->in_braces = true;
    }
    if (strchr("*?[{", c) != NULL || (c == '~' && !word->has_content)) {
        word->literal = false;
    }
    strbuf_putc(&word->text, c);
    word->assigns =
        word->assigns || (c == '=' && !word->quoted && is_assignment(strbuf_str(&word->text)));
    word->has_content = true;
    word->last = c;
    s->at++;
}

static void word_dollar(struct scanner *s, struct word *word, int c)
{
    bool named = false;
    if (c == '`') {
        scan_backquote(s);
    } else {
        named = scan_dollar(s, false) == DOLLAR_NAME;
    }
    word->literal = false;
    word->has_content = true;
    word->last = '\0';
    word->after_name = named;
}

static void scan_word(struct scanner *s, struct word *word, const struct word_place *where)
{
    for (int c; !ends_word(c = scan_peek(s));) {
        bool dollar = c == '$' || c == '`';
        if (dollar) {
            word_dollar(s, word, c);
            continue;
        }
        if (c == '\0') {
            word_hole(s, word, where);
        } else if (c == '\'' || c == '"') {
            word_quoted(s, word, c);
        } else if (c == '\\') {
            word_backslash(s, word);
        } else {
            word_plain(s, word, (char)c);
            word->after_name = word->after_name && (c == ':' || c == '['); /* zsh: $x:h, $x[1] */
            continue;
        }
        word->after_name = false;
    }
}

/* --- commands --- */

enum case_state { CASE_NONE, CASE_SUBJECT, CASE_IN, CASE_PATTERN };

struct commands {
    struct scanner *s;
    bool closes, is_list;
    bool command;    /* a command may start here */
    bool redirected; /* the next word is the target of a redirection */
    bool tested;     /* within [[ ]] */
    uint32_t cases;  /* open ones */
    enum case_state state;
};

static void case_word(struct commands *c, struct str text)
{
    if (c->state == CASE_SUBJECT) {
        c->state = CASE_IN;
    } else if (c->state == CASE_IN) {
        c->s->uncertain = c->s->uncertain || !str_is(text, "in");
        c->state = CASE_PATTERN;
        c->command = true;
    }
}

static void case_close(struct commands *c)
{
    c->s->uncertain = c->s->uncertain || c->cases == 0;
    c->cases -= c->cases > 0 ? 1 : 0;
    c->state = CASE_NONE;
}

/* A plain word where a command may start. */
static void command_word(struct commands *c, struct str text)
{
    c->command = false;
    if (str_is(text, "esac")) {
        case_close(c);
    } else if (c->state == CASE_PATTERN) {
        return;
    } else if (str_is(text, "case")) {
        c->cases++;
        c->state = CASE_SUBJECT;
    } else if (str_is(text, "[[")) {
        c->tested = true;
    }
}

/* What the word that was read means for those behind it. */
static void after_word(struct commands *c, const struct word *word)
{
    struct str text = strbuf_str(&word->text);
    bool plain = word->literal && !word->quoted;
    /* `[[` and `{` look like patterns: their text is compared all the same. */
    plain = plain || (!word->quoted && (str_is(text, "[[") || str_is(text, "{")));
    bool command = c->command;
    if (c->redirected) {
        c->redirected = false;
        return;
    }
    if (c->tested) {
        c->tested = !(plain && str_is(text, "]]"));
        return;
    }
    if (!c->is_list) {
        return;
    }
    c->command = command && word->assigns && c->state == CASE_NONE;
    if (c->state == CASE_SUBJECT || c->state == CASE_IN) {
        case_word(c, plain ? text : STR_NONE);
        return;
    }
    if (!plain) {
        return;
    }
    if (command && !word->assigns) {
        command_word(c, text);
    }
    bool leads = shell_is_reserved(text) && !str_is(text, "case") && !str_is(text, "for") &&
                 !str_is(text, "select") && !str_is(text, "function") && !str_is(text, "in");
    if (leads && c->state != CASE_PATTERN && !c->tested) {
        c->command = true;
    }
}

/* The number, or {name}, before a redirection. */
static bool is_descriptor(struct str text)
{
    for (size_t i = 0; i < text.len && text.data[0] != '{'; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

static void read_word(struct commands *c)
{
    struct scanner *s = c->s;
    struct word word = {.literal = true};
    struct word_place where = {c->command, c->redirected, c->tested};
    size_t start = s->at;
    strbuf_init(&word.text);
    scan_word(s, &word, &where);
    int next = scan_peek(s);
    if (!((next == '<' || next == '>') && is_descriptor(strbuf_str(&word.text)))) {
        after_word(c, &word);
    }
    if (word.literal && s->visit != NULL &&
        !s->visit(s->ctx, strbuf_str(&word.text), start, s->at - start)) {
        s->visit = NULL;
    }
    strbuf_fini(&word.text);
}

static void read_comment(struct scanner *s)
{
    size_t start = s->at;
    while (s->at < s->end && s->text.data[s->at] != '\n') {
        s->at++;
    }
    scan_mark(s, start, s->at, SHELL_PLACE_COMMENT);
}

static void read_redirection(struct commands *c, char sign)
{
    struct scanner *s = c->s;
    s->at++;
    if (c->tested) { /* it compares; what else would be a here-document is in doubt */
        s->uncertain = s->uncertain || scan_peek(s) == sign;
        return;
    }
    if (scan_peek(s) == '(') {
        scan_parentheses(s, SHELL_PLACE_SUBSTITUTION, true);
        c->redirected = false;
        return;
    }
    if (scan_accept(s, sign)) {
        if (sign == '<' && !scan_accept(s, '<')) {
            scan_here_operator(s);
            return;
        }
    }
    while (scan_accept(s, '&') || scan_accept(s, '|') || scan_accept(s, '>')) {
    }
    c->redirected = true;
}

static void read_separator(struct commands *c, char sign)
{
    struct scanner *s = c->s;
    s->at++;
    c->redirected = false;
    if (sign == '&' && scan_peek(s) == '>') { /* &>: the redirection is next */
        c->command = c->is_list;
        return;
    }
    bool twice = scan_accept(s, sign);
    if (sign == ';' && (twice || scan_peek(s) == '&' || scan_peek(s) == '|')) {
        while (scan_accept(s, '&') || scan_accept(s, '|')) {
        }
        c->state = c->cases > 0 ? CASE_PATTERN : c->state;
    }
    if (sign == '|') {
        bool pattern = c->state == CASE_PATTERN;
        scan_accept(s, '&');
        s->has_pipe = s->has_pipe || (!twice && !pattern && !c->tested && c->is_list &&
                                      s->context != SHELL_PLACE_ARITHMETIC);
        c->command = !pattern && c->is_list;
        return;
    }
    c->command = c->is_list;
}

/* zsh: `=( … )` as a word is the name of a file with the output. */
static bool is_file_substitution(const struct scanner *s)
{
    return s->at >= 1 && s->text.data[s->at - 1] == '=' &&
           (s->at == 1 || strchr(" \t\n;&|(", s->text.data[s->at - 2]) != NULL);
}

/* `glued`: to the word before: a function, an array, a pattern. */
static void read_open(struct commands *c, bool glued)
{
    struct scanner *s = c->s;
    if (c->tested || (c->state == CASE_PATTERN && c->command)) {
        s->at++;
        return;
    }
    size_t open = s->at++;
    bool twice = scan_peek(s) == '(';
    s->at = open;
    if (twice) {
        scan_parentheses(s, SHELL_PLACE_ARITHMETIC, true);
    } else if (glued && is_file_substitution(s)) {
        scan_parentheses(s, SHELL_PLACE_SUBSTITUTION, true);
    } else {
        scan_parentheses(s, SHELL_PLACE_WORD, c->is_list && !glued && c->state != CASE_PATTERN);
    }
    s->uncertain = s->uncertain || scan_peek(s) == '#'; /* a comment, or a part of the word */
    c->command = c->is_list && c->state != CASE_PATTERN;
}

/* False at the parenthesis that closes these commands. */
static bool read_close(struct commands *c)
{
    struct scanner *s = c->s;
    if (c->tested) {
        s->at++;
        return true;
    }
    if (c->state == CASE_PATTERN) {
        c->state = CASE_NONE;
        c->command = true;
        s->at++;
        return true;
    }
    if (c->closes) {
        s->uncertain = s->uncertain || c->cases > 0;
        return false;
    }
    s->uncertain = true;
    s->at++;
    return true;
}

static void read_line_end(struct commands *c)
{
    c->s->at++;
    c->redirected = false;
    scan_here_bodies(c->s);
    c->command = c->is_list;
}

void scan_commands(struct scanner *s, bool closes, bool is_list)
{
    struct commands c = {.s = s, .closes = closes, .is_list = is_list, .command = is_list};
    bool glued = false; /* a word ended right here */
    for (int next; (next = scan_peek(s)) != SCAN_END;) {
        bool was_glued = glued;
        glued = false;
        if (next == ' ' || next == '\t') {
            s->at++;
        } else if (next == '\n') {
            read_line_end(&c);
        } else if (next == '#' && !was_glued) {
            read_comment(s);
        } else if (next == '<' || next == '>') {
            read_redirection(&c, (char)next);
        } else if (next == ';' || next == '&' || next == '|') {
            read_separator(&c, (char)next);
        } else if (next == '(') {
            read_open(&c, was_glued);
            glued = was_glued;
        } else if (next == ')') {
            if (!read_close(&c)) {
                return;
            }
        } else {
            read_word(&c);
            glued = true;
        }
    }
    s->uncertain = s->uncertain || closes || c.cases > 0 || c.tested;
}
