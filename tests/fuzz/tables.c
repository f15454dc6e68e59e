/* Any bytes as a table beside a file of records. The first byte says of which: 0 and 1 of `made`, 2
 * and 3 of `results`; with an odd one the bytes are the whole table, whose checksum is set right,
 * else its rows, and the mark is that of the file. A table is a hint: whatever it says, what is
 * found is what the file holds, what is appended stays, and without the table all is there. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/record_table.h"
#include "store/made.h"
#include "store/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { ROWS = 6, MADE_ROW_BYTES = 16, RESULTS_ROW_BYTES = 24 };

/* --- the table --- */

static void write_table(int dir, const char *file, struct str rows, uint32_t row_bytes)
{
    struct record_table table;
    struct record_file records;
    char path[32];

    snprintf(path, sizeof(path), "%s.table", file);
    record_table_begin(&table, row_bytes);
    table.extra = ROWS;
    for (; rows.len >= row_bytes; rows = str_skip(rows, row_bytes)) {
        memcpy(record_table_add(&table), rows.data, row_bytes);
    }
    assert(record_file_open(&records, dir, file, file, NULL) && record_mark(&records, &table.mark));
    record_file_close(&records);
    record_table_write(&table, dir, path, file);
    record_table_fini(&table);
}

static void write_raw(int dir, const char *file, struct str bytes)
{
    struct strbuf out = {0};
    char path[32];
    int fd;

    snprintf(path, sizeof(path), "%s.table", file);
    strbuf_add_str(&out, bytes);
    bytes_put_u64(&out, bytes_checksum(out.data, out.len));
    fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert(fd >= 0 && write(fd, out.data, out.len) == (ssize_t)out.len);
    close(fd);
    strbuf_fini(&out);
}

/* --- made --- */

static struct made_row made_row_of(uint32_t n, char path[32])
{
    snprintf(path, 32, "out/%u", n);
    return (struct made_row){.path = str_of(path),
                             .size_bytes = n,
                             .stage = STR("s"),
                             .instance = STR("s@n=1"),
                             .run = STR("r")};
}

static void make_made(int dir)
{
    struct made *made = made_open(dir, NULL);
    char path[32];

    assert(made != NULL);
    for (uint32_t n = 0; n < ROWS; n++) {
        struct made_row row = made_row_of(n, path);

        made_put(made, &row);
    }
    made_remove(made, STR("out/2"));
    assert(made_flush(made, NULL));
    made_close(made);
}

/* Each that is found is its own; `all`: each is. */
static void ask_made(const struct made *made, bool all)
{
    struct made_row row;
    char path[32];

    for (uint32_t n = 0; n < ROWS; n++) {
        struct made_row want = made_row_of(n, path);
        bool found = made_find(made, want.path, &row);

        assert(!found || (row.size_bytes == n && str_equal(row.path, want.path)));
        assert(!all || found == (n != 2));
    }
}

static void check_made(int dir)
{
    struct made_row more = {.path = STR("more"), .stage = STR("s"), .instance = STR("s")};
    struct made *made = made_open(dir, NULL);
    struct made_row row;
    uint32_t pos = 0;

    assert(made != NULL);
    ask_made(made, false);
    while (made_next(made, &pos, &row)) {
        assert(row.path.len != 0);
    }
    made_put(made, &more);
    assert(made_flush(made, NULL) && made_find(made, more.path, &row));
    made_close(made);
    unlinkat(dir, "made.table", 0);
    made = made_open(dir, NULL);
    assert(made != NULL && made_find(made, more.path, &row));
    made_close(made);
}

/* --- results --- */

static struct result result_of(uint32_t n, char instance[32])
{
    struct result result = {.stage = STR("s"), .run = STR("r"), .attempt = STR("a")};

    result.key.bytes[0] = (uint8_t)(n + 1);
    result.declared.bytes[0] = (uint8_t)(n / 2 + 1);
    result.wall_ns = n;
    snprintf(instance, 32, "s@n=%u", n);
    result.instance = str_of(instance);
    return result;
}

static void make_results(int dir)
{
    struct results *results = results_open(dir, NULL);
    char instance[32];

    assert(results != NULL);
    for (uint32_t n = 0; n < ROWS; n++) {
        struct result result = result_of(n, instance);

        results_add(results, &result);
    }
    assert(results_flush(results, NULL));
    results_close(results);
}

static void ask_result(const struct results *results, uint32_t n, bool all)
{
    char instance[32];
    struct result want = result_of(n, instance), result;
    struct result_ref refs[RESULTS_PER_KEY], ref = results_find(results, &want.key);
    uint32_t count = results_find_declared(results, &want.declared, refs);
    struct arena arena;

    arena_init(&arena);
    if (result_ref_is_some(ref) && results_read(results, ref, &arena, &result)) {
        assert(result.wall_ns == n && digest_equal(&result.key, &want.key));
    }
    assert(count <= RESULTS_PER_KEY && (!all || (count == 2 && result_ref_is_some(ref))));
    for (uint32_t i = 0; i < count; i++) {
        assert(!results_read(results, refs[i], &arena, &result) ||
               digest_equal(&result.declared, &want.declared));
    }
    ref = results_find_last(results, want.stage, want.instance, &want.workspace);
    if (result_ref_is_some(ref) && results_read(results, ref, &arena, &result)) {
        assert(str_equal(result.instance, want.instance));
    }
    arena_fini(&arena);
}

static void ask_results(const struct results *results, bool all)
{
    struct result_ref ref = {0};

    for (uint32_t n = 0; n < ROWS; n++) {
        ask_result(results, n, all);
    }
    for (ref = results_next(results, 0); result_ref_is_some(ref);
         ref = results_next(results, ref.n + 1)) {
    }
}

static void check_results(int dir)
{
    char instance[32];
    struct result more = result_of(ROWS, instance);
    struct results *results = results_open(dir, NULL);

    assert(results != NULL);
    ask_results(results, false);
    results_add(results, &more);
    assert(results_flush(results, NULL));
    assert(result_ref_is_some(results_find(results, &more.key)));
    results_close(results);
    unlinkat(dir, "results.table", 0);
    results = results_open(dir, NULL);
    assert(results != NULL && result_ref_is_some(results_find(results, &more.key)));
    ask_results(results, true);
    results_close(results);
}

/* --- one table --- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char folder[] = "/tmp/pawl-tables-XXXXXX";
    int dir = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    struct str bytes = str_skip(str_n((const char *)data, size_bytes), 1);
    bool is_made = size_bytes == 0 || data[0] % 4 < 2;
    const char *file = is_made ? "made" : "results";

    assert(dir >= 0);
    if (is_made) {
        make_made(dir);
    } else {
        make_results(dir);
    }
    if (size_bytes != 0 && data[0] % 2 != 0) {
        write_raw(dir, file, bytes);
    } else {
        write_table(dir, file, bytes, is_made ? MADE_ROW_BYTES : RESULTS_ROW_BYTES);
    }
    if (is_made) {
        check_made(dir);
    } else {
        check_results(dir);
    }
    unlinkat(dir, file, 0);
    unlinkat(dir, is_made ? "made.table" : "results.table", 0);
    close(dir);
    rmdir(folder);
    return 0;
}
