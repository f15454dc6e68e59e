/* Owns the lines of commands for `--output stream`: whole lines, whatever the pieces. */
#include <stdlib.h>

#include "base/mem.h"
#include "report/color.h"
#include "report/story_inside.h"
#include "report/text.h"

enum { STORY_PARTIAL_BYTES = 4096 };

static struct story_partial *story_partial_of(struct story *story, uint32_t number)
{
    for (uint32_t i = 0; i < story->partial_count; i++) {
        if (story->partials[i].number == number) {
            return &story->partials[i];
        }
    }
    if (story->partial_count == story->partial_cap) {
        story->partial_cap = story->partial_cap * 2 + 8;
        story->partials =
            mem_realloc(story->partials, story->partial_cap, sizeof(*story->partials));
    }
    story->partials[story->partial_count] = (struct story_partial){.number = number};
    return &story->partials[story->partial_count++];
}

static void story_stream_line(struct story *story, uint32_t number, const struct run_state *state,
                              struct str line, struct strbuf *out)
{
    struct strbuf name = {0};

    story_add_name(story->options->plan, state, number, &name);
    strbuf_puts(&name, " | ");
    color_add(out, story->options->colored, COLOR_FAINT, strbuf_str(&name));
    text_add_harmless(out, line);
    strbuf_putc(out, '\n');
    strbuf_fini(&name);
}

void story_stream(struct story *story, uint32_t number, const char *data, size_t len,
                  struct strbuf *out)
{
    static const struct run_state nothing;
    struct story_partial *partial;
    size_t from = out->len;

    if (story->options->output != REPORT_OUTPUT_STREAM || story->options->quiet) {
        return;
    }
    partial = story_partial_of(story, number);
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            strbuf_putc(&partial->text, data[i]);
        }
        if (data[i] == '\n' || partial->text.len >= STORY_PARTIAL_BYTES) {
            story_stream_line(story, number, &nothing, strbuf_str(&partial->text), out);
            strbuf_clear(&partial->text);
        }
    }
    story_count(story, out, from);
}

void story_partial_end(struct story *story, uint32_t number, const struct run_state *state,
                       struct strbuf *out)
{
    for (uint32_t i = 0; i < story->partial_count; i++) {
        struct story_partial *partial = &story->partials[i];

        if (partial->number == number) {
            if (partial->text.len != 0) {
                story_stream_line(story, number, state, strbuf_str(&partial->text), out);
            }
            strbuf_fini(&partial->text);
            *partial = story->partials[--story->partial_count];
            return;
        }
    }
}
