/* Owns the start and the end of the process that works a stream, as an attempt. */
#include "run/stream_attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"

/* What an attempt has of it. */
struct stream_run {
    struct attempt *attempt;
    int fd; /* of its channel; -1: closed */
    struct loop_source source;
    struct strbuf bytes;
    struct stream_word end;
    bool has_end;
    const struct stream_way_spec *ways;
    uint32_t way_count;
};

enum { STREAM_CHANNEL_READ_BYTES = 4096, STREAM_MORE_FDS = 16 };

/* --- the spec --- */

void stream_setup_init(struct stream_setup *setup, const struct spawn_fd *fds, size_t count)
{
    setup->fds = ARENA_ARRAY(setup->arena, struct spawn_fd, count + STREAM_MORE_FDS);
    setup->next_fd = 3;
    setup->spec_fd = -1;
    for (size_t i = 0; i < count; i++) {
        setup->fds[setup->fd_count++] = fds[i];
        if (fds[i].to >= setup->next_fd) {
            setup->next_fd = fds[i].to + 1;
        }
    }
}

int stream_setup_give(struct stream_setup *setup, int fd)
{
    VEC_PUSH(&setup->ours, fd);
    setup->fds[setup->fd_count++] = (struct spawn_fd){fd, setup->next_fd};
    return setup->next_fd++;
}

void stream_setup_fini(struct stream_setup *setup)
{
    VEC_EACH (fd, &setup->ours) {
        sys_close(*fd);
    }
    VEC_FREE(&setup->ours);
}

static bool stream_field_is_of_stream(struct str name)
{
    static const char *const prefixes[] = {"each ", "stream", "output ", "stdout ", "dead_letter "};

    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (str_has_prefix(name, str_of(prefixes[i]))) {
            return true;
        }
    }
    return false;
}

/* Everything that can change what an item gives, but the item. What acts on the world outside is
 * done anew in each run, and, where it can be undone, by each attempt. */
static struct digest stream_key(const struct stream_setup *setup, const struct key_fields *of,
                                struct str variant)
{
    const struct plan_instance *inst = &setup->executor->plan->instances[setup->instance.n];
    struct key_fields fields;

    key_fields_init(&fields, setup->arena);
    for (uint32_t i = 0; i < of->count; i++) {
        const struct key_field *field = &of->items[i];

        if (!stream_field_is_of_stream(field->name)) {
            key_fields_add(&fields, field->name, field->value);
        }
    }
    key_fields_add(&fields, STR("instance"), inst->name);
    if (variant.len != 0) {
        /* Also where its command is that of the stage: each way has a log of its own. */
        key_fields_add(&fields, STR("variant"), variant);
    }
    if (setup->executor->plan->streams[inst->stream - 1].kind == M_EACH_FILES) {
        /* A line of the same bytes has a line break, and no name. */
        key_fields_add(&fields, STR("items"), STR("files"));
    }
    if (inst->compensates) {
        key_fields_add(&fields, STR("attempt"), setup->attempt_id);
    } else if (inst->no_cache) {
        key_fields_add(&fields, STR("run"), setup->executor->recorder->run);
    }
    return key_fields_digest(&fields);
}

static void stream_strings(const char *const *list, struct arena *arena, struct str **items,
                           uint32_t *count)
{
    *count = 0;
    while (list != NULL && list[*count] != NULL) {
        (*count)++;
    }
    *items = ARENA_ARRAY(arena, struct str, *count + 1);
    for (uint32_t i = 0; i < *count; i++) {
        (*items)[i] = str_of(list[i]);
    }
}

static bool stream_shell(struct stream_setup *setup, const struct plan_command *command,
                         const char *const *envp, struct stream_command *shell, struct err *err)
{
    shell->argv = command->argv;
    shell->argc = command->argc;
    stream_strings(envp, setup->arena, &shell->envp, &shell->envc);
    return spawn_find(setup->arena, command->argv[0], environment_path(envp),
                      command->dir.len != 0 ? command->dir.data : NULL, &shell->program, err);
}

static void stream_direct(struct stream_setup *setup, const struct plan_command *command,
                          const char *const *envp, struct stream_command *direct)
{
    struct spawn spawn = {
        .envp = envp, .dir = command->dir.len != 0 ? command->dir.data : NULL, .tty_fd = -1};

    direct_expect_many(&setup->executor->direct);
    if (!direct_prepare(&setup->executor->direct, command, setup->arena, &spawn)) {
        return;
    }
    direct->program = str_of(spawn.program);
    stream_strings(spawn.sooner, setup->arena, &direct->sooner, &direct->sooner_count);
    stream_strings(spawn.argv, setup->arena, &direct->argv, &direct->argc);
    stream_strings(spawn.envp, setup->arena, &direct->envp, &direct->envc);
}

/* `number`: of plan->breakers and 1; 0: it has none. */
static void stream_breaker(const struct stream_setup *setup, uint32_t number,
                           struct stream_way_spec *way)
{
    const struct executor *executor = setup->executor;

    if (number != 0 && executor->breakers != NULL) {
        const struct breaker *breaker = &executor->breakers->items[number - 1];

        way->has_breaker = true;
        way->breaker_number = number - 1;
        way->breaker = executor->plan->breakers[number - 1];
        way->breaker_state = breaker->state;
        way->breaker_opened_ns = breaker->opened_ns;
    }
}

static bool stream_way(struct stream_setup *setup, const struct plan_command *command,
                       const struct key_fields *fields, const char *const *envp,
                       struct stream_way_spec *way, struct err *err)
{
    way->key = stream_key(setup, fields, way->variant);
    way->dir = command->dir;
    stream_direct(setup, command, envp, &way->direct);
    return stream_shell(setup, command, envp, &way->shell, err);
}

static bool stream_variant(struct stream_setup *setup, const struct inst_variant *of,
                           struct stream_way_spec *way, struct err *err)
{
    const struct plan *plan = setup->executor->plan;
    const struct m_variant *variant = of->variant;
    const struct m_breaker *breaker =
        variant->breaks ? manifest_breaker(plan->manifest, variant->stage.settings->breaker.name)
                        : NULL;
    const char *const *envp;

    way->variant = variant->name;
    way->flag = variant->flag->name;
    way->percent = variant->flag->percent;
    way->fallback = variant->fallback;
    if (breaker != NULL) {
        stream_breaker(setup, (uint32_t)(breaker - plan->manifest->breakers) + 1, way);
    }
    return environment_build(&setup->executor->frame, &variant->stage, &of->command, setup->about,
                             setup->arena, &envp, err) &&
           stream_way(setup, &of->command, &of->fields, envp, way, err);
}

/* Of what its items give so. What stands in for a variant that failed has that one's key as an
 * instance, but its items are worked by the stage's own command. */
static bool stream_own_fields(struct stream_setup *setup, struct key_fields *fields,
                              struct err *err)
{
    const struct plan_instance *inst = &setup->executor->plan->instances[setup->instance.n];
    struct inst_reads own;

    *fields = setup->reads->fields;
    if (inst->left != PLAN_LEFT_FAILED) {
        return true;
    }
    if (!facts_own_reads_of(setup->executor->facts, setup->instance, setup->arena, &own)) {
        return err_set(err, own.lack_status, "%.*s", STR_ARG(own.lack));
    }
    *fields = own.fields;
    return true;
}

static bool stream_ways(struct stream_setup *setup, struct err *err)
{
    const struct inst_reads *reads = setup->reads;
    struct stream_spec *spec = &setup->spec;
    struct key_fields fields;
    bool ok;

    spec->ways = ARENA_ARRAY(setup->arena, struct stream_way_spec, reads->variant_count + 1);
    stream_breaker(setup, spec->rule.breaker, &spec->ways[spec->way_count]);
    ok = stream_own_fields(setup, &fields, err) &&
         stream_way(setup, &reads->command, &fields, setup->envp, &spec->ways[spec->way_count++],
                    err);
    for (uint32_t i = 0; ok && i < reads->variant_count; i++) {
        ok = stream_variant(setup, &reads->variants[i], &spec->ways[spec->way_count++], err);
    }
    return ok;
}

static bool stream_watch(struct stream_setup *setup, const struct read_fact *read,
                         struct stream_watched *file, struct err *err)
{
    const struct plan_input *input = &setup->executor->plan->inputs[read->input];
    struct source_fact source;

    *file = (struct stream_watched){.path = read->path,
                                    .signature = read->signature,
                                    .firm = read->firm,
                                    .has_digest = !read->link && input->key_count == 0,
                                    .digest = read->digest};
    if (read->has_signature) {
        return true;
    }
    if (!source_look(setup->executor->session, read->path, true, false, &source, err)) {
        return false;
    }
    if (source.folder) {
        /* An empty one: whatever comes into it is seen at the end. */
        setup->spec.watched_count--;
        return true;
    }
    file->signature = source.signature;
    file->firm = source.firm;
    return !file->has_digest || digest_equal(&source.digest, &read->digest) ||
           err_set(err, STATUS_ENVIRONMENT, "'%.*s' is no more what its stage made",
                   STR_ARG(read->path));
}

bool stream_setup_watch(struct stream_setup *setup, struct err *err)
{
    const struct inst_reads *reads = setup->reads;
    struct stream_spec *spec = &setup->spec;

    spec->watched = ARENA_ARRAY(setup->arena, struct stream_watched, reads->count);
    for (uint32_t i = 0; i < reads->count; i++) {
        if (!setup->executor->plan->inputs[reads->items[i].input].is_each &&
            !stream_watch(setup, &reads->items[i], &spec->watched[spec->watched_count++], err)) {
            return false;
        }
    }
    return true;
}

bool stream_setup_spec(struct stream_setup *setup, struct err *err)
{
    const struct executor *executor = setup->executor;
    const struct plan *plan = executor->plan;
    const struct plan_instance *inst = &plan->instances[setup->instance.n];
    struct stream_spec *spec = &setup->spec;

    spec->stage = plan->stages[inst->stage.n].name;
    spec->instance = inst->name;
    spec->attempt_id = setup->attempt_id;
    spec->rule = plan->streams[inst->stream - 1];
    if (spec->rule.retry != 0 && !executor->no_retry) {
        spec->retry = plan->retries[spec->rule.retry];
    }
    spec->grace_ns = inst->grace_ns;
    spec->channel_fd = spec->source_fd = -1;
    spec->lives_fd = executor->session->lives.fd;
    for (uint32_t i = 0; i < inst->output_count; i++) {
        spec->has_stdout |= plan->outputs[inst->outputs_first + i].is_stdout;
    }
    spec->one_by_one = inst->compensates || inst->no_cache || !spec->has_stdout;
    spec->last_only = inst->last_only;
    spec->afresh = executor->facts->options.forced != NULL &&
                   executor->facts->options.forced[setup->instance.n];
    return stream_ways(setup, err) && stream_setup_watch(setup, err);
}

void stream_setup_links(struct stream_setup *setup)
{
    int fds[STREAM_LINKS_MOST];
    uint32_t count =
        setup->spec.has_stdout ? stream_earlies_start(setup->executor, setup->instance, fds) : 0;

    setup->spec.links = ARENA_ARRAY(setup->arena, int, count);
    for (uint32_t i = 0; i < count; i++) {
        setup->spec.links[setup->spec.link_count++] = stream_setup_give(setup, fds[i]);
    }
}

bool stream_setup_argv(struct stream_setup *setup, struct str argv[static 3], struct err *err)
{
    struct strbuf bytes = {0};
    bool ok;
    int fd = file_open_nameless(AT_FDCWD, ".pawl/tmp", err);

    if (fd < 0) {
        return false;
    }
    stream_spec_write(&setup->spec, &bytes);
    ok = file_write_all(fd, bytes.data, bytes.len) ||
         err_sys(err, "'.pawl/tmp': what a stream is to do cannot be written");
    strbuf_fini(&bytes);
    argv[0] = str_skip(setup->executor->frame.pawl, sizeof("PAWL=") - 1);
    argv[1] = STR("stream");
    argv[2] = str_printf(setup->arena, "%d", stream_setup_give(setup, fd));
    return ok;
}

/* --- its words --- */

static void stream_run_close(struct stream_run *run)
{
    if (run->fd >= 0) {
        loop_remove(&run->attempt->executor->loop, &run->source);
        sys_close(run->fd);
        run->fd = -1;
    }
}

static void stream_take_word(struct stream_run *run, const struct stream_word *word)
{
    struct attempt *attempt = run->attempt;
    struct executor *executor = attempt->executor;
    struct note note = {.kind = NOTE_BREAKER, .instance = attempt->instance};

    if (word->kind == STREAM_ENDED) {
        run->end = *word;
        run->end.reason = str_dup(&attempt->arena, word->reason);
        run->has_end = true;
    } else if (word->kind == STREAM_BREAKER && word->breaker < executor->plan->breaker_count) {
        note.breaker = word->breaker;
        note.breaker_state = word->state;
        note.opened_ns = word->opened_ns;
        note.event.reason =
            word->state == BREAKER_OPEN
                ? str_printf(&executor->note_arena, "too many items of '%.*s' failed",
                             STR_ARG(attempt->inst->name))
                : STR("");
        executor_note(executor, &note);
    }
}

/* Takes what is there. False: the channel has ended. */
static bool stream_run_read(struct stream_run *run)
{
    struct str rest;
    struct stream_word word;
    ssize_t got;

    do {
        got = sys_read(run->fd, strbuf_reserve(&run->bytes, STREAM_CHANNEL_READ_BYTES),
                       STREAM_CHANNEL_READ_BYTES);
        run->bytes.len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    rest = strbuf_str(&run->bytes);
    while (stream_word_take(&rest, &word)) {
        stream_take_word(run, &word);
    }
    memmove(run->bytes.data, rest.data, rest.len);
    run->bytes.len = rest.len;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void stream_on_channel(void *ctx, unsigned events)
{
    struct stream_run *run = ctx;

    (void)events;
    if (!stream_run_read(run)) {
        stream_run_close(run);
    }
}

static bool stream_open_channel(struct attempt *attempt, struct stream_setup *setup,
                                struct err *err)
{
    struct stream_run *run = ARENA_NEW(&attempt->arena, struct stream_run);
    int ends[2];

    *run = (struct stream_run){.attempt = attempt, .fd = -1};
    run->source.fd = -1;
    attempt->stream = run;
    if (sys_pipe(ends, 0) != 0) {
        return err_sys(err, "no pipe can be made");
    }
    run->fd = ends[0];
    setup->spec.channel_fd = stream_setup_give(setup, ends[1]);
    return (sys_set_nonblock(run->fd, true) == 0 || err_sys(err, "a pipe cannot be set up")) &&
           loop_add(&attempt->executor->loop, &run->source, run->fd, LOOP_READ, stream_on_channel,
                    run, err);
}

/* --- the attempt --- */

static void stream_attempt_spec(struct attempt *attempt, struct stream_setup *setup)
{
    const struct plan *plan = attempt->executor->plan;
    struct stream_spec *spec = &setup->spec;

    spec->workers = spec->rule.workers != 0 ? spec->rule.workers : attempt->cpus;
    spec->paths = ARENA_ARRAY(&attempt->arena, struct str, attempt->what.count);
    for (uint32_t i = 0; i < attempt->what.count; i++) {
        if (plan->inputs[attempt->what.items[i].input].is_each) {
            spec->paths[spec->path_count++] = attempt->what.items[i].path;
        }
    }
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (plan->outputs[attempt->outputs[i].output].is_dead) {
            spec->dead_path = attempt->outputs[i].path;
        }
    }
}

bool stream_attempt_start(struct attempt *attempt, const struct environment_attempt *about,
                          struct spawn *spawn, struct err *err)
{
    struct stream_setup setup = {.executor = attempt->executor,
                                 .instance = attempt->instance,
                                 .reads = &attempt->what,
                                 .about = about,
                                 .envp = spawn->envp,
                                 .arena = &attempt->arena,
                                 .attempt_id = attempt->id};
    struct str argv[3];
    const char **words = ARENA_ARRAY(&attempt->arena, const char *, 4);
    bool ok;

    stream_setup_init(&setup, spawn->fds, spawn->fd_count);
    ok = stream_setup_spec(&setup, err) && stream_open_channel(attempt, &setup, err);
    if (ok) {
        stream_attempt_spec(attempt, &setup);
        attempt->stream->ways = setup.spec.ways;
        attempt->stream->way_count = setup.spec.way_count;
        stream_setup_links(&setup);
        ok = stream_setup_argv(&setup, argv, err);
    }
    if (ok) {
        for (unsigned i = 0; i < 3; i++) {
            words[i] = argv[i].data;
        }
        spawn->program = words[0];
        spawn->argv = words;
        spawn->dir = NULL;
        spawn->fds = setup.fds;
        spawn->fd_count = setup.fd_count;
        spawn->fds_stay = false;
        spawn->early = NULL;
        ok = spawn_start(spawn, &attempt->child, NULL, err);
    }
    stream_setup_fini(&setup);
    return ok;
}

bool stream_attempt_ended(struct attempt *attempt)
{
    struct stream_run *run = attempt->stream;

    if (run == NULL) {
        return false;
    }
    if (run->fd >= 0) {
        stream_run_read(run);
    }
    stream_run_close(run);
    if (run->has_end) {
        attempt->cause = run->end.cause;
        attempt->reason = run->end.reason;
        if (attempt->cause == CAUSE_UNSETTLED) {
            attempt->changed_path = run->end.reason;
            attempt->reason = str_printf(&attempt->arena, "input '%.*s' changed while it ran",
                                         STR_ARG(run->end.reason));
            commit_note_changed(attempt);
        }
        attempt->end.exit_code = run->end.exit_code;
        attempt->end.signal = run->end.signal;
    }
    return run->has_end;
}

void stream_attempt_forget(const struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->what.count; i++) {
        if (str_equal(attempt->what.items[i].path, attempt->changed_path)) {
            return;
        }
    }
    for (uint32_t i = 0; attempt->stream != NULL && i < attempt->stream->way_count; i++) {
        stream_way_forget(&attempt->stream->ways[i].key);
    }
}

void stream_attempt_free(struct attempt *attempt)
{
    if (attempt->stream != NULL) {
        stream_run_close(attempt->stream);
        strbuf_fini(&attempt->stream->bytes);
        attempt->stream = NULL;
    }
}
