/* Owns `dump plan` and `dump instances`: a manifest read and planned, and nothing more. The first
 * prints counts alone, so that its time and memory are those of planning; the second prints all
 * that a plan says, a line for each instance. */
#include "cmd/dump.h"

#include "base/json_write.h"
#include "cmd/place.h"

static void dump_paths(struct json_writer *w, const char *key, const struct plan *plan,
                       const struct path_id *paths, uint32_t count)
{
    json_field_array(w, key);
    for (uint32_t i = 0; i < count; i++) {
        json_str(w, plan_path_name(plan, paths[i]));
    }
    json_array_end(w);
}

static void dump_instances_of(struct json_writer *w, const char *key, const struct plan *plan,
                              const struct inst_id *items, uint32_t count)
{
    json_field_array(w, key);
    for (uint32_t i = 0; i < count; i++) {
        json_str(w, plan->instances[items[i].n].name);
    }
    json_array_end(w);
}

static void dump_strs(struct json_writer *w, const char *key, const struct str *items,
                      uint32_t count)
{
    json_field_array(w, key);
    for (uint32_t i = 0; i < count; i++) {
        json_str(w, items[i]);
    }
    json_array_end(w);
}

/* --- an instance --- */

static void dump_input(struct json_writer *w, const struct plan *plan,
                       const struct plan_input *input)
{
    static const char *const kinds[] = {
        [PLAN_INPUT_FILE] = "file", [PLAN_INPUT_FOLDER] = "folder", [PLAN_INPUT_GLOB] = "glob"};

    json_object_begin(w);
    json_field_str(w, kinds[input->kind], plan_path_name(plan, input->path));
    json_field_str(w, "role", intern_str(&plan->names, input->role));
    json_field_bool(w, "optional", input->optional);
    json_field_bool(w, "stdin", input->is_stdin);
    json_field_bool(w, "each", input->is_each);
    json_field_bool(w, "tool", input->is_tool);
    json_field_bool(w, "missing", input->is_missing);
    json_field_bool(w, "made", input->is_made);
    dump_instances_of(w, "producer", plan, &input->producer, inst_is_some(input->producer));
    dump_paths(w, "sources", plan, plan->source_matches + input->sources_first,
               input->source_count);
    dump_strs(w, "keys", input->keys, input->key_count);
    json_object_end(w);
}

static void dump_output(struct json_writer *w, const struct plan *plan,
                        const struct plan_output *output)
{
    json_object_begin(w);
    json_field_str(w, output->folder ? "folder" : "file", plan_path_name(plan, output->path));
    json_field_str(w, "role", intern_str(&plan->names, output->role));
    json_field_bool(w, "optional", output->optional);
    json_field_bool(w, "store", output->store);
    json_field_bool(w, "temp", output->temp);
    json_field_bool(w, "persist", output->persist);
    json_field_bool(w, "non_empty", output->non_empty);
    json_field_bool(w, "stdout", output->is_stdout);
    json_field_bool(w, "dead", output->is_dead);
    json_field_bool(w, "depfile", output->is_depfile);
    json_object_end(w);
}

static void dump_files(struct json_writer *w, const struct plan *plan,
                       const struct plan_instance *inst)
{
    json_field_array(w, "inputs");
    for (uint32_t i = 0; i < inst->input_count; i++) {
        dump_input(w, plan, &plan->inputs[inst->inputs_first + i]);
    }
    json_array_end(w);
    json_field_array(w, "outputs");
    for (uint32_t i = 0; i < inst->output_count; i++) {
        dump_output(w, plan, &plan->outputs[inst->outputs_first + i]);
    }
    json_array_end(w);
    dump_instances_of(w, "producers", plan, plan->edges + inst->producers_first,
                      inst->producer_count);
    dump_instances_of(w, "consumers", plan, plan->back_edges + inst->consumers_first,
                      inst->consumer_count);
}

/* Empty where it is known only later. */
static void dump_command(struct json_writer *w, const struct plan *plan, uint32_t number)
{
    struct plan_command command = {.argc = 0};
    struct arena scratch;

    arena_init(&scratch);
    if (!plan->instances[number].dynamic) {
        plan_command(plan, (struct inst_id){number}, NULL, &scratch, &command, NULL);
    }
    json_field_bool(w, "shell", command.shell);
    dump_strs(w, "argv", command.argv, command.argc);
    json_field_str(w, "dir", command.dir);
    dump_strs(w, "env", command.env, command.env_count);
    dump_strs(w, "tools", command.tools, command.tool_count);
    dump_strs(w, "tool_runs", command.tool_runs, command.tool_run_count);
    arena_fini(&scratch);
}

static void dump_retry(struct json_writer *w, const struct plan *plan,
                       const struct plan_instance *inst)
{
    const struct plan_retry *retry = &plan->retries[inst->retry];

    if (inst->retry != 0) {
        json_field_object(w, "retry");
        json_field_uint(w, "max", retry->max);
        json_field_uint(w, "backoff", retry->backoff);
        json_field_int(w, "delay_ns", retry->delay_ns);
        json_field_int(w, "max_delay_ns", retry->max_delay_ns);
        json_field_bool(w, "jitter", retry->jitter);
        json_field_uint(w, "on", retry->on);
        json_object_end(w);
    }
    if (inst->breaker != 0) {
        json_field_str(w, "breaker", plan->breakers[inst->breaker - 1].name);
    }
}

static void dump_limits(struct json_writer *w, const struct plan *plan,
                        const struct plan_instance *inst)
{
    json_field_bool(w, "dynamic", inst->dynamic);
    json_field_bool(w, "no_cache", inst->no_cache);
    json_field_bool(w, "last_only", inst->last_only);
    json_field_bool(w, "ignore_failure", inst->ignore_failure);
    json_field_bool(w, "tty", inst->tty);
    json_field_uint(w, "cpu", inst->cpu);
    json_field_int(w, "priority", inst->priority);
    json_field_uint(w, "memory_bytes", inst->memory_bytes);
    json_field_int(w, "timeout_ns", inst->timeout_ns);
    json_field_int(w, "grace_ns", inst->grace_ns);
    json_field_array(w, "pools");
    for (uint32_t i = 0; i < inst->pool_count; i++) {
        const struct plan_pool_use *use = &plan->pool_uses[inst->pools_first + i];

        json_str(w, plan->manifest->pools[use->pool].name);
        json_uint(w, use->slots);
    }
    json_array_end(w);
    dump_retry(w, plan, inst);
}

static void dump_instance(struct strbuf *out, const struct plan *plan, uint32_t number)
{
    const struct plan_instance *inst = &plan->instances[number];
    struct json_writer w = json_writer_of(out, JSON_COMPACT);

    json_object_begin(&w);
    json_field_str(&w, "instance", inst->name);
    json_field_str(&w, "stage", plan->stages[inst->stage.n].name);
    json_field_str(&w, "skip", inst->skip_reason);
    dump_files(&w, plan, inst);
    dump_command(&w, plan, number);
    dump_limits(&w, plan, inst);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

/* --- the whole --- */

static void dump_counts(struct strbuf *out, const struct plan *plan)
{
    strbuf_printf(out, "stages %u\ninstances %u\ninputs %u\noutputs %u\npaths %u\nedges %u\n",
                  plan->stage_count, plan->instance_count, plan->input_count, plan->output_count,
                  plan->path_count, plan->edge_count);
}

/* In the order in which they may run. */
static void dump_instances(struct strbuf *out, const struct plan *plan)
{
    struct json_writer w;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        dump_instance(out, plan, plan->topo[i].n);
    }
    w = json_writer_of(out, JSON_COMPACT);
    json_object_begin(&w);
    dump_paths(&w, "listed", plan, plan->listed_dirs, plan->listed_dir_count);
    dump_paths(&w, "orphans", plan, plan->orphans, plan->orphan_count);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

int dump_plan(struct cli *cli, const char *file, bool whole)
{
    struct place place;
    int status;

    cli->file = file;
    status = place_open(&place, cli, PLACE_PLAN, SESSION_LOOK);
    if (status == STATUS_OK) {
        (whole ? dump_instances : dump_counts)(&cli->out, &place.session.plan);
    }
    place_close(&place);
    return status;
}
