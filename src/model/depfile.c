/* Owns reading of depfiles. A word ends at an unescaped blank; a colon ends the targets when it
 * stands at the end of a word (so that `C:/x` in a path does not). */
#include "model/depfile.h"

#include "base/map.h"
#include "base/vec.h"

struct depfile_reader {
    struct str text;
    size_t at;
    uint32_t line;
    bool in_targets;
};

static bool depfile_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Bytes of the end of a line behind a backslash at `at`, or 0. */
static size_t depfile_continues(const struct depfile_reader *r)
{
    struct str rest = str_skip(r->text, r->at);

    return str_has_prefix(rest, STR("\\\n")) ? 2 : str_has_prefix(rest, STR("\\\r\n")) ? 3 : 0;
}

/* Passes over blanks and continued lines; true if a line ended. */
static bool depfile_skip(struct depfile_reader *r)
{
    while (r->at < r->text.len) {
        char c = r->text.data[r->at];
        size_t continues = depfile_continues(r);

        if (continues != 0) {
            r->at += continues;
            r->line++;
        } else if (c == '\n') {
            r->at++;
            r->line++;
            return true;
        } else if (depfile_is_blank(c)) {
            r->at++;
        } else {
            return false;
        }
    }
    return false;
}

static bool depfile_escaped(char c)
{
    return c == ' ' || c == '#' || c == '\\' || c == ':' || c == '\t';
}

static void depfile_word(struct depfile_reader *r, struct strbuf *word)
{
    strbuf_clear(word);
    while (r->at < r->text.len) {
        char c = r->text.data[r->at];
        char next = r->at + 1 < r->text.len ? r->text.data[r->at + 1] : '\0';

        if (depfile_is_blank(c) || c == '\n' || depfile_continues(r) != 0) {
            return;
        }
        if ((c == '\\' && depfile_escaped(next)) || (c == '$' && next == '$')) {
            strbuf_putc(word, next);
            r->at += 2;
            continue;
        }
        strbuf_putc(word, c);
        r->at++;
        if (c == ':' && r->in_targets &&
            (next == '\0' || depfile_is_blank(next) || next == '\n' || next == '\\')) {
            return;
        }
    }
}

bool depfile_parse(struct str text, struct arena *arena, struct depfile *depfile, struct err *err)
{
    struct depfile_reader r = {text, 0, 1, true};
    struct strbuf word = {0};
    struct intern paths;
    bool targets = false;

    intern_init(&paths, arena);
    while (r.at < text.len) {
        if (depfile_skip(&r)) {
            if (targets && r.in_targets) {
                break;
            }
            r.in_targets = true;
            targets = false;
            continue;
        }
        if (r.at >= text.len) {
            break;
        }
        depfile_word(&r, &word);
        if (!r.in_targets) {
            intern_add(&paths, strbuf_str(&word));
            continue;
        }
        targets = true;
        if (word.len != 0 && word.data[word.len - 1] == ':') {
            r.in_targets = false;
        }
    }
    strbuf_fini(&word);
    depfile->count = paths.count;
    depfile->paths = ARENA_ARRAY(arena, struct str, paths.count);
    for (uint32_t i = 0; i < paths.count; i++) {
        depfile->paths[i] = intern_str(&paths, i);
    }
    intern_fini(&paths);
    if (targets && r.in_targets) {
        return err_set(err, STATUS_STAGE_FAILED, "line %u has no ':' behind its target",
                       r.line - (r.at < text.len || text.data[text.len - 1] == '\n' ? 1 : 0));
    }
    return true;
}
