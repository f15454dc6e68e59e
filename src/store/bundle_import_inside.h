#ifndef PAWL_STORE_BUNDLE_IMPORT_INSIDE_H
#define PAWL_STORE_BUNDLE_IMPORT_INSIDE_H
/* What the parts of taking a bundle in share; nobody else includes this. Paths of the staging
 * folder are below `.pawl`. */
#include "base/vec.h"
#include "store/bundle_inside.h"

#define BUNDLE_STAGING "tmp/import"

enum { BUNDLE_LINES_BYTES = 16 << 10, BUNDLE_COPY_BYTES = 32 << 10 };

/* The copy of the manifest, a line at a time. */
struct bundle_lines {
    int fd;
    size_t at, len;
    char bytes[BUNDLE_LINES_BYTES];
};

bool bundle_lines_fail(struct err *err);
/* The next line without its newline, until the next call; empty at the end. */
bool bundle_lines_next(struct bundle_lines *lines, struct str *line, struct err *err);
/* Back to the first member. */
bool bundle_lines_rewind(struct bundle_lines *lines, struct err *err);

struct bundle_import {
    struct bundle_place place;
    int staging_fd;
    int results_fd; /* results that will enter: each a u32 length and its bytes */
    struct bundle_lines lines;
    struct tar tar;
    char last[TAR_NAME_BYTES + 1]; /* name of the member before */
    VEC(uint8_t) added;            /* by line of the manifest, a bit: an object that was not here */
    uint64_t member_count;
    VEC(struct run_id) runs; /* staged */
    struct run_id run;       /* that the members are of now, or "" */
    bool run_is_here;        /* then its files are checked and dropped */
    struct bundle_sums sums;
    struct strbuf payload;
    bool entered;
};

bool import_member_fail(const struct bundle_import *import, struct err *err, const char *what);

/* The present member is a result: checked, and staged if it is not here. */
bool import_result(struct bundle_import *import, const struct digest *digest, struct err *err);
/* What was staged, to the store. */
bool import_enter_results(struct bundle_import *import, struct err *err);

/* The present member is a file of a run: checked, and staged if the run is not here. */
bool import_file(struct bundle_import *import, const struct bundle_name *name,
                 const struct digest *digest, struct err *err);
bool import_enter_runs(struct bundle_import *import, struct err *err);

#endif
