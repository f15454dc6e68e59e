#ifndef PAWL_STORE_BUNDLE_INSIDE_H
#define PAWL_STORE_BUNDLE_INSIDE_H
/* What making and taking in of bundles share; nobody else includes this. */
#include "base/limits.h"
#include "store/bundle.h"
#include "store/tar.h"

#define BUNDLE_MANIFEST "pawl-bundle"
#define BUNDLE_HEAD     "pawl bundle "

enum {
    BUNDLE_FORMAT = 1,
    BUNDLE_LINE_BYTES = DIGEST_HEX_BYTES + 2 + TAR_NAME_BYTES + 1, /* longest of a manifest */
    BUNDLE_RESULT_BYTES = LIMIT_RECORD_BYTES,
    BUNDLE_EVENTS_BYTES = 1 << 30, /* the record of one run, which is read in one piece */
    BUNDLE_NAME_BYTES = 80         /* of an object or a result, with its NUL */
};

enum bundle_kind { BUNDLE_OBJECT, BUNDLE_RESULT, BUNDLE_RUN };

/* What the name of a member says. */
struct bundle_name {
    enum bundle_kind kind;
    struct digest digest; /* of an object or a result */
    struct run_id run;    /* of a file of a run */
    struct str file;      /* which: within `runs/<id>` */
};

/* False: no member of a bundle has such a name. */
bool bundle_name_parse(struct str text, struct bundle_name *name);
/* The name of an object or a result. */
const char *bundle_name_of(enum bundle_kind kind, const struct digest *digest,
                           char text[static BUNDLE_NAME_BYTES]);

/* A line of the manifest without its newline. */
bool bundle_line_parse(struct str line, struct digest *digest, struct str *name);
void bundle_line_put(struct strbuf *out, const struct digest *digest, struct str name);

/* The bytes of all outputs that the result says are stored, and the trees of its folders, are in
 * the store. */
bool bundle_has_outputs(struct objects *objects, const struct result *result);

#endif
