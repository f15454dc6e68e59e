/* Any bytes as what is kept of a compensation: damaged, or read as it is written again. Any records
 * as the list of effects: refused, or a list that the next process reads alike, and that can be
 * gone on with. The first byte says which; a record is its type, its length and so many bytes. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/undo.h"
#include "store/effects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_undo(struct str bytes)
{
    struct strbuf once = {0}, twice = {0};
    struct err err = {0};
    struct arena arena;
    struct undo undo;

    arena_init(&arena);
    if (undo_read(bytes, &arena, &undo, &err)) {
        undo_write(&undo, &once);
        assert(undo_read(strbuf_str(&once), &arena, &undo, NULL));
        undo_write(&undo, &twice);
        assert(str_equal(strbuf_str(&once), strbuf_str(&twice)));
    } else {
        assert(err.status == STATUS_CORRUPT);
    }
    strbuf_fini(&once);
    strbuf_fini(&twice);
    arena_fini(&arena);
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
    assert(record_file_open(&file, dir_fd, "effects", "effects", NULL));
    assert(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&file);
}

static bool covers_all(void *ctx, const struct effect *row)
{
    (void)ctx;
    (void)row;
    return true;
}

static void check_list(int dir_fd)
{
    struct effects effects;
    struct err err = {0};
    uint32_t count, condemned;

    if (!effects_open(&effects, dir_fd, &err)) {
        assert(err.status == STATUS_CORRUPT);
        return;
    }
    count = effects_count(&effects, false);
    condemned = effects_count(&effects, true);
    assert(condemned <= count && (effects_newest(&effects, false) != NULL) == (count != 0));
    effects_close(&effects);
    assert(effects_open(&effects, dir_fd, NULL));
    assert(effects_count(&effects, false) == count && effects_count(&effects, true) == condemned);
    assert(effects_condemn(&effects, STR(""), NULL));
    assert(effects_count(&effects, true) == count);
    for (uint32_t left = count; left > 0; left--) {
        struct str id = effects_newest(&effects, true)->id;

        assert(effects_undone(&effects, id, NULL));
    }
    assert(effects_count(&effects, false) == 0);
    assert(effects_release(&effects, covers_all, NULL, NULL));
    effects_close(&effects);
    assert(effects_open(&effects, dir_fd, NULL));
    assert(effects.rows.count == 0);
    effects_close(&effects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    /* Where a sync costs nothing, if there is such a place. */
    char shm[] = "/dev/shm/pawl-effects-XXXXXX", tmp[] = "/tmp/pawl-effects-XXXXXX";
    char *folder = NULL;
    int dir_fd;

    if (size_bytes == 0 || data[0] % 2 == 0) {
        check_undo(str_n((const char *)data + (size_bytes != 0), size_bytes - (size_bytes != 0)));
        return 0;
    }
    folder = mkdtemp(shm) != NULL ? shm : mkdtemp(tmp);
    dir_fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    assert(dir_fd >= 0);
    write_records(dir_fd, data + 1, size_bytes - 1);
    check_list(dir_fd);
    unlinkat(dir_fd, "effects", 0);
    close(dir_fd);
    rmdir(folder);
    return 0;
}
