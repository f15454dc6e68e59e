/* Owns the digests of tools: programs found on PATH by their bytes, `{ run = … }` by what they
 * print. Each is asked once for a session. */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "os/spawn.h"
#include "model/template.h"
#include "run/environment.h"
#include "run/facts.h"
#include "run/probe.h"

enum { TOOLS_OUTPUT_BYTES = 1 << 20 };

static uint32_t tools_new(struct facts *facts, struct str name)
{
    uint32_t number = facts->tool_count++;

    if (number == facts->tool_cap) {
        facts->tool_cap = facts->tool_cap * 2 + 8;
        facts->tools = mem_realloc(facts->tools, facts->tool_cap, sizeof(*facts->tools));
        facts->tool_problems =
            mem_realloc(facts->tool_problems, facts->tool_cap, sizeof(*facts->tool_problems));
    }
    facts->tools[number] = (struct digest){{0}};
    facts->tool_problems[number] = STR_NONE;
    map_put(&facts->tool_numbers, str_dup(&facts->arena, name), number);
    return number;
}

static void tools_hash_program(struct facts *facts, struct str name, uint32_t number)
{
    struct str program;
    struct source_fact source;
    struct err err = {0};

    program = consulted_program(&facts->session->consulted, name, &facts->arena, &err);
    if (program.len == 0) {
        facts->tool_problems[number] =
            str_printf(&facts->arena, "tool '%.*s': %s", STR_ARG(name), err.text);
        return;
    }
    if (!facts_source(facts, program, &source) || !source.exists || source.folder) {
        facts->tool_problems[number] =
            str_printf(&facts->arena, "tool '%.*s' cannot be read", STR_ARG(program));
        return;
    }
    facts->tools[number] = source.digest;
}

static void tools_hash_printed(struct facts *facts, struct str command, uint32_t number)
{
    struct str argv[] = {STR("/bin/sh"), STR("-c"), command};
    struct strbuf out = {0};
    struct err err = {0};
    int exit_code = 0;

    /* What it prints can only be known by running it. */
    facts->session->consulted.unsure = true;
    if (!probe_run(facts->session, argv, 3, TOOLS_OUTPUT_BYTES, &out, &exit_code, &err)) {
        facts->tool_problems[number] =
            str_printf(&facts->arena, "tool `%.*s`: %s", STR_ARG(command), err.text);
    } else if (exit_code != 0) {
        facts->tool_problems[number] =
            str_printf(&facts->arena, "tool `%.*s` exits with %d: %.*s", STR_ARG(command),
                       exit_code, STR_ARG(str_trim(str_head(strbuf_str(&out), 200))));
    } else {
        facts->tools[number] = sha256_of(out.data, out.len);
    }
    strbuf_fini(&out);
}

static bool tools_field(struct facts *facts, struct str asked, bool printed,
                        struct key_fields *fields, struct str *problem)
{
    struct str name = printed ? str_printf(fields->arena, "tool `%.*s`", STR_ARG(asked))
                              : str_printf(fields->arena, "tool %.*s", STR_ARG(asked));
    uint32_t number = map_get(&facts->tool_numbers, name);

    if (number == MAP_MISSING) {
        number = tools_new(facts, name);
        if (printed) {
            tools_hash_printed(facts, asked, number);
        } else {
            tools_hash_program(facts, asked, number);
        }
    }
    *problem = facts->tool_problems[number];
    if (problem->len != 0) {
        return false;
    }
    key_fields_add(fields, name, digest_str(&facts->tools[number], fields->arena));
    return true;
}

bool facts_add_tools(struct facts *facts, const struct plan_command *command,
                     struct key_fields *fields, struct str *problem)
{
    if (!command->shell && command->argc != 0 &&
        !tools_field(facts, command->argv[0], false, fields, problem)) {
        return false;
    }
    for (uint32_t i = 0; i < command->tool_count; i++) {
        if (!tools_field(facts, command->tools[i], false, fields, problem)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < command->tool_run_count; i++) {
        if (!tools_field(facts, command->tool_runs[i], true, fields, problem)) {
            return false;
        }
    }
    return true;
}

bool facts_has_tools(struct facts *facts, const struct m_stage *stage, struct err *err)
{
    struct key_fields fields;
    struct str problem = STR_NONE;

    arena_reset(&facts->scratch);
    key_fields_init(&fields, &facts->scratch);
    for (uint32_t i = 0; i < stage->settings->tool_count; i++) {
        struct str name;

        if (stage->settings->tools[i].program.given &&
            template_is_literal(&stage->settings->tools[i].program, &name) &&
            !tools_field(facts, name, false, &fields, &problem)) {
            return err_set(err, STATUS_ENVIRONMENT, "stage '%.*s': %.*s", STR_ARG(stage->name),
                           STR_ARG(problem));
        }
    }
    return true;
}

bool facts_has_variables(struct facts *facts, const struct m_stage *stage, struct err *err)
{
    struct event_strs passed;

    arena_reset(&facts->scratch);
    return environment_passed(stage, true, &facts->scratch, &passed, err) &&
           environment_passed(stage, false, &facts->scratch, &passed, err);
}
