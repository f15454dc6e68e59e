/* Owns what is made sure of just before a command starts: what it reads is what was decided on,
 * nothing lies there that it must not find, and what lies at its outputs is put aside. */
#include "os/files.h"
#include "run/attempt_inside.h"
#include "run/strays.h"

static bool attempt_reads(const struct attempt *attempt, uint32_t input)
{
    for (uint32_t i = 0; i < attempt->what.count; i++) {
        if (attempt->what.items[i].input == input) {
            return true;
        }
    }
    return false;
}

/* An optional input that nobody made in this run is not in the key: the command must not find what
 * lies there from before. */
bool attempt_hide_missing(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    const struct plan *plan = executor->plan;

    for (uint32_t i = 0; i < attempt->inst->input_count; i++) {
        uint32_t number = attempt->inst->inputs_first + i;
        const struct plan_input *input = &plan->inputs[number];
        const struct plan_path *path = &plan->paths[input->path.n];

        if (input->kind == PLAN_INPUT_FILE && input->optional && inst_is_some(input->producer) &&
            path->producer.n == input->producer.n && !plan->outputs[path->output].persist &&
            !attempt_reads(attempt, number) &&
            !restore_clear(executor, input->producer, path->output, err)) {
            return false;
        }
    }
    return true;
}

bool attempt_park(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct str *paths = ARENA_ARRAY(&attempt->arena, struct str, attempt->output_count);
    uint32_t count = 0;

    if (attempt->err.status != 0) {
        *err = attempt->err;
        return false;
    }
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!folder_make_parents(executor->session->root_fd, attempt->outputs[i].path.data, err)) {
            return false;
        }
        if (attempt->outputs[i].parked) {
            paths[count++] = attempt->outputs[i].path;
        }
    }
    attempt->parked = count == 0 || park_outputs(&executor->place, executor->recorder->run,
                                                 attempt->id, paths, count, NULL, err);
    return attempt->parked;
}

/* Does a producer's file still have the bytes that are in the key? Somebody may have written to it
 * since the decision. */
static bool attempt_is_as_decided(const struct attempt *attempt, const struct read_fact *read,
                                  const struct source_fact *source)
{
    const struct plan_input *input = &attempt->executor->plan->inputs[read->input];
    struct source_fact itself;

    if (read->link && input->key_count == 0) {
        return source_look(attempt->executor->session, read->path, false, false, &itself, NULL) &&
               itself.exists && digest_equal(&itself.digest, &read->digest);
    }
    if (!source->exists) {
        return false;
    }
    if (input->key_count != 0) {
        return value_keys_are(read->path, input, &read->digest);
    }
    return digest_equal(&source->digest, &read->digest) && source->executable == read->executable;
}

/* What was decided on, made again: it was not kept while the instance waited. */
bool attempt_find_reads(struct attempt *attempt, struct err *err)
{
    struct facts *facts = attempt->executor->facts;

    if (facts_reads_of(facts, attempt->instance, &attempt->arena, &attempt->what)) {
        return true;
    }
    if (facts->broken.status != 0) {
        *err = facts->broken;
        return false;
    }
    return err_set(err, attempt->what.lack_status, "%.*s", STR_ARG(attempt->what.lack));
}

/* Signatures of what it reads as they are just before it starts, so that step 4 can tell a change.
 */
bool attempt_note_reads(struct attempt *attempt, struct err *err)
{
    struct session *session = attempt->executor->session;

    for (uint32_t i = 0; i < attempt->what.count; i++) {
        struct read_fact *read = &attempt->what.items[i];
        struct source_fact source;

        if (read->has_signature) {
            continue;
        }
        if (!source_look(session, read->path, true, false, &source, err)) {
            return false;
        }
        if (source.folder && !read->link) {
            continue;
        }
        read->has_signature = source.exists && !source.folder;
        read->signature = source.signature;
        read->firm = source.firm;
        if (!attempt_is_as_decided(attempt, read, &source)) {
            attempt->changed_path = read->path;
            attempt->reason =
                str_printf(&attempt->arena, "input '%.*s' is no more what its stage made",
                           STR_ARG(read->path));
            attempt->cause = CAUSE_UNSETTLED;
            return false;
        }
        if (session->plan.inputs[read->input].key_count == 0) {
            read->digest = source.digest;
        }
    }
    return true;
}

/* A file in a producer's folder that is not of it would be read, and is not in the key. */
bool attempt_finds_strays(struct attempt *attempt)
{
    struct str stray;

    if (!strays_find(attempt->executor->facts, attempt->instance, &attempt->arena, &stray)) {
        return false;
    }
    attempt->changed_path = stray;
    attempt->reason =
        str_printf(&attempt->arena, "'%.*s' lies in an input folder, whose stage did not make it",
                   STR_ARG(stray));
    attempt->cause = CAUSE_UNSETTLED;
    return true;
}
