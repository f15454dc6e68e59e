/* Owns what the process of a stream says: to the run on its channel, and how far it is, in the file
 * that `"$PAWL" progress` writes, too. */
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "base/units.h"
#include "policy/quantile.h"
#include "run/progress_file.h"
#include "run/stream.h"

enum { TELL_PERIOD_MS = 500 };

void stream_tell_word(struct stream *stream, const struct stream_word *word)
{
    struct strbuf out = {0};

    if (stream->spec.channel_fd >= 0) {
        stream_word_write(word, &out);
        /* Nobody reads: the run has ended, and so do we. */
        (void)!sys_write_full(stream->spec.channel_fd, out.data, out.len);
        strbuf_fini(&out);
    }
}

void stream_tally_latency(struct stream *stream, int64_t took_ns)
{
    struct stream_tally *tally = &stream->tally;

    tally->latencies_ns[tally->latency_count++ % STREAM_LATENCIES] = (uint64_t)took_ns;
}

static void tell_latencies(const struct stream_tally *tally, struct strbuf *out)
{
    uint64_t sorted[STREAM_LATENCIES];
    size_t count =
        tally->latency_count < STREAM_LATENCIES ? (size_t)tally->latency_count : STREAM_LATENCIES;
    static const unsigned percents[] = {50, 95, 99};

    if (count == 0) {
        return;
    }
    memcpy(sorted, tally->latencies_ns, count * sizeof(*sorted));
    quantile_sort(sorted, count);
    for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        double ms = (double)quantile(sorted, count, percents[i]) / (double)NS_PER_MS;

        strbuf_printf(out, "%s p%u %.*f", i == 0 ? "," : "", percents[i], ms < 10 ? 2 : 0, ms);
    }
    strbuf_puts(out, " ms");
}

/* "1200 items (700 known), 950/s, queue 12, p50 1.2 p95 3.4 p99 8.0 ms, 2 dead" */
static void tell_text(struct stream *stream, int64_t now_ns, struct strbuf *out)
{
    struct stream_tally *tally = &stream->tally;
    uint64_t through = tally->known + tally->repeated + tally->kept + tally->dead;
    double seconds = (double)(now_ns - tally->told_ns) / (double)NS_PER_SEC;

    strbuf_printf(out, "%llu item%s", (unsigned long long)through, through == 1 ? "" : "s");
    if (tally->known != 0) {
        strbuf_printf(out, " (%llu known)", (unsigned long long)tally->known);
    }
    if (seconds > 0) {
        strbuf_printf(out, ", %.0f/s", (double)(through - tally->kept_then) / seconds);
    }
    tally->kept_then = through;
    strbuf_printf(out, ", queue %u", stream->in_flight);
    tell_latencies(tally, out);
    if (tally->retried != 0) {
        strbuf_printf(out, ", %llu retried", (unsigned long long)tally->retried);
    }
    if (tally->dead != 0) {
        strbuf_printf(out, ", %llu dead", (unsigned long long)tally->dead);
    }
    if (tally->fell_back != 0) {
        strbuf_printf(out, ", %llu fell back", (unsigned long long)tally->fell_back);
    }
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        const struct stream_way *way = &stream->ways[i];

        if (way->spec->has_breaker && way->breaker.state != BREAKER_CLOSED) {
            strbuf_printf(out, ", breaker '%.*s' %s", STR_ARG(way->spec->breaker.name),
                          breaker_state_name(way->breaker.state));
        }
    }
}

void stream_tell_progress(struct stream *stream, int64_t now_ns)
{
    struct stream_tally *tally = &stream->tally;
    int permille = stream_source_permille(stream);
    struct str path;

    if (stream->spec.early || now_ns - tally->told_ns < TELL_PERIOD_MS * NS_PER_MS) {
        return;
    }
    strbuf_clear(&stream->text);
    tell_text(stream, now_ns, &stream->text);
    tally->told_ns = now_ns;
    path = progress_file_path(STR(".pawl"), stream->spec.attempt_id, &stream->arena);
    /* The last of it is the second pass. */
    progress_file_write(path.data, permille >= 0 ? (uint32_t)permille * 99 / 100 : 0,
                        str_head(strbuf_str(&stream->text), PROGRESS_TEXT_BYTES));
}
