#ifndef PAWL_MODEL_EVENT_H
#define PAWL_MODEL_EVENT_H
/* Events: facts about a run, as they are recorded. A type is never renamed, a field never changes
 * its meaning; new ones may come. docs/events.md is made from the two tables here.
 *
 * In memory an event is one flat struct; which of its fields a type has says the table of types
 * (`fields`, a set of enum event_field). event_to_json() and event_from_json() are driven by the
 * same rows, so writer, reader and manual cannot disagree.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum event_type {
    EVENT_RUN_STARTED,
    EVENT_RUN_RESUMED,
    EVENT_INSTANCES_UP_TO_DATE,
    EVENT_INSTANCES_READY,
    EVENT_INSTANCE_REOPENED,
    EVENT_INSTANCE_WAITING,
    EVENT_ATTEMPT_STARTED,
    EVENT_ATTEMPT_FINISHED,
    EVENT_ATTEMPT_LOST,
    EVENT_RECOVER_STARTED,
    EVENT_RECOVER_FINISHED,
    EVENT_RETRY,
    EVENT_BREAKER_OPENED,
    EVENT_BREAKER_HALF_OPENED,
    EVENT_BREAKER_CLOSED,
    EVENT_INSTANCE_RESTORED,
    EVENT_INSTANCE_ENDED,
    EVENT_INSTANCES_SKIPPED,
    EVENT_INSTANCES_BLOCKED,
    EVENT_INSTANCES_CANCELLED,
    EVENT_RESULT_DIFFERS,
    EVENT_OUTPUT_KEPT,
    EVENT_ORPHANS_FOUND,
    EVENT_LIMIT_CHANGED,
    EVENT_STOPPING,
    EVENT_RUN_PAUSING,
    EVENT_RUN_PAUSED,
    EVENT_RUN_CONTINUED,
    EVENT_RUN_CANCELLING,
    EVENT_WARNING,
    EVENT_WARNING_ENDED,
    EVENT_HOOK_STARTED,
    EVENT_HOOK_FAILED,
    EVENT_HOOKS_TOLD,
    EVENT_SYNCED,
    EVENT_SNAPSHOT,
    EVENT_RUN_COMPLETED,
    EVENT_RUN_FAILED,
    EVENT_RUN_CANCELLED,
    EVENT_RUN_INTERRUPTED,
    EVENT_RUN_ABANDONED,
    EVENT_CHECKS_PASSED,
    EVENT_GATE_REFUSED,
    EVENT_VALIDATION_FAILED,
    EVENT_CHECK_WARNED,
    EVENT_INSTANCE_REFUSED,
    EVENT_RUN_COMPENSATING,
    EVENT_COMPENSATION_STARTED,
    EVENT_COMPENSATION_FINISHED,
    EVENT_COMPENSATION_FAILED,
    EVENT_INSTANCES_COMPENSATED,
    EVENT_ATTEMPT_PROGRESS,
    EVENT_VARIANTS_CHOSEN,
    EVENT_VARIANT_LEFT,
    EVENT_FALLBACKS_USED,
    EVENT_CHECKPOINT_SAVED,
    EVENT_CHECKPOINT_RESTORED,
    EVENT_CHECKPOINT_DAMAGED,
    EVENT_TYPE_COUNT
};

/* The type-specific fields. Common ones (seq, time, type, run, trace, severity) are in every event;
 * stage, instance, number, attempt and span are in every event that speaks of one. */
enum event_field {
    EVENT_FIELD_NUMBER,
    EVENT_FIELD_INSTANCE,
    EVENT_FIELD_STAGE,
    EVENT_FIELD_ATTEMPT,
    EVENT_FIELD_ATTEMPT_ID,
    EVENT_FIELD_SPAN,
    EVENT_FIELD_STATE,
    EVENT_FIELD_CAUSE,
    EVENT_FIELD_REASON,
    EVENT_FIELD_PLACE,
    EVENT_FIELD_EXIT,
    EVENT_FIELD_SIGNAL,
    EVENT_FIELD_STATUS,
    EVENT_FIELD_KEY,
    EVENT_FIELD_LOG,
    EVENT_FIELD_COMMAND,
    EVENT_FIELD_PID,
    EVENT_FIELD_READY_AT,
    EVENT_FIELD_ADMITTED_AT,
    EVENT_FIELD_STARTED_AT,
    EVENT_FIELD_WALL_NS,
    EVENT_FIELD_CPU_USER_NS,
    EVENT_FIELD_CPU_SYSTEM_NS,
    EVENT_FIELD_MAX_RSS_BYTES,
    EVENT_FIELD_CPUS,
    EVENT_FIELD_MEMORY_BYTES,
    EVENT_FIELD_COUNT,
    EVENT_FIELD_IDS,
    EVENT_FIELD_RUNNING,
    EVENT_FIELD_READY,
    EVENT_FIELD_LIMIT,
    EVENT_FIELD_LIMIT_BEFORE,
    EVENT_FIELD_BYTES,
    EVENT_FIELD_OUTPUTS,
    EVENT_FIELD_PARKED,
    EVENT_FIELD_PATHS,
    EVENT_FIELD_PIPELINE,
    EVENT_FIELD_WORKSPACE,
    EVENT_FIELD_MANIFEST,
    EVENT_FIELD_PLAN,
    EVENT_FIELD_LISTING,
    EVENT_FIELD_INSTANCES,
    EVENT_FIELD_PARAMS,
    EVENT_FIELD_FLAGS,
    EVENT_FIELD_TARGETS,
    EVENT_FIELD_LABELS,
    EVENT_FIELD_COMMAND_LINE,
    EVENT_FIELD_USER,
    EVENT_FIELD_HOST,
    EVENT_FIELD_BOOT,
    EVENT_FIELD_VERSION,
    EVENT_FIELD_NAMES,
    EVENT_FIELD_COUNTS,
    EVENT_FIELD_THROUGH,
    EVENT_FIELD_RETRY,
    EVENT_FIELD_RETRIES,
    EVENT_FIELD_DELAY_NS,
    EVENT_FIELD_BREAKER,
    EVENT_FIELD_UID,
    EVENT_FIELD_OPTIONS,
    EVENT_FIELD_ABOUT,
    EVENT_FIELD_HOOK,
    EVENT_FIELD_TOLD,
    EVENT_FIELD_CHECKS,
    EVENT_FIELD_METRICS,
    EVENT_FIELD_CHECK,
    EVENT_FIELD_EXPRESSION,
    EVENT_FIELD_WANTED,
    EVENT_FIELD_PERMILLE,
    EVENT_FIELD_TEXT,
    EVENT_FIELD_LEFT_NS,
    EVENT_FIELD_VARIANT,
    EVENT_FIELD_FLAG,
    EVENT_FIELD_SNAPSHOT,
    EVENT_FIELD_TAKEN_AT,
    EVENT_FIELD_TOTAL
};

enum event_severity { EVENT_INFO, EVENT_WARN, EVENT_ERROR };

struct event_pair {
    struct str name, value;
};
struct event_pairs {
    struct event_pair *items;
    uint32_t count;
};
struct event_strs {
    struct str *items;
    uint32_t count;
};
/* Sets of instance numbers as ranges, both ends included: compact at 100,000. */
struct event_range {
    uint32_t first, last;
};
struct event_ids {
    struct event_range *items;
    uint32_t count;
};

struct event {
    enum event_type type;
    uint64_t seq;    /* from 1; set by the log */
    int64_t time_ns; /* since 1970 */
    struct str run, trace;
    uint32_t number; /* instance number in the plan */
    bool whole;      /* numbers are those of the whole plan: see event_renumber() */
    struct str instance, stage, attempt_id, span;
    int64_t attempt; /* from 1 */
    struct str state, cause, reason, place, key, log, command;
    int64_t exit_code, signal, status, pid;
    int64_t ready_at_ns, admitted_at_ns, started_at_ns; /* since 1970 */
    int64_t wall_ns, cpu_user_ns, cpu_system_ns, max_rss_bytes, cpus, memory_bytes;
    int64_t count, running, ready, limit, limit_before, bytes;
    struct event_ids ids;
    struct event_pairs outputs; /* path, digest */
    struct event_pairs parked;  /* path, place */
    struct event_strs paths;
    struct str pipeline, workspace, manifest, plan, listing;
    int64_t instances, through, told;
    int64_t retry, retries, delay_ns;
    struct str breaker;
    int64_t uid;
    struct event_pairs params, flags, labels, counts, options;
    struct event_strs targets, command_line, names;
    struct str user, host, boot, version;
    struct str about, hook;
    int64_t checks; /* how many judge the result */
    struct event_pairs
        metrics; /* name, value as text; what is no number is a word for what it is */
    struct str check, expression, wanted;
    int64_t permille, left_ns; /* of an attempt, as its command says; -1: not known */
    struct str text;
    struct str variant, flag;
    struct str snapshot; /* digest */
    int64_t taken_at_ns; /* since 1970 */
};

enum event_field_kind {
    EVENT_KIND_STR,
    EVENT_KIND_NAME, /* a text; empty: left out */
    EVENT_KIND_INT,
    EVENT_KIND_U32,
    EVENT_KIND_TIME,
    EVENT_KIND_PAIRS,
    EVENT_KIND_STRS,
    EVENT_KIND_IDS,
    EVENT_KIND_FIGURES /* pairs: values that are numbers are written as such; none: left out */
};

struct event_field_row {
    const char *name; /* in JSON */
    size_t name_bytes;
    enum event_field_kind kind;
    uint16_t offset; /* in struct event */
    const char *meaning;
};
/* Bit (1 << enum event_field) of each. */
__extension__ typedef unsigned __int128 event_field_set;

struct event_type_row {
    const char *name; /* "attempt.started" */
    enum event_severity severity;
    event_field_set fields;
    const char *meaning;
};
extern const struct event_field_row event_fields[EVENT_FIELD_TOTAL];
extern const struct event_type_row event_types[EVENT_TYPE_COUNT];

const char *event_severity_name(enum event_severity severity);

/* The members of the JSON object but seq, time, type and chain, which the log adds, without braces.
 */
void event_to_json(const struct event *event, struct strbuf *out);
/* The value of that name; its data is NULL where there is none. */
struct str event_pairs_find(const struct event_pairs *pairs, struct str name);
/* Figures as an object, here and in result.json. */
struct json_writer;
void event_write_figures(struct json_writer *w, const struct event_pairs *pairs);
/* Reads one line. Strings live in `arena`. Unknown types give `*known` false and only the common
 * fields (a newer pawl wrote them); unknown fields are passed over. False: no event at all. */
bool event_from_json(struct str line, struct arena *arena, struct event *event, bool *known,
                     struct err *err);

/* What counts in a part of a plan (struct plan_slice) as the record does, which speaks of the whole
 * plan. */
struct event_numbers {
    const uint32_t *units; /* by instance of the part, ascending; NULL: it is the whole */
    uint32_t count;        /* of the instances of the whole plan */
};
uint32_t event_number(const struct event_numbers *numbers, uint32_t number);
/* The event in the numbers of the whole plan; one that has them already stays as it is. Ranges lie
 * in `arena`. */
struct event event_renumber(const struct event *event, const struct event_numbers *numbers,
                            struct arena *arena);

/* Collects numbers into ranges; call with ascending numbers. */
void event_ids_add(struct event_ids *ids, struct arena *arena, uint32_t number);

#endif
