/* Owns the list of what was taken: digests, each with a byte for the way, one behind the other, in
 * a file without a name. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"
#include "run/stream.h"

enum { ORDER_ROW_BYTES = DIGEST_BYTES + 1, ORDER_BUFFER_BYTES = ORDER_ROW_BYTES * 2048 };

bool stream_order_open(struct stream_order *order, struct err *err)
{
    *order = (struct stream_order){.fd = file_open_nameless(AT_FDCWD, ".pawl/tmp", err)};
    if (order->fd < 0) {
        return false;
    }
    order->buffer = mem_alloc(ORDER_BUFFER_BYTES);
    return true;
}

static bool order_flush(struct stream_order *order, struct err *err)
{
    if (order->len != 0 && sys_write_full(order->fd, order->buffer, order->len) != 0) {
        return err_sys(err, "the list of the items cannot be written");
    }
    order->len = 0;
    return true;
}

bool stream_order_put(struct stream_order *order, const struct digest *digest, uint8_t way,
                      struct err *err)
{
    if (order->len == ORDER_BUFFER_BYTES && !order_flush(order, err)) {
        return false;
    }
    memcpy(order->buffer + order->len, digest->bytes, DIGEST_BYTES);
    order->buffer[order->len + DIGEST_BYTES] = way;
    order->len += ORDER_ROW_BYTES;
    order->count++;
    return true;
}

bool stream_order_walk(struct stream_order *order,
                       bool (*each)(void *ctx, const struct digest *digest, uint8_t way,
                                    struct err *err),
                       void *ctx, struct err *err)
{
    uint64_t left = order->count;

    if (!order_flush(order, err)) {
        return false;
    }
    if (sys_seek(order->fd, 0, SEEK_SET) < 0) {
        return err_sys(err, "the list of the items cannot be read");
    }
    while (left != 0) {
        size_t want = left < ORDER_BUFFER_BYTES / ORDER_ROW_BYTES ? (size_t)left * ORDER_ROW_BYTES
                                                                  : ORDER_BUFFER_BYTES;
        ssize_t got = sys_read_full(order->fd, order->buffer, want);

        if (got != (ssize_t)want) {
            return err_sys(err, "the list of the items cannot be read");
        }
        for (size_t at = 0; at < want; at += ORDER_ROW_BYTES) {
            struct digest digest;

            memcpy(digest.bytes, order->buffer + at, DIGEST_BYTES);
            if (!each(ctx, &digest, order->buffer[at + DIGEST_BYTES], err)) {
                return false;
            }
        }
        left -= want / ORDER_ROW_BYTES;
    }
    return true;
}

void stream_order_close(struct stream_order *order)
{
    if (order->fd >= 0) {
        sys_close(order->fd);
    }
    free(order->buffer);
    *order = (struct stream_order){.fd = -1};
}
