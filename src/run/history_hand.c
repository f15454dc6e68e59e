/* Owns the file `restored` in the folder of a run: which instances were touched by hand after that
 * run and before the next one. A record is the SHA-256 of the instance's name as 64 hex digits and
 * a line feed, appended before anything is changed; a line of another length counts for nothing. */
#include "run/history_inside.h"

#include <errno.h>
#include <fcntl.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/sys.h"

static void hand_add(struct strbuf *lines, struct str instance)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest digest = sha256_of(instance.data, instance.len);

    strbuf_puts(lines, digest_hex(&digest, hex));
    strbuf_putc(lines, '\n');
}

static bool hand_append(struct session *session, const struct run_id *id,
                        const struct strbuf *lines, struct err *err)
{
    struct str path = str_printf(&session->arena, "runs/%s/restored", id->text);
    int fd = sys_openat(session->workspace.pawlfd, path.data,
                        O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, SYS_OWN_FILE);
    bool ok = fd >= 0 && sys_write_full(fd, lines->data, lines->len) == 0;

    if (!ok) {
        err_sys(err, "'.pawl/%s': cannot be written", path.data);
    }
    if (fd >= 0 && sys_close(fd) != 0 && ok) {
        ok = err_sys(err, "'.pawl/%s': cannot be written", path.data);
    }
    return ok;
}

bool history_note_hand(struct session *session, const struct str *instances, uint32_t count,
                       struct err *err)
{
    struct strbuf lines = {0};
    struct run_list list;
    bool ok = run_dir_list(session->workspace.pawlfd, &session->arena, &list, err);

    /* The end of a record that was torn is no line with the next one. */
    strbuf_putc(&lines, '\n');
    for (uint32_t i = 0; i < count; i++) {
        hand_add(&lines, instances[i]);
    }
    if (ok && list.count != 0) {
        ok = hand_append(session, &list.ids[list.count - 1], &lines, err);
    }
    strbuf_fini(&lines);
    return ok;
}

struct str history_hand_name(struct str instance, struct arena *arena)
{
    struct digest digest = sha256_of(instance.data, instance.len);

    return digest_str(&digest, arena);
}

bool historian_read_hands(struct historian *historian, const struct run_id *id, struct err *err)
{
    struct str path = str_printf(historian->arena, "runs/%s/restored", id->text);
    struct strbuf text = {0};
    struct str rest;
    struct str line;
    int pawl_fd = historian->session->workspace.pawlfd;
    struct err failed = {0};
    bool ok =
        file_read(pawl_fd, path.data, LIMIT_TOML_BYTES, &text, &failed) || failed.sys == ENOENT;

    rest = strbuf_str(&text);
    while (ok && str_split(&rest, '\n', &line)) {
        uint32_t item = map_get(&historian->hands, line);

        if (item != MAP_MISSING && historian_is_open(historian, item)) {
            /* Heard of, and nothing that a result could agree with. */
            historian->seen[item].time_ns = INT64_MAX;
            historian->open--;
        }
    }
    if (!ok) {
        *err = failed;
    }
    strbuf_fini(&text);
    return ok;
}
