#ifndef PAWL_REPORT_FIGURES_H
#define PAWL_REPORT_FIGURES_H
/* What [report] of a manifest says of a run: rows of metrics, scores, warnings, a recommendation.
 * Pure: the manifest is that of now, everything else is what is on record of the run.
 *
 * Order of calls: figures_run_init; figures_run_set for metrics that the record does not say;
 * figures_make; figures_fini, figures_run_fini. Texts live in the arena, the record and the
 * manifest, which must outlive all of it.
 */
#include "base/limits.h"
#include "base/map.h"
#include "base/metric.h"
#include "base/vec.h"
#include "model/manifest.h"
#include "report/result_json.h"

/* --- a run --- */

struct figures_instance {
    struct str name, stage; /* "": not known */
    const struct inst_status *status;
    const struct metrics *metrics; /* NULL: none are known */
};

struct figures_run {
    struct arena *arena;
    const struct run_state *state;
    struct figures_instance *instances; /* by number */
    uint32_t count;
    struct map by_name;
};

void figures_run_init(struct figures_run *run, const struct run_state *state,
                      const struct result_options *options, struct arena *arena);
void figures_run_fini(struct figures_run *run);
/* Was it up to date or restored? Its result has its metrics. */
bool figures_run_wants(const struct figures_run *run, struct str instance);
/* Metrics of the result of an instance; they are copied. */
void figures_run_set(struct figures_run *run, struct str instance, const struct metrics *metrics);

/* --- what is said of it --- */

struct figure {
    bool known;
    struct value value; /* if known */
    struct str why;     /* if not */
};

struct figures_row {
    struct str name;                     /* of the instance; of none: as the manifest selects it */
    const struct figures_instance *inst; /* NULL: it is not in this run */
    struct figure *scores;               /* by number; those of each row */
};

struct figures_said {
    const struct m_advice *advice;
    struct str row; /* "": of the whole run */
    struct str text;
};

/* What could not be told. */
struct figures_doubt {
    const char *what; /* "score", "warn", "recommend" */
    struct str name;  /* of a score, else its condition */
    struct str row;   /* "": of the whole run */
    struct str reason;
};

enum { FIGURES_COLUMNS_MOST = LIMIT_REPORT };

struct figures {
    const struct figures_run *run;
    const struct manifest *manifest; /* NULL: it cannot be read */
    const struct m_report *report;   /* never NULL; an empty one if the manifest has none */
    struct arena *arena;
    bool given; /* the manifest has a [report] */
    struct str *columns;
    uint32_t column_count;
    uint32_t left_out; /* metrics beyond FIGURES_COLUMNS_MOST */
    VEC(struct figures_row) rows;
    struct figure *scores; /* by number; those of the whole run */
    VEC(struct figures_said) warnings;
    struct figures_said recommendation; /* its advice is NULL: there is none */
    VEC(struct figures_doubt) doubts;
};

/* `manifest` may be NULL. `other`: a run that this one is compared with, whose metrics have
 * columns, too; or NULL. */
void figures_make(struct figures *figures, const struct figures_run *run,
                  const struct figures_run *other, const struct manifest *manifest);
void figures_fini(struct figures *figures);

/* The metric of a row in a column, or NULL. */
const struct metric *figures_cell(const struct figures *figures, const struct figures_row *row,
                                  uint32_t column);
/* The score of a row, or of the run if that is what it is of; NULL: it is not of this row. */
const struct figure *figures_score(const struct figures *figures, const struct figures_row *row,
                                   uint32_t number);
/* Is there anything to show? */
bool figures_are_some(const struct figures *figures);

/* --- figures_names.c: names in expressions --- */

struct figures_scope {
    const struct figures *figures;
    const struct figures_row *row; /* NULL: the whole run */
};
/* False: `*why` says what is missing or wrong. Each name in the text must have a value, unless it
 * stands inside of default(…). */
bool figures_eval(struct figures_scope *scope, const struct expr *expr, struct figure *out);
bool figures_holds(struct figures_scope *scope, const struct expr *when, struct str *why);
bool figures_text(struct figures_scope *scope, const struct m_text *text, struct str *out,
                  struct str *why);

/* --- figures_show.c --- */

/* As text or Markdown: tables, scores, warnings, the recommendation, what could not be told. */
void figures_add(const struct figures *figures, bool markdown, struct strbuf *out);
/* The member `report` of an object. */
void figures_write(const struct figures *figures, struct json_writer *w);
/* A value as people read it: what was computed with six digits, whole numbers exactly. */
struct str figures_short(const struct value *value, struct arena *arena);
/* A value as JSON. */
void figures_write_value(struct json_writer *w, const struct value *value);

#endif
