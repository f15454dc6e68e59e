/* Owns writing the guards of the last state (their form: guards.c). */
#include "run/guards_inside.h"

#include <fcntl.h>

#include "base/bytes.h"
#include "run/environment.h"

static void guards_put_signature(struct strbuf *out, const struct signature *signature)
{
    unsigned char bytes[SIGNATURE_BYTES];

    signature_encode(signature, bytes);
    strbuf_add(out, bytes, sizeof(bytes));
}

static void guards_put_file(struct strbuf *out, struct str path, bool follow,
                            const struct signature *signature)
{
    bytes_put_u8(out, GUARD_FILE);
    bytes_put_str(out, path);
    bytes_put_u8(out, follow);
    guards_put_signature(out, signature);
}

/* A file as it is now: one of pawl's own, which only grow or are replaced, or an orphan. */
static bool guards_put_present(struct strbuf *out, struct str path)
{
    struct signature signature;

    if (!signature_read(AT_FDCWD, path.data, false, &signature, NULL)) {
        return false;
    }
    guards_put_file(out, path, false, &signature);
    return true;
}

static struct str guards_store_of(const struct session *session)
{
    return session->options.store != NULL ? str_of(session->options.store)
                                          : session->manifest.store;
}

static bool guards_put_own(struct session *session, struct strbuf *out)
{
    struct str own[GUARDS_OWN];
    bool ok = true;

    guards_own(session, guards_store_of(session), own);
    for (int i = 0; ok && i < GUARDS_OWN; i++) {
        ok = guards_put_present(out, own[i]);
    }
    return ok;
}

/* An orphan that is edited is nobody's file any more, and globs match it. */
static bool guards_put_orphans(const struct session *session, struct strbuf *out)
{
    const struct plan *plan = &session->plan;

    for (uint32_t i = 0; i < plan->orphan_count; i++) {
        struct str path = plan_path_name(plan, plan->orphans[i]);
        struct index_path row;

        if (!index_path(session->index, path, &row) || !row.firm) {
            return false;
        }
        guards_put_file(out, path, false, &row.signature);
    }
    return true;
}

static void guards_put_folders(const struct consulted *consulted, struct strbuf *out)
{
    VEC_EACH (folder, &consulted->folders) {
        bytes_put_u8(out, GUARD_FOLDER);
        bytes_put_str(out, folder->path);
        guards_put_signature(out, &folder->signature);
        bytes_put_digest(out, &folder->listing);
    }
}

/* The program's bytes count where it is a tool, and what a probe of it said. */
static void guards_put_programs(const struct consulted *consulted, struct strbuf *out)
{
    VEC_EACH (program, &consulted->programs) {
        bytes_put_u8(out, GUARD_PROGRAM);
        bytes_put_str(out, program->name);
        bytes_put_str(out, program->path);
        if (program->path.len != 0) {
            guards_put_file(out, program->path, true, &program->signature);
        }
    }
}

static void guards_put_strs(const struct event_strs *strs, struct strbuf *out)
{
    bytes_put_u32(out, strs->count);
    for (uint32_t i = 0; i < strs->count; i++) {
        bytes_put_str(out, strs->items[i]);
    }
}

/* A secret that a pattern matches, too, is no part of what is passed openly: its name is written.
 */
static void guards_put_pass(const struct m_stage *stage, struct str pattern, struct map *seen,
                            struct arena *arena, struct strbuf *out)
{
    struct event_strs secrets, set;
    struct strbuf head = {0};

    environment_matching_secrets(pattern, stage, arena, &secrets);
    bytes_put_u8(&head, GUARD_VARIABLES);
    bytes_put_str(&head, pattern);
    guards_put_strs(&secrets, &head);
    if (map_put_new(seen, strbuf_dup(&head, arena), 0) == MAP_MISSING) {
        guards_matching(pattern, &secrets, arena, &set);
        strbuf_add_str(out, strbuf_str(&head));
        guards_put_strs(&set, out);
    }
    strbuf_fini(&head);
}

/* Only whether one is set. */
static void guards_put_secret(struct str pattern, struct map *seen, struct arena *arena,
                              struct strbuf *out)
{
    struct event_strs set;

    if (map_put_new(seen, str_concat(arena, STR("-"), pattern), 0) == MAP_MISSING) {
        environment_matching(pattern, arena, &set);
        bytes_put_u8(out, GUARD_SECRET);
        bytes_put_str(out, pattern);
        bytes_put_u8(out, set.count != 0);
    }
}

static void guards_put_variables(const struct m_stage *stage, struct map *seen, struct arena *arena,
                                 struct strbuf *out)
{
    for (uint32_t v = 0; v < stage->settings->pass_env_count; v++) {
        guards_put_pass(stage, stage->settings->pass_env[v].name, seen, arena, out);
    }
    for (uint32_t v = 0; v < stage->settings->secret_env_count; v++) {
        guards_put_secret(stage->settings->secret_env[v].name, seen, arena, out);
    }
}

static void guards_put_environment(struct session *session, struct strbuf *out)
{
    const struct plan *plan = &session->plan;
    struct map seen;

    map_init(&seen);
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        const struct m_stage *stage = plan->stages[i].source;
        const struct m_variants *variants = stage->settings->variants;

        guards_put_variables(stage, &seen, &session->arena, out);
        for (uint32_t v = 0; variants != NULL && v < variants->count; v++) {
            guards_put_variables(&variants->items[v].stage, &seen, &session->arena, out);
        }
    }
    map_fini(&seen);
}

/* The index's rows are of the epoch that the store is in, and a later call can tell it from others.
 */
static bool guards_put_epoch(const struct session *session, struct strbuf *out)
{
    struct str text = objects_epoch_text(session->objects);
    struct digest of_store = objects_epoch(session->objects);
    struct digest of_index = index_epoch(session->index);

    bytes_put_u8(out, GUARD_EPOCH);
    bytes_put_str(out, text);
    return text.len != 0 && digest_equal(&of_store, &of_index);
}

bool guards_write(struct session *session, const struct guards_counts *counts, struct strbuf *out)
{
    struct strbuf request = {0};

    if (!consulted_settle(&session->consulted, &session->plan)) {
        return false;
    }
    guards_request(session, &request);
    bytes_put_u8(out, GUARD_REQUEST);
    bytes_put_str(out, strbuf_str(&request));
    strbuf_fini(&request);
    bytes_put_u8(out, GUARD_COUNTS);
    bytes_put_u32(out, counts->instances);
    bytes_put_u32(out, counts->named);
    bytes_put_u32(out, counts->skipped);
    bytes_put_u32(out, counts->orphans);
    bytes_put_u8(out, GUARD_STORE);
    bytes_put_str(out, guards_store_of(session));
    if (!guards_put_epoch(session, out)) {
        return false;
    }
    VEC_EACH (file, &session->consulted.files) {
        guards_put_file(out, file->path, file->follow, &file->signature);
    }
    guards_put_folders(&session->consulted, out);
    guards_put_environment(session, out);
    guards_put_programs(&session->consulted, out);
    return guards_put_orphans(session, out) && guards_put_own(session, out);
}
