/* Owns the bucket of a unit, and how a share is written. */
#include "model/flag.h"

#include "base/sha256.h"
#include "model/number.h"

enum { FLAG_BITS = 53 }; /* as many as a double holds exactly */

static double flag_bucket(struct str name, struct str unit)
{
    struct sha256 sha;
    struct digest digest;
    uint64_t bits = 0;

    sha256_init(&sha);
    sha256_update(&sha, name.data, name.len);
    sha256_update(&sha, "", 1);
    sha256_update(&sha, unit.data, unit.len);
    sha256_finish(&sha, &digest);
    for (unsigned i = 0; i < 8; i++) {
        bits = bits << 8 | digest.bytes[i];
    }
    return (double)(bits >> (64 - FLAG_BITS)) / (double)(UINT64_C(1) << FLAG_BITS);
}

bool flag_is_on(const struct m_flag *flag, struct str unit)
{
    if (flag_is_settled(flag)) {
        return flag->percent > 0;
    }
    return flag_bucket(flag->name, unit) * 100 < flag->percent;
}

bool flag_parse(struct str text, double *percent)
{
    int64_t whole;

    if (str_is(text, "on") || str_is(text, "off")) {
        *percent = str_is(text, "on") ? 100 : 0;
        return true;
    }
    if (number_parse_int(text, &whole)) {
        *percent = (double)whole;
    } else if (!number_parse_float(text, percent)) {
        return false;
    }
    return *percent >= 0 && *percent <= 100;
}

void flag_render(double percent, struct strbuf *out)
{
    if (percent <= 0 || percent >= 100) {
        strbuf_puts(out, percent > 0 ? "on" : "off");
    } else if (percent == (double)(int64_t)percent) {
        strbuf_printf(out, "%lld", (long long)percent);
    } else {
        number_render_float(percent, out);
    }
}
