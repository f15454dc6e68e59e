/* Owns the format of bundles: a tar archive (store/tar.c) of these members, each once, in the order
 * of their names as bytes, behind one that comes first:
 *
 *     pawl-bundle                  "pawl bundle 1" and a newline, then for each other member, in
 *                                  order, a line: SHA-256 of its bytes in hexadecimal digits, two
 *                                  blanks, its name (what `sha256sum -c` reads)
 *     objects/<2 hex>/<62 hex>     an object, named by that digest
 *     results/<64 hex>             a result as in the file `results` (store/result_codec.c), named
 *                                  by that digest
 *     runs/<run id>/events.jsonl   the record of a run, which is over
 *     runs/<run id>/logs/<name>    what its commands printed
 *     runs/<run id>/result.json
 *
 * The manifest comes first because whoever reads a stream can then refuse another format before
 * anything was taken in, knows of each member what it must be when it comes, and keeps no list of
 * what came: a member that is missing, foreign, altered, out of order or there twice is found by
 * comparing with the next line. Whoever writes knows all digests beforehand: an object's is its
 * name. Objects come before the results that need them, so a result is checked when it is met.
 *
 * Valid if the archive is, the members are exactly those of the manifest, each has its digest, each
 * result can be decoded and has a key, paths of its outputs lie below the workspace, and each
 * output that says so is in the bundle or in the store, a folder with all that its tree names. A
 * record of a run must be whole and say that the run is over.
 *
 * A bundle has no times of its own and nothing of who made it: the same state gives the same bytes.
 * Digests tell damage, not malice: who can make a bundle can make a result. */
#include "store/bundle_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

const char *bundle_name_of(enum bundle_kind kind, const struct digest *digest,
                           char text[static BUNDLE_NAME_BYTES])
{
    char hex[DIGEST_HEX_BYTES + 1];

    digest_hex(digest, hex);
    if (kind == BUNDLE_OBJECT) {
        snprintf(text, BUNDLE_NAME_BYTES, "objects/%.2s/%s", hex, hex + 2);
    } else {
        snprintf(text, BUNDLE_NAME_BYTES, "results/%s", hex);
    }
    return text;
}

static bool object_parse(struct str rest, struct bundle_name *name)
{
    char hex[DIGEST_HEX_BYTES];

    name->kind = BUNDLE_OBJECT;
    if (rest.len != DIGEST_HEX_BYTES + 1 || rest.data[2] != '/') {
        return false;
    }
    memcpy(hex, rest.data, 2);
    memcpy(hex + 2, rest.data + 3, DIGEST_HEX_BYTES - 2);
    return digest_parse(str_n(hex, sizeof(hex)), &name->digest);
}

static bool log_is_valid(struct str name)
{
    return name.len != 0 && name.len <= LIMIT_NAME_BYTES && str_find(name, '/') < 0;
}

static bool run_parse(struct str rest, struct bundle_name *name)
{
    struct str id;

    name->kind = BUNDLE_RUN;
    if (!str_split(&rest, '/', &id) || !run_id_parse(id, &name->run)) {
        return false;
    }
    name->file = rest;
    return str_is(rest, "events.jsonl") || str_is(rest, "result.json") ||
           (str_has_prefix(rest, STR("logs/")) && log_is_valid(str_skip(rest, 5)));
}

bool bundle_name_parse(struct str text, struct bundle_name *name)
{
    struct str rest = text;
    struct str folder;

    if (!tar_name_is_valid(text) || !str_split(&rest, '/', &folder)) {
        return false;
    }
    if (str_is(folder, "results")) {
        name->kind = BUNDLE_RESULT;
        return digest_parse(rest, &name->digest);
    }
    return str_is(folder, "objects") ? object_parse(rest, name)
                                     : str_is(folder, "runs") && run_parse(rest, name);
}

bool bundle_line_parse(struct str line, struct digest *digest, struct str *name)
{
    *name = str_skip(line, DIGEST_HEX_BYTES + 2);
    return line.len > DIGEST_HEX_BYTES + 2 && line.data[DIGEST_HEX_BYTES] == ' ' &&
           line.data[DIGEST_HEX_BYTES + 1] == ' ' &&
           digest_parse(str_head(line, DIGEST_HEX_BYTES), digest);
}

void bundle_line_put(struct strbuf *out, const struct digest *digest, struct str name)
{
    char hex[DIGEST_HEX_BYTES + 1];

    strbuf_printf(out, "%s  %.*s\n", digest_hex(digest, hex), STR_ARG(name));
}
