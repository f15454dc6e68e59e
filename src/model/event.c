/* Owns the tables of events and fields, and the JSON form driven by them. Times are RFC 3339 in UTC
 * with milliseconds; sets of instances are text, ranges with both ends: "0-4,7". */
#include "model/event.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"

#define FIELD(row_name, row_kind, member, row_meaning)                                             \
    {                                                                                              \
        row_name, sizeof(row_name) - 1, row_kind, (uint16_t)offsetof(struct event, member),        \
            row_meaning                                                                            \
    }

const struct event_field_row event_fields[EVENT_FIELD_TOTAL] = {
    [EVENT_FIELD_NUMBER] =
        FIELD("number", EVENT_KIND_U32, number, "number of the instance in the plan"),
    [EVENT_FIELD_INSTANCE] = FIELD("instance", EVENT_KIND_STR, instance, "name of the instance"),
    [EVENT_FIELD_STAGE] = FIELD("stage", EVENT_KIND_STR, stage, "name of the stage"),
    [EVENT_FIELD_ATTEMPT] =
        FIELD("attempt", EVENT_KIND_INT, attempt, "which try of the instance in this run, from 1"),
    [EVENT_FIELD_ATTEMPT_ID] = FIELD("attempt_id", EVENT_KIND_STR, attempt_id,
                                     "what the command finds as PAWL_ATTEMPT_ID"),
    [EVENT_FIELD_SPAN] = FIELD("span", EVENT_KIND_STR, span, "W3C span id of the attempt"),
    [EVENT_FIELD_STATE] = FIELD("state", EVENT_KIND_STR, state, "state of the instance afterwards"),
    [EVENT_FIELD_CAUSE] = FIELD("cause", EVENT_KIND_STR, cause,
                                "none, exit, signal, timeout, oom, not-found, environment, output, "
                                "input, unsettled, corrupt, cancelled, breaker, paused, gate, "
                                "validation, compensation, transient"),
    [EVENT_FIELD_REASON] = FIELD("reason", EVENT_KIND_STR, reason, "why, in words"),
    [EVENT_FIELD_PLACE] =
        FIELD("place", EVENT_KIND_STR, place, "file:line:column of the stage in the manifest"),
    [EVENT_FIELD_EXIT] = FIELD("exit", EVENT_KIND_INT, exit_code,
                               "exit code of the command, -1 when a signal ended it"),
    [EVENT_FIELD_SIGNAL] =
        FIELD("signal", EVENT_KIND_INT, signal, "signal that ended the command, or 0"),
    [EVENT_FIELD_STATUS] = FIELD("status", EVENT_KIND_INT, status, "exit status of pawl"),
    [EVENT_FIELD_KEY] = FIELD("key", EVENT_KIND_STR, key, "key of the result"),
    [EVENT_FIELD_LOG] = FIELD(
        "log", EVENT_KIND_STR, log,
        "what the command printed, relative to the run's folder; empty when it printed nothing"),
    [EVENT_FIELD_COMMAND] =
        FIELD("command", EVENT_KIND_STR, command, "the command as it was rendered"),
    [EVENT_FIELD_PID] = FIELD("pid", EVENT_KIND_INT, pid, "process id"),
    [EVENT_FIELD_READY_AT] =
        FIELD("ready_at", EVENT_KIND_TIME, ready_at_ns, "when the instance became ready"),
    [EVENT_FIELD_ADMITTED_AT] =
        FIELD("admitted_at", EVENT_KIND_TIME, admitted_at_ns, "when it was given its slots"),
    [EVENT_FIELD_STARTED_AT] =
        FIELD("started_at", EVENT_KIND_TIME, started_at_ns, "when the command was executed"),
    [EVENT_FIELD_WALL_NS] = FIELD("wall_ns", EVENT_KIND_INT, wall_ns, "time the command took"),
    [EVENT_FIELD_CPU_USER_NS] = FIELD(
        "cpu_user_ns", EVENT_KIND_INT, cpu_user_ns,
        "processor time of the whole process group, user, or all of it where it cannot be split"),
    [EVENT_FIELD_CPU_SYSTEM_NS] = FIELD("cpu_system_ns", EVENT_KIND_INT, cpu_system_ns,
                                        "processor time of the whole process group, system"),
    [EVENT_FIELD_MAX_RSS_BYTES] = FIELD("max_rss_bytes", EVENT_KIND_INT, max_rss_bytes,
                                        "peak memory of the whole process group; 0: not known"),
    [EVENT_FIELD_CPUS] = FIELD("cpus", EVENT_KIND_INT, cpus, "slots granted"),
    [EVENT_FIELD_MEMORY_BYTES] =
        FIELD("memory_bytes", EVENT_KIND_INT, memory_bytes, "memory granted; 0: none declared"),
    [EVENT_FIELD_COUNT] = FIELD("count", EVENT_KIND_INT, count, "how many"),
    [EVENT_FIELD_IDS] =
        FIELD("ids", EVENT_KIND_IDS, ids, "numbers of the instances, as ranges: \"0-4,7\""),
    [EVENT_FIELD_RUNNING] = FIELD("running", EVENT_KIND_INT, running, "attempts under way"),
    [EVENT_FIELD_READY] = FIELD("ready", EVENT_KIND_INT, ready, "instances that could start"),
    [EVENT_FIELD_LIMIT] = FIELD("limit", EVENT_KIND_INT, limit, "slots that may be taken"),
    [EVENT_FIELD_LIMIT_BEFORE] =
        FIELD("limit_before", EVENT_KIND_INT, limit_before, "slots that could be taken before"),
    [EVENT_FIELD_BYTES] = FIELD("bytes", EVENT_KIND_INT, bytes, "bytes moved or read"),
    [EVENT_FIELD_OUTPUTS] = FIELD("outputs", EVENT_KIND_PAIRS, outputs,
                                  "path and digest of each output; before the end path and \"\""),
    [EVENT_FIELD_PARKED] = FIELD("parked", EVENT_KIND_PAIRS, parked,
                                 "path and place of what is put aside while the command runs"),
    [EVENT_FIELD_PATHS] = FIELD("paths", EVENT_KIND_STRS, paths, "paths"),
    [EVENT_FIELD_PIPELINE] = FIELD("pipeline", EVENT_KIND_STR, pipeline, "name of the pipeline"),
    [EVENT_FIELD_WORKSPACE] =
        FIELD("workspace", EVENT_KIND_STR, workspace, "folder of the workspace"),
    [EVENT_FIELD_MANIFEST] =
        FIELD("manifest", EVENT_KIND_STR, manifest, "digest of the manifest, an object"),
    [EVENT_FIELD_PLAN] = FIELD("plan", EVENT_KIND_STR, plan,
                               "digest of manifest, params, flags, targets and instances"),
    [EVENT_FIELD_LISTING] =
        FIELD("listing", EVENT_KIND_STR, listing,
              "digest of an object that names every instance, one a line, in the "
              "order of their numbers"),
    [EVENT_FIELD_INSTANCES] = FIELD("instances", EVENT_KIND_INT, instances,
                                    "instances of the whole plan, numbered from 0"),
    [EVENT_FIELD_PARAMS] =
        FIELD("params", EVENT_KIND_PAIRS, params, "parameters that were set, and their values"),
    [EVENT_FIELD_FLAGS] = FIELD("flags", EVENT_KIND_PAIRS, flags, "options that change what runs"),
    [EVENT_FIELD_TARGETS] =
        FIELD("targets", EVENT_KIND_STRS, targets, "what was asked for; empty: everything"),
    [EVENT_FIELD_LABELS] = FIELD("labels", EVENT_KIND_PAIRS, labels, "--label k=v"),
    [EVENT_FIELD_COMMAND_LINE] =
        FIELD("command_line", EVENT_KIND_STRS, command_line, "how pawl was called"),
    [EVENT_FIELD_USER] = FIELD("user", EVENT_KIND_STR, user, "who called it"),
    [EVENT_FIELD_HOST] = FIELD("host", EVENT_KIND_STR, host, "on which machine"),
    [EVENT_FIELD_BOOT] = FIELD("boot", EVENT_KIND_STR, boot,
                               "boot id and pid namespace; empty where it cannot be known"),
    [EVENT_FIELD_VERSION] = FIELD("version", EVENT_KIND_STR, version, "version of pawl"),
    [EVENT_FIELD_NAMES] = FIELD("names", EVENT_KIND_STRS, names, "names"),
    [EVENT_FIELD_COUNTS] = FIELD("counts", EVENT_KIND_PAIRS, counts, "instances by state"),
    [EVENT_FIELD_THROUGH] = FIELD("through", EVENT_KIND_INT, through,
                                  "number of the last line that has reached the disk"),
    [EVENT_FIELD_RETRY] = FIELD("retry", EVENT_KIND_INT, retry, "which retry this is, from 1"),
    [EVENT_FIELD_RETRIES] = FIELD("retries", EVENT_KIND_INT, retries, "how many there may be"),
    [EVENT_FIELD_DELAY_NS] =
        FIELD("delay_ns", EVENT_KIND_INT, delay_ns, "how long it waits, without a slot"),
    [EVENT_FIELD_BREAKER] =
        FIELD("breaker", EVENT_KIND_STR, breaker, "name of the circuit breaker"),
    [EVENT_FIELD_UID] = FIELD("uid", EVENT_KIND_INT, uid, "user id of who asked"),
    [EVENT_FIELD_OPTIONS] = FIELD("options", EVENT_KIND_PAIRS, options,
                                  "other options of the call, with which 'pawl resume' goes on"),
    [EVENT_FIELD_ABOUT] = FIELD(
        "about", EVENT_KIND_STR, about,
        "what a warning is about: slow, breaker, disk, checkpoint; empty: what its reason says"),
    [EVENT_FIELD_HOOK] = FIELD("hook", EVENT_KIND_STR, hook,
                               "name of a hook, and which command of that name, from 1"),
    [EVENT_FIELD_TOLD] = FIELD("told", EVENT_KIND_INT, told, "number of the event that is told"),
    [EVENT_FIELD_CHECKS] =
        FIELD("checks", EVENT_KIND_INT, checks, "how many validations and gates judge the result"),
    [EVENT_FIELD_METRICS] =
        FIELD("metrics", EVENT_KIND_FIGURES, metrics,
              "figures by name, as numbers; text: what was given instead of a number"),
    [EVENT_FIELD_CHECK] = FIELD("check", EVENT_KIND_STR, check, "name of the check"),
    [EVENT_FIELD_EXPRESSION] =
        FIELD("expression", EVENT_KIND_STR, expression, "its expression or command"),
    [EVENT_FIELD_WANTED] =
        FIELD("wanted", EVENT_KIND_STR, wanted, "what would have passed; empty: not known"),
    [EVENT_FIELD_PERMILLE] = FIELD("permille", EVENT_KIND_INT, permille, "how much of it is done"),
    [EVENT_FIELD_TEXT] = FIELD("text", EVENT_KIND_STR, text, "what it says it does"),
    [EVENT_FIELD_LEFT_NS] = FIELD("left_ns", EVENT_KIND_INT, left_ns,
                                  "how long it still takes by its own steps; -1: not known"),
    [EVENT_FIELD_VARIANT] =
        FIELD("variant", EVENT_KIND_NAME, variant,
              "name of a variant of the stage; left out: the stage's own command"),
    [EVENT_FIELD_FLAG] = FIELD("flag", EVENT_KIND_STR, flag, "name of the flag that chose it"),
    [EVENT_FIELD_SNAPSHOT] =
        FIELD("snapshot", EVENT_KIND_STR, snapshot, "digest of a snapshot's tree object"),
    [EVENT_FIELD_TAKEN_AT] =
        FIELD("taken_at", EVENT_KIND_TIME, taken_at_ns, "when the snapshot was taken"),
};

#define F(field) ((event_field_set)1 << EVENT_FIELD_##field)
#define F_INST   (F(NUMBER) | F(INSTANCE) | F(STAGE))
#define F_TRY    (F_INST | F(ATTEMPT) | F(ATTEMPT_ID) | F(SPAN))
#define F_CHECK  (F_INST | F(REASON) | F(CHECK) | F(EXPRESSION) | F(METRICS) | F(WANTED))
#define F_EFFECT (F(INSTANCE) | F(STAGE) | F(ATTEMPT) | F(ATTEMPT_ID))
#define F_LOAD   (F(RUNNING) | F(READY) | F(LIMIT))
#define F_WHO    (F(PID) | F(USER) | F(HOST) | F(BOOT) | F(VERSION) | F(COMMAND_LINE))
#define F_ASKED  (F(UID) | F(USER) | F(PID) | F(HOST) | F(REASON) | F_LOAD)
#define F_END    (F(STATUS) | F(REASON) | F(COUNTS))

static_assert(EVENT_FIELD_TOTAL <= 8 * sizeof(event_field_set), "a bit for each field");

const struct event_type_row event_types[EVENT_TYPE_COUNT] = {
    [EVENT_RUN_STARTED] = {"run.started", EVENT_INFO,
                           F_WHO | F(PIPELINE) | F(WORKSPACE) | F(MANIFEST) | F(PLAN) | F(LISTING) |
                               F(INSTANCES) | F(PARAMS) | F(FLAGS) | F(TARGETS) | F(LABELS) |
                               F(LIMIT) | F(OPTIONS),
                           "a run began: always the first event"},
    [EVENT_RUN_RESUMED] = {"run.resumed", EVENT_INFO, F_WHO | F(LIMIT),
                           "another process goes on with the run; every instance is decided anew"},
    [EVENT_INSTANCES_UP_TO_DATE] = {"instances.up_to_date", EVENT_INFO, F(COUNT) | F(IDS),
                                    "these have nothing to do"},
    [EVENT_INSTANCES_READY] = {"instances.ready", EVENT_INFO, F(COUNT) | F(IDS),
                               "these may start as soon as there is room"},
    [EVENT_INSTANCE_REOPENED] = {"instance.reopened", EVENT_INFO, F_INST | F(REASON),
                                 "an instance that had ended is decided anew"},
    [EVENT_INSTANCE_WAITING] = {"instance.waiting", EVENT_INFO, F_INST | F(REASON),
                                "an instance waits for something other than a slot"},
    [EVENT_ATTEMPT_STARTED] =
        {"attempt.started", EVENT_INFO,
         F_TRY | F(READY_AT) | F(ADMITTED_AT) | F(CPUS) | F(MEMORY_BYTES) | F(OUTPUTS) | F(PARKED) |
             F(PLACE) | F(CHECKS) | F(VARIANT) | F_LOAD,
         "recorded before anything is put aside and before the command is executed"},
    [EVENT_ATTEMPT_FINISHED] = {"attempt.finished", EVENT_INFO,
                                F_TRY | F(STATE) | F(CAUSE) | F(REASON) | F(EXIT) | F(SIGNAL) |
                                    F(KEY) | F(LOG) | F(STARTED_AT) | F(WALL_NS) | F(CPU_USER_NS) |
                                    F(CPU_SYSTEM_NS) | F(MAX_RSS_BYTES) | F(OUTPUTS) | F(BYTES) |
                                    F(METRICS) | F(VARIANT) | F_LOAD,
                                "an attempt ended; a good one has its result in the store by now"},
    [EVENT_ATTEMPT_LOST] = {"attempt.lost", EVENT_WARN, F_TRY | F(STATE) | F(REASON),
                            "an attempt whose pawl was killed: cleaned up by the next one"},
    [EVENT_RECOVER_STARTED] = {"recover.started", EVENT_INFO, F_INST | F(ATTEMPT) | F(CAUSE),
                               "the command of `recover` is run after a failed attempt"},
    [EVENT_RECOVER_FINISHED] = {"recover.finished", EVENT_INFO,
                                F_INST | F(ATTEMPT) | F(EXIT) | F(SIGNAL) | F(REASON) | F(LOG),
                                "it has ended; reason is empty when it went well"},
    [EVENT_RETRY] = {"retry", EVENT_WARN,
                     F_INST | F(ATTEMPT) | F(CAUSE) | F(REASON) | F(RETRY) | F(RETRIES) |
                         F(DELAY_NS),
                     "an attempt failed and will be made again"},
    [EVENT_BREAKER_OPENED] = {"breaker.opened", EVENT_WARN, F(BREAKER) | F(REASON) | F(DELAY_NS),
                              "too many calls failed: nothing more is called for a while"},
    [EVENT_BREAKER_HALF_OPENED] = {"breaker.half_opened", EVENT_INFO, F(BREAKER),
                                   "one call is let through to see"},
    [EVENT_BREAKER_CLOSED] = {"breaker.closed", EVENT_INFO, F(BREAKER),
                              "the call went well: everything is let through again"},
    [EVENT_INSTANCE_RESTORED] = {"instance.restored", EVENT_INFO, F_INST | F(BYTES) | F(OUTPUTS),
                                 "outputs of a known result were brought back from the store"},
    [EVENT_INSTANCE_ENDED] = {"instance.failed", EVENT_ERROR,
                              F_INST | F(CAUSE) | F(REASON) | F(PLACE),
                              "an instance failed without an attempt"},
    [EVENT_INSTANCES_SKIPPED] = {"instances.skipped", EVENT_INFO, F(COUNT) | F(IDS) | F(REASON),
                                 "these are left out"},
    [EVENT_INSTANCES_BLOCKED] = {"instances.blocked", EVENT_WARN, F(COUNT) | F(IDS) | F(REASON),
                                 "these need something that failed"},
    [EVENT_INSTANCES_CANCELLED] = {"instances.cancelled", EVENT_WARN, F(COUNT) | F(IDS) | F(REASON),
                                   "these never started because the run ends"},
    [EVENT_RESULT_DIFFERS] = {"result.differs", EVENT_WARN, F_INST | F(PATHS) | F(KEY),
                              "a command that ran again on the same inputs gave other bytes"},
    [EVENT_OUTPUT_KEPT] =
        {"output.kept", EVENT_WARN, F_INST | F(PATHS) | F(PLACE),
         "somebody's bytes lay at an output path and were moved away, never removed"},
    [EVENT_ORPHANS_FOUND] = {"orphans.found", EVENT_WARN, F(COUNT) | F(PATHS),
                             "files that pawl made and that no stage declares now"},
    [EVENT_LIMIT_CHANGED] = {"limit.changed", EVENT_INFO, F(REASON) | F(LIMIT_BEFORE) | F_LOAD,
                             "the machine bears more or fewer slots, or its memory no further "
                             "attempt (the same limit) or one again"},
    [EVENT_STOPPING] = {"run.stopping", EVENT_WARN, F(REASON) | F(SIGNAL) | F_LOAD,
                        "nothing new starts; what runs is let end or is ended"},
    [EVENT_RUN_PAUSING] =
        {"run.pausing", EVENT_INFO, F_ASKED,
         "a pause was asked for: nothing new starts, what runs ends, is frozen or "
         "is stopped, as its stage says"},
    [EVENT_RUN_PAUSED] = {"run.paused", EVENT_INFO, F_LOAD, "nothing runs until it is resumed"},
    [EVENT_RUN_CONTINUED] = {"run.continued", EVENT_INFO, F_ASKED,
                             "the process that had paused goes on"},
    [EVENT_RUN_CANCELLING] = {"run.cancelling", EVENT_WARN, F_ASKED,
                              "the end of the run was asked for"},
    [EVENT_WARNING] = {"warning", EVENT_WARN, F_INST | F(REASON) | F(ABOUT),
                       "something a person should know"},
    [EVENT_WARNING_ENDED] = {"warning.ended", EVENT_INFO, F_INST | F(REASON) | F(ABOUT),
                             "what a warning was about is over"},
    [EVENT_HOOK_STARTED] = {"hook.started", EVENT_INFO, F(HOOK) | F(TOLD),
                            "a hook is about to be told of an event; it is never told again"},
    [EVENT_HOOK_FAILED] = {"hook.failed", EVENT_WARN,
                           F(HOOK) | F(TOLD) | F(CAUSE) | F(REASON) | F(EXIT) | F(SIGNAL) | F(LOG),
                           "a hook failed, or hung and was ended; the run goes on"},
    [EVENT_HOOKS_TOLD] = {"hooks.told", EVENT_INFO, 0,
                          "every hook was told of all there was to tell"},
    [EVENT_SYNCED] = {"synced", EVENT_INFO, F(THROUGH),
                      "the lines up to one have reached the disk"},
    [EVENT_SNAPSHOT] = {"snapshot", EVENT_INFO, F(COUNTS) | F_LOAD,
                        "where the run stands, for quick readers"},
    [EVENT_RUN_COMPLETED] = {"run.completed", EVENT_INFO, F_END,
                             "everything asked for is up to date"},
    [EVENT_RUN_FAILED] = {"run.failed", EVENT_ERROR, F_END,
                          "something asked for could not be made"},
    [EVENT_RUN_CANCELLED] = {"run.cancelled", EVENT_WARN, F_END, "the run was ended by request"},
    [EVENT_RUN_INTERRUPTED] = {"run.interrupted", EVENT_WARN, F_END | F(SIGNAL),
                               "a signal ended the process; the next run goes on"},
    [EVENT_RUN_ABANDONED] = {"run.abandoned", EVENT_WARN, F_END,
                             "a newer run of another plan took its place"},
    [EVENT_CHECKS_PASSED] = {"checks.passed", EVENT_INFO, F_INST | F(ATTEMPT_ID) | F(CHECKS),
                             "the checks of an instance let its result pass; only then what it "
                             "made stays"},
    [EVENT_GATE_REFUSED] = {"gate.refused", EVENT_ERROR, F_CHECK,
                            "a gate said no: one event for each that did"},
    [EVENT_VALIDATION_FAILED] = {"validation.failed", EVENT_ERROR, F_CHECK,
                                 "a validation failed: one event for each that did"},
    [EVENT_CHECK_WARNED] = {"check.warned", EVENT_WARN, F_CHECK,
                            "a check that only warns did not pass"},
    [EVENT_INSTANCE_REFUSED] =
        {"instance.refused", EVENT_ERROR,
         F_INST | F(ATTEMPT_ID) | F(CAUSE) | F(REASON) | F(METRICS) | F(PLACE),
         "the result is kept and not accepted: its outputs are moved to refused/"},
    [EVENT_RUN_COMPENSATING] = {"run.compensating", EVENT_WARN, F(COUNT) | F(REASON),
                                "effects outside the workspace are undone, the newest first"},
    [EVENT_COMPENSATION_STARTED] = {"compensation.started", EVENT_INFO, F_EFFECT,
                                    "the command of `compensate` is about to undo an effect; "
                                    "attempt_id is that of the attempt whose effect it is"},
    [EVENT_COMPENSATION_FINISHED] =
        {"compensation.finished", EVENT_INFO,
         F_EFFECT | F(STATE) | F(CAUSE) | F(REASON) | F(EXIT) | F(SIGNAL) | F(LOG) | F(DELAY_NS),
         "it has ended; state is compensated when the effect is undone; "
         "with a delay it is called again"},
    [EVENT_COMPENSATION_FAILED] =
        {"compensation.failed", EVENT_ERROR, F_EFFECT | F(REASON) | F(LOG) | F(PLACE),
         "an effect could not be undone: the next command tries again, or "
         "a person does it"},
    [EVENT_ATTEMPT_PROGRESS] = {"attempt.progress", EVENT_INFO,
                                F_INST | F(ATTEMPT) | F(PERMILLE) | F(TEXT) | F(LEFT_NS),
                                "how far the command of an attempt is, by its own words: the last "
                                "of them, about one a second"},
    [EVENT_VARIANTS_CHOSEN] = {"variants.chosen", EVENT_INFO,
                               F(STAGE) | F(VARIANT) | F(FLAG) | F(COUNT) | F(IDS),
                               "for these instances the flag is on: they run the variant"},
    [EVENT_VARIANT_LEFT] =
        {"variant.left", EVENT_WARN, F_INST | F(ATTEMPT) | F(VARIANT) | F(CAUSE) | F(REASON),
         "the variant failed for good, or its breaker is open (cause breaker): the "
         "stage's own command takes its place"},
    [EVENT_FALLBACKS_USED] = {"fallbacks.used", EVENT_WARN,
                              F(STAGE) | F(VARIANT) | F(COUNT) | F(IDS),
                              "results of these, new or kept, are those of the stage's own "
                              "command, because the variant had failed"},
    [EVENT_CHECKPOINT_SAVED] =
        {"checkpoint.saved", EVENT_INFO,
         F_TRY | F(KEY) | F(SNAPSHOT) | F(COUNT) | F(BYTES) | F(WALL_NS),
         "a snapshot was taken when the command asked for it: how many entries it has, how many "
         "bytes of it were read, how long that took"},
    [EVENT_CHECKPOINT_RESTORED] =
        {"checkpoint.restored", EVENT_INFO,
         F_TRY | F(KEY) | F(SNAPSHOT) | F(TAKEN_AT) | F(COUNT) | F(BYTES) | F(WALL_NS),
         "the command is about to go on from a snapshot: its entries and bytes"},
    [EVENT_CHECKPOINT_DAMAGED] = {"checkpoint.damaged", EVENT_WARN,
                                  F_TRY | F(KEY) | F(SNAPSHOT) | F(TAKEN_AT) | F(REASON),
                                  "a snapshot is no good: the one before it is tried"},
    [EVENT_INSTANCES_COMPENSATED] = {"instances.compensated", EVENT_WARN, F(COUNT) | F(IDS),
                                     "what these did is undone, and their results are forgotten"},
};

const char *event_severity_name(enum event_severity severity)
{
    static const char *const names[] = {"info", "warning", "error"};

    return names[severity];
}

void event_ids_add(struct event_ids *ids, struct arena *arena, uint32_t number)
{
    if (ids->count != 0 && ids->items[ids->count - 1].last + 1 == number) {
        ids->items[ids->count - 1].last = number;
        return;
    }
    /* Room doubles: full when the count is a power of two. */
    if ((ids->count & (ids->count - 1)) == 0) {
        struct event_range *more = ARENA_ARRAY(arena, struct event_range, ids->count * 2u + 1);

        if (ids->count != 0) {
            memcpy(more, ids->items, ids->count * sizeof(*more));
        }
        ids->items = more;
    }
    ids->items[ids->count++] = (struct event_range){number, number};
}

struct str event_pairs_find(const struct event_pairs *pairs, struct str name)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (str_equal(pairs->items[i].name, name)) {
            return pairs->items[i].value;
        }
    }
    return STR_NONE;
}

/* --- writing --- */

static void event_write_ids(struct json_writer *w, const struct event_ids *ids)
{
    struct strbuf text = {0};

    for (uint32_t i = 0; i < ids->count; i++) {
        strbuf_printf(&text, ids->items[i].first == ids->items[i].last ? "%s%u" : "%s%u-%u",
                      i == 0 ? "" : ",", ids->items[i].first, ids->items[i].last);
    }
    json_str(w, strbuf_str(&text));
    strbuf_fini(&text);
}

static void event_write_pairs(struct json_writer *w, const struct event_pairs *pairs)
{
    json_object_begin(w);
    for (uint32_t i = 0; i < pairs->count; i++) {
        json_key(w, pairs->items[i].name);
        json_str(w, pairs->items[i].value);
    }
    json_object_end(w);
}

/* At least one digit; `*text` goes on behind the last. */
static bool event_take_digits(struct str *text)
{
    size_t len = text->len;

    while (text->len != 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        *text = str_skip(*text, 1);
    }
    return text->len != len;
}

/* As JSON has it (RFC 8259): what else begins with a digit is a text. */
static bool event_is_number(struct str text)
{
    bool zero;

    if (str_has_prefix(text, STR("-"))) {
        text = str_skip(text, 1);
    }
    zero = str_has_prefix(text, STR("0"));
    if (zero) {
        text = str_skip(text, 1);
    }
    if (!zero && !event_take_digits(&text)) {
        return false;
    }
    if (str_has_prefix(text, STR("."))) {
        text = str_skip(text, 1);
        if (!event_take_digits(&text)) {
            return false;
        }
    }
    if (str_has_prefix(text, STR("e")) || str_has_prefix(text, STR("E"))) {
        text = str_skip(text, 1);
        if (str_has_prefix(text, STR("-")) || str_has_prefix(text, STR("+"))) {
            text = str_skip(text, 1);
        }
        if (!event_take_digits(&text)) {
            return false;
        }
    }
    return text.len == 0;
}

void event_write_figures(struct json_writer *w, const struct event_pairs *pairs)
{
    json_object_begin(w);
    for (uint32_t i = 0; i < pairs->count; i++) {
        struct str value = pairs->items[i].value;

        json_key(w, pairs->items[i].name);
        if (event_is_number(value)) {
            json_raw(w, value);
        } else {
            json_str(w, value);
        }
    }
    json_object_end(w);
}

static void event_write_strs(struct json_writer *w, const struct event_strs *strs)
{
    json_array_begin(w);
    for (uint32_t i = 0; i < strs->count; i++) {
        json_str(w, strs->items[i]);
    }
    json_array_end(w);
}

static void event_write_time(struct json_writer *w, int64_t time_ns)
{
    char text[TIME_TEXT_BYTES];

    time_format_rfc3339(time_ns, text);
    json_str(w, str_of(text));
}

static void event_write_field(struct json_writer *w, const struct event *event,
                              const struct event_field_row *row)
{
    const void *at = (const char *)event + row->offset;

    if ((row->kind == EVENT_KIND_FIGURES && ((const struct event_pairs *)at)->count == 0) ||
        (row->kind == EVENT_KIND_NAME && ((const struct str *)at)->len == 0)) {
        return;
    }
    json_name(w, str_n(row->name, row->name_bytes));
    switch (row->kind) {
    case EVENT_KIND_STR:
    case EVENT_KIND_NAME:
        json_str(w, *(const struct str *)at);
        break;
    case EVENT_KIND_INT:
        json_int(w, *(const int64_t *)at);
        break;
    case EVENT_KIND_U32:
        json_uint(w, *(const uint32_t *)at);
        break;
    case EVENT_KIND_TIME:
        event_write_time(w, *(const int64_t *)at);
        break;
    case EVENT_KIND_PAIRS:
        event_write_pairs(w, at);
        break;
    case EVENT_KIND_STRS:
        event_write_strs(w, at);
        break;
    case EVENT_KIND_IDS:
        event_write_ids(w, at);
        break;
    case EVENT_KIND_FIGURES:
        event_write_figures(w, at);
        break;
    }
}

void event_to_json(const struct event *event, struct strbuf *out)
{
    struct json_writer w = json_writer_members(out);
    const struct event_type_row *row = &event_types[event->type];

    json_field_text(&w, "severity", event_severity_name(row->severity));
    json_field_str(&w, "run", event->run);
    json_field_str(&w, "trace", event->trace);
    for (unsigned half = 0; half < sizeof(event_field_set) / sizeof(uint64_t); half++) {
        uint64_t bits = (uint64_t)(row->fields >> (64 * half));

        for (; bits != 0; bits &= bits - 1) {
            event_write_field(&w, event,
                              &event_fields[64 * half + (unsigned)__builtin_ctzll(bits)]);
        }
    }
}

/* --- reading --- */

static bool event_read_ids(struct str text, struct arena *arena, struct event_ids *ids)
{
    struct str part;

    while (text.len != 0 && str_split(&text, ',', &part)) {
        struct str last = part;
        struct str first;
        uint64_t from;
        uint64_t to;

        if (!str_split(&last, '-', &first) || !str_to_u64(first, &from)) {
            return false;
        }
        to = from;
        if ((last.data != NULL && !str_to_u64(last, &to)) || to < from || to >= LIMIT_INSTANCES) {
            return false;
        }
        event_ids_add(ids, arena, (uint32_t)from);
        ids->items[ids->count - 1].last = (uint32_t)to;
    }
    return true;
}

static void event_read_pairs(struct json value, struct arena *arena, struct event_pairs *pairs)
{
    struct json_iter iter = json_iter_of(value);
    struct str key;
    struct json item;

    pairs->items = ARENA_ARRAY(arena, struct event_pair, json_count(value));
    while (json_type(value) == JSON_OBJECT && json_next(&iter, &key, &item)) {
        struct str text = STR("");

        if (!json_as_str(item, &text)) {
            json_as_number_text(item, &text);
        }
        pairs->items[pairs->count++] =
            (struct event_pair){str_dup(arena, key), str_dup(arena, text)};
    }
}

static void event_read_strs(struct json value, struct arena *arena, struct event_strs *strs)
{
    strs->items = ARENA_ARRAY(arena, struct str, json_count(value));
    for (size_t i = 0; json_type(value) == JSON_ARRAY && i < json_count(value); i++) {
        struct str text = STR("");

        json_as_str(json_at(value, i), &text);
        strs->items[strs->count++] = str_dup(arena, text);
    }
}

static bool event_read_field(struct json value, struct arena *arena, struct event *event,
                             const struct event_field_row *row)
{
    void *at = (char *)event + row->offset;
    struct str text = STR("");
    uint64_t number = 0;

    switch (row->kind) {
    case EVENT_KIND_STR:
    case EVENT_KIND_NAME:
        if (json_as_str(value, &text)) {
            *(struct str *)at = str_dup(arena, text);
        }
        return true;
    case EVENT_KIND_INT:
        json_as_int(value, at);
        return true;
    case EVENT_KIND_U32:
        if (json_as_uint(value, &number)) {
            *(uint32_t *)at = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
        }
        return true;
    case EVENT_KIND_TIME:
        if (json_as_str(value, &text)) {
            time_parse_rfc3339(text, at);
        }
        return true;
    case EVENT_KIND_PAIRS:
    case EVENT_KIND_FIGURES:
        event_read_pairs(value, arena, at);
        return true;
    case EVENT_KIND_STRS:
        event_read_strs(value, arena, at);
        return true;
    case EVENT_KIND_IDS:
        return !json_as_str(value, &text) || event_read_ids(text, arena, at);
    }
    return false;
}

static bool event_type_from_name(struct str name, enum event_type *type)
{
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        if (str_is(name, event_types[i].name)) {
            *type = (enum event_type)i;
            return true;
        }
    }
    return false;
}

static bool event_read_common(struct json root, struct arena *arena, struct event *event)
{
    struct str time;
    struct str text = STR("");

    if (!json_get_uint(root, "seq", &event->seq) || !json_get_str(root, "time", &time) ||
        !time_parse_rfc3339(time, &event->time_ns)) {
        return false;
    }
    json_get_str(root, "run", &text);
    event->run = str_dup(arena, text);
    text = STR("");
    json_get_str(root, "trace", &text);
    event->trace = str_dup(arena, text);
    return true;
}

/* The first of these fields that has this name, beginning with `from`; EVENT_FIELD_TOTAL: none. */
static unsigned event_find_field(event_field_set among, struct str name, unsigned from)
{
    for (unsigned half = from / 64; half < sizeof(among) / sizeof(uint64_t); half++) {
        uint64_t bits = (uint64_t)(among >> (64 * half));

        bits = from > 64 * half ? bits >> (from - 64 * half) << (from - 64 * half) : bits;
        for (; bits != 0; bits &= bits - 1) {
            unsigned at = 64 * half + (unsigned)__builtin_ctzll(bits);

            if (name.len == event_fields[at].name_bytes &&
                memcmp(name.data, event_fields[at].name, name.len) == 0) {
                return at;
            }
        }
    }
    return EVENT_FIELD_TOTAL;
}

/* One pass over the members. A writer puts them in the order of the table, so each is looked for
 * behind the one before it, and where it is not there, among those before. */
static bool event_read_fields(struct json root, struct arena *arena, struct event *event,
                              struct err *err)
{
    event_field_set left = event_types[event->type].fields;
    struct json_iter members = json_iter_of(root);
    struct json value;
    struct str name;
    unsigned next = 0;

    while (left != 0 && json_next(&members, &name, &value)) {
        unsigned at = event_find_field(left, name, next);

        at = at == EVENT_FIELD_TOTAL && next != 0 ? event_find_field(left, name, 0) : at;
        if (at == EVENT_FIELD_TOTAL) {
            continue;
        }
        if (!event_read_field(value, arena, event, &event_fields[at])) {
            return err_set(err, STATUS_CORRUPT, "event %llu: field '%s' cannot be read",
                           (unsigned long long)event->seq, event_fields[at].name);
        }
        left &= ~((event_field_set)1 << at);
        next = at + 1;
    }
    return true;
}

static bool event_from_root(struct json root, struct arena *arena, struct event *event, bool *known,
                            struct err *err)
{
    struct str type;

    *event = (struct event){.type = EVENT_TYPE_COUNT};
    if (!json_get_str(root, "type", &type) || !event_read_common(root, arena, event)) {
        return err_set(err, STATUS_CORRUPT, "an event without seq, time or type");
    }
    *known = event_type_from_name(type, &event->type);
    return !*known || event_read_fields(root, arena, event, err);
}

bool event_from_json(struct str line, struct arena *arena, struct event *event, bool *known,
                     struct err *err)
{
    struct json_problem problem;
    struct json_doc *doc = json_parse(line, &problem);
    bool ok;

    *known = false;
    if (doc == NULL) {
        return err_set(err, STATUS_CORRUPT, "an event that is no JSON: %s", problem.text);
    }
    ok = event_from_root(json_root(doc), arena, event, known, err);
    json_free(doc);
    return ok;
}

uint32_t event_number(const struct event_numbers *numbers, uint32_t number)
{
    return numbers->units != NULL ? numbers->units[number] : number;
}

struct event event_renumber(const struct event *event, const struct event_numbers *numbers,
                            struct arena *arena)
{
    event_field_set fields = event_types[event->type].fields;
    struct event whole = *event;

    if (numbers->units == NULL || event->whole) {
        return whole;
    }
    whole.whole = true;
    if ((fields & F(NUMBER)) != 0 && event->instance.len != 0) {
        whole.number = event_number(numbers, event->number);
    }
    if ((fields & F(INSTANCES)) != 0) {
        whole.instances = numbers->count;
    }
    whole.ids = (struct event_ids){NULL, 0};
    for (uint32_t i = 0; i < event->ids.count; i++) {
        for (uint32_t n = event->ids.items[i].first; n <= event->ids.items[i].last; n++) {
            event_ids_add(&whole.ids, arena, event_number(numbers, n));
        }
    }
    return whole;
}
