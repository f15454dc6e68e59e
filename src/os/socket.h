#ifndef PAWL_OS_SOCKET_H
#define PAWL_OS_SOCKET_H
/* Named stream sockets between processes of one machine.
 *
 * A path is at most 107 bytes, so callers name it relative to their working folder. Who is at the
 * other end says the kernel (socket_peer): permissions of the path alone do not count everywhere.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Waits for connections, up to `backlog` of which the kernel keeps; whatever lies at `path` goes.
 * The descriptor does not block. -1: `err`. */
int socket_listen(const char *path, int backlog, struct err *err);
/* -1: `err`; its sys is ENOENT or ECONNREFUSED where nobody listens. The descriptor blocks. */
int socket_connect(const char *path, struct err *err);

struct socket_peer {
    pid_t pid; /* 0: not of our namespace */
    uid_t uid;
};
/* Of a connection: who made it; for who made it: who listens. */
bool socket_peer(int fd, struct socket_peer *peer);

#endif
