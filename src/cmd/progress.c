/* Owns `progress`: what the script of a stage says of how far it is; see run/progress_file.h. */
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/inside.h"
#include "run/progress_file.h"

/* `42`, `42.5`, `42%`; `3/8`. */
static bool progress_parse(const char *text, uint32_t *permille)
{
    double part, whole = 100;
    char *end;
    bool ok;

    part = strtod(text, &end);
    ok = end != text;
    if (*end == '/') {
        const char *rest = end + 1;

        whole = strtod(rest, &end);
        ok = ok && end != rest;
    } else if (*end == '%') {
        end++;
    }
    /* No sign, no exponent, no name of a number. */
    if (!ok || *end != '\0' || text[strspn(text, "0123456789./%")] != '\0' || part > whole ||
        whole == 0) {
        return false;
    }
    /* A little more, for what binary fractions lack. */
    *permille = (uint32_t)(part / whole * 1000 + 1e-6);
    return true;
}

int cmd_progress(struct cli *cli)
{
    struct strbuf text = {0};
    struct str pawl, attempt;
    uint32_t permille = 0;
    struct err err = {0};
    bool ok = inside_find("progress", &cli->arena, &pawl, &attempt, &err);

    if (ok && !progress_parse(cli->operands.items[0], &permille)) {
        ok =
            err_set(&err, STATUS_USAGE, "'%s' is no share: 0 to 100, as in 42.5, or N/M, as in 3/8",
                    cli->operands.items[0]);
    }
    for (uint32_t i = 1; i < cli->operands.count; i++) {
        strbuf_printf(&text, "%s%s", i == 1 ? "" : " ", cli->operands.items[i]);
    }
    if (ok) {
        progress_file_write(progress_file_path(pawl, attempt, &cli->arena).data, permille,
                            strbuf_str(&text));
    }
    strbuf_fini(&text);
    return ok ? STATUS_OK : cli_fail(&err);
}
