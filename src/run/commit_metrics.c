/* Owns where the figures of an attempt come from: what its command said by `"$PAWL" metric`, which
 * wins, and the JSON file that its stage names.
 *
 * What is said lies in tmp/<attempt>.metrics, a line `NAME=VALUE` for each, appended by the command
 * `metric`; of one name the last counts. The file is there only if something was said, and is
 * looked at once, when the command has ended: what comes later is never read. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/remove.h"
#include "run/commit_inside.h"
#include "run/judge.h"

/* Bounded before it is read. */
static bool metrics_read(int fd, struct strbuf *text, struct err *err)
{
    struct sys_stat stat;

    if (sys_fstat(fd, &stat) != 0) {
        return err_sys(err, "its size is not known");
    }
    if (!S_ISREG(stat.mode)) {
        return err_set(err, STATUS_STAGE_FAILED, "it is no regular file");
    }
    if (stat.size_bytes > LIMIT_METRICS_BYTES) {
        return err_set(err, STATUS_STAGE_FAILED, "it has %llu bytes, more than %d",
                       (unsigned long long)stat.size_bytes, LIMIT_METRICS_BYTES);
    }
    return file_read_fd(fd, "the file", LIMIT_METRICS_BYTES, text, err);
}

/* --- the file that the stage names --- */

static bool metrics_name(struct str path, struct err *err)
{
    struct strbuf shown = {0};

    path_show(&shown, path);
    err_wrap(err, "metrics '%s' cannot be read", shown.data);
    strbuf_fini(&shown);
    return false;
}

bool metrics_add_file(struct metric_list *list, struct str path, struct err *err)
{
    struct strbuf text = {0};
    int fd = sys_open(path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    bool ok = fd >= 0 ? metrics_read(fd, &text, err) : err_sys(err, "it cannot be opened");

    if (fd >= 0) {
        sys_close(fd);
    }
    ok = ok && metrics_add_json(list, strbuf_str(&text), err);
    strbuf_fini(&text);
    return ok || metrics_name(path, err);
}

static bool metrics_fail(struct attempt *attempt, const struct err *err)
{
    commit_fail(attempt, CAUSE_OUTPUT, str_dup(&attempt->arena, str_of(err->text)));
    return false;
}

static bool metrics_of_files(struct attempt *attempt, struct metric_list *list)
{
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        struct err err = {0};

        if (attempt->executor->plan->outputs[row->output].is_metrics && row->made &&
            !metrics_add_file(list, row->path, &err)) {
            return metrics_fail(attempt, &err);
        }
    }
    return true;
}

/* --- what was said --- */

/* The last line first: of one name the first that is added counts. */
static bool metrics_of_lines(struct str text, struct metric_list *list, struct err *err)
{
    while (text.len != 0) {
        ptrdiff_t at;
        struct str line;
        struct str name;

        text.len -= text.data[text.len - 1] == '\n';
        at = str_rfind(text, '\n');
        line = str_skip(text, (size_t)(at + 1));
        text = str_head(text, (size_t)(at + 1));
        if (str_split(&line, '=', &name) && metric_is_name(name) &&
            !metrics_add_text(list, name, line, err)) {
            return false;
        }
    }
    return true;
}

static bool metrics_of_words(struct attempt *attempt, struct metric_list *list)
{
    struct str path = STR_JOIN(&attempt->arena, STR(".pawl/tmp/"), attempt->id, STR(".metrics"));
    struct strbuf text = {0};
    struct err err = {0};
    int fd = sys_open(path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    bool ok;

    if (fd < 0 && errno == ENOENT) {
        return true;
    }
    ok = fd >= 0 ? metrics_read(fd, &text, &err) : err_sys(&err, "it cannot be opened");
    ok = ok && metrics_of_lines(strbuf_str(&text), list, &err);
    if (fd >= 0) {
        sys_close(fd);
    }
    strbuf_fini(&text);
    file_remove(AT_FDCWD, path.data, NULL);
    return ok || metrics_name(path, &err) || metrics_fail(attempt, &err);
}

bool commit_metrics(struct attempt *attempt)
{
    struct metric_list list;

    metric_list_init(&list, &attempt->arena);
    if (!metrics_of_words(attempt, &list) || !metrics_of_files(attempt, &list)) {
        return false;
    }
    if (list.count != 0) {
        attempt->metrics = metrics_of(&list);
    }
    return true;
}
