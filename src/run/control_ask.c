/* Owns asking a run that lives. */
#include "run/control_ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/socket.h"

/* --- one that lives --- */

static bool control_send_request(int fd, const struct control_request *request)
{
    struct strbuf line = {0};
    bool ok;

    control_request_write(request, &line);
    ok = sys_send(fd, line.data, line.len, 0) == (ssize_t)line.len;
    strbuf_fini(&line);
    return ok;
}

/* The line until its end, or whatever came before the other side closed. */
static struct str control_receive(int fd, struct arena *arena)
{
    char *text = arena_bytes(arena, CONTROL_LINE_BYTES);
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < CONTROL_LINE_BYTES && memchr(text, '\n', len) == NULL) {
        got = sys_recv(fd, text + len, CONTROL_LINE_BYTES - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    return str_n(text, len != 0 && text[len - 1] == '\n' ? len - 1 : 0);
}

static int control_open_peer(int fd)
{
    struct socket_peer peer;

    return socket_peer(fd, &peer) && peer.pid > 0 ? sys_pidfd_open(peer.pid) : -1;
}

enum control_reach control_ask(const char *path, const struct control_request *request,
                               struct arena *arena, struct control_reply *reply, int *pidfd,
                               struct err *err)
{
    int fd = socket_connect(path, err);
    struct str line = STR("");

    if (fd < 0) {
        bool nobody = err->sys == ENOENT || err->sys == ECONNREFUSED || err->sys == ENOTDIR;

        return nobody ? CONTROL_NOBODY : CONTROL_FAILED;
    }
    if (pidfd != NULL) {
        *pidfd = control_open_peer(fd);
    }
    if (control_send_request(fd, request)) {
        line = control_receive(fd, arena);
    }
    sys_close(fd);
    if (line.len == 0) {
        return CONTROL_NOBODY;
    }
    return control_reply_read(line, arena, reply, err) ? CONTROL_ANSWERED : CONTROL_FAILED;
}

void control_wait_end(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    while (sys_poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    sys_close(pidfd);
}
