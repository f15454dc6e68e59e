/* Owns what is said of bundles. */
#include "cmd/bundle_show.h"

#include <unistd.h>

#include "base/hex.h"
#include "base/json_write.h"
#include "base/sys.h"
#include "base/units.h"

/* "3 objects", "1 run". */
static void show_count(struct strbuf *out, uint64_t count, const char *what, const char *behind)
{
    strbuf_printf(out, "%llu %s%s%s", (unsigned long long)count, what, count == 1 ? "" : "s",
                  behind);
}

static void show_size(struct strbuf *out, const struct bundle_sums *sums)
{
    char size[UNITS_TEXT_BYTES];
    char hex[DIGEST_HEX_BYTES + 1];

    size_format(sums->size_bytes, size);
    strbuf_printf(out, ": %s, list of members %s\n", size, digest_hex(&sums->manifest, hex));
}

static void json_begin(struct json_writer *w, const struct bundle_sums *sums)
{
    char hex[DIGEST_HEX_BYTES + 1];

    json_object_begin(w);
    json_field_int(w, "schema", 1);
    json_field_uint(w, "objects", sums->objects);
    json_field_uint(w, "results", sums->results);
    json_field_uint(w, "runs", sums->runs);
    json_field_uint(w, "bytes", sums->size_bytes);
    json_field_text(w, "manifest", digest_hex(&sums->manifest, hex));
}

static void json_end(struct json_writer *w)
{
    json_object_end(w);
    strbuf_putc(w->out, '\n');
}

void bundle_show_export(struct cli *cli, const struct bundle_sums *sums, uint64_t left, bool aside)
{
    struct strbuf out = {0};
    struct json_writer w = json_writer_of(&out, JSON_PRETTY);

    if (cli->json) {
        json_begin(&w, sums);
        json_field_uint(&w, "left_out", left);
        json_end(&w);
    } else if (!cli->quiet) {
        strbuf_puts(&out, "exported ");
        show_count(&out, sums->results, "result", ", ");
        show_count(&out, sums->objects, "object", ", ");
        show_count(&out, sums->runs, "run", "");
        show_size(&out, sums);
    }
    if (aside) {
        (void)sys_write_full(STDERR_FILENO, out.data, out.len);
    } else {
        strbuf_add_str(&cli->out, strbuf_str(&out));
    }
    strbuf_fini(&out);
}

void bundle_show_import(struct cli *cli, const struct bundle_sums *sums)
{
    struct strbuf *out = &cli->out;
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    if (cli->json) {
        json_begin(&w, sums);
        json_field_uint(&w, "new_objects", sums->new_objects);
        json_field_uint(&w, "new_results", sums->new_results);
        json_field_uint(&w, "new_runs", sums->new_runs);
        json_field_uint(&w, "not_portable", sums->strangers);
        json_end(&w);
    } else if (!cli->quiet) {
        strbuf_puts(out, "imported ");
        show_count(out, sums->results, "result", "");
        strbuf_printf(out, " (%llu new), ", (unsigned long long)sums->new_results);
        show_count(out, sums->objects, "object", "");
        strbuf_printf(out, " (%llu new), ", (unsigned long long)sums->new_objects);
        show_count(out, sums->runs, "run", "");
        strbuf_printf(out, " (%llu new)", (unsigned long long)sums->new_runs);
        show_size(out, sums);
    }
}
