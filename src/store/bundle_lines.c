/* Owns reading the copy of a bundle's manifest, in step with the members. */
#include <string.h>

#include "base/sys.h"
#include "os/files.h"
#include "store/bundle_import_inside.h"

bool bundle_lines_fail(struct err *err)
{
    return err_set(err, STATUS_CORRUPT, "the bundle's list of its members is damaged");
}

static bool lines_fill(struct bundle_lines *lines, struct err *err)
{
    ssize_t got;

    memmove(lines->bytes, lines->bytes + lines->at, lines->len - lines->at);
    lines->len -= lines->at;
    lines->at = 0;
    got = sys_read_full(lines->fd, lines->bytes + lines->len, sizeof(lines->bytes) - lines->len);
    if (got < 0) {
        return err_sys(err, "'.pawl/" BUNDLE_STAGING "/manifest': cannot be read");
    }
    lines->len += (size_t)got;
    return true;
}

bool bundle_lines_next(struct bundle_lines *lines, struct str *line, struct err *err)
{
    const char *end;

    if (lines->len - lines->at < BUNDLE_LINE_BYTES && !lines_fill(lines, err)) {
        return false;
    }
    *line = STR("");
    if (lines->at == lines->len) {
        return true;
    }
    end = memchr(lines->bytes + lines->at, '\n', lines->len - lines->at);
    if (end == NULL || end == lines->bytes + lines->at) {
        return bundle_lines_fail(err);
    }
    *line = str_n(lines->bytes + lines->at, (size_t)(end - lines->bytes) - lines->at);
    lines->at += line->len + 1;
    return true;
}

bool bundle_lines_rewind(struct bundle_lines *lines, struct err *err)
{
    struct str head;

    lines->at = lines->len = 0;
    return (sys_seek(lines->fd, 0, SEEK_SET) == 0 ||
            err_sys(err, "'.pawl/" BUNDLE_STAGING "/manifest': cannot be read")) &&
           bundle_lines_next(lines, &head, err);
}
