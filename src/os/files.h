#ifndef PAWL_OS_FILES_H
#define PAWL_OS_FILES_H
/* Reading, hashing, copying and writing single files, and making folders. All paths are relative to
 * a folder's descriptor (AT_FDCWD works); errors name the path and the reason, status 11. Any
 * thread. Replacing and renaming is in os/replace.h, removing in os/remove.h.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

enum { FILES_SMALL_BYTES = 256 << 10, FILES_BUFFER_BYTES = 256 << 10 };

/* Temporary files beside others are named FILE_TEMP_PREFIX and 16 random hexadecimal digits. What a
 * killed process left under such a name is nobody's: listings leave it out, moves remove it. */
#define FILE_TEMP_PREFIX ".pawl-new."
enum { FILE_TEMP_BYTES = 32 };
/* A new one, with its NUL; false when there are no random bytes. */
bool file_temp_name(char name[static FILE_TEMP_BYTES]);
bool file_is_temp_name(const char *name);

/* Appends the whole file to `out`; more than `limit_bytes` is an error. Follows links. */
bool file_read(int dirfd, const char *path, uint64_t limit_bytes, struct strbuf *out,
               struct err *err);
/* The same from a descriptor's present position. `shown` names it in errors. */
bool file_read_fd(int fd, const char *shown, uint64_t limit_bytes, struct strbuf *out,
                  struct err *err);
/* The same of a whole file but the gaps, ascending ranges, whose bytes in `out` may be anything. */
bool file_read_between(int fd, const char *shown, uint64_t limit_bytes,
                       const struct str_range *gaps, uint32_t gap_count, struct strbuf *out,
                       struct err *err);
/* A new file without a name, for reading and writing, on the file system of that folder: gone when
 * it is closed. -1: `err`. */
int file_open_nameless(int dirfd, const char *folder, struct err *err);
/* All of it, however many writes that takes. */
bool file_write_all(int fd, const void *data, size_t len);
/* Makes or replaces `path` with these bytes so that a reader sees all or nothing: temporary file
 * beside it, write, rename. `durable`: fsync the file before and the folder after the rename. */
bool file_write_replace(int dirfd, const char *path, struct str data, mode_t mode, bool durable,
                        struct err *err);
/* The same with bytes that `fill` puts into the descriptor; it answers false with errno set. */
bool file_write_replace_by(int dirfd, const char *path, bool (*fill)(void *ctx, int fd), void *ctx,
                           mode_t mode, bool durable, struct err *err);

/* Digest of a file's bytes; links are followed. `*size_bytes` may be NULL. */
bool file_hash(int dirfd, const char *path, struct digest *digest, uint64_t *size_bytes,
               struct err *err);
bool file_hash_fd(int fd, const char *shown, struct digest *digest, uint64_t *size_bytes,
                  struct err *err);
/* The bytes of a symbolic link, in `out` (cleared first). */
bool file_read_link(int dirfd, const char *path, struct strbuf *out, struct err *err);

/* Remembers between which file systems FICLONE does not work. One for a process; any thread. */
struct clone_memory {
    _Atomic uint64_t refused; /* hash of the last pair that refused, 0: none */
};

/* What file_copy gives: digest and size of *the copy*. */
struct copied {
    struct digest digest;
    uint64_t size_bytes;
    bool cloned;
};
/* Copies all bytes of `in` (from its start) to the empty new file `out` and hashes what was
 * written: a clone where the kernel can (then the clone is read), else the buffers on their way; a
 * file up to FILES_SMALL_BYTES is one read, one write. `in` changing meanwhile gives a copy of some
 * state, whose digest is right. `memory` NULL: never a clone. */
bool file_copy(struct clone_memory *memory, int in, int out, const char *shown,
               struct copied *copied, struct err *err);
/* A clone of whatever size, or nothing: true with `copied->cloned` false where there are none. */
bool file_clone(struct clone_memory *memory, int in, int out, const char *shown,
                struct copied *copied, struct err *err);

/* Makes the folder `path` and its parents below `dirfd`, component by component, without following
 * a link: a link or a file in the way is an error that names it. A folder that is there is fine.
 * Empty path: nothing. New folders get 0777 less the umask, and less what others may not do in the
 * one above (sys_mode_in). */
bool folder_make(int dirfd, const char *path, struct err *err);
/* Makes the parents of `path` alone. */
bool folder_make_parents(int dirfd, const char *path, struct err *err);
/* Opens the folder that holds `path`, following no link below `dirfd`; `*base` points into `path`.
 * Returns a descriptor (O_PATH; close it), or -1; `missing` (may be NULL) tells ENOENT/ENOTDIR from
 * the rest. With `make`, missing folders are made. */
int folder_open_parent(int dirfd, const char *path, bool make, const char **base, bool *missing,
                       struct err *err);
/* A folder's descriptor, O_PATH not set, following no link in its last component; -1: error. */
int folder_open(int dirfd, const char *path, struct err *err);

#endif
