/* Owns copying of bytes from file to file, with the digest of what was written. Three ways: small
 * files in one buffer (a clone would cost more calls), a clone that is read afterwards, a stream.
 */
#include "os/files.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sys.h"

struct copy {
    struct sha256 sha;
    uint64_t size_bytes;
    char *buffer;
    size_t room;
};

/* Reads `in` from `size_bytes` on, hashes, and writes to `out` (none: -1) until the end. */
static bool copy_stream(struct copy *copy, int in, int out)
{
    for (;;) {
        ssize_t count = sys_pread(in, copy->buffer, copy->room, (int64_t)copy->size_bytes);
        if (count <= 0) {
            return count == 0;
        }
        sha256_update(&copy->sha, copy->buffer, (size_t)count);
        if (out >= 0 && !file_write_all(out, copy->buffer, (size_t)count)) {
            return false;
        }
        copy->size_bytes += (uint64_t)count;
        /* A short read of a regular file is its end: spares the read that says so. */
        if ((size_t)count < copy->room && copy->room <= FILES_SMALL_BYTES + 1) {
            return true;
        }
    }
}

static uint64_t clone_pair(const struct sys_stat *in, const struct sys_stat *out)
{
    uint64_t words[4] = {in->dev_major, in->dev_minor, out->dev_major, out->dev_minor};
    uint64_t hash = 1;
    for (int i = 0; i < 4; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash | 1;
}

static bool copy_clone(struct clone_memory *memory, int in, const struct sys_stat *in_stat, int out)
{
    struct sys_stat out_stat;
    if (sys_fstat(out, &out_stat) < 0) {
        return false;
    }
    uint64_t pair = clone_pair(in_stat, &out_stat);
    if (atomic_load_explicit(&memory->refused, memory_order_relaxed) == pair) {
        return false;
    }
    if (sys_ficlone(out, in) == 0) {
        return true;
    }
    atomic_store_explicit(&memory->refused, pair, memory_order_relaxed);
    return false;
}

static bool copy_bytes(int in, int out, uint64_t size_bytes, bool cloned, const char *shown,
                       struct copied *copied, struct err *err)
{
    bool small = size_bytes <= FILES_SMALL_BYTES;
    struct copy copy = {.room = small ? (size_t)size_bytes + 1 : 2 * FILES_BUFFER_BYTES};
    copy.buffer = mem_alloc(copy.room);
    sha256_init(&copy.sha);
    bool ok = cloned ? copy_stream(&copy, out, -1) : copy_stream(&copy, in, out);
    int sys = errno;
    free(copy.buffer);
    if (!ok) {
        return err_errno(err, sys, "'%s': cannot be copied", shown);
    }
    sha256_finish(&copy.sha, &copied->digest);
    copied->size_bytes = copy.size_bytes;
    copied->cloned = cloned;
    return true;
}

bool file_copy(struct clone_memory *memory, int in, int out, const char *shown,
               struct copied *copied, struct err *err)
{
    struct sys_stat stat;
    if (sys_fstat(in, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    bool cloned =
        memory != NULL && stat.size_bytes > FILES_SMALL_BYTES && copy_clone(memory, in, &stat, out);
    return copy_bytes(in, out, stat.size_bytes, cloned, shown, copied, err);
}

bool file_clone(struct clone_memory *memory, int in, int out, const char *shown,
                struct copied *copied, struct err *err)
{
    struct sys_stat stat;
    copied->cloned = false;
    if (sys_fstat(in, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    return !copy_clone(memory, in, &stat, out) ||
           copy_bytes(in, out, stat.size_bytes, true, shown, copied, err);
}
