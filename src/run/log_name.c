/* Owns the names of logs. */
#include "run/log_name.h"

#include "base/hex.h"
#include "base/sha256.h"

enum { LOG_NAME_SAFE_BYTES = 60, LOG_NAME_DIGEST_CHARS = 8 };

static bool log_name_is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '=' || c == ',' || c == '@';
}

struct str log_name_make(struct str instance, uint32_t attempt, struct arena *arena)
{
    struct digest digest = sha256_of(instance.data, instance.len);
    char hex[DIGEST_HEX_BYTES + 1];
    char safe[LOG_NAME_SAFE_BYTES];
    char digits[STR_INT_BYTES];
    size_t len = 0;
    struct str more = attempt > 1 ? str_int(attempt, digits) : STR("");

    for (; len < instance.len && len < sizeof(safe); len++) {
        safe[len] = log_name_is_plain(instance.data[len]) ? instance.data[len] : '_';
    }
    digest_hex(&digest, hex);
    return STR_JOIN(arena, str_n(safe, len), STR("."), str_n(hex, LOG_NAME_DIGEST_CHARS),
                    more.len != 0 ? STR(".") : STR(""), more);
}
