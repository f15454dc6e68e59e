/* Owns the reading of a simple command: a text of which every shell of the known family makes the
 * same words, and nothing but words.
 *
 * It accepts few characters and refuses the rest, so that whatever it does not know goes to the
 * shell. Line ends are refused outside single quotes: behind them some shells wait for more to come
 * and stay, which shows when the command is killed. */
#include <string.h>

#include "base/path.h"
#include "model/shellwords.h"

/* What dash, bash, ksh or zsh does itself, each without further modules. */
static const char *const builtins[] = {
    ".",       ":",        "[",       "alias",    "autoload",   "bg",        "bind",
    "break",   "builtin",  "bye",     "caller",   "cd",         "chdir",     "command",
    "compgen", "complete", "compopt", "continue", "declare",    "dirs",      "disable",
    "disown",  "echo",     "emulate", "enable",   "eval",       "exec",      "exit",
    "export",  "false",    "fc",      "fg",       "float",      "functions", "getopts",
    "hash",    "help",     "hist",    "history",  "integer",    "jobs",      "kill",
    "let",     "limit",    "local",   "logout",   "mapfile",    "nameref",   "popd",
    "print",   "printf",   "pushd",   "pwd",      "read",       "readarray", "readonly",
    "rehash",  "return",   "sched",   "set",      "setopt",     "shift",     "shopt",
    "source",  "suspend",  "test",    "times",    "trap",       "true",      "type",
    "typeset", "ulimit",   "umask",   "unalias",  "unfunction", "unhash",    "unlimit",
    "unset",   "unsetopt", "vared",   "wait",     "whence",     "zcompile",  "zmodload",
};

/* Does something else when it leads its process group, as a command without a shell does. */
static const char *const leaders[] = {"setsid"};

static bool is_among(struct str word, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(word, items[i])) {
            return true;
        }
    }
    return false;
}

/* Can the word stand where the command's name does? With a `/` it is nobody's but the program's. */
static bool is_program(struct str word)
{
    return word.len > 0 && strchr("%@+,-", word.data[0]) == NULL && str_find(word, '=') < 0 &&
           !shell_is_reserved(word) &&
           !is_among(path_base(word), leaders, sizeof(leaders) / sizeof(leaders[0])) &&
           (str_find(word, '/') >= 0 ||
            !is_among(word, builtins, sizeof(builtins) / sizeof(builtins[0])));
}

static bool is_plain(char c)
{
    return shell_is_safe(str_n(&c, 1));
}

/* Within quotes: no control character, which shells use for themselves, but tab and, in single
 * ones, line end. */
static bool is_quotable(char c, char quote)
{
    unsigned char byte = (unsigned char)c;

    if (byte < ' ' || byte == 0x7f) {
        return c == '\t' || (c == '\n' && quote == '\'');
    }
    return quote == '\'' || strchr("$`\\!\"", c) == NULL;
}

struct simple {
    struct str text;
    size_t at;
    struct strbuf word;
};

/* At the opening quote. */
static bool simple_quoted(struct simple *s)
{
    char quote = s->text.data[s->at++];

    while (s->at < s->text.len && s->text.data[s->at] != quote) {
        if (!is_quotable(s->text.data[s->at], quote)) {
            return false;
        }
        strbuf_putc(&s->word, s->text.data[s->at++]);
    }
    return s->at++ < s->text.len;
}

static bool simple_backslash(struct simple *s)
{
    unsigned char next = s->at + 1 < s->text.len ? (unsigned char)s->text.data[s->at + 1] : 0;

    if (next < ' ' || next > '~') {
        return false;
    }
    strbuf_putc(&s->word, (char)next);
    s->at += 2;
    return true;
}

static bool simple_is_blank(const struct simple *s)
{
    return s->text.data[s->at] == ' ' || s->text.data[s->at] == '\t';
}

static bool simple_word(struct simple *s)
{
    strbuf_clear(&s->word);
    while (s->at < s->text.len && !simple_is_blank(s)) {
        char c = s->text.data[s->at];

        if (c == '\'' || c == '"') {
            if (!simple_quoted(s)) {
                return false;
            }
        } else if (c == '\\') {
            if (!simple_backslash(s)) {
                return false;
            }
        } else if (is_plain(c)) {
            strbuf_putc(&s->word, c);
            s->at++;
        } else {
            return false;
        }
    }
    return true;
}

static void simple_skip_blanks(struct simple *s)
{
    while (s->at < s->text.len && simple_is_blank(s)) {
        s->at++;
    }
}

/* Each word takes at least one byte and one blank. */
static bool simple_read(struct simple *s, struct arena *arena, struct shell_simple *simple)
{
    simple->words = ARENA_ARRAY(arena, const char *, s->text.len / 2 + 2);
    for (simple_skip_blanks(s); s->at < s->text.len; simple_skip_blanks(s)) {
        /* zsh: `=name` is the path of a program. */
        if (s->text.data[s->at] == '=' || !simple_word(s) ||
            (simple->count == 0 && !is_program(strbuf_str(&s->word)))) {
            return false;
        }
        simple->words[simple->count++] = strbuf_dup(&s->word, arena).data;
    }
    return simple->count > 0;
}

bool shell_read_simple(struct arena *arena, struct str text, struct shell_simple *simple)
{
    struct simple s = {.text = text};
    bool is;

    *simple = (struct shell_simple){.count = 0};
    strbuf_init(&s.word);
    is = simple_read(&s, arena, simple);
    strbuf_fini(&s.word);
    return is;
}
