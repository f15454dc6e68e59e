#ifndef PAWL_RUN_CONTROL_H
#define PAWL_RUN_CONTROL_H
/* The control socket of a run that lives: who asks for what over it (run/control_line.h) becomes a
 * note of the engine; the answer goes back when what was decided is on record and told.
 *
 * Clients may do what they like: a connection holds one line of bounded length and one request,
 * there is a bound on how many are open, who says nothing is dropped, and nobody is waited for. A
 * run whose socket cannot be made goes on without one, and says so.
 *
 * Order: control_open once the record has begun and the loop is open; control_tick before each
 * wait; control_answer for each note; control_close. Main thread.
 */
#include "os/loop.h"
#include "os/socket.h"
#include "run/control_line.h"
#include "run/engine.h"

/* Attempts that wait for their snapshots keep nobody else out. */
enum { CONTROL_CLIENTS = 32, CONTROL_SAVERS = 992, CONTROL_SILENT_S = 10 };

struct control;

struct control_client {
    struct control *control;
    struct loop_source source;
    int fd;
    enum { CLIENT_SPEAKS, CLIENT_ASKED, CLIENT_WAITS, CLIENT_SAVES } stage;
    uint32_t ticket;
    uint32_t serial;  /* CLIENT_SAVES: of the snapshot that it waits for */
    int64_t since_ns; /* monotonic: when it connected */
    struct socket_peer peer;
    struct control_request request; /* texts lie in the arena of the notes */
    struct str attempt;             /* CLIENT_SAVES: its id; in `line` */
    struct engine_answer answer;    /* CLIENT_WAITS */
    size_t len;
    char line[CONTROL_LINE_BYTES];
};

struct executor;

struct control {
    struct executor *executor;
    int fd; /* -1: nobody can ask */
    struct loop_source source;
    struct control_client *clients[CONTROL_CLIENTS + CONTROL_SAVERS];
    uint32_t count, savers; /* of all; of these, that wait for a snapshot */
    uint32_t tickets;
    int64_t deaf_until_ns; /* no descriptor was left: connections wait until then; 0: not so */
};

/* False: `err`; the run has no socket. */
bool control_open(struct control *control, struct executor *executor, struct err *err);
/* Drops who is silent; when to be called again (INT64_MAX: whenever). */
int64_t control_tick(struct control *control, int64_t now_ns);
void control_answer(struct control *control, const struct engine_answer *answer);
/* The snapshots of an attempt up to this one are taken, or not (`problem`, else NULL). */
void control_saved(struct control *control, struct str attempt, uint32_t serial,
                   const char *problem);
void control_close(struct control *control);

/* The socket of a run, relative to the workspace. */
struct str control_path(const char *run, struct arena *arena);

#endif
