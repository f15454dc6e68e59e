/* Owns the list of a workspace's manifests. */
#include "run/neighbours.h"

#include <fcntl.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "model/toml.h"
#include "os/files.h"
#include "run/sources.h"
#include "run/version.h"

enum { NEIGHBOURS_BYTES = 1 << 20 };

/* Another manifest, planned with its own presets. */
struct neighbour {
    struct str path;
    struct arena arena;
    struct diags diags;
    struct manifest manifest;
    struct plan plan;
};

static bool neighbour_read(struct neighbour *other, struct session *session)
{
    struct plan_files files = session_plan_files(session);
    struct manifest_request request = {.file = other->path, .pawl_version = PAWL_VERSION_NUMBER};
    struct strbuf bytes = {0};
    struct str text;

    if (!consulted_read(&session->consulted, other->path, LIMIT_TOML_BYTES, &bytes, NULL)) {
        strbuf_fini(&bytes);
        return false;
    }
    text = strbuf_dup(&bytes, &other->arena);
    strbuf_fini(&bytes);
    request.document = toml_parse(
        &other->arena, text, diags_add_source(&other->diags, other->path, text), &other->diags);
    return request.document != NULL &&
           manifest_read(&other->manifest, &request, &other->arena, &other->diags) &&
           plan_build(&other->plan, &other->manifest, &files, &other->arena, &other->diags);
}

static bool neighbour_agrees(const struct neighbour *other, const struct session *session,
                             struct err *err)
{
    if (str_equal(other->manifest.name, session->manifest.name)) {
        return err_set(
            err, STATUS_MANIFEST,
            "pipeline '%.*s' is also the name of '%.*s' in this workspace: give each its "
            "own",
            STR_ARG(session->manifest.name), STR_ARG(other->path));
    }
    for (uint32_t i = 0; i < other->plan.output_count; i++) {
        struct str path = plan_path_name(&other->plan, other->plan.outputs[i].path);
        struct path_id ours = plan_find_path(&session->plan, path);

        if (ours.n != PLAN_NONE && inst_is_some(session->plan.paths[ours.n].producer)) {
            return err_set(
                err, STATUS_MANIFEST,
                "'%.*s' is also made by '%.*s' in this workspace: one path has one maker",
                STR_ARG(path), STR_ARG(other->path));
        }
    }
    return true;
}

static void neighbour_take(const struct neighbour *other, struct session *session)
{
    for (uint32_t i = 0; i < other->plan.output_count; i++) {
        struct str path = plan_path_name(&other->plan, other->plan.outputs[i].path);

        map_put(&session->foreign, str_dup(&session->arena, path), i);
    }
}

/* Compares it with our plan, or, with `take`, notes what it makes. */
static bool neighbour_visit(struct session *session, struct str path, bool take, struct err *err)
{
    struct neighbour other = {.path = path};
    bool ok = true;

    arena_init(&other.arena);
    diags_init(&other.diags);
    if (neighbour_read(&other, session)) {
        if (take) {
            neighbour_take(&other, session);
        } else {
            ok = neighbour_agrees(&other, session, err);
        }
    }
    plan_fini(&other.plan);
    diags_fini(&other.diags);
    arena_fini(&other.arena);
    return ok;
}

/* All others that are still there. `*noted`: ours is in the list. */
static bool neighbours_visit(struct session *session, struct str list, bool take, bool *noted,
                             struct err *err)
{
    struct str line;
    bool ok = true;

    while (ok && str_split(&list, '\n', &line)) {
        struct str path = str_dup(&session->arena, line);

        if (str_equal(path, session->manifest_path)) {
            *noted = true;
        } else if (path.len != 0 && sys_access(AT_FDCWD, path.data, R_OK) == 0) {
            ok = neighbour_visit(session, path, take, err);
        } else if (path.len != 0) {
            consulted_absence(&session->consulted, path);
        }
    }
    return ok;
}

/* Without the list there are no others yet. */
static void neighbours_read(const struct session *session, struct strbuf *list)
{
    if (session->workspace.pawlfd >= 0) {
        file_read(session->workspace.pawlfd, "manifests", NEIGHBOURS_BYTES, list, NULL);
    }
}

static bool neighbours_write(struct session *session, struct strbuf *list, struct err *err)
{
    strbuf_add_str(list, session->manifest_path);
    strbuf_putc(list, '\n');
    return file_write_replace(session->workspace.pawlfd, "manifests", strbuf_str(list),
                              SYS_OWN_FILE, false, err);
}

bool neighbours_check(struct session *session, struct err *err)
{
    struct strbuf list = {0};
    bool noted = false;
    bool ok;

    neighbours_read(session, &list);
    ok = neighbours_visit(session, strbuf_dup(&list, &session->arena), false, &noted, err);
    /* A name with a newline in it would be two: such a manifest is not noted. */
    if (ok && !noted && str_find(session->manifest_path, '\n') < 0) {
        ok = neighbours_write(session, &list, err);
    }
    strbuf_fini(&list);
    return ok;
}

bool neighbours_exist(const struct session *session)
{
    struct strbuf list = {0};
    struct str rest;
    struct str line;
    bool exist = false;

    neighbours_read(session, &list);
    rest = strbuf_str(&list);
    while (!exist && str_split(&rest, '\n', &line)) {
        exist = line.len != 0 && !str_equal(line, session->manifest_path);
    }
    strbuf_fini(&list);
    return exist;
}

bool neighbours_make(struct session *session, struct str path)
{
    struct strbuf list = {0};
    bool noted = false;

    if (!session->foreign_loaded) {
        /* Planning the others asks about orphans, too: for them nothing is foreign. */
        session->foreign_loaded = true;
        neighbours_read(session, &list);
        neighbours_visit(session, strbuf_dup(&list, &session->arena), true, &noted, NULL);
        strbuf_fini(&list);
    }
    while (path.len != 0 && map_get(&session->foreign, path) == MAP_MISSING) {
        path = path_dir(path);
    }
    return path.len != 0;
}
