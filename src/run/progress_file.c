/* Owns the file: always PROGRESS_FILE_BYTES, in one write, so that of two writers one has said it
 * all: four digits of per mille, the text, NUL to the end. It is read by whoever runs the command
 * of somebody else, so nothing in it is believed. */
#include "run/progress_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sys.h"
#include "base/utf8.h"
#include "os/walk.h"

enum { PROGRESS_DIGITS = 4, PROGRESS_FILE_BYTES = PROGRESS_DIGITS + PROGRESS_TEXT_BYTES };

struct str progress_file_path(struct str pawl, struct str attempt, struct arena *arena)
{
    return STR_JOIN(arena, pawl, STR("/tmp/"), attempt, STR(".progress"));
}

void progress_file_write(const char *path, uint32_t permille, struct str text)
{
    char bytes[PROGRESS_FILE_BYTES + 1] = {0};
    int fd = sys_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, SYS_OWN_FILE);

    if (fd >= 0) {
        snprintf(bytes, sizeof(bytes), "%04u%.*s", permille, STR_ARG(text));
        (void)!sys_pwrite(fd, bytes, PROGRESS_FILE_BYTES, 0);
        sys_close(fd);
    }
}

static bool progress_file_read(const char *path, char bytes[PROGRESS_FILE_BYTES])
{
    int fd = sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    bool whole = fd >= 0 && sys_pread(fd, bytes, PROGRESS_FILE_BYTES, 0) == PROGRESS_FILE_BYTES;

    if (fd >= 0) {
        sys_close(fd);
    }
    return whole;
}

static bool progress_file_permille(const char *bytes, int64_t *permille)
{
    *permille = 0;
    for (int i = 0; i < PROGRESS_DIGITS; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return false;
        }
        *permille = *permille * 10 + bytes[i] - '0';
    }
    return *permille <= 1000;
}

/* One line of UTF-8, without what is secret. */
static struct str progress_file_text(struct executor *executor, struct str text)
{
    struct mask mask = {.words = &executor->secrets};
    struct strbuf masked = {0};
    struct strbuf clean = {0};
    struct str copy;

    mask_add(&mask, text.data, text.len, &masked);
    mask_end(&mask, &masked);
    text = strbuf_str(&masked);
    for (size_t at = 0; at < text.len;) {
        size_t bytes = utf8_sequence(text, at);

        if (bytes == 0 || (unsigned char)text.data[at] < ' ' || text.data[at] == 0x7f) {
            strbuf_putc(&clean, ' ');
            bytes = 1;
        } else {
            strbuf_add_str(&clean, str_n(text.data + at, bytes));
        }
        at += bytes;
    }
    copy = str_dup(&executor->note_arena, strbuf_str(&clean));
    strbuf_fini(&masked);
    strbuf_fini(&clean);
    return copy;
}

void progress_file_look(struct executor *executor)
{
    for (struct attempt *attempt = executor->live; attempt != NULL; attempt = attempt->next) {
        struct note note = {.kind = NOTE_PROGRESS, .instance = attempt->instance};
        struct str path = progress_file_path(STR(".pawl"), attempt->id, &executor->note_arena);
        char bytes[PROGRESS_FILE_BYTES];

        bool said = progress_file_read(path.data, bytes);

        attempt->has_progress |= said;
        if (said && progress_file_permille(bytes, &note.event.permille)) {
            struct str text = str_n(bytes + PROGRESS_DIGITS,
                                    strnlen(bytes + PROGRESS_DIGITS, PROGRESS_TEXT_BYTES));

            note.event.text = progress_file_text(executor, text);
            executor_note(executor, &note);
        }
    }
}

void progress_file_drop(const struct attempt *attempt)
{
    if (attempt->has_progress) {
        sys_unlink(
            progress_file_path(STR(".pawl"), attempt->id, &attempt->executor->note_arena).data);
    }
}

void progress_files_remove(const struct executor *executor)
{
    struct walk_options all = {.flat = true, .all = true};
    int pawl_fd = executor->session->workspace.pawlfd;
    struct walk_list list = {NULL, 0};
    struct arena arena;

    arena_init(&arena);
    if (walk_folder(pawl_fd, "tmp", &all, &arena, &list, NULL)) {
        for (uint32_t i = 0; i < list.count; i++) {
            if (str_has_suffix(list.items[i].path, STR(".progress"))) {
                sys_unlinkat(pawl_fd, path_join(&arena, STR("tmp"), list.items[i].path).data, 0);
            }
        }
    }
    arena_fini(&arena);
}
