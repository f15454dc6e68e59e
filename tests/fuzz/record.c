/* Any bytes as a file of records: what is read lies inside the file, an append is read again, and
 * nothing that was read before it is lost. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static uint32_t count_records(struct record_file *file, uint32_t *last_type)
{
    struct strbuf bytes = {0};
    struct record record;
    uint32_t count = 0;

    for (uint64_t pos = 0; record_next(file, &pos, &record); count++) {
        assert(pos <= file->len);
        assert(record.offset + record.payload.len < pos);
        *last_type = record.type;
        /* What the walk gave is found by its place too. */
        assert(record_read(file, record.offset, (uint32_t)record.payload.len, &bytes, &record));
        assert(record.type == *last_type);
        assert(record_at(file, record.offset, &record, NULL) && record.type == *last_type);
    }
    strbuf_fini(&bytes);
    return count;
}

static void check_file(int dir_fd)
{
    struct record_batch batch;
    struct record_file file;
    struct err err = {0};
    uint32_t type = 0;
    uint32_t count;

    if (!record_file_open(&file, dir_fd, "records", "test", &err)) {
        assert(err.status == STATUS_CORRUPT);
        return;
    }
    count = count_records(&file, &type);
    record_batch_init(&batch);
    record_batch_add(&batch, 12345, STR("appended"));
    assert(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&file);
    assert(record_file_open(&file, dir_fd, "records", "test", NULL));
    assert(count_records(&file, &type) == count + 1 && type == 12345);
    record_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    /* A record is opened through no link, so not as a file in /proc. */
    char folder[] = "/tmp/pawl-record-XXXXXX";
    int dir_fd = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    int fd = openat(dir_fd, "records", O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert(fd >= 0 && write(fd, data, size_bytes) == (ssize_t)size_bytes);
    close(fd);
    check_file(dir_fd);
    unlinkat(dir_fd, "records", 0);
    close(dir_fd);
    rmdir(folder);
    return 0;
}
