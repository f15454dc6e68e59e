#ifndef PAWL_TESTS_FILES_FAKE_H
#define PAWL_TESTS_FILES_FAKE_H
/* A workspace that is not there, for planning: what it holds stands in comments of the manifest.
 *
 *     #! file data/x.csv           a file
 *     #! folder empty              a folder without files
 *     #! made out/old.csv          a file that an earlier run made
 *     #! text list.txt a b c       a file with one word on each line
 *     #! pipefail                  /bin/sh accepts -o pipefail
 *
 * A line that says anything else is passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/vec.h"
#include "model/plan.h"

struct fake_file {
    struct str path, text;
    bool folder, made;
};

struct fake {
    struct arena arena;
    VEC(struct fake_file) files;
    bool pipefail;
    uint32_t listed, asked;
};

static void fake_read_line(struct fake *fake, struct str line)
{
    struct fake_file file = {.text = STR("")};
    struct str kind;
    struct str path;

    if (!str_has_prefix(line, STR("#! "))) {
        return;
    }
    line = str_skip(line, 3);
    str_split(&line, ' ', &kind);
    if (str_is(kind, "pipefail")) {
        fake->pipefail = true;
        return;
    }
    if (!str_split(&line, ' ', &path)) {
        return;
    }
    file.path = str_dup(&fake->arena, path);
    file.folder = str_is(kind, "folder");
    file.made = str_is(kind, "made");
    if (line.data != NULL) {
        char *text = arena_copy(&fake->arena, line.data, line.len);

        for (char *c = text; *c != '\0'; c++) {
            *c = *c == ' ' ? '\n' : *c;
        }
        file.text = str_of(text);
    }
    VEC_PUSH(&fake->files, file);
}

static int fake_entry_compare(const void *a, const void *b)
{
    return str_compare(((const struct plan_entry *)a)->name, ((const struct plan_entry *)b)->name);
}

static bool fake_list(void *ctx, struct str folder, struct arena *arena,
                      struct plan_entry **entries, uint32_t *count)
{
    struct fake *fake = ctx;
    uint32_t kept = 0;

    fake->listed++;
    *entries = ARENA_ARRAY(arena, struct plan_entry, fake->files.count);
    for (size_t i = 0; i < fake->files.count; i++) {
        struct str path = fake->files.items[i].path;
        struct str name;

        if (!path_is_below(path, folder) || path.len == folder.len) {
            continue;
        }
        path = str_skip(path, folder.len == 0 ? 0 : folder.len + 1);
        str_split(&path, '/', &name);
        (*entries)[kept++] = (struct plan_entry){
            str_dup(arena, name), path.data != NULL || fake->files.items[i].folder, false};
    }
    qsort(*entries, kept, sizeof(**entries), fake_entry_compare);
    *count = 0;
    for (uint32_t i = 0; i < kept; i++) {
        if (i == 0 || !str_equal((*entries)[i].name, (*entries)[*count - 1].name)) {
            (*entries)[(*count)++] = (*entries)[i];
        }
    }
    return true;
}

static enum plan_exists fake_exists(void *ctx, struct str path)
{
    struct fake *fake = ctx;

    fake->asked++;
    VEC_EACH (file, &fake->files) {
        if (str_equal(file->path, path)) {
            return file->folder ? PLAN_EXISTS_FOLDER : PLAN_EXISTS_FILE;
        }
        if (path_is_below(file->path, path)) {
            return PLAN_EXISTS_FOLDER;
        }
    }
    return PLAN_EXISTS_NOT;
}

static bool fake_was_made(void *ctx, struct str path)
{
    struct fake *fake = ctx;

    VEC_EACH (file, &fake->files) {
        if (str_equal(file->path, path)) {
            return file->made;
        }
    }
    return false;
}

static bool fake_read(void *ctx, struct str path, struct arena *arena, struct str *text)
{
    struct fake *fake = ctx;

    VEC_EACH (file, &fake->files) {
        if (str_equal(file->path, path)) {
            *text = str_dup(arena, file->text);
            return true;
        }
    }
    return false;
}

static bool fake_has_pipefail(void *ctx, struct str shell)
{
    struct fake *fake = ctx;

    return fake->pipefail || str_has_suffix(shell, STR("bash"));
}

static struct str fake_find_program(void *ctx, struct str name, struct arena *arena)
{
    (void)ctx;
    return path_join(arena, STR("/bin"), name);
}

static void fake_init(struct fake *fake, struct str manifest)
{
    struct str line;

    memset(fake, 0, sizeof(*fake));
    arena_init(&fake->arena);
    while (str_split(&manifest, '\n', &line)) {
        fake_read_line(fake, line);
    }
}

static void fake_fini(struct fake *fake)
{
    VEC_FREE(&fake->files);
    arena_fini(&fake->arena);
}

static struct plan_files fake_files(struct fake *fake)
{
    return (struct plan_files){fake,          fake_list, fake_list,         fake_exists,
                               fake_was_made, fake_read, fake_has_pipefail, fake_find_program};
}

#endif
