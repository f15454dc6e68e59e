#ifndef PAWL_MODEL_DEPFILE_H
#define PAWL_MODEL_DEPFILE_H
/* Makefile-style dependency files, as compilers write them with -MD: `target: path path \`, blanks
 * escaped by a backslash, `$$` for `$`, `\#` for `#`, several rules (-MP's empty ones too). Only
 * the prerequisites count. Pure. */
#include "base/err.h"
#include "base/str.h"

struct depfile {
    struct str *paths; /* each once, in order of appearance; as written, unescaped */
    uint32_t count;
};

/* False (status 1): it is no such file; `err` names the line. */
bool depfile_parse(struct str text, struct arena *arena, struct depfile *depfile, struct err *err);

#endif
