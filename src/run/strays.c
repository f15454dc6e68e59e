/* Owns the look at folders that producers made, from the side of who reads them. Names that folders
 * and globs ignore are nobody's inputs, and so no strays. */
#include "run/strays.h"

#include <fcntl.h>

#include "base/path.h"
#include "os/walk.h"

static bool strays_in_folder(struct facts *facts, const struct plan_input *input, uint32_t output,
                             struct arena *arena, struct str *stray)
{
    struct str folder = plan_path_name(facts->plan, facts->plan->outputs[output].path);
    const struct tree *tree = facts_tree(facts, output);
    struct walk_options options = {0};
    struct walk_list list;

    if (tree == NULL || !walk_folder(AT_FDCWD, folder.data, &options, arena, &list, NULL)) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        const struct walk_entry *entry = &list.items[i];

        if (entry->type != FILE_FOLDER && tree_find(tree, entry->path) == NULL) {
            *stray = path_join(arena, folder, entry->path);
            if (plan_input_takes_file(facts->plan, input, *stray)) {
                return true;
            }
        }
    }
    return false;
}

static bool strays_of_producer(struct facts *facts, const struct plan_input *input,
                               struct inst_id producer, struct arena *arena, struct str *stray)
{
    const struct plan_instance *inst = &facts->plan->instances[producer.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        uint32_t output = inst->outputs_first + i;

        if (facts->plan->outputs[output].folder && facts->outputs[output].state == OUTPUT_MADE &&
            plan_input_takes(facts->plan, input, output) &&
            strays_in_folder(facts, input, output, arena, stray)) {
            return true;
        }
    }
    return false;
}

bool strays_find(struct facts *facts, struct inst_id instance, struct arena *arena,
                 struct str *stray)
{
    const struct plan *plan = facts->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->input_count; i++) {
        const struct plan_input *input = &plan->inputs[inst->inputs_first + i];

        for (uint32_t p = 0;
             input->kind != PLAN_INPUT_FILE && input->is_made && p < inst->producer_count; p++) {
            if (strays_of_producer(facts, input, plan->edges[inst->producers_first + p], arena,
                                   stray)) {
                return true;
            }
        }
    }
    return false;
}
