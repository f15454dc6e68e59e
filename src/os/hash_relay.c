/* Owns a ring of buffers between a thread that reads and one that hashes. A slot belongs to the
 * reader until it is counted in `filled`, then to the hasher until it is counted in `emptied`. A
 * slot without bytes is the last: the end of the file, or an error. */
#include "os/hash_relay.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sys.h"

enum { RELAY_SLOTS = 4, RELAY_SLOT_BYTES = 256 << 10, RELAY_STACK_BYTES = 128 << 10 };

struct relay {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    unsigned filled, emptied; /* slots, in all */
    int fd;
    ssize_t lens[RELAY_SLOTS];
    unsigned char *bytes;
};

static unsigned char *relay_slot(const struct relay *relay, unsigned number)
{
    return relay->bytes + (size_t)(number % RELAY_SLOTS) * RELAY_SLOT_BYTES;
}

static void relay_wait_room(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    while (relay->filled - relay->emptied == RELAY_SLOTS) {
        pthread_cond_wait(&relay->moved, &relay->mutex);
    }
    pthread_mutex_unlock(&relay->mutex);
}

static void relay_wait_filled(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    while (relay->filled == relay->emptied) {
        pthread_cond_wait(&relay->moved, &relay->mutex);
    }
    pthread_mutex_unlock(&relay->mutex);
}

static void relay_move(struct relay *relay, unsigned *count)
{
    pthread_mutex_lock(&relay->mutex);
    ++*count;
    pthread_cond_signal(&relay->moved);
    pthread_mutex_unlock(&relay->mutex);
}

static void *relay_read(void *arg)
{
    struct relay *relay = arg;
    ssize_t len;

    /* `filled` is written by this thread alone. */
    do {
        relay_wait_room(relay);
        len = sys_read(relay->fd, relay_slot(relay, relay->filled), RELAY_SLOT_BYTES);
        relay->lens[relay->filled % RELAY_SLOTS] = len;
        relay_move(relay, &relay->filled);
    } while (len > 0);
    return NULL;
}

static bool relay_hash(struct relay *relay, struct digest *digest, uint64_t *size_bytes)
{
    struct sha256 sha;
    ssize_t len;

    *size_bytes = 0;
    sha256_init(&sha);
    /* `emptied` is written by this thread alone. */
    for (;;) {
        relay_wait_filled(relay);
        len = relay->lens[relay->emptied % RELAY_SLOTS];
        if (len <= 0) {
            break;
        }
        sha256_update(&sha, relay_slot(relay, relay->emptied), (size_t)len);
        *size_bytes += (uint64_t)len;
        relay_move(relay, &relay->emptied);
    }
    sha256_finish(&sha, digest);
    return len == 0;
}

/* Signals belong to the main thread's descriptor. */
static bool relay_start(struct relay *relay, pthread_t *reader)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, RELAY_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(reader, &attributes, relay_read, relay);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

bool hash_relay(int fd, struct digest *digest, uint64_t *size_bytes)
{
    struct relay relay = {.fd = fd};
    pthread_t reader;
    bool ok = false;

    relay.bytes = mem_alloc((size_t)RELAY_SLOTS * RELAY_SLOT_BYTES);
    pthread_mutex_init(&relay.mutex, NULL);
    pthread_cond_init(&relay.moved, NULL);
    if (relay_start(&relay, &reader)) {
        ok = relay_hash(&relay, digest, size_bytes);
        pthread_join(reader, NULL);
    }
    pthread_cond_destroy(&relay.moved);
    pthread_mutex_destroy(&relay.mutex);
    free(relay.bytes);
    return ok;
}
