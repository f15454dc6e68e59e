/* Owns where result.json goes. */
#include "cmd/run_result.h"

#include <errno.h>
#include <fcntl.h>

#include "base/hex.h"
#include "base/path.h"
#include "cmd/run_variants.h"
#include "os/files.h"
#include "report/result_json.h"

/* Writes it piece by piece: of a hundred thousand instances it is 50 MB. */
struct run_result {
    const struct run_state *state;
    const struct result_options *options;
    int fd;
    int failed; /* errno of the first write that did; 0: none */
};

static void run_result_drain(void *ctx, struct strbuf *text)
{
    struct run_result *result = ctx;

    if (result->failed == 0 && !file_write_all(result->fd, text->data, text->len)) {
        result->failed = errno;
    }
    strbuf_clear(text);
}

static bool run_result_write_fd(void *ctx, int fd)
{
    struct run_result *result = ctx;
    struct result_options options = *result->options;
    struct strbuf text = {0};

    result->fd = fd;
    result->failed = 0;
    options.drain = run_result_drain;
    options.drain_ctx = result;
    result_json(result->state, &options, &text);
    run_result_drain(result, &text);
    strbuf_fini(&text);
    errno = result->failed;
    return result->failed == 0;
}

static bool run_result_copy(struct cli *cli, struct session *session, struct run_result *result,
                            struct err *err)
{
    struct str path;

    if (cli->result_file == NULL) {
        return true;
    }
    path = path_join(&session->arena, session->prefix, str_of(cli->result_file));
    return file_write_replace_by(AT_FDCWD, path.data, run_result_write_fd, result, 0666, false,
                                 err);
}

bool run_result_write(struct cli *cli, struct recorder *recorder,
                      const struct report_options *shown, int status, struct err *err)
{
    struct digest head = event_log_head(recorder->log);
    char hex[DIGEST_HEX_BYTES + 1];
    struct result_options options = {.plan = &recorder->session->plan,
                                     .scope = shown->scope,
                                     .slice = shown->slice,
                                     .status = status,
                                     .head = str_of(digest_hex(&head, hex))};
    struct run_result result = {.state = &recorder->state, .options = &options};

    return file_write_replace_by(recorder->dir_fd, "result.json", run_result_write_fd, &result,
                                 SYS_OWN_FILE, false, err) &&
           run_result_copy(cli, recorder->session, &result, err);
}

static void run_result_set(struct run_state *state, enum event_type type, const uint8_t *scope,
                           const uint8_t *skipped, bool wanted)
{
    struct event event = {.type = type, .time_ns = state->started_at_ns};

    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (scope[i] && (skipped[i] != 0) == wanted) {
            event_ids_add(&event.ids, &state->arena, i);
        }
    }
    run_state_apply(state, &event, NULL);
}

bool run_result_write_nothing(struct run_call *call, struct event *first, const uint8_t *skipped,
                              struct err *err)
{
    struct session *session = &call->session;
    const uint8_t *scope = call->request.scope;
    struct result_options options = {.plan = &session->plan, .scope = scope};
    struct event last = {.type = EVENT_RUN_COMPLETED, .reason = STR("ok")};
    struct run_state state;
    struct run_result result = {.state = &state, .options = &options};
    bool ok;

    if (call->cli->result_file == NULL) {
        return true;
    }
    run_state_init(&state);
    first->type = EVENT_RUN_STARTED;
    first->time_ns = last.time_ns = clock_real_ns(session->clock);
    run_state_apply(&state, first, NULL);
    run_result_set(&state, EVENT_INSTANCES_UP_TO_DATE, scope, skipped, false);
    run_result_set(&state, EVENT_INSTANCES_SKIPPED, scope, skipped, true);
    run_apply_variants(call, &state);
    run_state_apply(&state, &last, NULL);
    ok = run_result_copy(call->cli, session, &result, err);
    run_state_fini(&state);
    return ok;
}
