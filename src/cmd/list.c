/* Owns `list`: stages as the manifest says them, and what they expand to. */
#include "base/json_write.h"
#include "base/map.h"
#include "base/path.h"
#include "cmd/place.h"
#include "cmd/targets.h"

struct list_show {
    struct cli *cli;
    const struct plan *plan;
    const uint8_t *selected; /* by instance */
    bool all;                /* no selection was given */
    struct json_writer w;
};

static uint32_t list_count(const struct list_show *show, const struct plan_stage *stage)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stage->instance_count; i++) {
        count += show->selected[stage->instances_first + i];
    }
    return count;
}

/* Calls `each` for the values of one axis, each once, in order of instances. */
static void list_axis_values(const struct list_show *show, const struct plan_stage *stage,
                             uint32_t axis, void (*each)(void *ctx, struct str value), void *ctx)
{
    struct map seen;
    struct arena arena;

    map_init(&seen);
    arena_init(&arena);
    for (uint32_t i = 0; i < stage->instance_count; i++) {
        const struct plan_instance *inst = &show->plan->instances[stage->instances_first + i];
        struct str text = value_text(&inst->axes[axis], &arena);

        if (map_put_new(&seen, text, 0) == MAP_MISSING) {
            each(ctx, text);
        }
    }
    map_fini(&seen);
    arena_fini(&arena);
}

/* --- text --- */

static void list_add_value(void *ctx, struct str value)
{
    strbuf_putc(ctx, ' ');
    path_show(ctx, value);
}

static void list_file(struct strbuf *out, bool *first, const char *word, struct str path)
{
    strbuf_puts(out, *first ? word : ", ");
    path_show(out, path);
    *first = false;
}

static void list_files(struct strbuf *out, const struct m_stage *stage)
{
    bool first = true;

    for (uint32_t i = 0; i < stage->input_count; i++) {
        list_file(out, &first, "    reads  ", stage->inputs[i].path.text);
    }
    if (stage->settings->std_in.given) {
        list_file(out, &first, "    reads  ", stage->settings->std_in.text);
    }
    if (stage->settings->each != NULL) {
        list_file(out, &first, "    reads  ", stage->settings->each->source.text);
    }
    strbuf_puts(out, first ? "" : "\n");
    first = true;
    for (uint32_t i = 0; i < stage->output_count; i++) {
        list_file(out, &first, "    makes  ", stage->outputs[i].path.text);
    }
    if (stage->settings->std_out.given) {
        list_file(out, &first, "    makes  ", stage->settings->std_out.text);
    }
    if (stage->settings->dead_letter.given) {
        list_file(out, &first, "    makes  ", stage->settings->dead_letter.text);
    }
    strbuf_puts(out, first ? "" : "\n");
    first = true;
    for (uint32_t i = 0; i < stage->needs.count; i++) {
        list_file(out, &first, "    needs  ", stage->needs.items[i].text);
    }
    strbuf_puts(out, first ? "" : "\n");
}

static void list_stage(struct list_show *show, const struct plan_stage *stage)
{
    struct strbuf *out = &show->cli->out;
    const struct m_stage *source = stage->source;

    strbuf_printf(out, "%.*s", STR_ARG(stage->name));
    if (source->settings->axis_count != 0) {
        strbuf_printf(out, "  (%u instance%s)", stage->instance_count,
                      stage->instance_count == 1 ? "" : "s");
    }
    strbuf_putc(out, '\n');
    if (source->settings->desc.given) {
        strbuf_printf(out, "    %.*s\n", STR_ARG(source->settings->desc.text));
    }
    for (uint32_t a = 0; a < source->settings->axis_count; a++) {
        strbuf_printf(out, "    axis   %.*s:", STR_ARG(source->settings->axes[a].name));
        list_axis_values(show, stage, a, list_add_value, out);
        strbuf_putc(out, '\n');
    }
    list_files(out, source);
    for (uint32_t i = 0; !show->all && i < stage->instance_count; i++) {
        if (show->selected[stage->instances_first + i]) {
            strbuf_printf(out, "    - %.*s\n",
                          STR_ARG(show->plan->instances[stage->instances_first + i].name));
        }
    }
}

/* --- JSON --- */

static void list_json_value(void *ctx, struct str value)
{
    json_str(ctx, value);
}

static void list_json_files(struct json_writer *w, const struct m_stage *stage)
{
    json_field_array(w, "inputs");
    for (uint32_t i = 0; i < stage->input_count; i++) {
        json_str(w, stage->inputs[i].path.text);
    }
    if (stage->settings->std_in.given) {
        json_str(w, stage->settings->std_in.text);
    }
    if (stage->settings->each != NULL) {
        json_str(w, stage->settings->each->source.text);
    }
    json_array_end(w);
    json_field_array(w, "outputs");
    for (uint32_t i = 0; i < stage->output_count; i++) {
        json_str(w, stage->outputs[i].path.text);
    }
    if (stage->settings->std_out.given) {
        json_str(w, stage->settings->std_out.text);
    }
    if (stage->settings->dead_letter.given) {
        json_str(w, stage->settings->dead_letter.text);
    }
    json_array_end(w);
    json_field_array(w, "needs");
    for (uint32_t i = 0; i < stage->needs.count; i++) {
        json_str(w, stage->needs.items[i].text);
    }
    json_array_end(w);
}

static void list_json_stage(struct list_show *show, const struct plan_stage *stage)
{
    struct json_writer *w = &show->w;
    const struct m_stage *source = stage->source;

    json_object_begin(w);
    json_field_str(w, "stage", stage->name);
    if (source->settings->desc.given) {
        json_field_str(w, "desc", source->settings->desc.text);
    }
    json_field_object(w, "axes");
    for (uint32_t a = 0; a < source->settings->axis_count; a++) {
        json_key(w, source->settings->axes[a].name);
        json_array_begin(w);
        list_axis_values(show, stage, a, list_json_value, w);
        json_array_end(w);
    }
    json_object_end(w);
    list_json_files(w, source);
    json_field_array(w, "instances");
    for (uint32_t i = 0; i < stage->instance_count; i++) {
        if (show->selected[stage->instances_first + i]) {
            json_str(w, show->plan->instances[stage->instances_first + i].name);
        }
    }
    json_array_end(w);
    json_object_end(w);
}

/* --- the command --- */

static void list_show_all(struct list_show *show)
{
    show->w = json_writer_of(&show->cli->out, JSON_PRETTY);
    if (show->cli->json) {
        json_array_begin(&show->w);
    }
    for (uint32_t i = 0; i < show->plan->stage_count; i++) {
        const struct plan_stage *stage = &show->plan->stages[i];

        if (!show->all && list_count(show, stage) == 0) {
            continue;
        }
        if (show->cli->json) {
            list_json_stage(show, stage);
        } else {
            list_stage(show, stage);
        }
    }
    if (show->cli->json) {
        json_array_end(&show->w);
        strbuf_putc(&show->cli->out, '\n');
    }
}

static int list_open(struct cli *cli, struct place *place)
{
    uint32_t count = place->session.plan.instance_count;
    uint8_t *selected = ARENA_ARRAY(&cli->arena, uint8_t, count);
    struct list_show show = {.cli = cli,
                             .plan = &place->session.plan,
                             .selected = selected,
                             .all = cli->operands.count == 0};
    struct err err = {0};

    for (uint32_t i = 0; show.all && i < count; i++) {
        selected[i] = 1;
    }
    if (!targets_select_all(&place->session, &place->cli->operands, selected, &err)) {
        return cli_fail(&err);
    }
    list_show_all(&show);
    return STATUS_OK;
}

int cmd_list(struct cli *cli)
{
    struct place place;
    int status = place_open(&place, cli, PLACE_PLAN, SESSION_LOOK);

    if (status == STATUS_OK) {
        status = list_open(cli, &place);
    }
    place_close(&place);
    return status;
}
