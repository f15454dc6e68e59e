/* Owns the blocks of failures and what is shown of logs. Of a log only its end is read: a bounded
 * piece, whatever its size. */
#include "report/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/units.h"
#include "model/shellwords.h"
#include "report/checks.h"
#include "report/color.h"
#include "report/text.h"

enum {
    FAILURE_LINES = 20,
    FAILURE_TAIL_BYTES = 64 * 1024,
    FAILURE_LOG_BYTES = 1024 * 1024,
    FAILURE_LINE_COLUMNS = 500,
    FAILURE_COMMAND_COLUMNS = 2000
};

void failure_add_word(const struct report_options *options, const char *word, struct strbuf *out)
{
    static const struct {
        const char *word;
        enum color color;
    } colors[] = {
        {"done", COLOR_GOOD},      {"restored", COLOR_GOOD}, {"failed", COLOR_BAD},
        {"refused", COLOR_BAD},    {"unsettled", COLOR_BAD}, {"blocked", COLOR_WARN},
        {"cancelled", COLOR_WARN}, {"warning", COLOR_WARN},  {"kept", COLOR_WARN},
        {"differs", COLOR_WARN},   {"stopping", COLOR_WARN}, {"again", COLOR_WARN},
        {"lost", COLOR_WARN},      {"orphans", COLOR_WARN},
    };
    enum color color = COLOR_PLAIN;
    size_t len = strlen(word);

    for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++) {
        if (strcmp(colors[i].word, word) == 0) {
            color = colors[i].color;
        }
    }
    color_add(out, options->colored, color, str_of(word));
    strbuf_printf(out, "%*s", (int)(len < 9 ? 10 - len : 1), "");
}

static void failure_log_path(const struct report_options *options, const struct event *event,
                             struct strbuf *path)
{
    struct str runs = options->runs_path.len != 0 ? options->runs_path : STR(".pawl/runs");

    strbuf_printf(path, "%.*s/%.*s/%.*s", STR_ARG(runs), STR_ARG(event->run), STR_ARG(event->log));
}

/* Appends at most the last `limit` bytes of a file; `*cut` tells that there are more. 0 or errno.
 */
static int failure_read_end(const char *path, size_t limit, struct strbuf *text, bool *cut)
{
    struct sys_stat stat;
    int fd = sys_open(path, O_RDONLY | O_NONBLOCK, 0), error = 0;
    int64_t offset;
    ssize_t got;

    if (fd < 0) {
        return errno;
    }
    if (sys_fstat(fd, &stat) != 0) {
        error = errno;
        sys_close(fd);
        return error;
    }
    offset = stat.size_bytes > limit ? (int64_t)(stat.size_bytes - limit) : 0;
    *cut = offset != 0;
    got = sys_pread_full(fd, strbuf_reserve(text, limit), limit, offset);
    if (got < 0) {
        error = errno;
    } else {
        text->len += (size_t)got;
        text->data[text->len] = '\0';
    }
    sys_close(fd);
    return error;
}

/* The last `count` lines; `*more` when there are others before. */
static struct str failure_last_lines(struct str text, unsigned count, bool *more)
{
    size_t at = text.len;

    while (at > 0 && text.data[at - 1] == '\n') {
        at--;
    }
    text.len = at;
    for (; at > 0; at--) {
        if (text.data[at - 1] == '\n' && --count == 0) {
            *more = true;
            break;
        }
    }
    return str_skip(text, at);
}

static void failure_add_lines(struct str text, struct strbuf *out)
{
    struct strbuf clean = {0};
    struct str line;

    while (str_split(&text, '\n', &line)) {
        strbuf_clear(&clean);
        text_add_harmless(&clean, line);
        strbuf_puts(out, "    | ");
        text_add_cut(out, strbuf_str(&clean), FAILURE_LINE_COLUMNS);
        strbuf_putc(out, '\n');
    }
    strbuf_fini(&clean);
}

/* `lines` 0: all of the end that was read. */
static void failure_show_log(const struct report_options *options, const struct event *event,
                             size_t bytes, unsigned lines, struct strbuf *out)
{
    struct strbuf path = {0}, text = {0};
    bool cut = false;
    struct str end;
    int error;

    failure_log_path(options, event, &path);
    error = failure_read_end(path.data, bytes, &text, &cut);
    end = lines != 0 ? failure_last_lines(strbuf_str(&text), lines, &cut)
                     : str_trim(strbuf_str(&text));
    strbuf_puts(out, cut ? "  last lines of " : "  log ");
    text_add_inline(out, strbuf_str(&path));
    if (error != 0) {
        strbuf_printf(out, " cannot be read: %s\n", strerror(error));
    } else {
        strbuf_puts(out, ":\n");
        failure_add_lines(end, out);
    }
    strbuf_fini(&path);
    strbuf_fini(&text);
}

void failure_add_log(const struct report_options *options, const struct event *event,
                     struct strbuf *out)
{
    if (event->log.len != 0) {
        failure_show_log(options, event, FAILURE_LOG_BYTES, 0, out);
    }
}

static void failure_show_words(const struct plan_command *command, struct strbuf *out)
{
    for (uint32_t i = 0; i < command->argc; i++) {
        strbuf_puts(out, i == 0 ? "" : " ");
        if (shell_is_safe(command->argv[i])) {
            strbuf_add_str(out, command->argv[i]);
        } else {
            shell_quote(command->argv[i], out);
        }
    }
}

/* What the plan alone knows: not that of an instance whose inputs stages make. */
static void failure_plan_command(const struct plan *plan, uint32_t number, struct strbuf *out)
{
    struct plan_command command;
    struct arena scratch;

    if (plan->instances[number].dynamic) {
        return;
    }
    arena_init(&scratch);
    if (plan_command(plan, (struct inst_id){number}, NULL, &scratch, &command, NULL)) {
        if (command.shell && command.argc != 0) {
            strbuf_add_str(out, command.argv[command.argc - 1]);
        } else {
            failure_show_words(&command, out);
        }
    }
    arena_fini(&scratch);
}

static void failure_add_command(const struct report_options *options, const struct event *event,
                                struct strbuf *out)
{
    struct strbuf text = {0};
    struct str rest, line;

    if (event->command.len != 0) {
        strbuf_add_str(&text, event->command);
    } else if (options->command != NULL) {
        options->command(options->ctx, (struct inst_id){event->number}, &text);
    } else if (options->plan != NULL && event->number < options->plan->instance_count) {
        failure_plan_command(options->plan, event->number, &text);
    }
    rest = str_trim(str_head(strbuf_str(&text), FAILURE_COMMAND_COLUMNS));
    if (rest.len != 0 && str_find(rest, '\n') < 0) {
        strbuf_puts(out, "  command: ");
        text_add_inline(out, rest);
        strbuf_putc(out, '\n');
    } else if (rest.len != 0) {
        strbuf_puts(out, "  command:\n");
        while (str_split(&rest, '\n', &line)) {
            strbuf_puts(out, "    ");
            text_add_harmless(out, line);
            strbuf_putc(out, '\n');
        }
    }
    strbuf_fini(&text);
}

static void failure_add_how(const struct event *event, struct strbuf *out)
{
    char took[UNITS_TEXT_BYTES];

    if (event->reason.len != 0) {
        text_add_inline(out, event->reason);
    } else if (event->signal > 0) {
        strbuf_printf(out, "killed by signal %" PRId64, event->signal);
    } else if (event->exit_code > 0) {
        strbuf_printf(out, "exit %" PRId64, event->exit_code);
    } else if (event->cause.len != 0) {
        text_add_inline(out, event->cause);
    } else {
        strbuf_puts(out, "no reason was given");
    }
    if (event->type == EVENT_ATTEMPT_FINISHED) {
        duration_format(event->wall_ns, took);
        strbuf_printf(out, ", after %s", took);
    }
    strbuf_putc(out, '\n');
}

/* What failed before it started has its place only in the plan. */
static void failure_add_place(const struct report_options *options, const struct event *event,
                              const struct run_state *state, struct strbuf *out)
{
    const struct plan *plan = options->plan;
    struct str place = event->place;
    struct arena scratch;

    arena_init(&scratch);
    if (place.len == 0 && event->number < state->instance_count) {
        place = state->instances[event->number].place;
    }
    if (place.len == 0 && plan != NULL && plan->diags != NULL &&
        event->number < plan->instance_count) {
        uint32_t stage = plan->instances[event->number].stage.n;

        place = diags_place_text(plan->diags, &scratch, plan->stages[stage].source->span);
    }
    if (place.len != 0) {
        strbuf_puts(out, "  at ");
        text_add_inline(out, place);
        strbuf_putc(out, '\n');
    }
    arena_fini(&scratch);
}

void failure_add(const struct report_options *options, const struct event *event,
                 const struct run_state *state, struct strbuf *out)
{
    bool ran = event->type == EVENT_ATTEMPT_FINISHED;
    bool unsettled = str_is(event->state, inst_state_name(INST_UNSETTLED));

    bool refused = event->type == EVENT_INSTANCE_REFUSED;

    failure_add_word(options, unsettled ? "unsettled" : refused ? "refused" : "failed", out);
    story_add_name(options->plan, state, event->number, out);
    strbuf_puts(out, ": ");
    failure_add_how(event, out);
    if (refused && event->number < state->instance_count) {
        checks_add_lines(inst_told(&state->instances[event->number]), out);
    }
    failure_add_place(options, event, state, out);
    if (!ran) {
        return;
    }
    failure_add_command(options, event, out);
    if (event->log.len == 0) {
        strbuf_puts(out, "  it printed nothing\n");
        return;
    }
    switch (options->output) {
    case REPORT_OUTPUT_FAILED:
        failure_show_log(options, event, FAILURE_TAIL_BYTES, FAILURE_LINES, out);
        return;
    case REPORT_OUTPUT_GROUP:
        failure_add_log(options, event, out);
        return;
    case REPORT_OUTPUT_STREAM:
    case REPORT_OUTPUT_NONE:
        break;
    }
    strbuf_puts(out, "  log ");
    failure_log_path(options, event, out);
    strbuf_putc(out, '\n');
}
