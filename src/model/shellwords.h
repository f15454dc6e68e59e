#ifndef PAWL_MODEL_SHELLWORDS_H
#define PAWL_MODEL_SHELLWORDS_H
/* Reads the text of a shell command far enough to know, of each place, how the shell reads it:
 * quotes, substitutions, comments, here-documents, words. It runs nothing and expands nothing; it
 * knows what POSIX sh, dash, bash, ksh, zsh and busybox sh have in common, and where they differ it
 * takes the reading that allows less.
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
    SHELL_PLACE_SINGLE_QUOTE,
    SHELL_PLACE_DOUBLE_QUOTE,
    SHELL_PLACE_BACKQUOTE,
    SHELL_PLACE_SUBSTITUTION, /* $( … ) or <( … ) */
    SHELL_PLACE_PARAMETER,    /* ${ … } */
    SHELL_PLACE_ARITHMETIC,   /* $(( … )), (( … )), $[ … ] */
    SHELL_PLACE_COMMENT,
    SHELL_PLACE_HERE_DOCUMENT,
    SHELL_PLACE_HERE_DELIMITER, /* the word behind << */
    SHELL_PLACE_DOLLAR,         /* directly behind $ */
    SHELL_PLACE_BACKSLASH       /* directly behind a backslash */
};

/* "inside double quotes", "in a comment", … */
const char *shell_place_text(enum shell_place place);

struct shell_hole {
    enum shell_place place;
    bool word_start;      /* nothing of the word is before it but empty quotes */
    bool command_start;   /* and the shell expects the name of a command here, or an assignment */
    bool before_redirect; /* `<` or `>` follows directly */
};

struct shell_scan {
    struct shell_hole *holes; /* one for each NUL, in order */
    uint32_t hole_count;
    bool has_pipe;   /* a `|` between commands, outside quotes; `||` is none */
    bool unfinished; /* a quote, a substitution or a here-document has no end */
};

/* Scans; holes lie in the arena. */
void shell_scan(struct arena *arena, struct str text, struct shell_scan *scan);

/* Calls for each word that is literal as it stands (no hole, no expansion, no glob; quotes and
 * backslashes are removed), with its offset and length in the text. Stops early when the callback
 * returns false. */
typedef bool (*shell_word_visitor)(void *ctx, struct str word, size_t offset, size_t len);
void shell_words(struct arena *arena, struct str text, shell_word_visitor visit, void *ctx);

/* Is a value safe for a plain word as it is: not empty, only A-Za-z0-9_./:=@%+,- ? */
bool shell_is_safe(struct str text);
/* Appends the text single-quoted. */
void shell_quote(struct str text, struct strbuf *out);
/* Does pawl know the quoting of this shell? `shell` as in template_parse. */
bool shell_is_known(struct str shell);

#endif
