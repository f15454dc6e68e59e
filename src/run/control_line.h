#ifndef PAWL_RUN_CONTROL_LINE_H
#define PAWL_RUN_CONTROL_LINE_H
/* The lines of the control protocol: what is asked of a run and what it answers; specified at the
 * head of control_line.c. Pure.
 */
#include "base/arena.h"
#include "base/err.h"
#include "policy/control.h"

enum {
    CONTROL_VERSION = 1,
    CONTROL_LINE_BYTES = 4096, /* the end of line included */
    CONTROL_REASON_BYTES = 600 /* also when each byte is escaped, a line has room */
};

struct control_request {
    enum control_ask ask;
    bool now;           /* pause, cancel */
    bool wait;          /* pause: the answer comes when it is so, or cannot be any more */
    struct str reason;  /* cancel */
    struct str attempt; /* stopping: PAWL_ATTEMPT_ID */
};

struct control_reply {
    enum control_verdict verdict;
    enum run_status status;
    struct str run;
    struct str reason; /* why it is refused */
    int64_t running;   /* attempts under way */
    struct str stop;   /* stopping: pause, cancel or timeout; "": it is not told to end */
    int64_t left_ns;   /* stopping: until it is killed */
};

/* Both with the end of line. */
void control_request_write(const struct control_request *request, struct strbuf *out);
void control_reply_write(const struct control_reply *reply, struct strbuf *out);
/* `line` without its end. False: it is no such line, or of another version; `err` says why. Strings
 * live in `arena`. */
bool control_request_read(struct str line, struct arena *arena, struct control_request *request,
                          struct err *err);
bool control_reply_read(struct str line, struct arena *arena, struct control_reply *reply,
                        struct err *err);

#endif
