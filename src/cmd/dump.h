#ifndef PAWL_CMD_DUMP_H
#define PAWL_CMD_DUMP_H
/* What `pawl dump` prints: pages of the manual, made from the tables, and digests of files. Each of
 * the pages is appended whole. */
#include "base/str.h"

struct cli;

/* cmd/dump_digests.c; the exit status. */
int dump_digests(struct cli *cli);

/* Roff with the macros of man(7). */
void dump_man_pawl(struct strbuf *out);
void dump_man_manifest(struct strbuf *out);

/* Markdown. */
void dump_docs_exit_status(struct strbuf *out);
void dump_docs_events(struct strbuf *out);
void dump_docs_manifest_keys(struct strbuf *out);
void dump_docs_commands(struct strbuf *out);
void dump_docs_states(struct strbuf *out);

/* Reads and plans a manifest, and prints counts or, with `whole`, the plan. The exit status. */
int dump_plan(struct cli *cli, const char *file, bool whole);

#endif
