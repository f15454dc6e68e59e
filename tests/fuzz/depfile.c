/* Any text as a depfile: a reason why it is none, or paths, each once, which written as a compiler
 * writes them are read as the same ones. */
#include <assert.h>
#include <string.h>

#include "model/depfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* A path that no compiler can write. */
static bool is_writable(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '\n' || path.data[i] == '\\' || path.data[i] == '\r') {
            return false;
        }
    }
    return path.len != 0;
}

static void write_path(struct strbuf *out, struct str path)
{
    strbuf_puts(out, " \\\n ");
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];

        if (c == ' ' || c == '\t' || c == '#') {
            strbuf_putc(out, '\\');
        } else if (c == '$') {
            strbuf_putc(out, '$');
        }
        strbuf_putc(out, c);
    }
}

static void check_again(const struct depfile *depfile, struct arena *arena)
{
    struct strbuf out = {0};
    struct depfile again;
    uint32_t count = 0;

    strbuf_puts(&out, "target:");
    for (uint32_t i = 0; i < depfile->count; i++) {
        if (is_writable(depfile->paths[i])) {
            write_path(&out, depfile->paths[i]);
        }
    }
    strbuf_puts(&out, "\n");
    assert(depfile_parse(strbuf_str(&out), arena, &again, NULL));
    for (uint32_t i = 0; i < depfile->count; i++) {
        if (is_writable(depfile->paths[i])) {
            assert(count < again.count);
            assert(str_equal(again.paths[count++], depfile->paths[i]));
        }
    }
    assert(count == again.count);
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct err err = {0};
    struct depfile depfile;
    struct arena arena;

    arena_init(&arena);
    if (depfile_parse(str_n((const char *)data, size_bytes), &arena, &depfile, &err)) {
        check_again(&depfile, &arena);
    } else {
        assert(err.status == STATUS_STAGE_FAILED && err.text[0] != '\0');
    }
    arena_fini(&arena);
    return 0;
}
