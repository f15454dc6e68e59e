#ifndef PAWL_CMD_DUMP_H
#define PAWL_CMD_DUMP_H
/* Pages of the manual made from the tables, for `pawl dump`. Each appends one whole page. */
#include "base/str.h"

/* Roff with the macros of man(7). */
void dump_man_pawl(struct strbuf *out);
void dump_man_manifest(struct strbuf *out);

/* Markdown. */
void dump_docs_exit_status(struct strbuf *out);
void dump_docs_events(struct strbuf *out);
void dump_docs_manifest_keys(struct strbuf *out);
void dump_docs_commands(struct strbuf *out);
void dump_docs_states(struct strbuf *out);

#endif
