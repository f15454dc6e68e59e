/* Owns the choice of the display and the lines around it. */
#include "cmd/run_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/environment.h"
#include "run/judge.h"

static enum report_output run_show_output(int output)
{
    static const enum report_output outputs[] = {
        [CLI_OUTPUT_FAILED] = REPORT_OUTPUT_FAILED,
        [CLI_OUTPUT_STREAM] = REPORT_OUTPUT_STREAM,
        [CLI_OUTPUT_GROUP] = REPORT_OUTPUT_GROUP,
        [CLI_OUTPUT_NONE] = REPORT_OUTPUT_NONE,
    };

    return outputs[output];
}

/* The command as it was run: the string of a shell, or the words of an array. */
static void run_show_command(void *ctx, struct inst_id instance, struct strbuf *out)
{
    struct run_show *show = ctx;
    struct plan_command command;
    struct arena scratch;

    arena_init(&scratch);
    facts_command_of(show->facts, instance, &scratch, &command);
    if (command.shell && command.argc != 0) {
        strbuf_add_str(out, command.argv[command.argc - 1]);
    }
    for (uint32_t i = 0; !command.shell && i < command.argc; i++) {
        strbuf_puts(out, i == 0 ? "" : " ");
        strbuf_add_str(out, command.argv[i]);
    }
    arena_fini(&scratch);
}

static void run_show_why(void *ctx, struct inst_id instance, struct strbuf *out)
{
    struct run_show *show = ctx;
    struct arena scratch;
    struct reason reason;

    if (show->view.decide == NULL) {
        return;
    }
    arena_init(&scratch);
    reason_find(&show->view, instance, &scratch, &reason);
    strbuf_add_str(out, reason_text(&show->view, instance, &reason, &scratch));
    arena_fini(&scratch);
}

static enum run_display run_show_choose(const struct cli *cli)
{
    switch ((enum cli_progress)cli->progress) {
    case CLI_PROGRESS_TTY:
        return RUN_DISPLAY_TERMINAL;
    case CLI_PROGRESS_PLAIN:
        return RUN_DISPLAY_PLAIN;
    case CLI_PROGRESS_JSON:
        return RUN_DISPLAY_JSON;
    case CLI_PROGRESS_NONE:
        return RUN_DISPLAY_NONE;
    case CLI_PROGRESS_AUTO:
        break;
    }
    return sys_isatty(STDERR_FILENO) && !cli->quiet ? RUN_DISPLAY_TERMINAL : RUN_DISPLAY_PLAIN;
}

static struct observer run_show_open(struct run_show *show)
{
    const struct clock *clock = show->session->clock;

    switch (show->display) {
    case RUN_DISPLAY_PLAIN:
        plain_init(&show->plain, &show->options, &show->sink, clock);
        return plain_observer(&show->plain);
    case RUN_DISPLAY_TERMINAL:
        terminal_init(&show->terminal, &show->options, &show->sink, clock, terminal_size_of_fd,
                      &show->err_fd);
        return terminal_observer(&show->terminal);
    case RUN_DISPLAY_JSON:
        json_display_init(&show->json, &show->options, &show->sink, clock);
        return json_display_observer(&show->json);
    case RUN_DISPLAY_NONE:
        break;
    }
    bug("no display has no observer");
}

void run_show_watch(struct run_show *show, struct cli *cli, struct session *session,
                    struct recorder *recorder, struct facts *facts, const int64_t *duration_ns,
                    const uint8_t *scope, const struct report_slice *slice, uint32_t jobs)
{
    *show = (struct run_show){.cli = cli,
                              .session = session,
                              .recorder = recorder,
                              .facts = facts,
                              .err_fd = STDERR_FILENO,
                              .display = run_show_choose(cli)};
    show->sink = sink_of_fd(&show->out, STDERR_FILENO);
    show->options = (struct report_options){.plan = &session->plan,
                                            .duration_ns = duration_ns,
                                            .scope = scope,
                                            .slice = *slice,
                                            .limit = jobs,
                                            .runs_path = STR(""),
                                            .output = run_show_output(cli->output),
                                            .quiet = cli->quiet,
                                            .verbose = cli->verbose,
                                            .colored = cli_is_colored(cli, STDERR_FILENO),
                                            .ctx = show,
                                            .command = run_show_command,
                                            .why = run_show_why};
    if (show->display != RUN_DISPLAY_NONE) {
        struct observer observer = run_show_open(show);

        recorder_watch(recorder, &observer);
    }
}

void run_show_stream(void *ctx, struct inst_id instance, const char *data, size_t len)
{
    struct run_show *show = ctx;

    if (show->display == RUN_DISPLAY_PLAIN) {
        plain_stream(&show->plain, instance, data, len);
    } else if (show->display == RUN_DISPLAY_TERMINAL) {
        terminal_stream(&show->terminal, instance, data, len);
    }
}

void run_show_pause(void *ctx, bool pause)
{
    struct run_show *show = ctx;

    if (show->display != RUN_DISPLAY_TERMINAL) {
        return;
    }
    if (pause) {
        terminal_suspend(&show->terminal);
    } else {
        terminal_resume(&show->terminal);
    }
}

/* A command that fails for want of a variable: how many there are outside that it does not get. */
static void run_show_left_out(struct run_show *show)
{
    const struct run_state *state = &show->recorder->state;

    for (uint32_t i = 0; i < state->instance_count; i++) {
        const struct plan_instance *inst = &show->session->plan.instances[i];
        const struct m_stage *stage = plan_source(&show->session->plan, inst);
        uint32_t left_out = environment_left_out(stage);

        if (state->instances[i].state == INST_FAILED &&
            str_is(inst_told(&state->instances[i])->cause, "exit") && left_out != 0) {
            cli_warn("%u environment variables set outside are not passed to stage '%.*s'; name "
                     "those it needs in 'pass_env' ('env' lists all)",
                     left_out, STR_ARG(stage->name));
            return;
        }
    }
}

static void run_show_finish(struct run_show *show, const struct report_end *end)
{
    const struct run_state *state = &show->recorder->state;

    switch (show->display) {
    case RUN_DISPLAY_PLAIN:
        plain_finish(&show->plain, end, state);
        break;
    case RUN_DISPLAY_TERMINAL:
        terminal_finish(&show->terminal, end, state);
        break;
    case RUN_DISPLAY_JSON:
        json_display_finish(&show->json, end);
        break;
    case RUN_DISPLAY_NONE:
        break;
    }
}

void run_show_end(struct run_show *show, int status)
{
    struct report_end end = {.status = status, .run = show->recorder->run};
    struct digest head = event_log_head(show->recorder->log);
    char hex[DIGEST_HEX_BYTES + 1];

    end.head = str_of(digest_hex(&head, hex));
    run_show_finish(show, &end);
    if (status == STATUS_STAGE_FAILED && !show->cli->quiet && show->display != RUN_DISPLAY_JSON) {
        run_show_left_out(show);
    }
    if (show->out.error != 0 && show->cli->out_err.status == 0) {
        err_errno(&show->cli->out_err, show->out.error, "progress cannot be written");
    }
}

void run_show_fini(struct run_show *show)
{
    switch (show->display) {
    case RUN_DISPLAY_PLAIN:
        plain_fini(&show->plain);
        break;
    case RUN_DISPLAY_TERMINAL:
        terminal_fini(&show->terminal);
        break;
    case RUN_DISPLAY_JSON:
        json_display_fini(&show->json);
        break;
    case RUN_DISPLAY_NONE:
        break;
    }
}

void run_show_nothing(uint32_t scope, uint32_t skipped, uint32_t orphans)
{
    struct strbuf line = {0};

    if (orphans != 0) {
        strbuf_printf(&line,
                      orphans == 1
                          ? "%u file that pawl made is declared by no stage now; 'pawl clean "
                            "--orphans' removes it\n"
                          : "%u files that pawl made are declared by no stage now; 'pawl clean "
                            "--orphans' removes them\n",
                      orphans);
    }
    strbuf_printf(&line, "everything is up to date (%u instance%s", scope - skipped,
                  scope - skipped == 1 ? "" : "s");
    if (skipped != 0) {
        strbuf_printf(&line, ", %u skipped", skipped);
    }
    strbuf_puts(&line, ")\n");
    sys_write_full(STDERR_FILENO, line.data, line.len);
    strbuf_fini(&line);
}

static void run_show_warning(struct strbuf *out, struct str instance, const struct judge_row *row)
{
    strbuf_printf(out, "warning   %.*s: %s '%.*s' does not pass: %.*s\n", STR_ARG(instance),
                  row->kind == CHECK_GATE ? "gate" : "validation", STR_ARG(row->name),
                  STR_ARG(row->reason));
}

void run_show_warnings(struct facts *facts)
{
    struct strbuf out = {0};
    struct judgement judgement;
    struct arena arena;

    arena_init(&arena);
    for (uint32_t i = 0; i < facts->plan->instance_count; i++) {
        if (!facts->instances[i].warned) {
            continue;
        }
        arena_reset(&arena);
        facts_judge(facts, (struct inst_id){i}, &arena, &judgement);
        for (uint32_t k = 0; k < judgement.count; k++) {
            run_show_warning(&out, facts->plan->instances[i].name, &judgement.rows[k]);
        }
    }
    sys_write_full(STDERR_FILENO, out.data, out.len);
    strbuf_fini(&out);
    arena_fini(&arena);
}

void run_show_kept(const struct recovered *recovered)
{
    sys_write_full(STDERR_FILENO, recovered->kept.data, recovered->kept.len);
}

void run_show_recovered(const struct recovered *recovered, bool goes_on)
{
    struct strbuf line = {0};

    strbuf_printf(&line, "run %s was interrupted: %u attempt%s cleaned up, %u of %u done, %s\n",
                  recovered->run.text, recovered->attempts, recovered->attempts == 1 ? "" : "s",
                  recovered->done, recovered->instances,
                  goes_on ? "going on" : "a new run takes its place");
    sys_write_full(STDERR_FILENO, line.data, line.len);
    strbuf_fini(&line);
}
