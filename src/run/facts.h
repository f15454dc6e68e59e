#ifndef PAWL_RUN_FACTS_H
#define PAWL_RUN_FACTS_H
/* What is known of every instance while a run decides: what it reads with digests, its key, its
 * result, and the digests of its outputs. The real half of policy/decide.h: facts_decide() gives
 * the functions it asks.
 *
 * Main thread only. Order: facts_init after the plan and the store are open; decide_plan and
 * decide_settle call back here; the executor calls facts_reads_of before it starts an attempt, and
 * facts_take_result after it committed one.
 *
 * Of each instance little is kept: what it reads, its command and the fields of its key are made
 * for a decision and let go, and made again by who needs them (an attempt, `why`). Files are looked
 * at once all the same.
 */
#include "model/key.h"
#include "policy/decide.h"
#include "run/sources.h"
#include "run/sources_ahead.h"

struct standing;  /* run/standing.h */
struct run_state; /* model/run_state.h */

/* One file that an instance reads, settled. */
struct read_fact {
    uint32_t input; /* of the plan */
    struct str path;
    struct digest digest; /* of the bytes, or of the selected values (`keys`) */
    struct signature signature;
    bool has_signature; /* noted from what lies there; else it is known by its producer */
    bool firm;
    bool executable;
    bool link;               /* its producer made a link: the digest is of its text */
    struct inst_id producer; /* or none */
    uint32_t output;
};

enum output_state { OUTPUT_UNKNOWN, OUTPUT_MADE, OUTPUT_MISSING };

struct output_fact {
    uint8_t state; /* enum output_state */
    bool executable, stored;
    enum tree_type type;
    struct digest digest;
    uint64_t size_bytes;
    struct tree *tree; /* of a folder, once somebody asked */
};

/* A variant of a stage with `each` whose flag is decided for each item. */
struct inst_variant {
    const struct m_variant *variant;
    struct plan_command command;
    struct key_fields fields;
};

/* What an instance reads and runs, and the key of that. In the arena of who asked. */
struct inst_reads {
    struct read_fact *items;
    uint32_t count;
    struct plan_command command;
    struct key_fields fields;
    struct digest declared; /* key of what is declared, which `fields` are of */
    struct inst_variant *variants;
    uint32_t variant_count;
    struct str lack; /* not "": why there is no key and it cannot run */
    enum status lack_status;
};

/* What most instances have none of. */
struct inst_trouble {
    struct str lack; /* why it cannot run */
    enum status lack_status;
    struct str unsettled; /* the input that changed during the attempt before */
};

struct inst_fact {
    bool keyed, hit, good;
    bool changed; /* the last look gave outputs with other digests than before */
    bool ignored; /* it failed and its stage says ignore */
    bool skipped;
    bool refused;  /* its result is refused, and still needed */
    bool fallback; /* its result stands in for that of its variant, which failed */
    bool warned;   /* it is up to date, and a check has something to say */
    bool has_metrics;
    const struct metrics *metrics; /* NULL: none; see facts_metrics() */
    uint32_t discovered_count;
    struct result_input *discovered; /* by its result */
    struct digest key;               /* of its result, with what a depfile named */
    uint64_t seen;                   /* index_position() when its result was taken */
    struct inst_trouble *trouble;    /* NULL: none; see inst_trouble() */
};

struct facts_options {
    bool rehash;
    bool lenient;          /* failed validations are told as warnings */
    bool only;             /* producers out of scope: their outputs are taken as they lie */
    const uint8_t *forced; /* by instance; NULL: none */
    const struct standing *standing; /* what still stands is not looked at; NULL: nothing */
    const uint8_t *ran; /* by instance: `cache = false` stages that this run already ran; NULL */
};

struct check_word {
    struct digest key;
    struct str reason;
};

struct source_row {
    struct str path;
    struct source_fact fact;
};

struct facts {
    struct session *session;
    const struct plan *plan;
    struct facts_options options;
    struct arena arena;   /* as long as the facts */
    struct arena scratch; /* one question */
    struct output_fact *outputs;
    struct inst_fact *instances;
    struct decide *decide;       /* set by the owner: bytes are asked of what it demands */
    const struct run_state *run; /* set by the owner: how it goes; NULL: there is none */
    bool last_part; /* who reads now takes what is there: nothing is brought back any more */
    struct lookup source_numbers;
    VEC(struct source_row) sources; /* each path is looked at once */
    struct sources_ahead ahead;
    struct map tool_numbers;
    struct digest *tools;
    struct str *tool_problems;
    uint32_t tool_count, tool_cap;
    VEC(struct check_word) verdicts; /* of this run alone: see facts_note_verdict() */
    struct err broken; /* status not 0: the world failed while looking; the run must end */
};

void facts_init(struct facts *facts, struct session *session, const struct facts_options *options);
void facts_fini(struct facts *facts);
struct decide_facts facts_decide(struct facts *facts);
/* Never NULL. */
const struct inst_trouble *inst_trouble(const struct inst_fact *fact);
/* An input changed while the instance ran. */
void facts_note_unsettled(struct facts *facts, struct inst_fact *fact, struct str path);
/* Of what outlines make (struct plan_slice), that can be had which is asked for later: it lies
 * there or is in the store. Else they would have to run again. */
bool facts_has_outlines(struct facts *facts);

/* Makes what an instance reads, its command and its key. False: an input is missing
 * (`reads->lack`) or the world failed (`broken`). */
bool facts_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                    struct inst_reads *reads);
/* The same of a stream but for its items, before whoever makes them has ended. */
bool facts_stream_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                           struct inst_reads *reads);
/* The same with the fields of its stage's own command. */
bool facts_own_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                        struct inst_reads *reads);
/* The key that it would have with its stage's own command; false: that has none. */
bool facts_own_key(struct facts *facts, struct inst_id instance, struct digest *key);
/* Its command alone; false as above. */
bool facts_command_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                      struct plan_command *command);
/* The files alone that it reads, without looking at them; false: one is missing. */
bool facts_inputs_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                     struct resolved_inputs *resolved);

/* The result an instance has now: from the store (hit) or just committed. `*changed`: some output
 * has another digest than was known before. */
void facts_take_result(struct facts *facts, struct inst_id instance, const struct result *result,
                       bool *changed);
/* run/judge.c: its figures; copied. */
void facts_take_metrics(struct facts *facts, struct inst_fact *fact, const struct metrics *metrics);
/* It failed, was skipped or ignored: its outputs count as missing. */
void facts_take_nothing(struct facts *facts, struct inst_id instance, bool ignored, bool skipped);
/* Forget what was noted of a path: it changed. */
void facts_forget_source(struct facts *facts, struct str path);

/* The result that is a hit for `declared`, or false. In `arena`. */
bool facts_look_up(struct facts *facts, struct inst_id instance, const struct digest *declared,
                   struct arena *arena, struct result *result);
/* What lies at a path, looked at once for each session. False: cannot be read (`broken`). */
bool facts_source(struct facts *facts, struct str path, struct source_fact *fact);
/* What was seen of it in this session; NULL: nobody asked. */
const struct source_fact *facts_known_source(const struct facts *facts, struct str path);
/* The same for a path that somebody else named (a depfile): what is no regular file is not there,
 * and what cannot be read is told in `err` alone. */
bool facts_regular_source(struct facts *facts, struct str path, struct source_fact *fact,
                          struct err *err);
/* The tree of a folder output; NULL when it is damaged or missing, or cannot be read (`broken`). */
const struct tree *facts_tree(struct facts *facts, uint32_t output);

/* run/reads.c: for facts_decide(). */
void facts_demand_inputs(void *ctx, struct inst_id instance, struct decide *decide);
/* run/tools.c: digests of the programs a stage declares, as fields. */
bool facts_add_tools(struct facts *facts, const struct plan_command *command,
                     struct key_fields *fields, struct str *problem);
/* Are the variables it passes set? Are its tools there, as far as all its instances need them?
 * False: status 11, `err` says what is missing. */
bool facts_has_variables(struct facts *facts, const struct m_stage *stage, struct err *err);
bool facts_has_tools(struct facts *facts, const struct m_stage *stage, struct err *err);
/* run/value_keys.c: digest of the named values of a TOML or JSON text. */
bool value_keys_digest(struct str path, struct str text, const struct str *keys, uint32_t count,
                       struct digest *digest, struct err *err);
/* Does the file at `path` have the values of this digest now? */
bool value_keys_are(struct str path, const struct plan_input *input, const struct digest *digest);

#endif
