/* Owns the second pass: the results of all items in their order become the standard output, those
 * that are dead the dead letters, one JSON object a line:
 *
 *     {"item":"…","reason":"exit 1","cause":"exit","attempts":3}
 *
 * The item is its text, of a file its path; bytes that are no UTF-8 stand as in all JSON of pawl.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/sys.h"
#include "run/stream.h"

enum { WRITE_BUFFER_BYTES = 256 << 10 };

struct stream_pass {
    struct stream *stream;
    struct strbuf out, dead, bytes;
    int dead_fd;
    uint64_t count, dead_count, filtered, repeated, retried;
    uint64_t *chosen, *fell_back; /* by way */
    struct item_result first;     /* the first dead one, in the next two */
    struct strbuf first_bytes, first_item;
};

static bool pass_flush(struct strbuf *out, int fd, const char *what, struct err *err)
{
    if (out->len != 0 && sys_write_full(fd, out->data, out->len) != 0) {
        return err_sys(err, "%s cannot be written", what);
    }
    strbuf_clear(out);
    return true;
}

static bool pass_add_result(struct stream_pass *pass, struct str bytes, struct err *err)
{
    if (!pass->stream->spec.has_stdout || bytes.len == 0) {
        return true;
    }
    strbuf_add_str(&pass->out, bytes);
    if (bytes.data[bytes.len - 1] != '\n') {
        strbuf_putc(&pass->out, '\n');
    }
    return pass->out.len < WRITE_BUFFER_BYTES ||
           pass_flush(&pass->out, STDOUT_FILENO, "the results", err);
}

static bool pass_add_dead(struct stream_pass *pass, const struct item_result *result,
                          struct err *err)
{
    struct json_writer w;

    if (pass->dead_count++ == 0) {
        strbuf_add_str(&pass->first_bytes, result->bytes);
        strbuf_add_str(&pass->first_item, result->item);
        pass->first = *result;
        pass->first.bytes = strbuf_str(&pass->first_bytes);
        pass->first.item = strbuf_str(&pass->first_item);
    }
    if (pass->dead_fd < 0) {
        return true;
    }
    w = json_writer_of(&pass->dead, JSON_COMPACT);
    json_object_begin(&w);
    json_field_str(&w, "item", result->item);
    json_field_str(&w, "reason", result->bytes);
    json_field_str(&w, "cause", str_of(cause_name((enum cause)result->cause)));
    json_field_int(&w, "attempts", result->attempts);
    json_object_end(&w);
    strbuf_putc(&pass->dead, '\n');
    return pass->dead.len < WRITE_BUFFER_BYTES ||
           pass_flush(&pass->dead, pass->dead_fd, "the dead letters", err);
}

static bool pass_item(void *ctx, const struct digest *digest, uint8_t chosen, struct err *err)
{
    struct stream_pass *pass = ctx;
    struct stream *stream = pass->stream;
    struct item_result result;
    struct items *items;
    uint8_t way;
    bool first;

    if (stream_way_find(stream, digest, chosen, &way) == ITEM_UNKNOWN) {
        /* The variant was not used for it: its breaker was open then. */
        way = 0;
    }
    items = &stream->ways[way].items;
    first = items_first_seen(items, digest);
    if (!first) {
        pass->repeated++;
        if (stream->spec.rule.dedupe) {
            return true;
        }
    }
    pass->count++;
    pass->chosen[chosen]++;
    pass->fell_back[chosen] += way != chosen;
    strbuf_clear(&pass->bytes);
    if (!items_get(items, digest, &pass->bytes, &result, err)) {
        return false;
    }
    pass->retried += first && result.attempts > 1 ? result.attempts - 1 : 0;
    pass->filtered += result.state == ITEM_DONE && result.bytes.len == 0;
    return result.state == ITEM_DEAD ? pass_add_dead(pass, &result, err)
                                     : pass_add_result(pass, result.bytes, err);
}

static bool pass_open_dead(struct stream_pass *pass, struct err *err)
{
    const char *path = pass->stream->spec.dead_path.data;

    pass->dead_fd = -1;
    if (pass->stream->spec.dead_path.len == 0) {
        return true;
    }
    pass->dead_fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    return pass->dead_fd >= 0 || err_sys(err, "'%s' cannot be made", path);
}

static bool pass_close_dead(struct stream_pass *pass, struct err *err)
{
    bool ok = true;

    if (pass->dead_fd >= 0) {
        ok = pass_flush(&pass->dead, pass->dead_fd, "the dead letters", err);
        if (sys_close(pass->dead_fd) != 0 && ok) {
            ok = err_sys(err, "the dead letters cannot be written");
        }
    }
    return ok;
}

/* Too many of them? Then that is why the stage fails; else they stay dead. */
static bool pass_judge(struct stream_pass *pass, struct err *err)
{
    struct stream *stream = pass->stream;

    if (items_too_many_dead(&stream->spec.rule, pass->dead_count, pass->count, true)) {
        stream_fail_dead(stream, pass->dead_count, pass->count, &pass->first);
        return false;
    }
    return stream_ways_accept(stream, err);
}

/* Figures of the attempt, in the file that `"$PAWL" metric` adds to: how many there were, and how
 * they fared. */
static bool pass_tell_figures(struct stream_pass *pass, struct err *err)
{
    const struct stream_spec *spec = &pass->stream->spec;
    struct str path =
        STR_JOIN(&pass->stream->arena, STR(".pawl/tmp/"), spec->attempt_id, STR(".metrics"));
    struct strbuf text = {0};
    int fd = sys_open(path.data, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, SYS_OWN_FILE);
    bool ok;

    strbuf_printf(&text,
                  "items=%" PRIu64 "\ndead=%" PRIu64 "\nfiltered=%" PRIu64 "\nrepeated=%" PRIu64
                  "\nretried=%" PRIu64 "\n",
                  pass->count, pass->dead_count, pass->filtered, pass->repeated, pass->retried);
    for (uint32_t i = 1; i < spec->way_count; i++) {
        struct str name = spec->ways[i].variant;

        strbuf_printf(&text, "variant.%.*s=%" PRIu64 "\nfallback.%.*s=%" PRIu64 "\n", STR_ARG(name),
                      pass->chosen[i], STR_ARG(name), pass->fell_back[i]);
    }
    ok = fd >= 0 && sys_write_full(fd, text.data, text.len) == 0;
    if (!ok) {
        err_sys(err, "'%s' cannot be written", path.data);
    }
    if (fd >= 0) {
        sys_close(fd);
    }
    strbuf_fini(&text);
    return ok;
}

bool stream_write(struct stream *stream)
{
    struct stream_pass pass = {
        .stream = stream,
        .chosen = ARENA_ARRAY(&stream->arena, uint64_t, stream->spec.way_count),
        .fell_back = ARENA_ARRAY(&stream->arena, uint64_t, stream->spec.way_count)};
    struct err err = {0};
    bool ok;

    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        items_forget_seen(&stream->ways[i].items);
    }
    ok = pass_open_dead(&pass, &err) && stream_order_walk(&stream->order, pass_item, &pass, &err) &&
         pass_flush(&pass.out, STDOUT_FILENO, "the results", &err);
    ok = pass_close_dead(&pass, &err) && ok && pass_tell_figures(&pass, &err) &&
         pass_judge(&pass, &err);
    if (err.status != 0) {
        stream_broken(stream, &err);
    }
    strbuf_fini(&pass.out);
    strbuf_fini(&pass.dead);
    strbuf_fini(&pass.bytes);
    strbuf_fini(&pass.first_bytes);
    strbuf_fini(&pass.first_item);
    return ok;
}
