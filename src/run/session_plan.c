/* Owns reading the manifest with its companions, and the digests of manifest and plan. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/units.h"
#include "model/flag.h"
#include "model/toml.h"
#include "os/files.h"
#include "run/session.h"
#include "run/sources.h"
#include "run/version.h"

/* `name` is how messages call the file. NULL: errors are in diags. The text lies in the session;
 * the tree, but for its strings, in `tree`. `part` NULL: the whole of it. */
static struct toml_value *session_read_toml(struct session *session, const char *path,
                                            struct str name, const struct session_part *part,
                                            struct arena *tree, struct err *err)
{
    static const struct session_part whole = {.gaps = NULL};
    struct strbuf *text = &session->texts[session->text_count];
    uint16_t source;

    assert(session->text_count < SESSION_TEXTS);
    session->text_count++;
    part = part != NULL ? part : &whole;
    if (session->text_count == 1 && session->options.manifest.data != NULL) {
        strbuf_add_str(text, session->options.manifest);
        session->consulted.unsure = true;
    } else if (!consulted_read_between(&session->consulted, str_of(path), LIMIT_TOML_BYTES,
                                       part->gaps, part->gap_count, text, err)) {
        return NULL;
    }
    source = diags_add_source(&session->diags, name, strbuf_str(text));
    diags_set_parts(&session->diags, source, part->parts, part->part_count);
    return toml_parse_between(tree, &session->arena, strbuf_str(text), part->gaps, part->gap_count,
                              source, &session->diags);
}

/* Those of the file first, so that -p wins. */
static bool session_collect_overrides(struct session *session, struct manifest_request *request,
                                      struct arena *trees, struct err *err)
{
    const struct session_options *options = &session->options;
    struct m_override *all;
    uint32_t count = 0;
    struct toml_value *file = NULL;

    if (options->params_file != NULL) {
        struct str path = path_join(&session->arena, session->prefix, str_of(options->params_file));

        file =
            session_read_toml(session, path.data, str_of(options->params_file), NULL, trees, err);
        if (file == NULL) {
            if (err->sys == ENOENT) {
                err->status = STATUS_USAGE;
            }
            return false;
        }
    }
    all = ARENA_ARRAY(&session->arena, struct m_override,
                      options->override_count + (file != NULL ? file->table->count : 0));
    if (file != NULL) {
        TOML_EACH(entry, file->table)
        {
            all[count++] = (struct m_override){
                .name = entry->key, .value = &entry->value, .span = entry->key_span};
        }
    }
    for (uint32_t i = 0; i < options->override_count; i++) {
        all[count++] = options->overrides[i];
    }
    request->overrides = all;
    request->override_count = count;
    request->flags = options->flags;
    request->flag_count = options->flag_count;
    return true;
}

static bool session_read_local(struct session *session, struct manifest_request *request,
                               struct arena *trees, struct err *err)
{
    struct str base = session->manifest_path;
    struct str name;

    if (str_has_suffix(base, STR(".toml"))) {
        base = str_head(base, base.len - 5);
    }
    name = str_concat(&session->arena, base, STR(".local.toml"));
    request->local = session_read_toml(session, name.data, name, NULL, trees, err);
    if (request->local == NULL && err->sys == ENOENT) {
        err_clear(err);
        return true;
    }
    return request->local != NULL;
}

/* `document` is for the manifest's tree alone, `trees` for those beside it. */
static bool session_read_trees(struct session *session, const struct session_part *part,
                               struct arena *document, struct arena *trees, struct err *err)
{
    struct manifest_request request = {.document_arena = document,
                                       .files_arena = &session->files,
                                       .file = session->manifest_path,
                                       .outlines = part != NULL ? part->outlines : NULL,
                                       .pawl_version = PAWL_VERSION_NUMBER};

    request.document = session_read_toml(session, session->manifest_path.data,
                                         session->manifest_path, part, document, err);
    if (request.document == NULL || !session_read_local(session, &request, trees, err) ||
        !session_collect_overrides(session, &request, trees, err)) {
        return false;
    }
    session->manifest_text = strbuf_str(&session->texts[0]);
    session->manifest_digest =
        part != NULL ? part->manifest
                     : sha256_of(session->manifest_text.data, session->manifest_text.len);
    return manifest_read(&session->manifest, &request, &session->arena, &session->diags) ||
           err_set(err, STATUS_MANIFEST, "the manifest is wrong");
}

bool session_read_manifest(struct session *session, struct err *err)
{
    return session_read_part(session, NULL, err);
}

bool session_read_part(struct session *session, const struct session_part *part, struct err *err)
{
    struct arena document;
    struct arena trees;

    err_clear(err);
    arena_init(&document);
    arena_init(&trees);
    session->manifest_read = session_read_trees(session, part, &document, &trees, err);
    arena_fini(&document);
    arena_fini(&trees);
    if (!session->manifest_read && err->status == 0) {
        err_set(err, STATUS_MANIFEST, "the manifest cannot be read");
    }
    return session->manifest_read;
}

int64_t session_timeout_ns(const struct session *session)
{
    int64_t timeout_ns = 0;

    if (!session->manifest.timeout.given ||
        duration_parse(session->manifest.timeout.text, &timeout_ns) != UNITS_FINE) {
        return 0;
    }
    return timeout_ns;
}

bool session_plan(struct session *session, struct err *err)
{
    return session_plan_slice(session, NULL, err);
}

bool session_plan_slice(struct session *session, const struct plan_slice *slice, struct err *err)
{
    struct plan_files files = session_plan_files(session);

    if (!plan_build_slice(&session->plan, &session->manifest, slice, &files, &session->arena,
                          &session->diags)) {
        plan_fini(&session->plan);
        session->plan = (struct plan){0};
        if (session->unseen.status != 0) {
            *err = session->unseen;
            return false;
        }
        return err_set(err, STATUS_MANIFEST, "the plan is wrong");
    }
    session->planned = true;
    return true;
}

static void session_param_text(const struct value *value, struct strbuf *out)
{
    if (!value_render(value, out)) {
        value_show(value, out);
    }
}

struct event_pairs session_params(struct session *session)
{
    struct event_pairs pairs = {
        ARENA_ARRAY(&session->arena, struct event_pair, session->manifest.param_count), 0};
    struct strbuf text = {0};

    for (uint32_t i = 0; i < session->manifest.param_count; i++) {
        const struct m_param *param = &session->manifest.params[i];

        strbuf_clear(&text);
        session_param_text(&param->value, &text);
        pairs.items[pairs.count++] =
            (struct event_pair){param->name, strbuf_dup(&text, &session->arena)};
    }
    strbuf_fini(&text);
    return pairs;
}

struct event_strs session_flags(struct session *session)
{
    const struct manifest *manifest = &session->manifest;
    struct event_strs flags = {ARENA_ARRAY(&session->arena, struct str, manifest->flag_count), 0};
    struct strbuf text = {0};

    for (uint32_t i = 0; i < manifest->flag_count; i++) {
        const struct m_flag *flag = &manifest->flags[i];

        if (flag->percent < flag->preset || flag->percent > flag->preset) {
            strbuf_clear(&text);
            strbuf_printf(&text, "%.*s=", STR_ARG(flag->name));
            flag_render(flag->percent, &text);
            flags.items[flags.count++] = strbuf_dup(&text, &session->arena);
        }
    }
    strbuf_fini(&text);
    return flags;
}

/* As they are for this call, whoever says so. */
static void session_digest_flags(const struct session *session, struct strbuf *bytes)
{
    for (uint32_t i = 0; i < session->manifest.flag_count; i++) {
        bytes_put_str(bytes, session->manifest.flags[i].name);
        bytes_put_f64(bytes, session->manifest.flags[i].percent);
    }
}

static uint32_t session_options_count(const struct event_pairs *options)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < options->count; i++) {
        count += !str_is(options->items[i].name, SESSION_FLAG);
    }
    return count;
}

struct digest session_plan_digest(const struct session *session, const struct event_strs *targets,
                                  const struct event_pairs *flags)
{
    struct strbuf bytes = {0};
    struct digest digest;

    bytes_put_str(&bytes, STR("pawl plan 1"));
    bytes_put_digest(&bytes, &session->manifest_digest);
    for (uint32_t i = 0; i < session->manifest.param_count; i++) {
        struct strbuf text = {0};

        bytes_put_str(&bytes, session->manifest.params[i].name);
        session_param_text(&session->manifest.params[i].value, &text);
        bytes_put_str(&bytes, strbuf_str(&text));
        strbuf_fini(&text);
    }
    session_digest_flags(session, &bytes);
    bytes_put_u32(&bytes, targets->count);
    for (uint32_t i = 0; i < targets->count; i++) {
        bytes_put_str(&bytes, targets->items[i]);
    }
    bytes_put_u32(&bytes, session_options_count(flags));
    for (uint32_t i = 0; i < flags->count; i++) {
        if (str_is(flags->items[i].name, SESSION_FLAG)) {
            continue;
        }
        bytes_put_str(&bytes, flags->items[i].name);
        bytes_put_str(&bytes, flags->items[i].value);
    }
    bytes_put_u32(&bytes, session->plan.instance_count);
    for (uint32_t i = 0; i < session->plan.instance_count; i++) {
        bytes_put_str(&bytes, session->plan.instances[i].name);
    }
    digest = sha256_of(bytes.data, bytes.len);
    strbuf_fini(&bytes);
    return digest;
}
