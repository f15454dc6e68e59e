/* Owns the search for a program: as execvp does it, but in the parent, where a clear message can be
 * made and nothing is allocated between clone and exec. See os/spawn.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/spawn.h"

/* 0: can be executed; else an errno: ENOENT, EACCES, or what the kernel says. */
static int program_check(struct arena *arena, struct str program, const char *dir)
{
    struct str path = dir != NULL ? path_join(arena, str_of(dir), program) : program;
    const char *text = str_dup(arena, path).data;
    struct sys_stat stat;

    if (sys_stat(text, &stat) != 0) {
        return errno == ENOTDIR ? ENOENT : errno;
    }
    if (!S_ISREG(stat.mode) || sys_access(AT_FDCWD, text, X_OK) != 0) {
        return EACCES;
    }
    return 0;
}

static bool program_refuse(struct str name, int sys, struct err *err)
{
    switch (sys) {
    case ENOENT:
        err_set(err, STATUS_ENVIRONMENT, "'%.*s': no such program", STR_ARG(name));
        break;
    case EACCES:
        err_set(err, STATUS_ENVIRONMENT, "'%.*s': not an executable file; check its mode and type",
                STR_ARG(name));
        break;
    default:
        return err_errno(err, sys, "'%.*s': cannot be executed", STR_ARG(name));
    }
    if (err != NULL) {
        err->sys = sys;
    }
    return false;
}

static bool search(struct arena *arena, struct str name, struct str path, const char *dir,
                   struct str *program, struct err *err)
{
    int worst = ENOENT;
    bool more = true;

    while (more) {
        struct str part = path, found;
        ptrdiff_t colon = str_find(path, ':');

        more = colon >= 0;
        if (more) {
            part = str_head(path, (size_t)colon);
            path = str_skip(path, (size_t)colon + 1);
        }
        found = path_join(arena, part.len > 0 ? part : STR("."), name);
        switch (program_check(arena, found, dir)) {
        case 0:
            *program = str_dup(arena, found);
            return true;
        case EACCES:
            worst = EACCES;
            break;
        default:
            break;
        }
    }
    if (worst == EACCES) {
        return program_refuse(name, worst, err);
    }
    err_set(err, STATUS_ENVIRONMENT, "'%.*s': no such program on PATH", STR_ARG(name));
    if (err != NULL) {
        err->sys = ENOENT;
    }
    return false;
}

bool spawn_find(struct arena *arena, struct str name, struct str path, const char *dir,
                struct str *program, struct err *err)
{
    int sys;

    if (name.len == 0 || str_find(name, '/') < 0) {
        return name.len == 0 ? program_refuse(name, ENOENT, err)
                             : search(arena, name, path, dir, program, err);
    }
    sys = program_check(arena, name, dir);
    if (sys != 0) {
        return program_refuse(name, sys, err);
    }
    *program = str_dup(arena, name);
    return true;
}
