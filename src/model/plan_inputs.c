/* Owns the settling of inputs: what each path stands for, who makes it, whether it is there.
 *
 * A path without a slash at its end that is a folder (an output folder, one with outputs below it,
 * or one that is there) is read as one. A glob or folder that many instances read is settled once.
 * A path with magic that is the very name of an output or of a file is that file. What an instance
 * that is skipped would have read is no error. */
#include "model/plan_build.h"

#include "base/path.h"
#include "base/suggest.h"
#include "model/glob.h"

/* The instance whose inputs are being settled. */
struct plan_reader {
    struct plan_build *build;
    const struct plan_stage *stage;
    struct plan_instance *inst;
    struct inst_id number;
    bool quiet; /* skipped: nothing is an error */
};

static struct span plan_input_span(const struct plan_reader *reader, const struct plan_input *input)
{
    const struct m_stage *source = reader->stage->source;
    uint32_t number = (uint32_t)(input - reader->build->plan->inputs) - reader->inst->inputs_first;

    if (number < source->input_count) {
        return source->inputs[number].path.span;
    }
    if (input->is_each) {
        return source->settings->each->source.span;
    }
    return input->is_stdin ? source->settings->std_in.span : source->run_span;
}

/* The path as written: a folder with its slash. */
static struct str plan_input_text(const struct plan_reader *reader, const struct plan_input *input)
{
    struct str path = plan_path_name(reader->build->plan, input->path);

    if (path.len == 0) {
        return STR("./");
    }
    return input->kind == PLAN_INPUT_FOLDER ? str_concat(&reader->build->scratch, path, STR("/"))
                                            : path;
}

/* --- what is wrong --- */

static bool plan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number that is one off, such as the year before the first, is no slip of the pen. */
static bool plan_differs_in_digits(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (a.data[i] != b.data[i] && !(plan_is_digit(a.data[i]) && plan_is_digit(b.data[i]))) {
            return false;
        }
    }
    return true;
}

static void plan_offer_path(struct suggest *suggest, struct str path)
{
    if (!plan_differs_in_digits(suggest->word, path)) {
        suggest_offer(suggest, path);
    }
}

static void plan_suggest_path(struct plan_build *build, struct str path)
{
    const struct plan *plan = build->plan;
    struct suggest suggest;
    const struct plan_listing *listing;

    suggest_init(&suggest, path);
    if (build->suggestions++ >= PLAN_SUGGESTIONS || path.len == 0) {
        return;
    }
    for (uint32_t i = 0; i < plan->output_count && i < 10000; i++) {
        if (!plan->outputs[i].is_depfile) {
            plan_offer_path(&suggest, plan_path_name(plan, plan->outputs[i].path));
        }
    }
    listing = plan_list(build, path_dir(path));
    for (uint32_t i = 0; i < listing->count && i < 10000; i++) {
        plan_offer_path(&suggest,
                        path_join(&build->scratch, path_dir(path), listing->entries[i].name));
    }
    if (suggest.best.len != 0) {
        diag_hint(build->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
}

/* Once for each path: others that read it too would say the same. */
static void plan_fault_missing(struct plan_reader *reader, struct plan_input *input)
{
    struct plan_build *build = reader->build;
    struct str whose = plan_whose(build, reader->inst);
    struct str text = plan_input_text(reader, input);

    input->is_missing = true;
    if (input->optional || reader->quiet) {
        return;
    }
    diag_error(build->diags, plan_input_span(reader, input),
               "make it, or say { path = \"…\", optional = true }",
               "input '%.*s' of %.*s does not exist and no stage makes it", STR_ARG(text),
               STR_ARG(whose));
    plan_suggest_path(build, plan_path_name(build->plan, input->path));
    build->exists.items[input->path.n] =
        (input->kind == PLAN_INPUT_FOLDER ? PLAN_EXISTS_FOLDER : PLAN_EXISTS_FILE) + 1;
}

static void plan_fault_own(struct plan_reader *reader, const struct plan_input *input,
                           uint32_t output)
{
    const struct plan *plan = reader->build->plan;
    struct str made = plan_path_name(plan, plan->outputs[output].path);
    struct str whose = plan_whose(reader->build, reader->inst);
    struct str text = plan_input_text(reader, input);
    struct span span = plan_input_span(reader, input);

    if (reader->quiet) {
        return;
    }
    if (input->kind == PLAN_INPUT_FILE && !str_equal(text, made)) {
        diag_error(reader->build->diags, span, "keep what is read apart from what is written",
                   "input '%.*s' of %.*s lies below '%.*s/', which it writes itself", STR_ARG(text),
                   STR_ARG(whose), STR_ARG(made));
    } else if (input->kind == PLAN_INPUT_FILE) {
        diag_error(reader->build->diags, span, "keep what is read apart from what is written",
                   "input '%.*s' of %.*s is written by it", STR_ARG(text), STR_ARG(whose));
    } else {
        diag_error(reader->build->diags, span, "write the output elsewhere, or read less",
                   "input '%.*s' of %.*s takes in '%.*s', which it writes itself", STR_ARG(text),
                   STR_ARG(whose), STR_ARG(made));
    }
}

static void plan_fault_kind(struct plan_reader *reader, const struct plan_input *input,
                            const char *fault)
{
    struct str whose = plan_whose(reader->build, reader->inst);
    struct str text = plan_input_text(reader, input);

    if (!reader->quiet) {
        diag_error(reader->build->diags, plan_input_span(reader, input), NULL,
                   "input '%.*s' of %.*s %s", STR_ARG(text), STR_ARG(whose), fault);
    }
}

/* --- patterns --- */

static void plan_pattern_add_producer(void *ctx, uint32_t output)
{
    struct plan_build *build = ctx;
    const struct plan *plan = build->plan;
    struct inst_id producer = plan->paths[plan->outputs[output].path.n].producer;
    size_t count = build->pattern_producers.count;

    if (count == build->patterns.items[build->patterns.count - 1].producers_first ||
        build->pattern_producers.items[count - 1].n != producer.n) {
        VEC_PUSH(&build->pattern_producers, producer);
    }
}

static struct str plan_pattern_key(struct plan_build *build, const struct plan_input *input)
{
    struct str path = plan_path_name(build->plan, input->path);

    return input->kind == PLAN_INPUT_FOLDER ? str_concat(&build->scratch, path, STR("/")) : path;
}

static struct plan_pattern *plan_pattern_settle(struct plan_build *build,
                                                const struct plan_input *input)
{
    struct str path = plan_path_name(build->plan, input->path);
    struct plan_pattern *pattern;

    VEC_PUSH(&build->patterns,
             ((struct plan_pattern){.sources_first = (uint32_t)build->matches.count,
                                    .producers_first = (uint32_t)build->pattern_producers.count}));
    if (input->kind == PLAN_INPUT_FOLDER) {
        plan_list_below(build, path);
        plan_tree_below(build, path, plan_pattern_add_producer, build);
    } else {
        plan_list_matches(build, path);
        plan_tree_matches(build, path, plan_pattern_add_producer, build);
    }
    pattern = &build->patterns.items[build->patterns.count - 1];
    pattern->source_count = (uint32_t)build->matches.count - pattern->sources_first;
    pattern->producer_count = (uint32_t)build->pattern_producers.count - pattern->producers_first;
    return pattern;
}

const struct plan_pattern *plan_input_pattern(struct plan_build *build,
                                              const struct plan_input *input)
{
    struct str key = plan_pattern_key(build, input);
    uint32_t number = map_get(&build->pattern_numbers, key);

    if (number != MAP_MISSING) {
        return &build->patterns.items[number];
    }
    map_put(&build->pattern_numbers, str_dup(build->arena, key), (uint32_t)build->patterns.count);
    return plan_pattern_settle(build, input);
}

/* An output of this very instance that its pattern takes in. */
static uint32_t plan_own_output(const struct plan_reader *reader, const struct plan_input *input)
{
    for (uint32_t i = 0; i < reader->inst->output_count; i++) {
        uint32_t output = reader->inst->outputs_first + i;

        if (!reader->build->plan->outputs[output].is_depfile &&
            plan_input_takes(reader->build->plan, input, output)) {
            return output;
        }
    }
    return PLAN_NONE;
}

static bool plan_settle_pattern(struct plan_reader *reader, struct plan_input *input)
{
    const struct plan_pattern *pattern = plan_input_pattern(reader->build, input);
    uint32_t own = pattern->producer_count != 0 ? plan_own_output(reader, input) : PLAN_NONE;

    input->sources_first = pattern->sources_first;
    input->source_count = pattern->source_count;
    input->is_made = pattern->producer_count != 0;
    if (own != PLAN_NONE) {
        plan_fault_own(reader, input, own);
        return false;
    }
    return true;
}

static void plan_settle_folder(struct plan_reader *reader, struct plan_input *input)
{
    struct plan_build *build = reader->build;
    const struct plan_path *path = &build->plan->paths[input->path.n];

    input->kind = PLAN_INPUT_FOLDER;
    if (input->is_stdin) {
        plan_fault_kind(reader, input, "is a folder, and standard input is a file");
    } else if (input->is_each && reader->stage->source->settings->each->kind == M_EACH_LINES) {
        plan_fault_kind(reader, input, "is a folder, and 'lines' wants a file");
    } else if (inst_is_some(path->producer) && !build->plan->outputs[path->output].folder) {
        plan_fault_kind(reader, input, "is written as a file: leave out the slash");
    } else if (plan_settle_pattern(reader, input) && input->source_count == 0 && !input->is_made) {
        switch (plan_path_exists(build, input->path)) {
        case PLAN_EXISTS_NOT:
            plan_fault_missing(reader, input);
            break;
        case PLAN_EXISTS_FILE:
            plan_fault_kind(reader, input, "is a file: leave out the slash");
            break;
        case PLAN_EXISTS_FOLDER:
            break;
        }
    }
}

/* --- files --- */

static void plan_settle_made(struct plan_reader *reader, struct plan_input *input, uint32_t writer)
{
    const struct plan *plan = reader->build->plan;
    const struct plan_output *output = &plan->outputs[writer];
    struct inst_id producer = plan->paths[output->path.n].producer;

    if (output->folder && output->path.n == input->path.n) {
        plan_settle_folder(reader, input);
    } else if (producer.n == reader->number.n) {
        plan_fault_own(reader, input, writer);
    } else if (output->is_depfile) {
        plan_fault_kind(reader, input, "is the depfile of another stage, which only pawl reads");
    } else {
        input->producer = producer;
        input->is_made = true;
    }
}

static void plan_settle_file(struct plan_reader *reader, struct plan_input *input)
{
    struct plan_build *build = reader->build;
    uint32_t writer = plan_find_writer_of(build, input->path);

    if (writer != PLAN_NONE) {
        plan_settle_made(reader, input, writer);
        return;
    }
    if (plan_is_above_outputs(build, input->path)) {
        plan_settle_folder(reader, input);
        return;
    }
    switch (plan_path_exists(build, input->path)) {
    case PLAN_EXISTS_NOT:
        plan_fault_missing(reader, input);
        break;
    case PLAN_EXISTS_FILE:
        break;
    case PLAN_EXISTS_FOLDER:
        plan_settle_folder(reader, input);
        break;
    }
}

/* A path with brackets in it that is an output, or a file that is there: no pattern. */
static bool plan_is_exact(struct plan_build *build, struct path_id path)
{
    struct str name = plan_path_name(build->plan, path);
    struct str folder = path_dir(name);
    const struct plan_listing *listing = NULL;

    /* Looking for what it matches lists the folder of that very name unless there are brackets in
     * it; a file that comes there has to be noticed all the same. And a name with a star is hardly
     * that of a file: the folder will be listed, and says so at once. */
    if (str_find(folder, '[') >= 0 || (str_find(name, '[') < 0 && !glob_has_magic(folder))) {
        listing = plan_list(build, folder);
    }
    if (inst_is_some(build->plan->paths[path.n].producer)) {
        return true;
    }
    return (listing == NULL || plan_listing_has(listing, path_base(name))) &&
           plan_path_exists(build, path) == PLAN_EXISTS_FILE &&
           !build->files->was_made(build->files->ctx, name);
}

/* run[0] is an input if another stage makes it or it is there; else it is none. */
static void plan_settle_tool(struct plan_reader *reader, struct plan_input *input)
{
    struct plan_build *build = reader->build;
    uint32_t writer = plan_find_writer_of(build, input->path);
    struct inst_id producer = {PLAN_NONE};

    input->optional = false;
    if (writer != PLAN_NONE) {
        producer = build->plan->paths[build->plan->outputs[writer].path.n].producer;
    }
    if (writer != PLAN_NONE ? producer.n == reader->number.n
                            : plan_path_exists(build, input->path) != PLAN_EXISTS_FILE) {
        reader->inst->input_count--;
        return;
    }
    input->producer = producer;
    input->is_made = inst_is_some(producer);
}

/* --- all --- */

static void plan_settle_input(struct plan_reader *reader, struct plan_input *input)
{
    if (input->is_tool) {
        plan_settle_tool(reader, input);
        return;
    }
    switch (input->kind) {
    case PLAN_INPUT_FILE:
        plan_settle_file(reader, input);
        break;
    case PLAN_INPUT_FOLDER:
        plan_settle_folder(reader, input);
        break;
    case PLAN_INPUT_GLOB:
        if (plan_is_exact(reader->build, input->path)) {
            input->kind = PLAN_INPUT_FILE;
            plan_settle_file(reader, input);
        } else {
            plan_settle_pattern(reader, input);
        }
        break;
    }
    if (reader->stage->source->settings->always &&
        (input->is_made || input->kind == PLAN_INPUT_GLOB)) {
        input->optional = true; /* what nobody made is left out */
    }
    if (input->is_made && (input->kind == PLAN_INPUT_GLOB || input->optional)) {
        reader->inst->dynamic = true;
    }
}

void plan_settle_inputs(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint32_t before = build->diags->errors;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct plan_instance *inst = &plan->instances[i];
        struct plan_reader reader = {.build = build,
                                     .stage = &plan->stages[inst->stage.n],
                                     .inst = inst,
                                     .number = {i},
                                     .quiet = inst->skip_reason.len != 0};

        if (inst->outline) {
            inst->input_count = 0;
            continue;
        }
        arena_reset(&build->scratch);
        plan_stream_settle(build, inst);
        for (uint32_t k = 0, count = inst->input_count; k < count; k++) {
            plan_settle_input(&reader, &plan->inputs[inst->inputs_first + k]);
        }
        if (build->diags->errors - before > DIAGS_SHOWN) {
            return;
        }
    }
}
