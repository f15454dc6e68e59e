/* The text of a shell command: the scanner's frame, and how a value is quoted. The design of the
 * reading is at the head of shellwords_command.c. */
#include "model/shellwords.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "model/shellwords_scan.h"

/* --- holes --- */

static uint32_t hole_find(const struct scanner *s, size_t at)
{
    uint32_t low = 0, high = s->hole_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->hole_at[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void scan_mark(struct scanner *s, size_t from, size_t to, enum shell_place place)
{
    for (uint32_t i = hole_find(s, from); i < s->hole_count && s->hole_at[i] < to; i++) {
        if (s->holes[i].place == SHELL_PLACE_UNKNOWN) {
            s->holes[i].place = s->context != SHELL_PLACE_WORD ? s->context : place;
        }
    }
}

struct shell_hole *scan_hole(struct scanner *s, enum shell_place place)
{
    uint32_t index = hole_find(s, s->at);
    assert(index < s->hole_count && s->hole_at[index] == s->at);
    scan_mark(s, s->at, s->at + 1, place);
    s->at++;
    return &s->holes[index];
}

/* --- characters --- */

int scan_peek(struct scanner *s)
{
    while (s->at + 1 < s->end && s->text.data[s->at] == '\\' && s->text.data[s->at + 1] == '\n') {
        s->at += 2;
    }
    return s->at < s->end ? (unsigned char)s->text.data[s->at] : SCAN_END;
}

bool scan_accept(struct scanner *s, char c)
{
    bool is = scan_peek(s) == (unsigned char)c;
    s->at += is ? 1 : 0;
    return is;
}

bool scan_enter(struct scanner *s)
{
    if (s->depth == LIMIT_EXPR_DEPTH) {
        s->uncertain = true;
        s->at = s->end;
        return false;
    }
    s->depth++;
    return true;
}

/* --- the whole --- */

static void scanner_run(struct scanner *s)
{
    scan_commands(s, false, true);
    scan_here_forget(s);
}

static void scanner_find_holes(struct scanner *s, struct arena *arena)
{
    uint32_t count = 0;
    for (size_t i = 0; i < s->text.len; i++) {
        count += s->text.data[i] == '\0' ? 1 : 0;
    }
    s->holes = ARENA_ARRAY(arena, struct shell_hole, count);
    s->hole_at = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < s->text.len; i++) {
        if (s->text.data[i] == '\0') {
            s->holes[s->hole_count].place = SHELL_PLACE_UNKNOWN;
            s->hole_at[s->hole_count++] = i;
        }
    }
}

void shell_scan(struct arena *arena, struct str text, struct shell_scan *scan)
{
    struct scanner s = {.text = text, .end = text.len};
    scanner_find_holes(&s, arena);
    scanner_run(&s);
    for (uint32_t i = 0; i < s.hole_count && s.uncertain; i++) {
        if (s.holes[i].place == SHELL_PLACE_WORD || s.holes[i].place == SHELL_PLACE_COMMENT) {
            s.holes[i].place = SHELL_PLACE_UNKNOWN;
        }
    }
    *scan = (struct shell_scan){s.holes, s.hole_count, s.has_pipe, s.uncertain};
}

void shell_words(struct str text, shell_word_visitor visit, void *ctx)
{
    struct arena arena;
    struct scanner s = {.text = text, .end = text.len, .visit = visit, .ctx = ctx};
    arena_init(&arena);
    scanner_find_holes(&s, &arena);
    scanner_run(&s);
    arena_fini(&arena);
}

/* --- quoting --- */

static const char *const reserved_words[] = {
    "!",      "{",         "}",      "[[",   "]]",     "if",        "then",  "else",
    "elif",   "fi",        "do",     "done", "case",   "esac",      "while", "until",
    "for",    "in",        "select", "time", "repeat", "foreach",   "end",   "function",
    "coproc", "nocorrect", "noglob", "-",    "always", "namespace",
};

bool shell_is_reserved(struct str word)
{
    for (size_t i = 0; i < sizeof(reserved_words) / sizeof(reserved_words[0]); i++) {
        if (str_is(word, reserved_words[i])) {
            return true;
        }
    }
    return false;
}

const char *shell_place_text(enum shell_place place)
{
    static const char *const texts[] = {
        [SHELL_PLACE_WORD] = "in plain words",
        [SHELL_PLACE_COMMENT] = "in a comment",
        [SHELL_PLACE_SINGLE_QUOTE] = "inside single quotes",
        [SHELL_PLACE_DOUBLE_QUOTE] = "inside double quotes",
        [SHELL_PLACE_BACKQUOTE] = "inside backquotes",
        [SHELL_PLACE_SUBSTITUTION] = "inside a command substitution",
        [SHELL_PLACE_PARAMETER] = "inside ${ }",
        [SHELL_PLACE_ARITHMETIC] = "inside shell arithmetic",
        [SHELL_PLACE_TEST] = "inside [[ ]]",
        [SHELL_PLACE_BRACKET] = "inside [ ] of a pattern or subscript",
        [SHELL_PLACE_HERE_DOCUMENT] = "in a here-document",
        [SHELL_PLACE_HERE_DELIMITER] = "in the delimiter of a here-document",
        [SHELL_PLACE_DOLLAR] = "directly behind a $",
        [SHELL_PLACE_BACKSLASH] = "directly behind a backslash",
        [SHELL_PLACE_UNKNOWN] = "where shells may differ about the quoting",
    };
    return texts[place];
}

bool shell_is_safe(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("_./:=@%+,-", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

void shell_quote(struct str text, struct strbuf *out)
{
    strbuf_putc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'') {
            strbuf_puts(out, "'\\''");
        } else {
            strbuf_putc(out, text.data[i]);
        }
    }
    strbuf_putc(out, '\'');
}

bool shell_is_known(struct str shell)
{
    static const char *const names[] = {"sh", "dash", "bash", "ash", "ksh", "zsh", "busybox"};
    struct str rest = shell, program = STR_NONE;
    if (!str_split(&rest, ' ', &program)) {
        return false;
    }
    struct str base = path_base(program);
    if (str_is(base, "busybox")) {
        return rest.len == 0 || str_is(rest, "sh") || str_is(rest, "ash");
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(base, names[i]) && rest.len == 0) {
            return true;
        }
    }
    return false;
}
