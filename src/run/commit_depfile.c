/* Owns what a depfile adds to a result: paths that nobody declared, each with the digest that the
 * command must have read. */
#include <fcntl.h>

#include "base/limits.h"
#include "base/path.h"
#include "model/depfile.h"
#include "os/files.h"
#include "run/commit_inside.h"
#include "run/slice.h"

/* All ancestors of the instance, found once for each attempt that asks. */
static bool commit_is_ancestor(struct attempt *attempt, struct inst_id wanted)
{
    const struct plan *plan = attempt->executor->plan;
    struct inst_id *list;
    uint32_t count = 0;

    if (attempt->ancestors == NULL) {
        attempt->ancestors = ARENA_ARRAY(&attempt->arena, uint8_t, plan->instance_count);
        list = ARENA_ARRAY(&attempt->arena, struct inst_id, plan->instance_count + 1u);
        list[count++] = attempt->instance;
        for (uint32_t at = 0; at < count; at++) {
            const struct plan_instance *inst = &plan->instances[list[at].n];

            for (uint32_t i = 0; i < inst->producer_count; i++) {
                struct inst_id producer = plan->edges[inst->producers_first + i];

                if (!attempt->ancestors[producer.n]) {
                    attempt->ancestors[producer.n] = 1;
                    list[count++] = producer;
                }
            }
        }
    }
    return attempt->ancestors[wanted.n] != 0;
}

static bool commit_refuse_made(struct attempt *attempt, struct str path, struct str maker)
{
    commit_fail(attempt, CAUSE_OUTPUT,
                str_printf(&attempt->arena,
                           "depfile names '%.*s', which stage '%.*s' makes: add it to 'inputs' or "
                           "the stage to 'needs'",
                           STR_ARG(path), STR_ARG(maker)));
    return false;
}

/* The digest of a discovered path that another stage makes, which must be an ancestor. */
static bool commit_found_made(struct attempt *attempt, struct str path, const struct plan_path *row,
                              struct result_input *found)
{
    const struct plan *plan = attempt->executor->plan;
    const struct output_fact *made = &attempt->executor->facts->outputs[row->output];

    if (row->producer.n == attempt->instance.n || !commit_is_ancestor(attempt, row->producer)) {
        return commit_refuse_made(attempt, path, plan->instances[row->producer.n].name);
    }
    found->missing = made->state != OUTPUT_MADE;
    found->digest = made->digest;
    return true;
}

static bool commit_is_declared_input(const struct attempt *attempt, struct str path)
{
    for (uint32_t i = 0; i < attempt->what.count; i++) {
        if (str_equal(attempt->what.items[i].path, path)) {
            return true;
        }
    }
    return false;
}

/* What a depfile names was not looked at before the command started; so it must not have changed
 * since. A write stamps with the coarse clock, or a finer one: never with less than it showed then.
 */
static bool commit_is_newer(const struct attempt *attempt, const struct signature *signature)
{
    return signature->ctime_ns >= attempt->started_coarse_ns;
}

static bool commit_found(struct attempt *attempt, struct str written)
{
    struct executor *executor = attempt->executor;
    struct str joined = path_join(&attempt->arena, attempt->what.command.dir, written);
    struct result_input *found = &attempt->discovered[attempt->discovered_count];
    struct source_fact source;
    struct path_id id;
    struct str maker;
    struct str path;
    struct err err = {0};

    if (path_normalise(&attempt->arena, joined, &path, NULL) != PATH_FINE) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena, "depfile names '%.*s', which is no path here",
                               STR_ARG(written)));
        return false;
    }
    if (path_is_absolute(path) && path_is_below(path, executor->session->root)) {
        path = str_skip(path, executor->session->root.len + 1);
    }
    if (commit_is_declared_input(attempt, path)) {
        return true;
    }
    *found = (struct result_input){.path = path};
    id = plan_find_path(executor->plan, path);
    if (id.n != PLAN_NONE && inst_is_some(executor->plan->paths[id.n].producer)) {
        attempt->discovered_count++;
        return commit_found_made(attempt, path, &executor->plan->paths[id.n], found);
    }
    /* Nor is he an ancestor: those are all in the slice. */
    if (executor->slice != NULL &&
        slice_is_made_beyond(executor->slice, executor->session, path, &attempt->arena, &maker)) {
        attempt->discovered_count++;
        return commit_refuse_made(attempt, path, maker);
    }
    if (!facts_regular_source(executor->facts, path, &source, &err)) {
        commit_fail_err(attempt, &err);
        return false;
    }
    found->missing = !source.exists;
    found->digest = source.digest;
    attempt->discovered_count++;
    if (source.exists && commit_is_newer(attempt, &source.signature)) {
        attempt->changed_path = path;
        commit_fail(attempt, CAUSE_UNSETTLED,
                    str_printf(&attempt->arena,
                               "'%.*s', which its depfile names, changed while it "
                               "ran",
                               STR_ARG(path)));
        return false;
    }
    return true;
}

static bool commit_read_depfile(struct attempt *attempt, struct str path)
{
    struct strbuf text = {0};
    struct depfile depfile;
    struct err err = {0};
    bool ok = file_read(AT_FDCWD, path.data, LIMIT_DEPFILE_BYTES, &text, &err) &&
              depfile_parse(strbuf_dup(&text, &attempt->arena), &attempt->arena, &depfile, &err);

    strbuf_fini(&text);
    if (!ok) {
        commit_fail(attempt, CAUSE_OUTPUT,
                    str_printf(&attempt->arena, "depfile '%.*s': %s", STR_ARG(path), err.text));
        return false;
    }
    attempt->discovered = ARENA_ARRAY(&attempt->arena, struct result_input, depfile.count);
    for (uint32_t i = 0; ok && i < depfile.count; i++) {
        ok = commit_found(attempt, depfile.paths[i]);
    }
    return ok;
}

bool commit_depfiles(struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];

        if (attempt->executor->plan->outputs[row->output].is_depfile && row->made &&
            !commit_read_depfile(attempt, row->path)) {
            return false;
        }
    }
    return true;
}
