#ifndef PAWL_REPORT_COLOR_H
#define PAWL_REPORT_COLOR_H
/* Whether a stream gets colours, and the few there are. Pure: the caller looks at the environment,
 * for stdout and stderr separately. In this order: `--color always|never`; NO_COLOR (set and not
 * empty: none); CLICOLOR_FORCE (set, not empty, not `0`: colours); a terminal whose TERM is neither
 * unset, empty nor `dumb`.
 */
#include <stdbool.h>

#include "base/str.h"

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct color_facts {
    const char *no_color, *clicolor_force, *term; /* values of the environment; NULL: not set */
    bool is_tty;
};

bool color_decide(enum color_choice choice, const struct color_facts *facts);
/* `auto`, `always`, `never`. */
bool color_choice_from(struct str text, enum color_choice *choice);

enum color { COLOR_PLAIN, COLOR_GOOD, COLOR_BAD, COLOR_WARN, COLOR_FAINT, COLOR_COUNT };

/* Appends the text in that colour, or as it is. */
void color_add(struct strbuf *out, bool colored, enum color color, struct str text);

#endif
