#ifndef PAWL_RUN_STREAM_H
#define PAWL_RUN_STREAM_H
/* The process that works the items of a stream (see run/stream_spec.h), and what its parts share.
 *
 * Two passes. The first takes items from the source, as many as `queue` allows: what the log of
 * items (store/items.h) knows is passed by, anything else is worked by a slot, a process for one
 * item or one that lives long; its result goes into the log and is forgotten here. The digests of
 * all items go in their order into a file without a name. The second pass walks that file and
 * writes each result, or dead letter, from the log: so nothing waits for the first item, memory
 * does not depend on their number, and a kill loses only what was being worked.
 *
 * *Early*: the items come from a stage that has not ended. Then there is no second pass: what is
 * known by the time the stage itself is worked is all that comes of it.
 *
 * One loop, one thread; callbacks of the loop note what came and do what follows at once, as
 * nothing of it is recorded by event. Order: stream_open, stream_run, stream_close. Errors of the
 * world (disk full, a damaged log) end it with their status as cause; what it reads from commands
 * is checked.
 */
#include "base/clock.h"
#include "base/sha256.h"
#include "os/loop.h"
#include "os/signals.h"
#include "os/spawn.h"
#include "policy/items.h"
#include "run/stream_link.h"
#include "run/stream_spec.h"
#include "store/items.h"

/* In flight: taken from the source, and neither kept nor dead. */
struct stream_item {
    struct stream_item *next;
    struct digest digest;
    struct strbuf bytes; /* as its command finds it: a line has its line break */
    struct str path;     /* of a file: in `path_bytes` */
    struct strbuf path_bytes;
    uint32_t attempts;
    uint8_t way;    /* that works it now */
    bool alone;     /* it is not handed to a worker together with others */
    int64_t due_ns; /* monotonic: not before */
    int64_t began_ns;
    uint32_t breaker_began;
};

struct stream_queue { /* first in, first out */
    struct stream_item *first, **last;
    uint32_t count;
};

/* A way to work items, and what is known of those that were worked so. */
struct stream_way {
    const struct stream_way_spec *spec;
    struct items items;
    bool has_items;
    bool is_doubtful; /* what was put since it is open is taken back */
    struct stream_queue ready;
    struct breaker breaker;
    bool direct; /* its command is tried without its shell */
};

/* Where the items come from. */
struct stream_source {
    int fd;        /* the open file, or socket; -1 */
    uint32_t path; /* the one that is being read, of spec.paths */
    char *buffer;  /* bytes not taken yet: from `at` to `end` */
    size_t at, end, cap;
    bool file_ended, ended;
    uint64_t size_bytes, read_bytes; /* of all files together; what was taken */
    struct loop_source loop_source;  /* EARLY: the socket */
    bool readable;
    uint32_t owed;       /* EARLY: places in the queue that are free again, not told yet */
    struct strbuf whole; /* FILES: of the present one */
};

/* The digests of all items in their order, each with the way that was chosen for it. */
struct stream_order {
    int fd;
    unsigned char *buffer;
    size_t len;
    uint64_t count;
};

/* A process that works items. */
struct stream_slot {
    struct stream *stream;
    struct arena arena; /* of the process that runs */
    struct child child; /* pid 0: none runs */
    uint8_t way;        /* of the process that runs */
    bool direct;
    int in_fd, out_fd, status_fd; /* our ends; -1: closed */
    struct loop_source in_source, out_source, status_source;
    struct strbuf in, out, status; /* to be written from `in_at` on; read so far */
    size_t in_at;
    struct stream_item **items; /* being worked */
    uint32_t item_count;
    uint32_t batch;    /* WORKER: how many it is handed next */
    uint32_t lines;    /* WORKER: in `out` */
    bool has_answered; /* WORKER: this one an item */
    bool killed;       /* by us: for what is in `why` */
    struct item_end why;
    const char *why_text;
    int64_t due_ns, kill_ns, warn_ns; /* monotonic; INT64_MAX: not */
    bool has_status_fd;
};

enum { STREAM_LATENCIES = 1024 };

struct stream_tally {
    uint64_t taken, known, repeated, kept, dead, retried, fell_back;
    int64_t began_ns, told_ns, warned_ns;
    uint64_t latencies_ns[STREAM_LATENCIES];
    uint64_t latency_count;
    uint64_t kept_then; /* when it was told last */
};

struct stream {
    struct stream_spec spec;
    struct arena arena;
    struct clock clock;
    struct loop loop;
    struct signals signals;
    struct loop_source signal_source;
    struct origin origin;
    bool child_signal, stopping, source_done;
    struct stream_way *ways; /* by spec.ways */
    bool has_ways;
    struct stream_source source;
    struct stream_order order;
    struct stream_slot *slots;
    uint32_t slot_count, busy; /* of those, with items */
    int64_t rss_floor_bytes;
    int empty_fd;
    struct stream_queue waiting; /* in order of due_ns */
    struct stream_item *spare;
    struct stream_item **flight; /* open addressing by digest; NULL: free */
    uint32_t flight_mask, in_flight;
    uint64_t bytes_in_flight;
    struct stream_links links; /* to those who take the results early */
    struct stream_tally tally;
    struct strbuf text;     /* scratch */
    uint64_t waiting_bytes; /* of results that are not kept yet */
    int64_t watched_ns;
    /* Why it ends before its time; cause NONE: it does not. */
    struct stream_word end;
    int first_exit_code; /* of the first dead item */
};

/* Works the stream that the file `spec_fd` describes, to its end. The exit status. */
int stream_main(int spec_fd, const struct origin *origin);

/* --- among its files --- */

int64_t stream_now(const struct stream *stream);
/* The world failed: it ends. */
void stream_broken(struct stream *stream, const struct err *err);
/* It ends for this; the first counts. */
void stream_fail(struct stream *stream, enum cause cause, int exit_code, struct str reason);
/* Too many items are dead: the cause is that of the first. `all`: 0, not counted yet. */
void stream_fail_dead(struct stream *stream, uint64_t dead, uint64_t all,
                      const struct item_result *first);
bool stream_is_over(const struct stream *stream);

/* stream_flight.c */
void stream_queue_init(struct stream_queue *queue);
void stream_queue_push(struct stream_queue *queue, struct stream_item *item);
void stream_queue_push_first(struct stream_queue *queue, struct stream_item *item);
struct stream_item *stream_queue_pop(struct stream_queue *queue);
/* By due_ns. */
void stream_queue_insert(struct stream_queue *queue, struct stream_item *item);
/* A new one in flight, of that digest. */
struct stream_item *stream_flight_add(struct stream *stream, const struct digest *digest);
bool stream_flight_has(const struct stream *stream, const struct digest *digest);
void stream_flight_drop(struct stream *stream, struct stream_item *item);
void stream_flight_fini(struct stream *stream);

/* stream_source.c */
bool stream_source_open(struct stream *stream, struct err *err);
/* The next item: its bytes (of a file: of its content), valid until the next call; `path`: of a
 * file, else "". False: there is none now; `source.ended`: nor will there be. */
bool stream_source_next(struct stream *stream, struct str *bytes, struct str *path);
/* An item that was taken early is in flight no longer. */
void stream_source_free_place(struct stream *stream);
void stream_source_tell_places(struct stream *stream);
void stream_source_close(struct stream *stream);
/* How much of the source was taken, in thousandths; -1: not known. */
int stream_source_permille(const struct stream *stream);

/* stream_watch.c */
bool stream_watch_open(struct stream *stream);
/* May results that wait be kept now? Not before the next look, where there is much to look at,
 * unless `at_once`; and never again once something changed. */
bool stream_watch_lets(struct stream *stream, bool at_once);

/* stream_order.c */
bool stream_order_open(struct stream_order *order, struct err *err);
bool stream_order_put(struct stream_order *order, const struct digest *digest, uint8_t way,
                      struct err *err);
/* Calls for each in order; false: `err`, or a call was. */
bool stream_order_walk(struct stream_order *order,
                       bool (*each)(void *ctx, const struct digest *digest, uint8_t way,
                                    struct err *err),
                       void *ctx, struct err *err);
void stream_order_close(struct stream_order *order);

/* stream_slot.c: what both kinds of slots share */
bool stream_slots_open(struct stream *stream);
void stream_slots_close(struct stream *stream);
/* Hands out what is ready. */
void stream_slots_dispatch(struct stream *stream);
/* What a child of ours is that ended. */
void stream_slots_take_exits(struct stream *stream);
void stream_slots_take_time(struct stream *stream, int64_t now_ns);
int64_t stream_slots_next_time(const struct stream *stream);
/* Nothing is handed out any more; workers find the end of their input. */
void stream_slots_end_input(struct stream *stream);
/* A worker alone: it has its grace to end. */
void stream_slot_end_input(struct stream_slot *slot);
void stream_slots_signal(struct stream *stream, int signal);
bool stream_slots_run(const struct stream *stream);
/* Starts its process. False: told. */
bool stream_slot_spawn(struct stream_slot *slot, struct stream_item *item);
void stream_slot_kill(struct stream_slot *slot, const struct item_end *why, const char *text);
void stream_slot_out(void *ctx, unsigned events);
/* How a process ended, as of an item. */
struct item_end stream_slot_end(struct stream_slot *slot, const struct child_end *end,
                                struct str *reason);

/* stream_worker.c */
void stream_worker_hand(struct stream_slot *slot);
void stream_worker_look(struct stream_slot *slot);
void stream_worker_exited(struct stream_slot *slot, const struct child_end *end);
void stream_worker_in(void *ctx, unsigned events);

/* stream_way.c */
bool stream_ways_open(struct stream *stream, int pawl_fd, struct err *err);
void stream_ways_close(struct stream *stream);
/* At the end: of what is doubtful nothing that was put stays. */
bool stream_ways_take_back(struct stream *stream, struct err *err);
bool stream_ways_flush(struct stream *stream, struct err *err);
bool stream_ways_accept(struct stream *stream, struct err *err);
void stream_ways_tick(struct stream *stream);
/* When a breaker lets something through again, monotonic. */
int64_t stream_ways_next_time(const struct stream *stream, int64_t now_ns);
/* Some item may be worked now. */
bool stream_ways_may_hand(const struct stream *stream);
/* The way that is chosen for an item. */
uint8_t stream_way_choose(const struct stream *stream, struct str unit);
/* What is known of an item, and, in `way`, in whose log; of one that is not known the way by which
 * it is to be worked. */
enum item_state stream_way_find(struct stream *stream, const struct digest *digest, uint8_t chosen,
                                uint8_t *way);
void stream_way_tell_moves(struct stream *stream, struct stream_way *way);

/* stream.c: what became of an item */
/* It is known without being worked. */
void stream_item_known(struct stream *stream, struct stream_item *item);
/* The variant that was chosen for it is not used. */
void stream_item_to_own(struct stream *stream, struct stream_item *item);
void stream_item_ended(struct stream *stream, struct stream_item *item, const struct item_end *end,
                       struct str bytes);
/* Back to be handed out again, as if it had never been. */
void stream_item_back(struct stream *stream, struct stream_item *item, bool alone);

/* stream_write.c: the second pass. False: told. */
bool stream_write(struct stream *stream);

/* stream_tell.c */
void stream_tell_progress(struct stream *stream, int64_t now_ns);
void stream_tell_word(struct stream *stream, const struct stream_word *word);
void stream_tally_latency(struct stream *stream, int64_t took_ns);

#endif
