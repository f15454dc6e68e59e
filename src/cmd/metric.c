/* Owns `metric`: a figure that a stage's command gives, appended to the file of its attempt; see
 * run/commit_metrics.c. */
#include <fcntl.h>

#include "base/limits.h"
#include "base/metric.h"
#include "base/sys.h"
#include "cmd/command.h"
#include "cmd/inside.h"
#include "os/files.h"

static bool metric_add_line(const char *operand, struct strbuf *lines, struct err *err)
{
    struct str value = str_of(operand);
    struct str name;

    if (str_find(value, '=') < 0) {
        return err_set(err, STATUS_USAGE, "'%s' is no NAME=VALUE, as in sharpe=1.2", operand);
    }
    str_split(&value, '=', &name);
    if (!metric_is_name(name)) {
        return err_set(err, STATUS_USAGE,
                       "'%s': a metric's name has 1 to %d bytes and no control characters", operand,
                       LIMIT_NAME_BYTES);
    }
    if (str_find(value, '\n') >= 0) {
        return err_set(err, STATUS_USAGE, "metric '%.*s' has a value of several lines",
                       STR_ARG(name));
    }
    strbuf_add_str(lines, name);
    strbuf_putc(lines, '=');
    strbuf_add_str(lines, value);
    strbuf_putc(lines, '\n');
    return true;
}

static bool metric_append(struct str path, struct str lines, struct err *err)
{
    struct sys_stat stat;
    int fd = sys_open(path.data, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, SYS_OWN_FILE);
    bool ok;

    if (fd < 0) {
        return err_sys(err, "'%s': cannot be written", path.data);
    }
    ok = sys_fstat(fd, &stat) == 0 || err_sys(err, "'%s'", path.data);
    if (ok && stat.size_bytes + lines.len > LIMIT_METRICS_BYTES) {
        ok =
            err_set(err, STATUS_STAGE_FAILED, "more than %d bytes of metrics", LIMIT_METRICS_BYTES);
    }
    ok = ok && (file_write_all(fd, lines.data, lines.len) ||
                err_sys(err, "'%s': cannot be written", path.data));
    sys_close(fd);
    return ok;
}

int cmd_metric(struct cli *cli)
{
    struct strbuf lines = {0};
    struct str pawl, attempt;
    struct err err = {0};
    bool ok = inside_find("metric", &cli->arena, &pawl, &attempt, &err);

    for (uint32_t i = 0; ok && i < cli->operands.count; i++) {
        ok = metric_add_line(cli->operands.items[i], &lines, &err);
    }
    ok = ok && metric_append(STR_JOIN(&cli->arena, pawl, STR("/tmp/"), attempt, STR(".metrics")),
                             strbuf_str(&lines), &err);
    strbuf_fini(&lines);
    return ok ? STATUS_OK : cli_fail(&err);
}
