#ifndef PAWL_STORE_EVENT_INSIDE_H
#define PAWL_STORE_EVENT_INSIDE_H
/* What the files of a run's record share; nobody else includes this. */
#include "store/event_log.h"

#define EVENT_START "{\"seq\":"

/* event_line.c: the chain before the first line, and of a line whose bytes before `,"chain"` are
 * `body`. */
struct digest event_genesis(void);
struct digest event_chain(const struct digest *before, struct str body);
/* Splits a line; checks form, not chain. `json` has no newline. */
bool event_parse(struct str json, struct event_line *line, struct str *body, struct digest *chain);

struct event_reader {
    int fd;
    char *path;
    struct strbuf data; /* a window of the file that ends at its end */
    uint64_t base;      /* offset of data[0] */
    size_t at;          /* the next line */
    bool loaded;
    struct digest chain; /* of the line before `at` */
    uint64_t seq;        /* of it */
    uint64_t line;       /* number of it; counts only when `numbered` */
    bool numbered;
    bool ended;
    enum event_end end;
    struct err failure; /* of reading the file */
};

/* event_reader.c: replaces the window by the file from `base` to its end. */
bool event_load(struct event_reader *reader, uint64_t base, struct err *err);
/* The line that starts at `at` of the window; false without a newline. */
bool event_line_at(const struct event_reader *reader, size_t at, struct str *json);

#endif
