#ifndef PAWL_REPORT_VARIANTS_H
#define PAWL_REPORT_VARIANTS_H
/* How the variants of stages compare in a run: for each stage of which some instance runs a variant
 * one row for each command, the stage's own among them, with how many instances it has, how they
 * ended, and means of their time and metrics. An instance whose variant gave way counts for the own
 * command, whose figures it has. Pure.
 *
 * Order of calls: variants_make, then any of the others. All lies in the arena. */
#include "report/figures.h"

struct variants_mean {
    double sum;
    uint32_t count;
};

struct variants_row {
    struct str stage, variant; /* "": the own command */
    uint32_t instances, good, failed, fallbacks;
    struct variants_mean wall_ns;  /* of those that ran in this run */
    struct variants_mean *metrics; /* by column of the figures */
};

struct variants {
    const struct figures *figures;
    struct arena *arena;
    struct variants_row *rows; /* stages in the order of their instances, the own command first */
    uint32_t count;
};

/* What ran where a variant was chosen: "" as long as it is the variant, else why it is not:
 * "failed" or "breaker". */
struct str variants_fallback(const struct inst_status *inst);
/* Has any instance of the run a variant? */
bool variants_are_some(const struct run_state *state);

void variants_make(struct variants *variants, const struct figures *figures, struct arena *arena);
/* A table, if there is any row. */
void variants_add(const struct variants *variants, bool markdown, struct strbuf *out);
/* The member `variants`, an array. */
void variants_write(const struct variants *variants, struct json_writer *w);

#endif
