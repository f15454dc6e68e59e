/* Owns `stream`: what works the items of a stage with `each`. */
#include "run/stream.h"

#include "base/sys.h"
#include "cmd/command.h"

int cmd_stream(struct cli *cli)
{
    uint64_t fd;
    struct sys_stat stat;

    if (!str_to_u64(str_of(cli->operands.items[0]), &fd) || fd > INT32_MAX ||
        sys_fstat((int)fd, &stat) != 0) {
        cli_warn("'stream' is started by 'run', for a stage with 'each'");
        return STATUS_USAGE;
    }
    return stream_main((int)fd, cli->origin);
}
