#ifndef PAWL_TESTS_SIMULATION_FILES_H
#define PAWL_TESTS_SIMULATION_FILES_H
/* The files, results and objects of the simulation: what instances read and make is a number, 0
 * where there is none. A key is a number made of all that an instance reads, a result ties a key to
 * what came out. This is what is there beside the processes that come and go; what one of them
 * knows of it is in `struct fact`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim.h"

enum { SIM_MAX = 48, SIM_RESULTS = 12, SIM_POOLS = 3 };

struct sim_result {
    uint64_t key, value;
    uint32_t attempt;
    bool recorded; /* else it is lost with the process */
};

struct sim_object {
    uint64_t value;
    bool corrupt;
};

/* What an instance does and has made. */
struct job {
    /* Its nature. */
    int64_t duration_ns;
    bool tolerates; /* it runs without what was not made */
    bool coarse;    /* whatever it reads, the same comes out */
    bool moody;     /* each time something else comes out */
    /* The workspace and the store. */
    uint64_t source, file;
    struct sim_result results[SIM_RESULTS]; /* the newest last */
    uint32_t result_count;
    struct sim_object objects[SIM_RESULTS];
    uint32_t object_count;
    uint64_t parked;
    uint32_t parked_by; /* the attempt; 0: nothing is parked */
};

/* What the process knows of what an instance made. */
enum fact_is { FACT_UNKNOWN, FACT_MADE, FACT_MISSING };

struct fact {
    enum fact_is is;
    uint64_t value;
    bool changed, skipped;
};

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);

    x = (x ^ x >> 29) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 32) | 1;
}

/* --- results --- */

static inline void job_add_result(struct job *job, struct sim_result result)
{
    if (job->result_count == SIM_RESULTS) {
        memmove(job->results, job->results + 1, (SIM_RESULTS - 1) * sizeof(*job->results));
        job->result_count--;
    }
    job->results[job->result_count++] = result;
}

/* The one that counts for a key, or NULL. */
static inline const struct sim_result *job_find_result(const struct job *job, uint64_t key,
                                                       bool last_only)
{
    for (uint32_t i = job->result_count; i-- > 0;) {
        if (job->results[i].key == key) {
            return &job->results[i];
        }
        if (last_only) {
            break;
        }
    }
    return NULL;
}

/* Written with the record of its turn, before the events. */
static inline void job_record_results(struct job *job)
{
    for (uint32_t i = 0; i < job->result_count; i++) {
        job->results[i].recorded = true;
    }
}

/* What was not written went with its process. */
static inline void job_lose_results(struct job *job)
{
    while (job->result_count != 0 && !job->results[job->result_count - 1].recorded) {
        job->result_count--;
    }
}

/* --- objects --- */

static inline struct sim_object *job_object(struct job *job, uint64_t value)
{
    for (uint32_t i = 0; i < job->object_count; i++) {
        if (job->objects[i].value == value) {
            return &job->objects[i];
        }
    }
    return NULL;
}

static inline void job_drop_object(struct job *job, struct sim_object *object)
{
    *object = job->objects[--job->object_count];
}

static inline void job_put_object(struct job *job, uint64_t value)
{
    if (job_object(job, value) == NULL) {
        if (job->object_count == SIM_RESULTS) {
            job_drop_object(job, &job->objects[0]);
        }
        job->objects[job->object_count++] = (struct sim_object){.value = value};
    }
}

/* Its bytes can be had without running it. */
static inline bool job_has(struct job *job, uint64_t value)
{
    const struct sim_object *object = job_object(job, value);

    return job->file == value || (object != NULL && !object->corrupt);
}

/* --- parking --- */

static inline void job_park(struct job *job, uint32_t attempt)
{
    job->parked = job->file;
    job->parked_by = attempt;
    job->file = 0;
}

static inline void job_return_parked(struct job *job)
{
    if (job->parked_by != 0) {
        job->file = job->parked;
        job->parked_by = 0;
    }
}

/* After a crash: what a recorded result stands for stays, else what was there before returns. */
static inline void job_recover(struct job *job)
{
    job_lose_results(job);
    if (job->parked_by != 0 && job->result_count != 0 &&
        job->results[job->result_count - 1].attempt == job->parked_by) {
        job->parked_by = 0;
    }
    job_return_parked(job);
}

#endif
