/* Owns the file of stages with `always` that are owed. */
#include "run/owed.h"

#include "base/limits.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/remove.h"

#define OWED_FILE "owed"
#define OWED_HEAD "pawl owed 1"

bool owed_exists(int pawl_fd)
{
    struct sys_stat stat;

    return pawl_fd >= 0 && sys_statat(pawl_fd, OWED_FILE, 0, &stat) == 0;
}

static void owed_add_gone(struct str name, struct arena *arena, struct str *gone)
{
    *gone = str_printf(arena, "%.*s%s'%.*s'", STR_ARG(*gone), gone->len != 0 ? ", " : "",
                       STR_ARG(name));
}

static void owed_add_all(const struct plan *plan, uint8_t *scope)
{
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        scope[i] |= plan->instances[i].always;
    }
}

bool owed_add(const struct session *session, uint8_t *scope, struct arena *arena, struct str *gone,
              struct err *err)
{
    const struct plan *plan = &session->plan;
    struct strbuf text = {0};
    struct str rest, name;
    bool good = true;

    *gone = STR("");
    if (!owed_exists(session->workspace.pawlfd)) {
        return true;
    }
    good = file_read(session->workspace.pawlfd, OWED_FILE, LIMIT_TOML_BYTES, &text, err);
    rest = strbuf_str(&text);
    if (good && (!str_split(&rest, '\n', &name) || !str_is(name, OWED_HEAD))) {
        good = err_set(err, STATUS_CORRUPT,
                       "'.pawl/" OWED_FILE "' is damaged: stages with 'always' that a killed run "
                       "owed are not known, and all run");
        owed_add_all(plan, scope);
    }
    while (good && str_split(&rest, '\n', &name)) {
        struct inst_id instance = plan_find_instance(plan, name);

        if (inst_is_some(instance) && plan->instances[instance.n].always) {
            scope[instance.n] = 1;
        } else if (name.len != 0) {
            owed_add_gone(name, arena, gone);
        }
    }
    strbuf_fini(&text);
    return good;
}

bool owed_write(const struct session *session, const uint8_t *scope, struct err *err)
{
    const struct plan *plan = &session->plan;
    struct strbuf text = {0};
    uint32_t count = 0;
    bool good;

    strbuf_puts(&text, OWED_HEAD "\n");
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        if (scope[i] && plan->instances[i].always) {
            strbuf_add_str(&text, plan->instances[i].name);
            strbuf_putc(&text, '\n');
            count++;
        }
    }
    good = count == 0 ? owed_remove(session, err)
                      : file_write_replace(session->workspace.pawlfd, OWED_FILE, strbuf_str(&text),
                                           SYS_OWN_FILE, false, err);
    strbuf_fini(&text);
    return good;
}

bool owed_remove(const struct session *session, struct err *err)
{
    return !owed_exists(session->workspace.pawlfd) ||
           file_remove(session->workspace.pawlfd, OWED_FILE, err);
}
