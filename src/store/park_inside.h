#ifndef PAWL_STORE_PARK_INSIDE_H
#define PAWL_STORE_PARK_INSIDE_H
/* What park.c, park_return.c and park_list.c share; nobody else includes this. */
#include "base/sys.h"
#include "store/park.h"

#define PARK_MARK_WHOLE  ".pawl-whole"
#define PARK_MARK_BESIDE ".pawl-beside"

/* An output's place in the workspace: the folder it is in, and its name there. */
struct park_spot {
    int dir; /* -1: the folder does not exist, so neither does the output */
    const char *base;
    struct sys_stat stat;
    bool exists;
};

/* With `make`, missing parents are made. */
bool park_spot_open(const struct park_place *place, const char *path, bool make,
                    struct park_spot *spot, struct err *err);
void park_spot_close(struct park_spot *spot);

bool park_is_component(struct str name);
/* The attempt's folder; -1 with errno ENOENT when there is none. */
int park_attempt_open(const struct park_place *place, struct str run, struct str attempt);
/* The folder leaves parked/ at once, then goes. A missing one is success. */
bool park_attempt_remove(const struct park_place *place, struct str run, struct str attempt,
                         struct err *err);
bool park_mark_set(int attempt, struct err *err);
/* "<base>.pawl-parked.<attempt>" */
void park_beside_name(struct strbuf *out, const char *base, struct str attempt);

/* What one attempt's folder holds; run and attempt are left empty. */
bool parked_paths(int folder, struct arena *arena, struct parked_attempt *attempt, struct err *err);

#endif
