#ifndef PAWL_RUN_STREAM_SPEC_H
#define PAWL_RUN_STREAM_SPEC_H
/* What the process that works the items of a stream is told, and what it tells: the one to the
 * other side of one build, so without a version.
 *
 * A stream is worked by a process of its own, `pawl stream FD`, which is the command of the
 * attempt: what can happen to a command happens to it, and a million items are no matter of the
 * process that runs the pipeline. FD is a file that holds the spec. Its environment is that of the
 * attempt, and its working folder the workspace; its standard output becomes `stdout` of the stage.
 *
 * On `channel_fd` it tells: how it ended, and moves of its breaker.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/plan.h"
#include "os/signature.h"
#include "policy/breaker.h"
#include "policy/outcome.h"

/* A command as spawn wants it. */
struct stream_command {
    struct str program, *sooner;
    struct str *argv;
    struct str *envp;
    uint32_t sooner_count, argc, envc;
};

/* A way to work an item: by the stage's own command, or by that of a variant whose flag is decided
 * for each item. */
struct stream_way_spec {
    struct str variant; /* "": the stage's own */
    struct str flag;    /* of a variant, with its share */
    double percent;
    bool fallback;                       /* an item that fails is worked by the stage's own */
    struct digest key;                   /* of what items give so: names their log */
    struct str dir;                      /* of the command; "": the workspace */
    struct stream_command direct, shell; /* the first without its shell; without argv: not so */
    bool has_breaker;
    uint32_t breaker_number; /* of plan->breakers */
    struct plan_breaker breaker;
    enum breaker_state breaker_state; /* as earlier runs left it */
    int64_t breaker_opened_ns;
};

/* A file that commands read beside their items, as it was when the key was made. */
struct stream_watched {
    struct str path;
    struct signature signature;
    bool firm;       /* a later write gives it another signature */
    bool has_digest; /* of its bytes */
    struct digest digest;
};

struct stream_spec {
    struct str stage, instance;
    struct str attempt_id; /* progress and figures are told under this name */
    struct plan_stream rule;
    struct plan_retry retry;
    struct stream_way_spec *ways; /* the stage's own first */
    uint32_t way_count;
    bool early;      /* the items come on source_fd; only their results are kept */
    bool one_by_one; /* what it does is seen outside: no item is worked twice to find out which
                        failed */
    bool has_stdout;
    bool last_only; /* what it did by another key before is to be done again */
    uint32_t workers;
    int64_t grace_ns;
    struct stream_watched *watched;
    uint32_t watched_count;
    bool afresh;       /* what is known of items is forgotten first */
    struct str *paths; /* what the items come from */
    uint32_t path_count;
    struct str dead_path;                /* "": no dead letters are written */
    int channel_fd, source_fd, lives_fd; /* -1: none */
    int *links;                          /* sockets to those who take its results early */
    uint32_t link_count;
};

/* Removes the log of a key: its items are worked again. */
void stream_way_forget(const struct digest *key);

void stream_spec_write(const struct stream_spec *spec, struct strbuf *out);
/* Texts are copied into the arena. False: it is none. */
bool stream_spec_read(struct stream_spec *spec, struct str bytes, struct arena *arena);

/* What it tells. */
struct stream_word {
    enum { STREAM_ENDED = 1, STREAM_BREAKER } kind;
    /* STREAM_ENDED: why, as of an attempt */
    enum cause cause;
    int exit_code, signal;
    struct str reason;
    /* STREAM_BREAKER */
    uint32_t breaker; /* of plan->breakers */
    enum breaker_state state;
    int64_t opened_ns;
};

void stream_word_write(const struct stream_word *word, struct strbuf *out);
/* Takes the first whole one off `bytes`; false: there is none yet. Texts lie in `bytes`. */
bool stream_word_take(struct str *bytes, struct stream_word *word);

#endif
