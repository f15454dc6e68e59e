/* Owns the names of logs. */
#include "run/log_name.h"

#include "base/hex.h"
#include "base/sha256.h"

enum { LOG_NAME_SAFE_BYTES = 60 };

static bool log_name_is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '=' || c == ',' || c == '@';
}

struct str log_name_make(struct str instance, uint32_t attempt, struct arena *arena)
{
    struct digest digest = sha256_of(instance.data, instance.len);
    char hex[DIGEST_HEX_BYTES + 1];
    struct strbuf name = {0};
    struct str safe;

    for (size_t i = 0; i < instance.len && i < LOG_NAME_SAFE_BYTES; i++) {
        strbuf_putc(&name, log_name_is_plain(instance.data[i]) ? instance.data[i] : '_');
    }
    digest_hex(&digest, hex);
    hex[8] = '\0';
    strbuf_printf(&name, ".%s", hex);
    if (attempt > 1) {
        strbuf_printf(&name, ".%u", attempt);
    }
    safe = strbuf_dup(&name, arena);
    strbuf_fini(&name);
    return safe;
}
