/* Owns notes of what planning was told. */
#include "run/consulted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/spawn.h"

enum { CONSULTED_TRIES = 2 };

void consulted_init(struct consulted *consulted, struct arena *arena, const struct clock *clock)
{
    *consulted = (struct consulted){.arena = arena, .clock = clock};
    map_init(&consulted->folder_numbers);
    map_init(&consulted->program_numbers);
}

void consulted_fini(struct consulted *consulted)
{
    VEC_FREE(&consulted->files);
    VEC_FREE(&consulted->folders);
    VEC_FREE(&consulted->programs);
    walk_room_fini(&consulted->room);
    map_fini(&consulted->folder_numbers);
    map_fini(&consulted->program_numbers);
}

/* --- files --- */

void consulted_file(struct consulted *consulted, struct str path, bool follow,
                    const struct signature *signature, bool firm)
{
    struct consulted_file file = {str_dup(consulted->arena, path), follow, *signature, firm};

    VEC_PUSH(&consulted->files, file);
    consulted->unsure |= !firm;
}

void consulted_absence(struct consulted *consulted, struct str path)
{
    struct signature signature = {0};
    bool sure = signature_read(AT_FDCWD, path.data, true, &signature, NULL) &&
                signature_type(&signature) != FILE_REGULAR;

    consulted_file(consulted, path, true, &signature, sure);
}

/* A file that is being read, but its gaps. */
struct consulted_reading {
    int fd;
    const char *path;
    uint64_t limit_bytes;
    const struct str_range *gaps;
    uint32_t gap_count;
    struct strbuf *text;
    struct signature signature;
    bool firm;
};

static bool consulted_read_bytes(const struct consulted_reading *reading, struct err *err)
{
    return reading->gap_count != 0
               ? file_read_between(reading->fd, reading->path, reading->limit_bytes, reading->gaps,
                                   reading->gap_count, reading->text, err)
               : file_read_fd(reading->fd, reading->path, reading->limit_bytes, reading->text, err);
}

static bool consulted_read_once(struct consulted_reading *reading, int64_t *wait_ns,
                                struct err *err)
{
    struct signature_tick tick = signature_tick_now(NULL, reading->fd);
    struct signature after;

    strbuf_clear(reading->text);
    if (sys_seek(reading->fd, 0, SEEK_SET) < 0 && errno != ESPIPE) {
        return err_sys(err, "'%s': cannot be read", reading->path);
    }
    if (!signature_read_fd(reading->fd, &reading->signature, err) ||
        !consulted_read_bytes(reading, err) || !signature_read_fd(reading->fd, &after, err)) {
        return false;
    }
    reading->firm = signature_type(&after) == FILE_REGULAR &&
                    signature_is_firm(&reading->signature, &after, &tick);
    *wait_ns = signature_wait_ns(&after, &tick);
    return true;
}

static void consulted_wait(int64_t wait_ns)
{
    sys_poll(NULL, 0, (int)(wait_ns / NS_PER_MS) + 1);
}

static bool consulted_read_firmly(struct consulted_reading *reading, struct err *err)
{
    enum { LONGEST_WAIT_NS = 20 * 1000 * 1000 };
    int64_t wait_ns = 0;

    for (int i = 0; i < CONSULTED_TRIES; i++) {
        if (!consulted_read_once(reading, &wait_ns, err)) {
            return false;
        }
        if (reading->firm || signature_type(&reading->signature) != FILE_REGULAR || wait_ns <= 0 ||
            wait_ns > LONGEST_WAIT_NS) {
            break;
        }
        consulted_wait(wait_ns);
    }
    return true;
}

bool consulted_read_between(struct consulted *consulted, struct str path, uint64_t limit_bytes,
                            const struct str_range *gaps, uint32_t gap_count, struct strbuf *text,
                            struct err *err)
{
    struct consulted_reading reading = {.fd = sys_open(path.data, O_RDONLY, 0),
                                        .path = path.data,
                                        .limit_bytes = limit_bytes,
                                        .gaps = gaps,
                                        .gap_count = gap_count,
                                        .text = text};
    bool ok;

    if (reading.fd < 0) {
        if (errno == ENOENT) {
            consulted_file(consulted, path, true, &reading.signature, true);
            errno = ENOENT;
        }
        return err_sys(err, "'%s': cannot be read", path.data);
    }
    ok = consulted_read_firmly(&reading, err);
    sys_close(reading.fd);
    if (ok) {
        consulted_file(consulted, path, true, &reading.signature, reading.firm);
    }
    return ok;
}

bool consulted_read(struct consulted *consulted, struct str path, uint64_t limit_bytes,
                    struct strbuf *text, struct err *err)
{
    return consulted_read_between(consulted, path, limit_bytes, NULL, 0, text, err);
}

/* --- programs --- */

/* Before the program is read or asked: what it says is of this file or of a later one. */
static bool consulted_note_program(struct consulted *consulted, struct str name, struct str found)
{
    struct signature_tick tick = {.coarse_ns = clock_coarse_real_ns(consulted->clock)};
    struct consulted_program program = {.name = str_dup(consulted->arena, name), .path = STR("")};
    bool firm = true;

    if (found.len != 0) {
        program.path = str_dup(consulted->arena, found);
        firm = signature_read(AT_FDCWD, program.path.data, true, &program.signature, NULL) &&
               signature_is_firm(&program.signature, &program.signature, &tick);
    }
    map_put(&consulted->program_numbers, program.name, (uint32_t)consulted->programs.count);
    VEC_PUSH(&consulted->programs, program);
    return firm;
}

struct str consulted_program(struct consulted *consulted, struct str name, struct arena *arena,
                             struct err *err)
{
    const char *path = getenv("PATH");
    struct str found;

    if (!spawn_find(arena, name, str_of(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"), NULL,
                    &found, err)) {
        found = STR_NONE;
    }
    if (map_get(&consulted->program_numbers, name) == MAP_MISSING) {
        consulted->unsure |= !consulted_note_program(consulted, name, found);
    }
    return found;
}

/* --- folders --- */

/* A link counts as what it leads to, so that has to be told, too. */
static bool consulted_is_folder(struct str folder, const struct walk_entry *entry,
                                struct arena *arena)
{
    struct signature there;

    if (entry->type != FILE_LINK) {
        return entry->type == FILE_FOLDER;
    }
    return signature_read(AT_FDCWD, path_join(arena, folder, entry->path).data, true, &there,
                          NULL) &&
           signature_type(&there) == FILE_FOLDER;
}

/* pawl's own folder comes and goes without meaning. */
static bool consulted_is_own(struct str name)
{
    return str_is(name, ".pawl") || file_is_temp_name(name.data);
}

bool consulted_list(struct consulted *consulted, struct str path, struct arena *arena,
                    struct consulted_listing *listing, struct err *err)
{
    struct signature_tick tick = {.coarse_ns = clock_coarse_real_ns(consulted->clock)};
    struct walk_options flat = {.flat = true, .all = true, .room = &consulted->room};
    struct walk_list list = {NULL, 0};
    const char *name = path.len != 0 ? path.data : ".";
    struct signature there;

    *listing = (struct consulted_listing){.exists = false};
    if (!signature_read(AT_FDCWD, name, true, &there, err)) {
        return false;
    }
    if (signature_type(&there) != FILE_FOLDER) {
        return true;
    }
    if (!walk_folder(AT_FDCWD, name, &flat, arena, &list, err)) {
        return false;
    }
    listing->exists = true;
    listing->count = list.count;
    listing->entries = ARENA_ARRAY(arena, struct consulted_entry, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        listing->entries[i] =
            (struct consulted_entry){.name = list.items[i].path,
                                     .type = list.items[i].type,
                                     .is_folder = consulted_is_folder(path, &list.items[i], arena)};
    }
    if (signature_is_firm(&there, &there, &tick)) {
        listing->signature = there;
    }
    return true;
}

struct digest consulted_listing_digest(const struct consulted_listing *listing)
{
    struct strbuf bytes = {0};
    struct digest digest;

    bytes_put_u8(&bytes, listing->exists);
    for (uint32_t i = 0; i < listing->count; i++) {
        if (!consulted_is_own(listing->entries[i].name)) {
            bytes_put_str(&bytes, listing->entries[i].name);
            bytes_put_u8(&bytes, (uint8_t)listing->entries[i].type);
            bytes_put_u8(&bytes, listing->entries[i].is_folder);
        }
    }
    digest = sha256_of(bytes.data, bytes.len);
    strbuf_fini(&bytes);
    return digest;
}

void consulted_folder(struct consulted *consulted, struct str path,
                      const struct consulted_listing *listing)
{
    struct consulted_folder folder = {.listed = *listing};

    if (map_get(&consulted->folder_numbers, path) != MAP_MISSING) {
        return;
    }
    folder.path = str_dup(consulted->arena, path);
    folder.listed.entries = ARENA_ARRAY(consulted->arena, struct consulted_entry, listing->count);
    for (uint32_t i = 0; i < listing->count; i++) {
        folder.listed.entries[i] = listing->entries[i];
        folder.listed.entries[i].name = str_dup(consulted->arena, listing->entries[i].name);
    }
    map_put(&consulted->folder_numbers, folder.path, (uint32_t)consulted->folders.count);
    VEC_PUSH(&consulted->folders, folder);
}

/* --- the end --- */

struct consulted_end {
    struct consulted *consulted;
    const struct plan *plan;
    struct arena arena; /* one folder's listing */
    struct map above;   /* folders above the plan's outputs; loaded when first asked */
    bool above_loaded;
};

/* An output, or something below a folder that is one: no source, whatever it is. */
static bool end_is_output(const struct consulted_end *end, struct str path)
{
    for (; path.len != 0 && !path_is_absolute(path); path = path_dir(path)) {
        struct path_id id = plan_find_path(end->plan, path);

        if (id.n != PLAN_NONE && inst_is_some(end->plan->paths[id.n].producer)) {
            return true;
        }
    }
    return false;
}

static bool end_is_above_outputs(struct consulted_end *end, struct str path)
{
    const struct plan *plan = end->plan;

    for (uint32_t i = 0; !end->above_loaded && i < plan->output_count; i++) {
        struct str above = path_dir(plan_path_name(plan, plan->outputs[i].path));

        while (above.len != 0 && map_get(&end->above, above) == MAP_MISSING) {
            map_put(&end->above, above, 0);
            above = path_dir(above);
        }
    }
    end->above_loaded = true;
    return map_get(&end->above, path) != MAP_MISSING;
}

/* Came with the run, and changes no plan: an output, or a folder made for outputs, which is then
 * consulted, too, as if it had been empty before. */
static bool end_is_own_entry(struct consulted_end *end, struct str folder,
                             const struct consulted_entry *entry)
{
    struct str path = folder.len != 0 ? path_join(&end->arena, folder, entry->name)
                                      : str_dup(&end->arena, entry->name);

    if (consulted_is_own(entry->name) || end_is_output(end, path)) {
        return true;
    }
    if (entry->type != FILE_FOLDER || !end_is_above_outputs(end, path)) {
        return false;
    }
    consulted_folder(end->consulted, path, &(struct consulted_listing){.exists = true});
    return true;
}

/* Both are sorted: what only one of them has must be our own. */
static bool end_same_entries(struct consulted_end *end, struct str folder,
                             const struct consulted_listing *before,
                             const struct consulted_listing *now)
{
    uint32_t b = 0;
    uint32_t n = 0;

    while (b < before->count || n < now->count) {
        int order = b == before->count ? 1
                    : n == now->count  ? -1
                                       : str_compare(before->entries[b].name, now->entries[n].name);
        bool same = order == 0 && before->entries[b].type == now->entries[n].type &&
                    before->entries[b].is_folder == now->entries[n].is_folder;

        if (!same && order <= 0 && !end_is_own_entry(end, folder, &before->entries[b])) {
            return false;
        }
        if (!same && order >= 0 && !end_is_own_entry(end, folder, &now->entries[n])) {
            return false;
        }
        b += order <= 0;
        n += order >= 0;
    }
    return true;
}

/* A folder that is not there is not an empty one; those for outputs are made by the run. */
static bool end_is_still_there(struct consulted_end *end, struct str folder, bool before, bool now)
{
    return before == now ||
           (now && (end_is_output(end, folder) || end_is_above_outputs(end, folder)));
}

static bool end_has_links(const struct consulted_listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].type == FILE_LINK) {
            return true;
        }
    }
    return false;
}

/* Nothing came or went since it was listed. */
static bool end_is_unchanged(const struct consulted_folder *folder)
{
    struct signature now;

    return folder->listed.signature.mode != 0 &&
           signature_read(AT_FDCWD, folder->path.len != 0 ? folder->path.data : ".", true, &now,
                          NULL) &&
           signature_equal(&now, &folder->listed.signature);
}

static void end_settled(struct consulted_folder *folder, const struct consulted_listing *now)
{
    folder->listing = consulted_listing_digest(now);
    folder->signature = (struct signature){0};
    if (!end_has_links(now)) {
        folder->signature = now->signature;
    }
}

/* Lists a folder under a signature that a later change cannot leave as it is; waits for the tick of
 * the clock where that takes it. */
static bool end_list(struct consulted_end *end, struct str path, struct consulted_listing *now)
{
    for (int i = 0; i < CONSULTED_TRIES; i++) {
        struct signature_tick tick = {.coarse_ns = clock_coarse_real_ns(end->consulted->clock)};
        struct signature there;

        arena_reset(&end->arena);
        if (!consulted_list(end->consulted, path, &end->arena, now, NULL)) {
            return false;
        }
        if (!now->exists || now->signature.mode != 0 ||
            !signature_read(AT_FDCWD, path.len != 0 ? path.data : ".", true, &there, NULL)) {
            return true;
        }
        consulted_wait(signature_wait_ns(&there, &tick));
    }
    return true;
}

static bool end_settle_folder(struct consulted_end *end, uint32_t number)
{
    /* Entries may be added to `folders` meanwhile. */
    struct consulted_folder folder = end->consulted->folders.items[number];
    struct consulted_listing now;

    if (end_is_unchanged(&folder)) {
        end_settled(&folder, &folder.listed);
    } else if (!end_list(end, folder.path, &now) ||
               !end_is_still_there(end, folder.path, folder.listed.exists, now.exists) ||
               !end_same_entries(end, folder.path, &folder.listed, &now)) {
        return false;
    } else {
        end_settled(&folder, &now);
    }
    end->consulted->folders.items[number] = folder;
    return true;
}

bool consulted_is_same(struct consulted *consulted, struct str path, const struct digest *listing,
                       struct signature *signature)
{
    struct consulted_end end = {.consulted = consulted};
    struct consulted_folder folder = {.path = path};
    struct consulted_listing now;
    bool same;

    arena_init(&end.arena);
    same = end_list(&end, path, &now);
    if (same) {
        end_settled(&folder, &now);
        same = digest_equal(&folder.listing, listing);
        *signature = folder.signature;
    }
    arena_fini(&end.arena);
    return same;
}

bool consulted_settle(struct consulted *consulted, const struct plan *plan)
{
    struct consulted_end end = {.consulted = consulted, .plan = plan};
    bool ok = !consulted->unsure;

    arena_init(&end.arena);
    map_init(&end.above);
    for (uint32_t i = 0; ok && i < consulted->folders.count; i++) {
        ok = end_settle_folder(&end, i);
    }
    map_fini(&end.above);
    arena_fini(&end.arena);
    return ok;
}
