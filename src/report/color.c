/* Owns the decision about colours, and their codes. */
#include "report/color.h"

#include <string.h>

static bool color_is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

bool color_decide(enum color_choice choice, const struct color_facts *facts)
{
    if (choice != COLOR_AUTO) {
        return choice == COLOR_ALWAYS;
    }
    if (color_is_set(facts->no_color)) {
        return false;
    }
    if (color_is_set(facts->clicolor_force) && strcmp(facts->clicolor_force, "0") != 0) {
        return true;
    }
    return facts->is_tty && color_is_set(facts->term) && strcmp(facts->term, "dumb") != 0;
}

bool color_choice_from(struct str text, enum color_choice *choice)
{
    static const char *const names[] = {
        [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(text, names[i])) {
            *choice = (enum color_choice)i;
            return true;
        }
    }
    return false;
}

void color_add(struct strbuf *out, bool colored, enum color color, struct str text)
{
    static const char *const codes[COLOR_COUNT] = {[COLOR_PLAIN] = "",
                                                   [COLOR_GOOD] = "\033[32m",
                                                   [COLOR_BAD] = "\033[31m",
                                                   [COLOR_WARN] = "\033[33m",
                                                   [COLOR_FAINT] = "\033[2m"};

    if (!colored || color == COLOR_PLAIN) {
        strbuf_add_str(out, text);
        return;
    }
    strbuf_puts(out, codes[color]);
    strbuf_add_str(out, text);
    strbuf_puts(out, "\033[0m");
}
