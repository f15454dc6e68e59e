/* Owns the lines of a run's record.
 *
 * Format: UTF-8 text, one JSON object a line, each line exactly
 *
 *     {"seq":N,"time":"T","type":"TYPE",FIELDS,"chain":"C"}\n
 *
 * without blanks between members; `,FIELDS` may be missing. N counts from 1 without gaps. T is
 * RFC 3339 in UTC. C is 64 hex digits: SHA-256 over the 32 bytes of the chain of the line before
 * (of the first line: the SHA-256 of "pawl events 1\n") and the bytes of this line before
 * `,"chain"`. The last C is the run's head digest: who knows it can tell that nothing was changed
 * or left out.
 *
 * Rule of validity: a line is good if it has this form, ends in a newline, and N and C follow from
 * the line before. Behind the first line that is not good nothing counts. A line of type `synced`
 * has `"through":M`: line M and all before it had reached the disk when that mark was written. If a
 * mark behind the start of a bad line speaks of it, that is corruption, reported, never repaired;
 * so is a whole mark that speaks of the line before it and does not follow from that. Else it is a
 * torn tail, perhaps with a hole and good lines behind it: what a crash leaves, cut by the next
 * writer. A mark of which a part was lost, and whose line goes on with the end of another, says
 * nothing: there is no `through` in it, or a NUL. */
#include "store/event_inside.h"

#include "base/hex.h"

enum { EVENT_CHAIN_BYTES = 76 };

static const char EVENT_GENESIS[] = "pawl events 1\n";

struct digest event_genesis(void)
{
    return sha256_of(EVENT_GENESIS, sizeof(EVENT_GENESIS) - 1);
}

struct digest event_chain(const struct digest *before, struct str body)
{
    struct sha256 sha;
    struct digest chain;

    sha256_init(&sha);
    sha256_update(&sha, before->bytes, DIGEST_BYTES);
    sha256_update(&sha, body.data, body.len);
    sha256_finish(&sha, &chain);
    return chain;
}

static bool event_take(struct str *rest, const char *text)
{
    struct str prefix = str_of(text);

    if (!str_has_prefix(*rest, prefix)) {
        return false;
    }
    *rest = str_skip(*rest, prefix.len);
    return true;
}

/* Up to the next quote; these members have no escapes. */
static bool event_take_text(struct str *rest, struct str *text)
{
    return str_split(rest, '"', text) && str_find(*text, '\\') < 0 && rest->len > 0;
}

bool event_parse(struct str json, struct event_line *line, struct str *body, struct digest *chain)
{
    struct str rest = json;
    struct str number;
    struct str tail;
    ptrdiff_t comma;

    if (json.len <= EVENT_CHAIN_BYTES || json.len > EVENT_LINE_BYTES) {
        return false;
    }
    *body = str_head(json, json.len - EVENT_CHAIN_BYTES);
    tail = str_skip(json, body->len);
    if (!event_take(&tail, ",\"chain\":\"") ||
        !digest_parse(str_head(tail, DIGEST_HEX_BYTES), chain) ||
        !str_is(str_skip(tail, DIGEST_HEX_BYTES), "\"}") || !event_take(&rest, EVENT_START)) {
        return false;
    }
    comma = str_find(rest, ',');
    number = str_head(rest, comma < 0 ? 0 : (size_t)comma);
    rest = str_skip(rest, number.len);
    line->json = json;
    return str_to_u64(number, &line->seq) && event_take(&rest, ",\"time\":\"") &&
           event_take_text(&rest, &line->time) && event_take(&rest, ",\"type\":\"") &&
           event_take_text(&rest, &line->type);
}
