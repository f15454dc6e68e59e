/* Owns the guards of the last state, a sequence of
 *
 *     1 request    blob: program, machine, manifest, options that change the plan
 *     2 counts     four u32
 *     3 store      string: path of a shared store, or ""
 *     4 file       string: path  u8: follow links  40 bytes: signature
 *     5 folder     string: path  40 bytes: signature (mode 0: list again)  digest of the listing
 *     6 program    string: name  string: path on PATH, or ""
 *     8 secret     string: pattern  u8: some variable of that name is set
 *     9 epoch      string: text of the epoch; behind the store
 *    10 variables  string: pattern  u32: how many secrets match, too  each: string NAME
 *                  u32: how many others are set  each: string NAME=value
 *
 * in this order but for the epoch, each behind its number in a u8. */
#include "run/guards_inside.h"

#include <fcntl.h>

#include "base/bytes.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/environment.h"
#include "run/version.h"
#include "store/epoch.h"

/* --- what it is now --- */

void guards_request(const struct session *session, struct strbuf *out)
{
    const struct session_options *options = &session->options;

    bytes_put_str(out, STR(PAWL_VERSION " " PAWL_BUILD));
    bytes_put_str(out, session->machine_text);
    bytes_put_str(out, session->root);
    bytes_put_str(out, session->manifest_path);
    bytes_put_u8(out, options->store != NULL);
    bytes_put_str(out, str_of(options->store != NULL ? options->store : ""));
    bytes_put_str(out, options->params_file != NULL ? session->prefix : STR(""));
    bytes_put_str(out, str_of(options->params_file != NULL ? options->params_file : ""));
    bytes_put_u32(out, options->override_count);
    for (uint32_t i = 0; i < options->override_count; i++) {
        bytes_put_str(out, options->overrides[i].name);
        bytes_put_str(out, options->overrides[i].text);
    }
    bytes_put_u32(out, options->flag_count);
    for (uint32_t i = 0; i < options->flag_count; i++) {
        bytes_put_str(out, options->flags[i].name);
        bytes_put_str(out, options->flags[i].text);
    }
}

static struct str guards_results(struct session *session, struct str store)
{
    return store.len != 0 ? path_join(&session->arena, store, STR("results"))
                          : STR(".pawl/results");
}

void guards_own(struct session *session, struct str store, struct str own[GUARDS_OWN])
{
    own[0] = STR(".pawl/format");
    own[1] = STR(".pawl/made");
    own[2] = STR(".pawl/manifests");
    own[3] = guards_results(session, store);
}

static bool guards_is_in(const struct event_strs *names, struct str var)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (str_has_prefix(var, names->items[i]) && var.len > names->items[i].len &&
            var.data[names->items[i].len] == '=') {
            return true;
        }
    }
    return false;
}

void guards_matching(struct str pattern, const struct event_strs *but, struct arena *arena,
                     struct event_strs *set)
{
    uint32_t kept = 0;

    environment_matching(pattern, arena, set);
    for (uint32_t i = 0; i < set->count; i++) {
        if (!guards_is_in(but, set->items[i])) {
            set->items[kept++] = set->items[i];
        }
    }
    set->count = kept;
}

/* --- asking --- */

/* A path of a guard, ended by a NUL. */
static struct str guards_path(struct session *session, struct reader *reader)
{
    return str_dup(&session->arena, reader_str(reader));
}

static bool guards_read_signature(struct reader *reader, struct signature *signature)
{
    struct str bytes = reader_raw(reader, SIGNATURE_BYTES);

    if (!reader_ok(reader)) {
        return false;
    }
    signature_decode((const unsigned char *)bytes.data, signature);
    return true;
}

static bool guards_same_request(const struct session *session, struct reader *reader)
{
    struct strbuf now = {0};
    bool same;

    guards_request(session, &now);
    same = str_equal(reader_str(reader), strbuf_str(&now));
    strbuf_fini(&now);
    return same;
}

static bool guards_same_file(struct session *session, struct reader *reader)
{
    struct str path = guards_path(session, reader);
    bool follow = reader_u8(reader) != 0;
    struct signature then;
    struct signature now;

    return guards_read_signature(reader, &then) &&
           signature_read(AT_FDCWD, path.data, follow, &now, NULL) && signature_equal(&then, &now);
}

static bool guards_same_listing(struct session *session, struct str path, const struct digest *then)
{
    struct consulted_listing listing;
    struct digest now;
    struct arena arena;
    bool same;

    arena_init(&arena);
    same = consulted_list(&session->consulted, path, &arena, &listing, NULL);
    if (same) {
        now = consulted_listing_digest(&listing);
        same = digest_equal(&now, then);
    }
    arena_fini(&arena);
    return same;
}

struct guards_folder {
    struct str path;
    const unsigned char *at; /* of the signature in the guards */
    struct signature then;
    struct digest listing;
};

static bool guards_read_folder(struct session *session, struct reader *reader,
                               struct guards_folder *folder)
{
    folder->path = guards_path(session, reader);
    folder->at = reader->next;
    if (!guards_read_signature(reader, &folder->then)) {
        return false;
    }
    folder->listing = reader_digest(reader);
    return true;
}

/* Nothing came or went: it need not be listed. */
static bool guards_is_still(const struct guards_folder *folder)
{
    struct signature now;

    return folder->then.mode != 0 &&
           signature_read(AT_FDCWD, folder->path.len != 0 ? folder->path.data : ".", true, &now,
                          NULL) &&
           signature_equal(&folder->then, &now);
}

static bool guards_same_folder(struct session *session, struct reader *reader)
{
    struct guards_folder folder;

    return guards_read_folder(session, reader, &folder) &&
           (guards_is_still(&folder) || guards_same_listing(session, folder.path, &folder.listing));
}

static bool guards_same_program(struct session *session, struct reader *reader)
{
    struct str name = guards_path(session, reader);
    struct str then = reader_str(reader);

    return str_equal(consulted_program(&session->consulted, name, &session->arena, NULL), then);
}

static void guards_read_strs(struct reader *reader, struct arena *arena, struct event_strs *strs)
{
    uint32_t count = reader_count(reader, sizeof(uint32_t));

    *strs = (struct event_strs){ARENA_ARRAY(arena, struct str, count), 0};
    while (strs->count < count) {
        strs->items[strs->count++] = reader_str(reader);
    }
}

static bool guards_same_variables(struct session *session, struct reader *reader)
{
    struct str pattern = reader_str(reader);
    struct event_strs secrets, then, now;
    bool same;

    guards_read_strs(reader, &session->arena, &secrets);
    guards_read_strs(reader, &session->arena, &then);
    guards_matching(pattern, &secrets, &session->arena, &now);
    same = reader_ok(reader) && now.count == then.count;
    for (uint32_t i = 0; same && i < now.count; i++) {
        same = str_equal(then.items[i], now.items[i]);
    }
    return same;
}

static bool guards_same_secret(struct session *session, struct reader *reader)
{
    struct str pattern = reader_str(reader);
    bool then = reader_u8(reader) != 0;
    struct event_strs now;

    environment_matching(pattern, &session->arena, &now);
    return then == (now.count != 0);
}

static int guards_open_fresh(const struct session *session, struct str store)
{
    struct arena arena;
    int fd;

    if (store.len == 0) {
        return sys_openat(session->workspace.pawlfd, "fresh", O_RDONLY | O_DIRECTORY, 0);
    }
    arena_init(&arena);
    fd = sys_open(path_join(&arena, store, STR("fresh")).data, O_RDONLY | O_DIRECTORY, 0);
    arena_fini(&arena);
    return fd;
}

static bool guards_same_epoch(const struct session *session, struct str store,
                              struct reader *reader)
{
    struct str then = reader_str(reader);
    int fd = guards_open_fresh(session, store);
    struct epoch now;
    bool same = fd >= 0 && epoch_look(fd, &now) && str_is(then, now.text);

    if (fd >= 0) {
        sys_close(fd);
    }
    return same;
}

static void guards_read_counts(struct reader *reader, struct guards_counts *counts)
{
    counts->instances = reader_u32(reader);
    counts->named = reader_u32(reader);
    counts->skipped = reader_u32(reader);
    counts->orphans = reader_u32(reader);
}

static bool guards_holds_one(struct session *session, struct reader *reader,
                             struct guards_counts *counts, struct str *store)
{
    switch (reader_u8(reader)) {
    case GUARD_REQUEST:
        return guards_same_request(session, reader);
    case GUARD_COUNTS:
        guards_read_counts(reader, counts);
        return true;
    case GUARD_STORE:
        *store = guards_path(session, reader);
        return true;
    case GUARD_EPOCH:
        return guards_same_epoch(session, *store, reader);
    case GUARD_FILE:
        return guards_same_file(session, reader);
    case GUARD_FOLDER:
        return guards_same_folder(session, reader);
    case GUARD_PROGRAM:
        return guards_same_program(session, reader);
    case GUARD_VARIABLES:
        return guards_same_variables(session, reader);
    case GUARD_SECRET:
        return guards_same_secret(session, reader);
    default: /* numbers on disk: of another version */
        return false;
    }
}

bool guards_hold(struct session *session, struct str guards, struct guards_counts *counts)
{
    struct reader reader = reader_of(guards.data, guards.len);
    struct str store = STR("");

    *counts = (struct guards_counts){0};
    while (reader_left(&reader) != 0) {
        if (!guards_holds_one(session, &reader, counts, &store) || !reader_ok(&reader)) {
            return false;
        }
    }
    return guards.len != 0;
}

/* --- after a run that changed little --- */

struct guards_renewal {
    struct session *session;
    const unsigned char *begin;
    struct str store;
    void (*renew)(void *ctx, uint32_t offset, const struct signature *signature);
    void *ctx;
};

static void guards_renew_signature(const struct guards_renewal *renewal, const unsigned char *at,
                                   const struct signature *then, const struct signature *now)
{
    if (!signature_equal(then, now)) {
        renewal->renew(renewal->ctx, (uint32_t)(at - renewal->begin), now);
    }
}

static bool guards_is_own(const struct guards_renewal *renewal, struct str path)
{
    struct str own[GUARDS_OWN];

    guards_own(renewal->session, renewal->store, own);
    for (int i = 0; i < GUARDS_OWN; i++) {
        if (str_equal(path, own[i])) {
            return true;
        }
    }
    return false;
}

static bool guards_renew_file(const struct guards_renewal *renewal, struct reader *reader)
{
    struct str path = guards_path(renewal->session, reader);
    bool follow = reader_u8(reader) != 0;
    const unsigned char *at = reader->next;
    struct signature then;
    struct signature now;

    if (!guards_read_signature(reader, &then)) {
        return false;
    }
    if (guards_is_own(renewal, path)) {
        if (!signature_read(AT_FDCWD, path.data, follow, &now, NULL)) {
            return false;
        }
        guards_renew_signature(renewal, at, &then, &now);
    }
    return true;
}

static bool guards_renew_folder(const struct guards_renewal *renewal, struct reader *reader)
{
    struct guards_folder folder;
    struct signature now;

    if (!guards_read_folder(renewal->session, reader, &folder)) {
        return false;
    }
    if (guards_is_still(&folder)) {
        return true;
    }
    if (!consulted_is_same(&renewal->session->consulted, folder.path, &folder.listing, &now)) {
        return false;
    }
    guards_renew_signature(renewal, folder.at, &folder.then, &now);
    return true;
}

static void guards_skip_strs(struct reader *reader)
{
    uint32_t count = reader_u32(reader);

    for (uint32_t i = 0; reader_ok(reader) && i < count; i++) {
        reader_str(reader);
    }
}

/* Everything else is as it was found when the run began, or the next look finds it otherwise. */
static bool guards_pass(uint8_t kind, struct reader *reader)
{
    struct guards_counts counts;

    switch (kind) {
    case GUARD_REQUEST:
        reader_str(reader);
        return true;
    case GUARD_COUNTS:
        guards_read_counts(reader, &counts);
        return true;
    case GUARD_PROGRAM:
        reader_str(reader);
        reader_str(reader);
        return true;
    case GUARD_VARIABLES:
        reader_str(reader);
        guards_skip_strs(reader);
        guards_skip_strs(reader);
        return true;
    case GUARD_SECRET:
        reader_str(reader);
        reader_u8(reader);
        return true;
    case GUARD_EPOCH:
        reader_str(reader);
        return true;
    default:
        return false;
    }
}

bool guards_renew(struct session *session, struct str guards,
                  void (*renew)(void *ctx, uint32_t offset, const struct signature *signature),
                  void *ctx)
{
    struct reader reader = reader_of(guards.data, guards.len);
    struct guards_renewal renewal = {.session = session,
                                     .begin = (const unsigned char *)guards.data,
                                     .store = STR(""),
                                     .renew = renew,
                                     .ctx = ctx};
    bool ok = true;

    while (ok && reader_left(&reader) != 0) {
        uint8_t kind = reader_u8(&reader);

        if (kind == GUARD_STORE) {
            renewal.store = guards_path(session, &reader);
        } else if (kind == GUARD_FILE) {
            ok = guards_renew_file(&renewal, &reader);
        } else if (kind == GUARD_FOLDER) {
            ok = guards_renew_folder(&renewal, &reader);
        } else {
            ok = guards_pass(kind, &reader);
        }
        ok = ok && reader_ok(&reader);
    }
    return ok;
}
