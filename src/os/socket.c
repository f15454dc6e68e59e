/* Owns addresses and credentials of sockets. */
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/sys.h"

static bool socket_address(struct sockaddr_un *address, const char *path, struct err *err)
{
    size_t len = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof(address->sun_path)) {
        return err_errno(err, ENAMETOOLONG, "'%s': is too long for the name of a socket", path);
    }
    memcpy(address->sun_path, path, len + 1);
    return true;
}

static int socket_give_up(int fd, struct err *err, const char *path, const char *what)
{
    err_sys(err, "'%s': %s", path, what);
    if (fd >= 0) {
        sys_close(fd);
    }
    return -1;
}

int socket_listen(const char *path, int backlog, struct err *err)
{
    struct sockaddr_un address;
    int fd;

    if (!socket_address(&address, path, err)) {
        return -1;
    }
    fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (sys_unlink(path) != 0 && errno != ENOENT) ||
        sys_bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        sys_chmod(path, 0600) != 0 || sys_listen(fd, backlog) != 0) {
        return socket_give_up(fd, err, path, "cannot be listened at");
    }
    return fd;
}

int socket_connect(const char *path, struct err *err)
{
    struct sockaddr_un address;
    int fd;

    if (!socket_address(&address, path, err)) {
        return -1;
    }
    fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || sys_connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        return socket_give_up(fd, err, path, "cannot be connected to");
    }
    return fd;
}

bool socket_peer(int fd, struct socket_peer *peer)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    if (sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 || len != sizeof(who)) {
        return false;
    }
    *peer = (struct socket_peer){.pid = who.pid, .uid = who.uid};
    return true;
}
