#ifndef PAWL_OS_SIGNATURE_H
#define PAWL_OS_SIGNATURE_H
/* Signatures: what `statx` says of a file, to tell later without reading whether it may have
 * changed. `st_dev` is not in it: it changes at reboot, on overlay, on NFS.
 *
 * A signature is *firm* if no later write can leave it as it is: statx before and after the read
 * agree, and either the ctime was older than the coarse clock before the read (so that a later
 * write gets a later ctime), or the file system has multigrain times (a write after a statx always
 * gives another ctime). A signature that is not firm names the right bytes now but must not be
 * trusted later.
 *
 *     signature_read(dirfd, path, true, &before, &err);
 *     struct signature_tick tick = signature_tick_now(times, fd);
 *     … read and hash …
 *     signature_read_fd(fd, &after, &err);
 *     firm = signature_is_firm(&before, &after, &tick);
 *
 * Where the answer is no only because the tick has not passed, `signature_wait_ns` says how long to
 * sleep before reading again makes it firm (1 to 10 ms; 3 s on network file systems).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Type and x-bit of a file, as `mode`; nothing else of st_mode counts. */
enum file_type { FILE_MISSING, FILE_REGULAR, FILE_FOLDER, FILE_LINK, FILE_OTHER };

enum { SIGNATURE_BYTES = 40 }; /* of the encoded form: five u64, little endian */

struct signature {
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint32_t mode; /* st_mode reduced: type bits, and 0100 when the owner may execute */
};

/* Of a path relative to `dirfd`. A missing path (ENOENT, ENOTDIR) succeeds with mode 0. */
bool signature_read(int dirfd, const char *path, bool follow, struct signature *signature,
                    struct err *err);
bool signature_read_fd(int fd, struct signature *signature, struct err *err);

bool signature_equal(const struct signature *a, const struct signature *b);
enum file_type signature_type(const struct signature *signature);
bool signature_is_executable(const struct signature *signature);

void signature_encode(const struct signature *signature, unsigned char out[static SIGNATURE_BYTES]);
void signature_decode(const unsigned char in[static SIGNATURE_BYTES], struct signature *signature);

/* What the clock of a file system is worth: probed once for each file system, then remembered. One
 * table for a process, safe from any thread. */
struct signature_times;
struct signature_times *signature_times_new(void);
void signature_times_free(struct signature_times *times);
/* Probes the file system of the folder `dirfd` for multigrain times with a temporary file in it
 * (statx, write, another ctime; three times). Called once for the workspace's .pawl/tmp and for the
 * store; a file system never probed counts as coarse. A failed probe counts as coarse too. */
void signature_times_probe(struct signature_times *times, int dirfd);

/* Is the file system that `fd` is on a network one? */
bool signature_is_network(int fd);

/* The moment before a read, by the clock of the file system that `fd` is on. */
struct signature_tick {
    int64_t coarse_ns; /* CLOCK_REALTIME_COARSE */
    int64_t window_ns; /* 0 on local file systems, 3 s on network ones */
    bool multigrain;
};
struct signature_tick signature_tick_now(struct signature_times *times, int fd);
/* For those who read many files: the clock before the signature that is taken before the read, and
 * then, with one call to the kernel, the signature after it and that tick. False: errno. */
int64_t signature_clock_ns(void);
bool signature_after(struct signature_times *times, int fd, int64_t clock_ns,
                     struct signature *after, struct signature_tick *tick);

bool signature_is_firm(const struct signature *before, const struct signature *after,
                       const struct signature_tick *tick);
/* Nanoseconds until a file of this ctime can be read firmly; 0: now. */
int64_t signature_wait_ns(const struct signature *signature, const struct signature_tick *tick);

#endif
