/* Owns what planning asks of the real file system. Only looks; listings are sorted by bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/spawn.h"
#include "run/neighbours.h"
#include "run/probe.h"
#include "run/sources.h"

static const char *plan_source_path(struct str path)
{
    return path.len != 0 ? path.data : ".";
}

/* What planning takes for missing could not be looked at: if the plan is wrong then, it is so for
 * this. A name that no file can have is the manifest's fault. */
static void plan_source_failed(struct session *session, const struct err *err)
{
    if (session->unseen.status == 0 && err->sys != ELOOP && err->sys != ENAMETOOLONG) {
        session->unseen = *err;
    }
}

static struct plan_entry *plan_source_entries(const struct consulted_listing *listing,
                                              struct arena *arena)
{
    struct plan_entry *entries = ARENA_ARRAY(arena, struct plan_entry, listing->count);

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct consulted_entry *found = &listing->entries[i];

        entries[i] = (struct plan_entry){.name = found->name,
                                         .is_folder = found->is_folder,
                                         .is_link = found->type == FILE_LINK};
    }
    return entries;
}

static bool plan_source_read_folder(struct session *session, struct str folder, struct arena *arena,
                                    struct consulted_listing *listing, struct plan_entry **entries,
                                    uint32_t *count)
{
    struct err err = {0};

    *entries = NULL;
    *count = 0;
    if (!consulted_list(&session->consulted, folder, arena, listing, &err)) {
        plan_source_failed(session, &err);
        return false;
    }
    *entries = plan_source_entries(listing, arena);
    *count = listing->count;
    return true;
}

static bool plan_source_list(void *ctx, struct str folder, struct arena *arena,
                             struct plan_entry **entries, uint32_t *count)
{
    struct session *session = ctx;
    struct consulted_listing listing;

    if (!plan_source_read_folder(session, folder, arena, &listing, entries, count)) {
        return false;
    }
    consulted_folder(&session->consulted, folder, &listing);
    return true;
}

/* Nothing is noted: that the plan's sources are there is looked at with each of them. Where a link
 * leads to is asked by who asks for it. */
static bool plan_source_peek(void *ctx, struct str folder, struct arena *arena,
                             struct plan_entry **entries, uint32_t *count)
{
    struct session *session = ctx;
    struct walk_options flat = {.flat = true, .all = true, .room = &session->consulted.room};
    struct consulted_listing listing;
    struct walk_list list;

    if (!walk_folder(AT_FDCWD, plan_source_path(folder), &flat, arena, &list, NULL)) {
        return plan_source_read_folder(session, folder, arena, &listing, entries, count);
    }
    *count = list.count;
    *entries = ARENA_ARRAY(arena, struct plan_entry, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        (*entries)[i] = (struct plan_entry){.name = list.items[i].path,
                                            .is_folder = list.items[i].type == FILE_FOLDER,
                                            .is_link = list.items[i].type == FILE_LINK};
    }
    return true;
}

static enum plan_exists plan_source_exists(void *ctx, struct str path)
{
    struct signature signature;
    struct err err = {0};

    if (!signature_read(AT_FDCWD, plan_source_path(path), true, &signature, &err)) {
        plan_source_failed(ctx, &err);
        return PLAN_EXISTS_NOT;
    }
    switch (signature_type(&signature)) {
    case FILE_MISSING:
        return PLAN_EXISTS_NOT;
    case FILE_FOLDER:
        return PLAN_EXISTS_FOLDER;
    case FILE_REGULAR:
    case FILE_LINK:
    case FILE_OTHER:
        break;
    }
    return PLAN_EXISTS_FILE;
}

/* Made earlier by pawl and unchanged since; also when it lies in a folder that pawl made. */
static bool plan_source_was_made(void *ctx, struct str path)
{
    struct session *session = ctx;
    struct output_look look;
    struct str above = path;

    if (session->made == NULL || made_count(session->made) == 0) {
        return false;
    }
    while (above.len != 0) {
        struct made_row row;

        if (made_find(session->made, above, &row)) {
            struct str whole = str_dup(&session->arena, above);

            return source_look_known(session, whole, &look, NULL) && look.known &&
                   !neighbours_make(session, whole);
        }
        above = path_dir(above);
    }
    return false;
}

static bool plan_source_read(void *ctx, struct str path, struct arena *arena, struct str *text)
{
    struct session *session = ctx;
    struct strbuf bytes = {0};
    bool ok = consulted_read(&session->consulted, path, LIMIT_TOML_BYTES, &bytes, NULL);

    if (ok) {
        *text = strbuf_dup(&bytes, arena);
    }
    strbuf_fini(&bytes);
    return ok;
}

static bool plan_source_pipefail(void *ctx, struct str shell)
{
    return probe_pipefail(ctx, shell);
}

static struct str plan_source_program(void *ctx, struct str name, struct arena *arena)
{
    struct session *session = ctx;

    return consulted_program(&session->consulted, name, arena, NULL);
}

struct plan_files session_plan_files(struct session *session)
{
    return (struct plan_files){.ctx = session,
                               .list = plan_source_list,
                               .peek = plan_source_peek,
                               .exists = plan_source_exists,
                               .was_made = plan_source_was_made,
                               .read = plan_source_read,
                               .has_pipefail = plan_source_pipefail,
                               .find_program = plan_source_program};
}
