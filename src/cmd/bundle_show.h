#ifndef PAWL_CMD_BUNDLE_SHOW_H
#define PAWL_CMD_BUNDLE_SHOW_H
/* What `export` and `import` say of a bundle when they are done. */
#include "cmd/command.h"
#include "store/bundle.h"

/* One line, or JSON with --json; nothing with -q. `aside`: to stderr, for the standard output is
 * the bundle. `left`: instances that are not in it. */
void bundle_show_export(struct cli *cli, const struct bundle_sums *sums, uint64_t left, bool aside);
void bundle_show_import(struct cli *cli, const struct bundle_sums *sums);

#endif
