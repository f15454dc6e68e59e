/* Owns the sharing out of files to threads, and reading them in batches.
 *
 * Large files go first, one by one, so that none is left for the end; then runs of small ones, in
 * the order in which they came, which is mostly that of folders. A batch is sorted by size: the
 * lanes of vectors then end together. */
#include "os/hashing.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sha256_many.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/hash_relay.h"
#include "os/pool.h"

enum {
    /* Less than this is not worth another thread. */
    HASHING_LOOKS_A_THREAD = 512,
    HASHING_READS_A_THREAD = 64,
    HASHING_BYTES_A_THREAD = 1 << 20,
    HASHING_RELAY_BYTES = 8 << 20
};

/* What the threads share. */
struct hashing {
    pthread_mutex_t mutex;
    struct signature_times *times;
    struct hashing_file *files;
    uint32_t count;
    uint32_t next_large, next; /* nobody has taken what lies behind */
    bool spare;                /* there are more processors than threads */
};

struct hashing_item {
    struct hashing_file *file;
    size_t room; /* what it had when it was looked at, and a byte to see that nothing more comes */
};

struct hashing_batch {
    struct hashing_item items[HASHING_BATCH_FILES];
    uint32_t count;
    size_t room; /* of all */
    unsigned char *buffer;
    size_t buffer_bytes;
};

/* --- threads --- */

static uint32_t hashing_processors(void)
{
    int processors = sys_affinity_count();

    return processors < 1 ? 1 : (uint32_t)processors;
}

static uint32_t hashing_threads(uint64_t worth)
{
    uint64_t most = hashing_processors();

    most = most < POOL_WORKERS_MAX ? most : POOL_WORKERS_MAX;
    return (uint32_t)(worth < most ? worth : most);
}

/* `threads` times the same work, one of them here. */
static void hashing_share(struct hashing *hashing, uint32_t threads, void (*work)(void *))
{
    struct pool_job jobs[POOL_WORKERS_MAX];
    struct pool pool;

    pthread_mutex_init(&hashing->mutex, NULL);
    if (threads > 1) {
        pool_init(&pool, threads - 1, NULL, NULL);
        for (uint32_t i = 0; i + 1 < threads; i++) {
            jobs[i] = (struct pool_job){.work = work, .arg = hashing};
            pool_submit(&pool, &jobs[i]);
        }
    }
    work(hashing);
    if (threads > 1) {
        pool_wait_idle(&pool);
        (void)pool_stop(&pool);
    }
    pthread_mutex_destroy(&hashing->mutex);
}

/* --- looking --- */

static void look_work(void *arg)
{
    struct hashing *hashing = arg;

    for (;;) {
        pthread_mutex_lock(&hashing->mutex);
        uint32_t from = hashing->next;
        uint32_t left = hashing->count - from;
        uint32_t end = from + (left < HASHING_READS_A_THREAD ? left : HASHING_READS_A_THREAD);
        hashing->next = end;
        pthread_mutex_unlock(&hashing->mutex);
        if (from == end) {
            return;
        }
        for (uint32_t i = from; i < end; i++) {
            struct hashing_file *file = &hashing->files[i];

            file->looked_ns = signature_clock_ns();
            file->looked = signature_read(AT_FDCWD, file->path, true, &file->found, NULL);
        }
    }
}

void hashing_look(struct hashing_file *files, uint32_t count)
{
    struct hashing hashing = {.files = files, .count = count};

    hashing_share(&hashing, hashing_threads(1 + count / HASHING_LOOKS_A_THREAD), look_work);
}

/* --- reading --- */

static int hashing_open(const struct hashing_file *file)
{
    /* O_NONBLOCK: what became a fifo meanwhile is refused instead of waited for. */
    return sys_open(file->path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
}

/* The signature before the read is the one that was looked at: if the one after it is the same, the
 * same file was opened, and nothing has changed since the look. */
static void hashing_end(struct hashing *hashing, struct hashing_file *file, int fd,
                        uint64_t size_bytes)
{
    struct signature_tick tick;

    file->read = signature_after(hashing->times, fd, file->looked_ns, &file->signature, &tick) &&
                 signature_equal(&file->found, &file->signature) && size_bytes == file->found.size;
    file->firm = file->read && signature_is_firm(&file->found, &file->signature, &tick);
}

static void hashing_read_large(struct hashing *hashing, struct hashing_file *file)
{
    uint64_t size_bytes;
    int fd = hashing_open(file);
    bool ok;

    if (fd < 0) {
        return;
    }
    /* What was opened may be no regular file any more: then its signature is another, too. */
    ok = hashing->spare && file->found.size >= HASHING_RELAY_BYTES
             ? hash_relay(fd, &file->digest, &size_bytes)
             : file_hash_fd(fd, file->path, &file->digest, &size_bytes, NULL);
    if (ok) {
        hashing_end(hashing, file, fd, size_bytes);
    }
    (void)sys_close(fd);
}

/* Reads a small file to `to`, where it has the room it had when it was looked at. */
static void hashing_read_small(struct hashing *hashing, struct hashing_file *file,
                               unsigned char *to)
{
    ssize_t len;
    int fd = hashing_open(file);

    if (fd < 0) {
        return;
    }
    /* One read: a regular file gives all it has. If it gave less or more, the size tells. */
    len = sys_read(fd, to, (size_t)file->found.size + 1);
    if (len >= 0) {
        hashing_end(hashing, file, fd, (uint64_t)len);
    }
    (void)sys_close(fd);
}

static int batch_order(const void *a, const void *b)
{
    size_t left = ((const struct hashing_item *)a)->room;
    size_t right = ((const struct hashing_item *)b)->room;

    return (left < right) - (left > right);
}

static void batch_make_room(struct hashing_batch *batch)
{
    if (batch->room > batch->buffer_bytes) {
        batch->buffer_bytes = batch->buffer_bytes == 0 ? batch->room : HASHING_BATCH_BYTES;
        batch->buffer = mem_realloc(batch->buffer, batch->buffer_bytes, 1);
    }
}

static void hashing_read_batch(struct hashing *hashing, struct hashing_batch *batch)
{
    struct sha256_message messages[HASHING_BATCH_FILES];
    uint32_t count = 0;
    size_t at = 0;

    batch_make_room(batch);
    qsort(batch->items, batch->count, sizeof(*batch->items), batch_order);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct hashing_item item = batch->items[i];

        hashing_read_small(hashing, item.file, batch->buffer + at);
        if (item.file->read) {
            batch->items[count] = item;
            messages[count++] = (struct sha256_message){.data = batch->buffer + at,
                                                        .len = (size_t)item.file->signature.size};
        }
        at += item.room;
    }
    sha256_many(messages, count);
    for (uint32_t i = 0; i < count; i++) {
        batch->items[i].file->digest = messages[i].digest;
    }
}

static bool hashing_is_large(const struct hashing_file *file)
{
    return file->found.size > HASHING_SMALL_BYTES;
}

static struct hashing_file *take_large(struct hashing *hashing)
{
    while (hashing->next_large < hashing->count) {
        struct hashing_file *file = &hashing->files[hashing->next_large++];

        if (file->wanted && hashing_is_large(file)) {
            return file;
        }
    }
    return NULL;
}

static void take_batch(struct hashing *hashing, struct hashing_batch *batch)
{
    batch->count = 0;
    batch->room = 0;
    while (hashing->next < hashing->count && batch->count < HASHING_BATCH_FILES) {
        struct hashing_file *file = &hashing->files[hashing->next];

        if (file->wanted && !hashing_is_large(file)) {
            size_t room = (size_t)file->found.size + 1;

            if (batch->room + room > HASHING_BATCH_BYTES) {
                return;
            }
            batch->room += room;
            batch->items[batch->count++] = (struct hashing_item){file, room};
        }
        hashing->next++;
    }
}

static void read_work(void *arg)
{
    struct hashing *hashing = arg;
    struct hashing_batch batch = {.count = 0};

    for (;;) {
        pthread_mutex_lock(&hashing->mutex);
        struct hashing_file *large = take_large(hashing);
        batch.count = 0;
        if (large == NULL) {
            take_batch(hashing, &batch);
        }
        pthread_mutex_unlock(&hashing->mutex);
        if (large != NULL) {
            hashing_read_large(hashing, large);
        } else if (batch.count != 0) {
            hashing_read_batch(hashing, &batch);
        } else {
            break;
        }
    }
    free(batch.buffer);
}

/* In threads, and at most one for each file. */
static uint64_t hashing_work(struct hashing_file *files, uint32_t count)
{
    uint64_t bytes = 0, wanted = 0, worth;

    for (uint32_t i = 0; i < count; i++) {
        files[i].read = files[i].firm = false;
        files[i].wanted =
            files[i].wanted && files[i].looked && signature_type(&files[i].found) == FILE_REGULAR;
        if (files[i].wanted) {
            wanted++;
            /* What `found` says is only a guess of what will be there. */
            bytes += files[i].found.size < UINT64_MAX / count ? files[i].found.size : 0;
        }
    }
    worth = 1 + bytes / HASHING_BYTES_A_THREAD + wanted / HASHING_READS_A_THREAD;
    return worth < wanted ? worth : wanted;
}

void hashing_read(struct signature_times *times, struct hashing_file *files, uint32_t count)
{
    struct hashing hashing = {.times = times, .files = files, .count = count};
    uint64_t worth = hashing_work(files, count);

    if (worth != 0) {
        hashing.spare = hashing_threads(worth) < hashing_processors();
        hashing_share(&hashing, hashing_threads(worth), read_work);
    }
}
