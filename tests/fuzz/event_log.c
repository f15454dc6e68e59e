/* Any bytes as the record of a run: good lines are numbered from 1; what is not damaged can be gone
 * on with, and then is whole. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/event_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static uint64_t read_lines(const char *path, enum event_end *end)
{
    struct event_reader *reader = event_reader_open(AT_FDCWD, path, NULL);
    struct event_line line;
    uint64_t count = 0;

    while (event_reader_next(reader, &line)) {
        assert(line.seq == ++count && line.json.len > 0);
    }
    *end = event_reader_end(reader, NULL);
    if (event_reader_seek_snapshot(reader)) {
        while (event_reader_next(reader, &line)) {
        }
    }
    event_reader_close(reader);
    return count;
}

static void check_log(const char *path)
{
    enum event_end end;
    uint64_t count = read_lines(path, &end);
    struct event_log *log = event_log_append_to(AT_FDCWD, path, NULL, NULL);

    assert((log == NULL) == (end == EVENT_END_DAMAGED));
    if (log == NULL) {
        return;
    }
    assert(event_log_add(log, 0, STR("note"), STR_NONE) == count + 1);
    assert(event_log_flush(log, NULL));
    event_log_close(log);
    assert(read_lines(path, &end) == count + 1 && end == EVENT_END_WHOLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    int fd = memfd_create("events", MFD_CLOEXEC);
    char path[64];

    assert(fd >= 0 && write(fd, data, size_bytes) == (ssize_t)size_bytes);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    check_log(path);
    close(fd);
    return 0;
}
