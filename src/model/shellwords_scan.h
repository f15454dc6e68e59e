#ifndef PAWL_MODEL_SHELLWORDS_SCAN_H
#define PAWL_MODEL_SHELLWORDS_SCAN_H
/* The scanner's state, shared by shellwords.c (its frame), shellwords_command.c (commands and
 * words) and shellwords_quote.c (quotes, substitutions, here-documents). */
#include "base/vec.h"
#include "model/shellwords.h"

struct here_document {
    struct strbuf delimiter; /* quotes removed */
    bool quoted;             /* the body is taken as it is */
    bool tabs;               /* <<-: tabs at the start of lines do not count */
};

struct scanner {
    struct str text;
    size_t at, end;
    struct shell_hole *holes;
    size_t *hole_at; /* offset of each */
    uint32_t hole_count;
    enum shell_place context; /* that of every hole here; SHELL_PLACE_WORD: it depends */
    uint32_t depth;
    bool has_pipe, uncertain;
    VEC(struct here_document) pending; /* here-documents whose body starts at the next line */
    shell_word_visitor visit;
    void *ctx;
};

enum { SCAN_END = -1 };

/* The byte at the scanner's place once `\` line end are skipped, or SCAN_END. 0 is a hole. */
int scan_peek(struct scanner *s);
bool scan_accept(struct scanner *s, char c);
/* All holes in [from, to) that have no place yet are there. */
void scan_mark(struct scanner *s, size_t from, size_t to, enum shell_place place);
/* The hole at the scanner's place, which moves behind it. */
struct shell_hole *scan_hole(struct scanner *s, enum shell_place place);
/* Nesting: false, and the scan is uncertain, when it is too deep. */
bool scan_enter(struct scanner *s);

/* Commands up to the `)` that ends them (which stays), or to the end of the text. `is_list`: they
 * are commands; otherwise items of an array or a pattern. */
void scan_commands(struct scanner *s, bool closes, bool is_list);

/* Each starts at its opening character and ends behind the closing one. */
void scan_single_quote(struct scanner *s);
void scan_double_quote(struct scanner *s);
void scan_backquote(struct scanner *s);
/* `( … )` of commands, all of whose holes are `place` (SHELL_PLACE_WORD: as they are). */
void scan_parentheses(struct scanner *s, enum shell_place place, bool is_list);
enum dollar { DOLLAR_PLAIN, DOLLAR_NAME, DOLLAR_OTHER }; /* a lone $; $name, $?; all else */
enum dollar scan_dollar(struct scanner *s, bool in_quotes);
/* Behind `<<`: the delimiter. */
void scan_here_operator(struct scanner *s);
/* Behind the line end: the bodies of what is pending. */
void scan_here_bodies(struct scanner *s);
/* Bodies that no line end was before: their text is missing. */
void scan_here_forget(struct scanner *s);

#endif
