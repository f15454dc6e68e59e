#ifndef PAWL_RUN_STANDING_INSIDE_H
#define PAWL_RUN_STANDING_INSIDE_H
/* What the files share that make a last state at the end of a run; nobody else includes this. */
#include "run/standing.h"

struct saving {
    struct session *session;
    const struct standing_end *end;
    struct facts *facts;
    const struct plan *plan;
    struct last_state_builder builder; /* units and outputs have the plan's numbers */
    struct arena arena;                /* one folder */
};

void saving_init(struct saving *saving, struct session *session, const struct standing_end *end);
void saving_fini(struct saving *saving);
/* What an instance was, and what it rests on. */
void save_unit(struct saving *saving, uint32_t unit);
/* Its outputs alone, as they lie there now. */
void save_unit_outputs(struct saving *saving, uint32_t unit);
void save_output_facts(struct saving *saving, uint32_t output);

/* standing_graph.c */
void save_graph(struct saving *saving);

#endif
