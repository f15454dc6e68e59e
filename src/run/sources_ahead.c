/* Owns reading ahead. What comes next is known: the deciding pass goes through the instances in
 * topological order and asks for the inputs of those whose producers are all up to date; so those,
 * and no others, are read here. A file that nobody would have asked for now may be written by a
 * command before it is wanted.
 *
 * How far: as with a kernel's reading ahead of a file. The first window is small; as long as most
 * of what is in it had to be read, the next is larger. So a cold start is done in a few large
 * batches, and one changed file among many costs some dozens of looks, not thousands.
 *
 * What was not read firmly is left out: source_look() reads it and says what is wrong with it. */
#include "run/sources_ahead.h"

#include <stdlib.h>

#include "base/mem.h"
#include "os/hashing.h"
#include "run/facts.h"
#include "run/standing.h"

enum { AHEAD_WINDOW_LEAST = 32, AHEAD_WINDOW_GROWS = 4, AHEAD_INSTANCES_A_PATH = 4 };

enum source_ahead { SOURCE_AHEAD_NOT, SOURCE_AHEAD_LOOKED, SOURCE_AHEAD_READ };

struct window {
    struct facts *facts;
    struct hashing_file *files; /* HASHING_FILES */
    struct path_id *paths;
    uint32_t count;
    uint32_t looked, read; /* in all */
};

void sources_ahead_init(struct sources_ahead *ahead)
{
    *ahead = (struct sources_ahead){.window = AHEAD_WINDOW_LEAST, .from = {PLAN_NONE}};
}

void sources_ahead_fini(struct sources_ahead *ahead)
{
    free(ahead->instances);
    free(ahead->paths);
    free(ahead->places);
}

bool sources_were_read(const struct facts *facts, struct str path)
{
    struct path_id id;

    if (facts->ahead.paths == NULL) {
        return false;
    }
    id = plan_find_path(facts->plan, path);
    return id.n != PLAN_NONE && facts->ahead.paths[id.n] == SOURCE_AHEAD_READ;
}

static void ahead_start(struct facts *facts)
{
    struct sources_ahead *ahead = &facts->ahead;
    const struct plan *plan = facts->plan;

    ahead->instances = mem_calloc(plan->instance_count, 1);
    ahead->paths = mem_calloc(plan->path_count, 1);
    ahead->places = mem_calloc(plan->instance_count, sizeof(*ahead->places));
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        ahead->places[plan->topo[i].n] = i;
    }
}

/* --- reading what is in the window --- */

static void window_choose(struct window *window)
{
    struct facts *facts = window->facts;
    struct digest known;

    for (uint32_t i = 0; i < window->count; i++) {
        struct hashing_file *file = &window->files[i];

        file->wanted =
            file->looked && signature_type(&file->found) == FILE_REGULAR &&
            (facts->options.rehash ||
             !source_is_cached(facts->session, plan_path_name(facts->plan, window->paths[i]),
                               &file->found, &known));
    }
}

static void window_take(struct window *window)
{
    struct facts *facts = window->facts;

    for (uint32_t i = 0; i < window->count; i++) {
        const struct hashing_file *file = &window->files[i];

        if (file->read && file->firm) {
            source_note(facts->session, plan_path_name(facts->plan, window->paths[i]),
                        &file->signature, &file->digest, true);
            facts->ahead.paths[window->paths[i].n] = SOURCE_AHEAD_READ;
            window->read++;
        }
    }
}

static void window_end(struct window *window)
{
    hashing_look(window->files, window->count);
    window_choose(window);
    hashing_read(window->facts->session->times, window->files, window->count);
    window_take(window);
    window->looked += window->count;
    window->count = 0;
}

/* --- what is in it --- */

static void window_add(struct window *window, struct path_id path)
{
    struct facts *facts = window->facts;
    struct str name = plan_path_name(facts->plan, path);

    if (facts->ahead.paths[path.n] != SOURCE_AHEAD_NOT || facts_known_source(facts, name) != NULL) {
        return;
    }
    facts->ahead.paths[path.n] = SOURCE_AHEAD_LOOKED;
    window->files[window->count] = (struct hashing_file){.path = name.data};
    window->paths[window->count++] = path;
    if (window->count == HASHING_FILES) {
        window_end(window);
    }
}

static void window_add_instance(struct window *window, struct inst_id instance)
{
    const struct plan *plan = window->facts->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];

    window->facts->ahead.instances[instance.n] = 1;
    for (uint32_t i = 0; i < inst->input_count; i++) {
        const struct plan_input *input = &plan->inputs[inst->inputs_first + i];

        if (input->kind != PLAN_INPUT_FILE) {
            for (uint32_t k = 0; k < input->source_count; k++) {
                window_add(window, plan->source_matches[input->sources_first + k]);
            }
        } else if (!inst_is_some(input->producer) && !input->is_missing) {
            window_add(window, input->path);
        }
    }
}

/* Will the deciding pass look at it, whatever comes before? */
static bool ahead_is_certain(const struct facts *facts, struct inst_id instance)
{
    const struct plan *plan = facts->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];
    const struct decide *decide = facts->decide;

    if (facts->options.standing != NULL && facts->options.standing->stands[instance.n]) {
        return false;
    }
    if (!decide->scope[instance.n] || facts->ahead.instances[instance.n] ||
        inst->skip_reason.len != 0 || plan->stages[inst->stage.n].source->run_kind == M_RUN_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        uint32_t producer = plan->edges[inst->producers_first + i].n;

        if (decide->scope[producer] && decide->verdict[producer] != DECIDE_HIT &&
            decide->verdict[producer] != DECIDE_SKIP) {
            return false;
        }
    }
    return true;
}

static void window_fill(struct window *window, struct inst_id from)
{
    const struct facts *facts = window->facts;
    uint32_t place = facts->ahead.places[from.n] + 1;
    uint32_t left = facts->plan->instance_count - place;
    uint32_t most = facts->ahead.window * AHEAD_INSTANCES_A_PATH;
    uint32_t end = place + (left < most ? left : most);

    window_add_instance(window, from);
    while (facts->decide != NULL && place < end &&
           window->looked + window->count < facts->ahead.window) {
        struct inst_id next = facts->plan->topo[place++];

        if (ahead_is_certain(facts, next)) {
            window_add_instance(window, next);
        }
    }
}

static uint32_t ahead_next_window(const struct window *window)
{
    uint32_t now = window->facts->ahead.window;

    if (window->read < window->looked / 2) {
        return AHEAD_WINDOW_LEAST;
    }
    return now < HASHING_FILES / AHEAD_WINDOW_GROWS ? now * AHEAD_WINDOW_GROWS : HASHING_FILES;
}

void sources_read_ahead(struct facts *facts)
{
    struct sources_ahead *ahead = &facts->ahead;
    struct window window = {.facts = facts};

    if (facts->session->index == NULL || ahead->window == 0 || !inst_is_some(ahead->from)) {
        return;
    }
    if (ahead->places == NULL) {
        ahead_start(facts);
    }
    if (ahead->instances[ahead->from.n]) {
        return;
    }
    window.files = mem_calloc(HASHING_FILES, sizeof(*window.files));
    window.paths = mem_calloc(HASHING_FILES, sizeof(*window.paths));
    window_fill(&window, ahead->from);
    window_end(&window);
    ahead->window = ahead_next_window(&window);
    free(window.files);
    free(window.paths);
}
