/* Owns the making of a new last state at the end of a run: what each instance rests on.
 *
 * An instance rests on its source files, on what its command said it reads besides, and, if it is a
 * target, on its outputs. It does not rest on what other instances made: while they stand, their
 * outputs are what they were, and when they do not, whoever reads them is decided anew, too.
 *
 * A row of the index vouches for a path only if it is firm and has the bytes that the instance's
 * key was made with or its result says; where the key knows some values of a file alone, the row
 * must not have come with other bytes since the instance was decided. Any doubt leaves the instance
 * undecided: it is looked at the long way next time. */
#include <fcntl.h>
#include <string.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/walk.h"
#include "run/judge.h"
#include "run/standing_inside.h"
#include "store/kinds.h"

void saving_init(struct saving *saving, struct session *session, const struct standing_end *end)
{
    const struct plan *plan = &session->plan;

    *saving = (struct saving){.session = session, .end = end, .facts = end->facts, .plan = plan};
    last_state_begin(&saving->builder, plan->instance_count, plan->output_count);
    arena_init(&saving->arena);
}

void saving_fini(struct saving *saving)
{
    arena_fini(&saving->arena);
    last_state_builder_fini(&saving->builder);
}

static bool standing_is_kept(const struct standing *before, const struct facts *facts,
                             uint32_t unit)
{
    return before != NULL && before->stands != NULL && before->stands[unit] &&
           !facts->instances[unit].keyed;
}

static void save_doubt(struct saving *saving, uint32_t unit)
{
    last_state_unit(&saving->builder, unit, LAST_UNDECIDED);
}

/* --- files --- */

static void save_rest(struct saving *saving, uint32_t unit, struct str path, enum last_check check,
                      bool sure)
{
    if (sure) {
        last_state_rest(&saving->builder, unit, path, check);
    } else {
        save_doubt(saving, unit);
    }
}

/* A source, as all that was decided in this session knows it; `digest` (may be NULL): and as the
 * result knows it. */
static void save_source(struct saving *saving, uint32_t unit, struct str path,
                        const struct digest *digest)
{
    const struct index *index = saving->session->index;
    const struct source_fact *seen = facts_known_source(saving->facts, path);
    struct index_path row;

    save_rest(saving, unit, path, LAST_FOLLOWED,
              index_path(index, path, &row) && row.firm &&
                  (digest == NULL || digest_equal(&row.digest, digest)) &&
                  (seen == NULL || (digest_equal(&row.digest, &seen->digest) &&
                                    seen->executable == signature_is_executable(&row.signature))) &&
                  !index_path_since(index, path, saving->facts->instances[unit].seen));
}

/* Of an output the row must have what the result says. */
static void save_made(struct saving *saving, uint32_t unit, struct str path, enum tree_type type,
                      const struct digest *digest, bool executable)
{
    struct index_path row;

    save_rest(saving, unit, path, LAST_AS_IT_IS,
              index_path(saving->session->index, path, &row) && row.firm &&
                  digest_equal(&row.digest, digest) &&
                  signature_type(&row.signature) ==
                      (type == TREE_LINK ? FILE_LINK : FILE_REGULAR) &&
                  (type == TREE_LINK || signature_is_executable(&row.signature) == executable));
}

static void save_absence(struct saving *saving, uint32_t unit, struct str path,
                         enum last_check check)
{
    struct signature now;

    if (!signature_read(AT_FDCWD, path.data, check == LAST_FOLLOWED, &now, NULL) ||
        signature_type(&now) != FILE_MISSING) {
        save_doubt(saving, unit);
        return;
    }
    last_state_rest_on(&saving->builder, unit, path, check, &now);
}

/* --- what an instance reads --- */

static void save_reads(struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];
    struct resolved_inputs reads;

    arena_reset(&saving->arena);
    if (!facts_inputs_of(saving->facts, (struct inst_id){unit}, &saving->arena, &reads)) {
        save_doubt(saving, unit);
        return;
    }
    for (uint32_t i = 0; i < reads.count; i++) {
        if (!inst_is_some(reads.items[i].producer) && !reads.items[i].is_folder) {
            save_source(saving, unit, str_dup(&saving->builder.arena, reads.items[i].path), NULL);
        }
    }
    for (uint32_t i = inst->inputs_first; i < inst->inputs_first + inst->input_count; i++) {
        const struct plan_input *input = &saving->plan->inputs[i];

        if (input->is_missing) {
            save_absence(saving, unit, plan_path_name(saving->plan, input->path), LAST_FOLLOWED);
        }
    }
}

/* What a depfile named; what another stage made is that stage's to say. */
static void save_discovered(struct saving *saving, uint32_t unit)
{
    const struct inst_fact *fact = &saving->facts->instances[unit];

    for (uint32_t i = 0; i < fact->discovered_count; i++) {
        const struct result_input *input = &fact->discovered[i];
        struct path_id id = plan_find_path(saving->plan, input->path);

        if (id.n != PLAN_NONE && inst_is_some(saving->plan->paths[id.n].producer)) {
            continue;
        }
        if (input->missing) {
            save_absence(saving, unit, input->path, LAST_FOLLOWED);
        } else {
            save_source(saving, unit, input->path, &input->digest);
        }
    }
}

/* --- outputs --- */

/* The signature of a folder that holds just what its tree says. */
static bool save_folder_signature(struct saving *saving, struct str path,
                                  struct signature *signature)
{
    enum { TRIES = 2 };
    int fd = sys_open(path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    bool firm = false;

    for (int i = 0; fd >= 0 && !firm && i < TRIES; i++) {
        struct signature_tick tick = signature_tick_now(saving->session->times, fd);

        if (!signature_read_fd(fd, signature, NULL)) {
            break;
        }
        firm = signature_is_firm(signature, signature, &tick);
        if (!firm) {
            sys_poll(NULL, 0, (int)(signature_wait_ns(signature, &tick) / NS_PER_MS) + 1);
        }
    }
    if (fd >= 0) {
        sys_close(fd);
    }
    return firm;
}

static void save_folder(struct saving *saving, uint32_t unit, struct str path)
{
    struct signature signature;

    if (save_folder_signature(saving, path, &signature)) {
        last_state_rest_on(&saving->builder, unit, str_dup(&saving->builder.arena, path),
                           LAST_AS_IT_IS, &signature);
    } else {
        save_doubt(saving, unit);
    }
}

/* After the signatures of all folders were taken: nothing came in or went before them. */
static bool save_is_still_tree(struct saving *saving, struct str path, const struct tree *tree)
{
    struct walk_options all = {.all = true};
    struct walk_list list;
    bool same;

    arena_reset(&saving->arena);
    same = walk_folder(AT_FDCWD, path.data, &all, &saving->arena, &list, NULL) &&
           list.count == tree->count;
    for (uint32_t i = 0; same && i < list.count; i++) {
        same = str_equal(list.items[i].path, tree->items[i].path) &&
               (list.items[i].type == FILE_FOLDER) == (tree->items[i].type == TREE_FOLDER);
    }
    return same;
}

static void save_tree(struct saving *saving, uint32_t unit, uint32_t output, struct str path)
{
    const struct tree *tree = facts_tree(saving->facts, output);

    if (tree == NULL) {
        save_doubt(saving, unit);
        return;
    }
    save_folder(saving, unit, path);
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct tree_entry *entry = &tree->items[i];
        struct str inside = path_join(&saving->builder.arena, path, entry->path);

        if (entry->type == TREE_FOLDER) {
            save_folder(saving, unit, inside);
        } else {
            save_made(saving, unit, inside, entry->type, &entry->digest, entry->executable);
        }
    }
    if (!save_is_still_tree(saving, path, tree)) {
        save_doubt(saving, unit);
    }
}

static void save_output(struct saving *saving, uint32_t unit, uint32_t output)
{
    const struct plan_output *declared = &saving->plan->outputs[output];
    const struct output_fact *fact = &saving->facts->outputs[output];
    struct str path = plan_path_name(saving->plan, declared->path);

    if (!saving->end->target[unit] || declared->temp || declared->is_depfile) {
        return;
    }
    if (fact->state == OUTPUT_MISSING) {
        save_absence(saving, unit, path, LAST_AS_IT_IS);
    } else if (fact->state == OUTPUT_UNKNOWN) {
        save_doubt(saving, unit);
    } else if (fact->type == TREE_FOLDER) {
        save_tree(saving, unit, output, path);
    } else {
        save_made(saving, unit, path, fact->type, &fact->digest, fact->executable);
    }
}

void save_output_facts(struct saving *saving, uint32_t output)
{
    const struct output_fact *fact = &saving->facts->outputs[output];
    struct last_output row = {.digest = fact->digest,
                              .size_bytes = fact->size_bytes,
                              .state = fact->state == OUTPUT_MADE      ? LAST_OUTPUT_MADE
                                       : fact->state == OUTPUT_MISSING ? LAST_OUTPUT_MISSING
                                                                       : LAST_OUTPUT_UNKNOWN,
                              .type = fact->type,
                              .executable = fact->executable,
                              .stored = fact->stored};

    last_state_output(&saving->builder, output, &row);
}

/* --- instances --- */

static bool save_is_name(const struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];

    return saving->plan->stages[inst->stage.n].source->run_kind == M_RUN_NONE;
}

void save_unit_outputs(struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];

    for (uint32_t i = inst->outputs_first; i < inst->outputs_first + inst->output_count; i++) {
        save_output(saving, unit, i);
    }
}

/* Whoever speaks of its metrics, and finds it standing, finds its result by this. */
static void save_key(struct saving *saving, uint32_t unit)
{
    const struct inst_fact *fact = &saving->facts->instances[unit];
    struct str name = saving->plan->instances[unit].name;
    struct index_instance row = {0};

    if (!saving->plan->metrics_named || (index_instance(saving->session->index, name, &row) &&
                                         digest_equal(&row.key, &fact->key))) {
        return;
    }
    row.key = fact->key;
    row.state = INDEX_OK;
    index_put_instance(saving->session->index, name, &row);
}

/* As it was when the verdict was asked for, which may be after the result was taken. */
static void save_check_input(struct saving *saving, uint32_t unit, struct str path)
{
    const struct source_fact *seen = facts_known_source(saving->facts, path);
    struct index_path row;

    save_rest(saving, unit, path, LAST_FOLLOWED,
              seen != NULL && index_path(saving->session->index, path, &row) && row.firm &&
                  digest_equal(&row.digest, &seen->digest));
}

/* Files that commands of its checks read beside. */
static void save_check_inputs(struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];
    const struct m_stage *stage = saving->plan->stages[inst->stage.n].source;
    struct check_command command;
    const struct m_check *check;
    enum check_kind kind;
    struct err err = {0};

    for (uint32_t i = 0; inst->checked && (check = judge_check_at(stage, i, &kind)) != NULL; i++) {
        arena_reset(&saving->arena);
        if (check->inputs.count == 0) {
            continue;
        }
        if (!facts_check_command(saving->facts, (struct inst_id){unit}, check, &saving->arena,
                                 &command, &err)) {
            save_doubt(saving, unit);
            return;
        }
        for (uint32_t k = 0; k < command.input_count; k++) {
            if (plan_find_output(saving->plan, command.inputs[k]) == PLAN_NONE) {
                save_check_input(saving, unit, str_dup(&saving->builder.arena, command.inputs[k]));
            }
        }
    }
}

void save_unit(struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];
    enum last_unit is = (enum last_unit)saving->end->good[unit];

    if (!saving->end->scope[unit]) {
        /* Nobody asked for it: nothing is said of it, and nothing reads it. */
        last_state_unit(&saving->builder, unit, LAST_STANDS);
        return;
    }
    last_state_unit(&saving->builder, unit, is);
    if (is != LAST_STANDS || save_is_name(saving, unit)) {
        return;
    }
    save_key(saving, unit);
    save_check_inputs(saving, unit);
    if (inst->no_cache) {
        save_doubt(saving, unit);
        return;
    }
    save_reads(saving, unit);
    save_discovered(saving, unit);
    save_unit_outputs(saving, unit);
}

static void save_counts(const struct saving *saving, struct guards_counts *counts)
{
    *counts = (struct guards_counts){.orphans = saving->plan->orphan_count};
    for (uint32_t i = 0; i < saving->plan->instance_count; i++) {
        if (saving->end->scope[i]) {
            counts->instances++;
            counts->named += save_is_name(saving, i);
            counts->skipped += saving->end->good[i] == LAST_SKIPPED;
        }
    }
}

/* What was not looked at in this session rests on what it rested on before. */
static void save_kept(struct saving *saving)
{
    const struct standing *before = saving->end->before;
    uint32_t count = saving->plan->instance_count;
    uint8_t *kept;

    if (before == NULL || before->stands == NULL) {
        return;
    }
    kept = ARENA_ARRAY(&saving->builder.arena, uint8_t, count);
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = standing_is_kept(before, saving->facts, i);
        if (kept[i]) {
            last_state_unit(&saving->builder, i, last_state_unit_is(before->state, i));
        }
    }
    last_state_keep(&saving->builder, before->state, saving->session->index, kept);
}

static void save_units(struct saving *saving)
{
    save_kept(saving);
    for (uint32_t i = 0; i < saving->plan->instance_count; i++) {
        if (!standing_is_kept(saving->end->before, saving->facts, i)) {
            save_unit(saving, i);
        }
    }
    for (uint32_t i = 0; i < saving->plan->output_count; i++) {
        save_output_facts(saving, i);
    }
}

bool standing_save(struct session *session, const struct standing_end *end, struct err *err)
{
    struct saving saving;
    struct guards_counts counts;
    bool ok;

    saving_init(&saving, session, end);
    save_counts(&saving, &counts);
    if (guards_write(session, &counts, &saving.builder.guards)) {
        save_units(&saving);
        save_graph(&saving);
        ok = index_save_state(session->index, &saving.builder, err);
    } else {
        ok = index_save(session->index, err);
    }
    saving_fini(&saving);
    return ok;
}
