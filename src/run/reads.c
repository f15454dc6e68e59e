/* Owns the making of keys: resolving what an instance reads, the digest of each, its command, and
 * the fields in their order. */
#include <fcntl.h>
#include <inttypes.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/path.h"
#include "os/files.h"
#include "run/environment.h"
#include "run/judge.h"

/* --- what producers made, for plan_inputs_resolve --- */

static bool reads_is_read_as_it_lies(const struct facts *facts, struct inst_id producer)
{
    return facts->options.only && facts->decide != NULL && !facts->decide->scope[producer.n];
}

/* With --only an output of a stage that takes no part counts as it lies there. */
static void reads_take_as_it_lies(struct facts *facts, uint32_t output)
{
    struct output_fact *fact = &facts->outputs[output];
    struct str path = plan_path_name(facts->plan, facts->plan->outputs[output].path);
    struct source_fact source;
    struct put_output put;

    if (fact->state != OUTPUT_UNKNOWN) {
        return;
    }
    fact->state = OUTPUT_MISSING;
    if (!facts_source(facts, path, &source) || !source.exists) {
        return;
    }
    *fact = (struct output_fact){.state = OUTPUT_MADE,
                                 .executable = source.executable,
                                 .type = source.folder ? TREE_FOLDER : TREE_FILE,
                                 .digest = source.digest,
                                 .size_bytes = source.size_bytes};
    if (source.folder && facts->session->objects != NULL &&
        objects_put_output(facts->session->objects, facts->session->root_fd, path.data, NULL, &put,
                           &facts->broken)) {
        fact->digest = put.digest;
    }
}

static bool reads_is_there(struct facts *facts, uint32_t output)
{
    const struct output_fact *fact = &facts->outputs[output];
    struct output_look look;

    return source_look_output(
               facts->session, plan_path_name(facts->plan, facts->plan->outputs[output].path),
               fact->type, fact->executable, &fact->digest, false, &look, &facts->broken) &&
           look.same;
}

static bool reads_is_made(struct facts *facts, struct inst_id producer, uint32_t output)
{
    if (reads_is_read_as_it_lies(facts, producer)) {
        reads_take_as_it_lies(facts, output);
    } else if (!facts->instances[producer.n].good) {
        return false;
    }
    return facts->outputs[output].state == OUTPUT_MADE &&
           (!facts->last_part || reads_is_there(facts, output));
}

/* The path below a folder output, or "" for the folder itself. */
static struct str reads_below(const struct facts *facts, uint32_t output, struct str path)
{
    struct str folder = plan_path_name(facts->plan, facts->plan->outputs[output].path);

    return path.len > folder.len ? str_skip(path, folder.len + 1) : STR("");
}

static bool reads_has(void *ctx, struct inst_id producer, uint32_t output, struct str path)
{
    struct facts *facts = ctx;
    struct str below = reads_below(facts, output, path);
    const struct tree *tree;

    if (!reads_is_made(facts, producer, output)) {
        return false;
    }
    if (below.len == 0) {
        return true;
    }
    tree = facts_tree(facts, output);
    return tree != NULL && tree_find(tree, below) != NULL;
}

static void reads_list(void *ctx, struct inst_id producer, uint32_t output, struct arena *arena,
                       struct str **paths, uint32_t *count)
{
    struct facts *facts = ctx;
    struct str folder = plan_path_name(facts->plan, facts->plan->outputs[output].path);
    const struct tree *tree = NULL;

    *count = 0;
    *paths = NULL;
    if (reads_is_made(facts, producer, output)) {
        tree = facts_tree(facts, output);
    }
    if (tree == NULL) {
        return;
    }
    *paths = ARENA_ARRAY(arena, struct str, tree->count);
    for (uint32_t i = 0; i < tree->count; i++) {
        if (tree->items[i].type != TREE_FOLDER) {
            (*paths)[(*count)++] = path_join(arena, folder, tree->items[i].path);
        }
    }
}

/* --- digests of what is read --- */

static bool reads_from_producer(struct facts *facts, const struct resolved_input *resolved,
                                struct read_fact *read)
{
    const struct output_fact *made = &facts->outputs[resolved->output];
    struct str below = reads_below(facts, resolved->output, resolved->path);
    const struct tree *tree;
    const struct tree_entry *entry;

    read->digest = made->digest;
    read->link = made->type == TREE_LINK;
    read->executable = made->executable;
    if (below.len == 0) {
        return true;
    }
    tree = facts_tree(facts, resolved->output);
    entry = tree != NULL ? tree_find(tree, below) : NULL;
    if (entry == NULL) {
        return false;
    }
    read->digest = entry->digest;
    read->link = entry->type == TREE_LINK;
    read->executable = entry->executable;
    return true;
}

static bool reads_from_source(struct facts *facts, struct read_fact *read)
{
    struct source_fact source;

    if (!facts_source(facts, read->path, &source) || !source.exists) {
        return false;
    }
    read->digest = source.digest;
    read->executable = source.executable;
    read->signature = source.signature;
    /* An empty folder has no bytes that could change. */
    read->has_signature = !source.folder;
    read->firm = source.firm;
    return true;
}

/* The text of a file that is read for some of its values: from the workspace, or, where a
 * producer's output is not there, from the store. */
static bool reads_text(struct facts *facts, const struct read_fact *read, struct strbuf *text,
                       struct err *err)
{
    if (inst_is_some(read->producer) && facts->session->objects != NULL &&
        objects_read(facts->session->objects, &read->digest, LIMIT_TOML_BYTES, text, err)) {
        return true;
    }
    strbuf_clear(text);
    return file_read(AT_FDCWD, read->path.data, LIMIT_TOML_BYTES, text, err);
}

static bool reads_select_values(struct facts *facts, const struct plan_input *input,
                                struct read_fact *read, struct arena *arena,
                                struct inst_reads *reads)
{
    struct strbuf text = {0};
    struct err err = {0};
    bool ok = reads_text(facts, read, &text, &err) &&
              value_keys_digest(read->path, strbuf_str(&text), input->keys, input->key_count,
                                &read->digest, &err);

    strbuf_fini(&text);
    if (!ok) {
        reads->lack = str_dup(arena, str_of(err.text));
        reads->lack_status = STATUS_MANIFEST;
    }
    return ok;
}

static bool reads_digest(struct facts *facts, const struct resolved_input *resolved,
                         struct read_fact *read, struct arena *arena, struct inst_reads *reads)
{
    const struct plan_input *input = &facts->plan->inputs[resolved->input];
    bool ok;

    *read = (struct read_fact){.input = resolved->input,
                               .path = resolved->path,
                               .producer = resolved->producer,
                               .output = resolved->output};
    ok = inst_is_some(resolved->producer) ? reads_from_producer(facts, resolved, read)
                                          : reads_from_source(facts, read);
    if (!ok) {
        reads->lack = str_printf(arena, "input '%.*s' is not there", STR_ARG(read->path));
        reads->lack_status = STATUS_MANIFEST;
        return false;
    }
    return input->key_count == 0 || reads_select_values(facts, input, read, arena, reads);
}

/* --- the key --- */

/* "shell[0]", "argv[12]"; those of the default shell are not made anew for each instance. */
static struct str reads_word_name(const struct plan_command *command, uint32_t number,
                                  struct arena *arena)
{
    static const char *const shell[] = {"shell[0]", "shell[1]", "shell[2]", "shell[3]", "shell[4]"};

    if (command->shell && number < sizeof(shell) / sizeof(*shell)) {
        return str_of(shell[number]);
    }
    return str_printf(arena, command->shell ? "shell[%u]" : "argv[%u]", number);
}

static void reads_add_command(struct key_fields *fields, const struct plan_command *command)
{
    for (uint32_t i = 0; i < command->argc; i++) {
        if (command->shell && i + 1 == command->argc) {
            key_fields_add(fields, STR("command"), command->argv[i]);
        } else {
            key_fields_add(fields, reads_word_name(command, i, fields->arena), command->argv[i]);
        }
    }
    key_fields_add(fields, STR("dir"), command->dir);
}

static void reads_add_vars(struct key_fields *fields, const char *prefix, const struct str *vars,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct str value = vars[i];
        struct str name;

        if (str_split(&value, '=', &name)) {
            key_fields_add(fields, str_printf(fields->arena, "%s.%.*s", prefix, STR_ARG(name)),
                           value);
        }
    }
}

static void reads_add_inputs(struct facts *facts, const struct inst_reads *reads, uint16_t variant,
                             struct key_fields *fields)
{
    for (uint32_t i = 0; i < reads->count; i++) {
        const struct read_fact *read = &reads->items[i];
        const struct plan_input *input = &facts->plan->inputs[read->input];
        struct str value = digest_str(&read->digest, fields->arena);

        if (input->is_tool && input->variant != variant) {
            continue;
        }
        if (read->executable) {
            value = str_concat(fields->arena, value, STR(" x"));
        }
        key_fields_add_path(fields,
                            input->is_each    ? "each"
                            : input->is_stdin ? "stdin"
                                              : "input",
                            read->path, intern_str(&facts->plan->names, input->role), value);
    }
}

/* How it is declared, in words; most are plain files. */
static struct str reads_output_words(const struct plan_output *output, struct arena *arena)
{
    bool plain = output->store && !output->optional && !output->temp && !output->persist &&
                 !output->non_empty;

    if (plain) {
        return output->folder ? STR("folder") : STR("file");
    }
    return str_printf(arena, "%s%s%s%s%s%s", output->folder ? "folder" : "file",
                      output->optional ? " optional" : "", output->store ? "" : " store=false",
                      output->temp ? " temp" : "", output->persist ? " persist" : "",
                      output->non_empty ? " non_empty" : "");
}

static void reads_add_outputs(const struct plan *plan, struct inst_id instance,
                              struct key_fields *fields)
{
    const struct plan_instance *inst = &plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        const struct plan_output *output = &plan->outputs[inst->outputs_first + i];
        key_fields_add_path(fields,
                            output->is_stdout    ? "stdout"
                            : output->is_dead    ? "dead_letter"
                            : output->is_depfile ? "depfile"
                                                 : "output",
                            plan_path_name(plan, output->path),
                            intern_str(&plan->names, output->role),
                            reads_output_words(output, fields->arena));
        if (output->is_metrics) {
            key_fields_add_path(fields, "metrics", plan_path_name(plan, output->path), STR(""),
                                STR("json"));
        }
    }
}

static void reads_add_when_value(void *ctx, struct str name, struct str value)
{
    key_fields_add_path(ctx, "when", name, STR(""), value);
}

/* A `when` that speaks of metrics: of what it speaks counts. */
static void reads_add_when(struct facts *facts, struct inst_id instance, struct key_fields *fields)
{
    struct plan_metrics metrics = facts_plan_metrics(facts);

    if (facts->plan->instances[instance.n].late_when) {
        plan_when_values(facts->plan, instance, &metrics, fields->arena, reads_add_when_value,
                         fields);
    }
}

/* How the results of its items become its outputs. */
static void reads_add_stream(const struct plan *plan, const struct plan_instance *inst,
                             struct key_fields *fields)
{
    const struct plan_stream *stream;

    if (inst->stream == 0) {
        return;
    }
    stream = &plan->streams[inst->stream - 1];
    key_fields_add(fields, STR("mode"), stream->worker ? STR("worker") : STR("spawn"));
    key_fields_add(fields, STR("stream"),
                   str_printf(fields->arena, "%s%s max_dead=%" PRIu64 "%s",
                              stream->kind == M_EACH_FILES ? "files" : "lines",
                              stream->dedupe ? " dedupe" : "", stream->max_dead,
                              stream->max_dead_is_share ? "ppm" : ""));
}

/* The command of which the key is: of an instance that left a variant that failed still that of the
 * variant. */
struct reads_keyed {
    const struct m_stage *stage;
    uint16_t variant;
    struct plan_command command;
};

static struct reads_keyed reads_keyed_of(const struct facts *facts, struct inst_id instance,
                                         bool own)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];

    if (inst->variant == 0 || inst->left == PLAN_LEFT_OUT || own) {
        return (struct reads_keyed){.stage = facts->plan->stages[inst->stage.n].source};
    }
    return (struct reads_keyed){.stage = &plan_variant(facts->plan, inst)->stage,
                                .variant = inst->variant};
}

static bool reads_fill_fields(struct facts *facts, struct inst_id instance,
                              const struct reads_keyed *keyed, struct inst_reads *reads,
                              struct key_fields *fields)
{
    struct event_strs passed;
    struct err err = {0};

    key_fields_add(fields, STR("version"), facts->session->manifest.version);
    reads_add_command(fields, &keyed->command);
    reads_add_vars(fields, "env", keyed->command.env, keyed->command.env_count);
    if (!environment_passed(keyed->stage, true, fields->arena, &passed, &err)) {
        reads->lack = str_dup(fields->arena, str_of(err.text));
        reads->lack_status = (enum status)err.status;
        return false;
    }
    reads_add_vars(fields, "pass_env", passed.items, passed.count);
    if (!facts_add_tools(facts, &keyed->command, fields, &reads->lack)) {
        reads->lack_status = STATUS_ENVIRONMENT;
        return false;
    }
    reads_add_when(facts, instance, fields);
    reads_add_inputs(facts, reads, keyed->variant, fields);
    reads_add_stream(facts->plan, &facts->plan->instances[instance.n], fields);
    reads_add_outputs(facts->plan, instance, fields);
    return true;
}

static bool reads_inputs_of(struct facts *facts, struct inst_id instance, bool but_each,
                            struct arena *arena, struct resolved_inputs *resolved)
{
    struct plan_made made = {
        .ctx = facts, .but_each = but_each, .has = reads_has, .list = reads_list};

    bool good = plan_inputs_resolve(facts->plan, instance, &made, arena, resolved);

    resolved->metrics = facts_plan_metrics(facts);
    return good;
}

bool facts_inputs_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                     struct resolved_inputs *resolved)
{
    return reads_inputs_of(facts, instance, false, arena, resolved);
}

static bool reads_resolve(struct facts *facts, struct inst_id instance, bool but_each,
                          struct arena *arena, struct inst_reads *reads,
                          struct resolved_inputs *resolved)
{
    struct err err = {0};

    *reads = (struct inst_reads){.count = 0};
    if (!reads_inputs_of(facts, instance, but_each, arena, resolved)) {
        reads->lack = resolved->missing;
        reads->lack_status = resolved->is_unmade ? STATUS_STAGE_FAILED : STATUS_MANIFEST;
        return false;
    }
    if (!plan_command(facts->plan, instance, resolved, arena, &reads->command, &err)) {
        reads->lack = str_dup(arena, str_of(err.text));
        reads->lack_status = STATUS_MANIFEST;
        return false;
    }
    return true;
}

/* The command that the key is of, where that is another than the one that runs. */
static bool reads_command_of_key(struct facts *facts, struct inst_id instance,
                                 const struct resolved_inputs *resolved, struct arena *arena,
                                 struct inst_reads *reads, struct reads_keyed *keyed)
{
    struct err err = {0};

    keyed->command = reads->command;
    if (keyed->stage == plan_source(facts->plan, &facts->plan->instances[instance.n]) ||
        plan_command_of(facts->plan, instance, keyed->stage, resolved, arena, &keyed->command,
                        &err)) {
        return true;
    }
    reads->lack = str_dup(arena, str_of(err.text));
    reads->lack_status = STATUS_MANIFEST;
    return false;
}

/* A variant that is chosen item by item: its whole key is a field of that of the instance, with
 * the share of the items that it has. */
static bool reads_add_variant(struct facts *facts, struct inst_id instance, uint32_t number,
                              const struct m_variant *variant,
                              const struct resolved_inputs *resolved, struct inst_reads *reads)
{
    struct arena *arena = reads->fields.arena;
    struct inst_variant *row = &reads->variants[reads->variant_count++];
    struct reads_keyed keyed = {.stage = &variant->stage, .variant = (uint16_t)(number + 1)};
    struct digest digest;
    struct err err = {0};

    if (!plan_command_of(facts->plan, instance, &variant->stage, resolved, arena, &keyed.command,
                         &err)) {
        reads->lack = str_dup(arena, str_of(err.text));
        reads->lack_status = STATUS_MANIFEST;
        return false;
    }
    row->variant = variant;
    row->command = keyed.command;
    key_fields_init(&row->fields, arena);
    if (!reads_fill_fields(facts, instance, &keyed, reads, &row->fields)) {
        return false;
    }
    digest = key_fields_digest(&row->fields);
    key_fields_add(&reads->fields, str_printf(arena, "stream variant %.*s", STR_ARG(variant->name)),
                   str_printf(arena, "%.*s %.17g%s", STR_ARG(digest_str(&digest, arena)),
                              variant->flag->percent, variant->fallback ? " fallback" : ""));
    return true;
}

static bool reads_add_variants(struct facts *facts, struct inst_id instance,
                               const struct resolved_inputs *resolved, struct inst_reads *reads)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    const struct m_settings *settings = facts->plan->stages[inst->stage.n].source->settings;
    const struct m_variants *variants = settings->variants;

    if (inst->stream == 0 || variants == NULL || inst->variant != 0) {
        return true;
    }
    reads->variants = ARENA_ARRAY(reads->fields.arena, struct inst_variant, variants->count);
    for (uint32_t i = 0; i < variants->count; i++) {
        if (plan_variant_is_of_items(&variants->items[i]) &&
            !reads_add_variant(facts, instance, i, &variants->items[i], resolved, reads)) {
            return false;
        }
    }
    return true;
}

static bool reads_make(struct facts *facts, struct inst_id instance, bool own, bool but_each,
                       struct arena *arena, struct inst_reads *reads)
{
    struct reads_keyed keyed = reads_keyed_of(facts, instance, own);
    struct resolved_inputs resolved;

    facts->ahead.from = instance;
    if (!reads_resolve(facts, instance, but_each, arena, reads, &resolved) ||
        !reads_command_of_key(facts, instance, &resolved, arena, reads, &keyed)) {
        return false;
    }
    reads->items = ARENA_ARRAY(arena, struct read_fact, resolved.count);
    for (uint32_t i = 0; i < resolved.count; i++) {
        if (!reads_digest(facts, &resolved.items[i], &reads->items[i], arena, reads)) {
            return false;
        }
        reads->count++;
    }
    key_fields_init(&reads->fields, arena);
    if (!reads_fill_fields(facts, instance, &keyed, reads, &reads->fields) ||
        !reads_add_variants(facts, instance, &resolved, reads)) {
        return false;
    }
    reads->declared = key_fields_digest(&reads->fields);
    return true;
}

bool facts_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                    struct inst_reads *reads)
{
    return reads_make(facts, instance, false, false, arena, reads);
}

bool facts_stream_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                           struct inst_reads *reads)
{
    return reads_make(facts, instance, false, true, arena, reads);
}

bool facts_own_reads_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                        struct inst_reads *reads)
{
    return reads_make(facts, instance, true, false, arena, reads);
}

bool facts_own_key(struct facts *facts, struct inst_id instance, struct digest *key)
{
    struct inst_reads reads;
    struct arena arena;
    bool good;

    arena_init(&arena);
    good = facts_own_reads_of(facts, instance, &arena, &reads);
    *key = reads.declared;
    arena_fini(&arena);
    return good;
}

bool facts_command_of(struct facts *facts, struct inst_id instance, struct arena *arena,
                      struct plan_command *command)
{
    struct inst_reads reads;
    struct resolved_inputs resolved;
    bool good = reads_resolve(facts, instance, false, arena, &reads, &resolved);

    *command = reads.command;
    return good;
}

/* What it demands is known without digests: the files that producers make. */
void facts_demand_inputs(void *ctx, struct inst_id instance, struct decide *decide)
{
    struct facts *facts = ctx;
    struct resolved_inputs resolved;

    arena_reset(&facts->scratch);
    if (!facts_inputs_of(facts, instance, &facts->scratch, &resolved)) {
        return;
    }
    for (uint32_t i = 0; i < resolved.count; i++) {
        if (inst_is_some(resolved.items[i].producer)) {
            decide_demand(decide, resolved.items[i].producer, resolved.items[i].output);
        }
    }
}
