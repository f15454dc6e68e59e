/* Any bytes, and any records, as a log of items: damaged, or opened, with what it says of its items
 * being what is found, and gone on with. The first byte says which; a record is its type, its
 * length and so many bytes. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/items.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const char log_path[] =
    "items/0100000000000000000000000000000000000000000000000000000000000000";
static const struct digest key = {{1}};
static const struct items_about about = {.stage = {"s", 1}, .instance = {"s@n=1", 5}};

static void write_bytes(int dir_fd, const uint8_t *data, size_t size_bytes)
{
    int fd = openat(dir_fd, log_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert(fd >= 0 && write(fd, data, size_bytes) == (ssize_t)size_bytes);
    close(fd);
}

static void write_records(int dir_fd, const uint8_t *data, size_t size_bytes)
{
    struct record_batch batch;
    struct record_file file;

    record_batch_init(&batch);
    while (size_bytes > 2) {
        size_t len = data[1] < size_bytes - 2 ? data[1] : size_bytes - 2;

        record_batch_add(&batch, data[0] % 8, str_n((const char *)data + 2, len));
        data += 2 + len;
        size_bytes -= 2 + len;
    }
    assert(record_file_begin_own(&file, dir_fd, log_path, ITEMS_KIND, NULL));
    assert(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&file);
}

static bool count_dead(void *ctx, const struct item_result *result)
{
    assert(result->state == ITEM_DEAD);
    ++*(uint64_t *)ctx;
    return true;
}

/* Every item that the log speaks of is known, or dead and not accepted. */
static void check_items(struct items *items, int dir_fd)
{
    struct strbuf bytes = {0};
    struct record_file file;
    struct record record;

    assert(record_file_open(&file, dir_fd, log_path, ITEMS_KIND, NULL));
    for (uint64_t pos = 0; record_next(&file, &pos, &record);) {
        struct item_result told, found;
        struct digest digest;
        enum item_state state;

        if (item_parse(&record, &digest, &told)) {
            state = items_find(items, &digest);
            assert(items_get(items, &digest, &bytes, &found, NULL) == (state != ITEM_UNKNOWN));
            assert(state == ITEM_UNKNOWN || state == found.state);
        }
    }
    record_file_close(&file);
    strbuf_fini(&bytes);
}

static void check_log(int dir_fd)
{
    const struct item_result result = {.state = ITEM_DONE, .bytes = STR("x")};
    uint64_t dead = 0, revived = 0;
    struct err err = {0};
    struct items items;
    struct digest new_item = {{2}};

    if (!items_open(&items, dir_fd, &key, &about, &err)) {
        assert(err.status == STATUS_CORRUPT);
        return;
    }
    check_items(&items, dir_fd);
    assert(items_put(&items, &new_item, &result, NULL) && items_accept(&items, NULL));
    items_close(&items);
    assert(items_dead(dir_fd, log_path, count_dead, &dead, NULL));
    assert(items_revive(dir_fd, log_path, &revived, NULL) && revived == dead);
    assert(items_revive(dir_fd, log_path, &revived, NULL) && revived == 0);
    assert(items_rewrite(dir_fd, log_path, NULL));
    assert(items_open(&items, dir_fd, &key, &about, NULL));
    assert(items_find(&items, &new_item) == ITEM_DONE);
    check_items(&items, dir_fd);
    items_close(&items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    /* Where a sync costs nothing, if there is such a place. */
    char shm[] = "/dev/shm/pawl-items-XXXXXX", tmp[] = "/tmp/pawl-items-XXXXXX";
    const char *folder = mkdtemp(shm) != NULL ? shm : mkdtemp(tmp);
    int dir_fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;

    assert(dir_fd >= 0 && mkdirat(dir_fd, ITEMS_FOLDER, 0777) == 0);
    if (size_bytes > 0 && data[0] % 2 == 1) {
        write_records(dir_fd, data + 1, size_bytes - 1);
    } else {
        write_bytes(dir_fd, data + (size_bytes != 0), size_bytes - (size_bytes != 0));
    }
    check_log(dir_fd);
    unlinkat(dir_fd, log_path, 0);
    unlinkat(dir_fd, ITEMS_FOLDER, AT_REMOVEDIR);
    unlinkat(dir_fd, "tmp", AT_REMOVEDIR);
    close(dir_fd);
    rmdir(folder);
    return 0;
}
