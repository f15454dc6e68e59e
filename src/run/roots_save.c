/* Owns which keys a run needs: of what was decided in it and ended well. What stands since the last
 * run, unlooked at, has the key that it had: then, and when something failed, the run is a part. */
#include "run/roots_save.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/result_codec.h"
#include "store/roots.h"

static void save_write(struct session *session, const struct roots_end *end, struct roots_run *run)
{
    struct digest objects[] = {session->manifest_digest, end->listing};

    run->run = end->run;
    run->pipeline = session->manifest.name;
    run->time_ns = clock_real_ns(session->clock);
    run->objects = objects;
    run->object_count = sizeof(objects) / sizeof(objects[0]);
    roots_write(session->store_fd, &session->workspace.id, run, NULL);
}

/* The keys that are known; what it does not know of what it was asked for makes it a part. */
static void save_rows(struct session *session, const struct roots_end *end, struct roots_run *run)
{
    const struct plan *plan = &session->plan;
    struct roots_row *rows = mem_calloc(plan->instance_count, sizeof(*rows));

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];
        const struct inst_fact *fact = &end->facts->instances[i];

        if ((fact->good || fact->refused) && !digest_is_zero(&fact->key)) {
            rows[run->row_count++] =
                (struct roots_row){result_instance_hash(plan->stages[inst->stage.n].name,
                                                        inst->name, &session->workspace.id),
                                   fact->key};
        } else if (end->scope[i] && !fact->skipped) {
            run->part = true;
        }
    }
    run->rows = rows;
    save_write(session, end, run);
    free(rows);
}

void roots_save_begin(struct session *session, const struct roots_end *end)
{
    struct roots_run run = {.part = true, .begun = true};

    if (session_store_is_shared(session)) {
        save_rows(session, end, &run);
    }
}

void roots_save(struct session *session, const struct roots_end *end)
{
    struct roots_run run = {.part = !end->whole};

    save_rows(session, end, &run);
}
