#ifndef PAWL_MODEL_SHELLWORDS_H
#define PAWL_MODEL_SHELLWORDS_H
/* Reads the text of a shell command far enough to know, of each place, how the shell reads it:
 * quotes, substitutions, comments, here-documents, words. It runs nothing and expands nothing; it
 * knows what POSIX sh, dash, bash, ksh, zsh and busybox sh have in common. Where they differ and
 * the difference decides what is quoted, no place of the text counts as known.
 *
 * The text may hold *holes*: NUL bytes, each standing for a value that is put in later. A hole is
 * read as one ordinary character of a word.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum shell_place {
    SHELL_PLACE_WORD, /* plain words: a quoted value is one word or part of it */
    SHELL_PLACE_COMMENT,
    SHELL_PLACE_SINGLE_QUOTE,
    SHELL_PLACE_DOUBLE_QUOTE,
    SHELL_PLACE_BACKQUOTE,
    SHELL_PLACE_SUBSTITUTION, /* $( … ), <( … ) */
    SHELL_PLACE_PARAMETER,    /* ${ … } */
    SHELL_PLACE_ARITHMETIC,   /* $(( … )), (( … )) */
    SHELL_PLACE_TEST,         /* [[ … ]], whose numbers are expressions that can run commands */
    SHELL_PLACE_BRACKET,      /* [ … ] of a pattern or a subscript, within a word */
    SHELL_PLACE_HERE_DOCUMENT,
    SHELL_PLACE_HERE_DELIMITER, /* the word behind << */
    SHELL_PLACE_DOLLAR,         /* directly behind $ */
    SHELL_PLACE_BACKSLASH,      /* directly behind a backslash */
    SHELL_PLACE_UNKNOWN         /* something has no end, or shells differ about it */
};

/* "inside double quotes", "in a here-document", … */
const char *shell_place_text(enum shell_place place);

struct shell_hole {
    enum shell_place place;
    bool alone;         /* it is the whole word */
    bool first;         /* of the holes in its word */
    bool word_start;    /* nothing of the word is before it but holes and empty quotes */
    bool after_equals;  /* the character before it is a plain `=` */
    bool command;       /* in a word where a reserved word or an assignment would count */
    bool redirected;    /* in the target of a redirection */
    bool in_braces;     /* behind a plain `{` of the same word */
    bool must_quote;    /* a safe value too would join what is next to it: `$name`, `>`, `(` */
    bool must_one_line; /* a here-document starts on this line: a line end might be taken for its */
};

struct shell_scan {
    struct shell_hole *holes; /* one for each NUL, in order */
    uint32_t hole_count;
    bool has_pipe;  /* a `|` between commands, outside quotes; `||` is none */
    bool uncertain; /* see SHELL_PLACE_UNKNOWN */
};

/* Scans; holes lie in the arena. */
void shell_scan(struct arena *arena, struct str text, struct shell_scan *scan);

/* Calls for each word that is literal as it stands (no hole, no expansion, no pattern; quotes and
 * backslashes are removed), with its offset and length in the text; `word` lives for the call.
 * Stops calling once the callback returns false. */
typedef bool (*shell_word_visitor)(void *ctx, struct str word, size_t offset, size_t len);
void shell_words(struct str text, shell_word_visitor visit, void *ctx);

/* Is the text one simple command, of which any shell of the known family makes the same words: a
 * program and its arguments, without expansions, assignments, redirections, operators, patterns,
 * line ends, and whose name no shell takes for itself? What is in doubt is none. The words lie in
 * the arena, ended by NULL. */
struct shell_simple {
    const char **words;
    uint32_t count;
};
bool shell_read_simple(struct arena *arena, struct str text, struct shell_simple *simple);

/* Is a value safe in a plain word as it is: not empty, only A-Za-z0-9_./:=@%+,- ? */
bool shell_is_safe(struct str text);
/* A word that the shell takes for itself where a command is expected. */
bool shell_is_reserved(struct str word);
/* Appends the text single-quoted. */
void shell_quote(struct str text, struct strbuf *out);
/* Does pawl know the quoting of this shell? `shell` as in template_parse. */
bool shell_is_known(struct str shell);

#endif
