/* Files of records: torn tails, damage, several writers, replacement, the frozen sample. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/record.h"
#include "base/sys.h"

static char folder[64];
static int dirfd_;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pawl-record-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dirfd_ = open(folder, O_RDONLY | O_DIRECTORY);
    return dirfd_ < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dirfd_, "f", 0);
    unlinkat(dirfd_, "f.new", 0);
    close(dirfd_);
    return rmdir(folder);
}

static void put_bytes(const void *data, size_t size)
{
    int fd = openat(dirfd_, "f", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

static size_t get_bytes(unsigned char *data, size_t size)
{
    int fd = openat(dirfd_, "f", O_RDONLY);
    ssize_t got = read(fd, data, size);

    close(fd);
    assert_true(got >= 0);
    return (size_t)got;
}

static void open_file(struct record_file *file)
{
    struct err err = {0};

    if (!record_file_open(file, dirfd_, "f", "test", &err)) {
        fail_msg("%s", err.text);
    }
}

/* Appends records of the given texts with one write. */
static void append(struct record_file *file, const char *const *texts, size_t count)
{
    struct record_batch batch;
    struct err err = {0};

    record_batch_init(&batch);
    for (size_t i = 0; i < count; i++) {
        record_batch_add(&batch, (uint32_t)i + 1, str_of(texts[i]));
    }
    if (!record_append(file, &batch, &err)) {
        fail_msg("%s", err.text);
    }
    record_batch_fini(&batch);
}

static const char *const three[] = {"one", "", "the third record"};

/* Every record read must be one of the three, in order; how many. */
static unsigned read_subset(struct record_file *file)
{
    struct record record;
    unsigned count = 0;
    size_t next = 0;

    for (uint64_t pos = 0; record_next(file, &pos, &record); count++) {
        while (next < 3 && !(record.type == next + 1 && str_is(record.payload, three[next]))) {
            next++;
        }
        assert_true(next < 3);
        next++;
    }
    return count;
}

static size_t make_three(unsigned char *data, size_t size)
{
    struct record_file file;

    unlinkat(dirfd_, "f", 0);
    open_file(&file);
    append(&file, three, 3);
    record_file_close(&file);
    return get_bytes(data, size);
}

static void test_round(void **state)
{
    struct record_file file;
    struct record record;
    uint64_t pos = 0;

    (void)state;
    open_file(&file);
    assert_false(record_next(&file, &pos, &record));
    assert_int_equal(faccessat(dirfd_, "f", F_OK, 0), -1); /* looking makes nothing */
    append(&file, three, 3);
    assert_int_equal(read_subset(&file), 3);
    append(&file, three, 1);
    record_file_close(&file);
    open_file(&file);
    for (int i = 0; i < 4; i++) {
        assert_true(record_next(&file, &pos, &record));
        assert_true(str_is(record.payload, three[i % 3]));
    }
    assert_false(record_next(&file, &pos, &record));
    assert_true(record_check(&file, NULL));
    record_file_close(&file);
}

/* A file cut anywhere holds the whole records before the cut, and goes on behind them. */
static void test_torn(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    size_t starts[] = {32, 32 + 23, 32 + 23 + 20, 32 + 23 + 20 + 36};

    (void)state;
    assert_int_equal(size, starts[3]);
    for (size_t cut = 0; cut <= size; cut++) {
        struct record_file file;
        unsigned whole = (unsigned)((cut >= starts[1]) + (cut >= starts[2]) + (cut >= starts[3]));

        put_bytes(data, cut);
        open_file(&file);
        assert_int_equal(read_subset(&file), whole);
        assert_true(record_check(&file, NULL));
        append(&file, three, 1);
        record_file_close(&file);
        open_file(&file);
        assert_int_equal(file.torn_bytes, 0);
        assert_int_equal(file.len, (whole > 0 || cut >= 32 ? starts[whole] : 32) + 23);
        record_file_close(&file);
    }
}

/* One flipped bit loses one record at most, never gives a wrong one, and is noticed. */
static void test_flips(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));

    (void)state;
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct record_file file;
        struct err err = {0};

        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put_bytes(data, size);
        if (bit / 8 < 32) {
            assert_false(record_file_open(&file, dirfd_, "f", "test", &err));
            assert_int_equal(err.status, STATUS_CORRUPT);
        } else {
            open_file(&file);
            assert_int_equal(read_subset(&file), 2);
            /* of the last record it is a torn tail */
            assert_int_equal(record_check(&file, NULL), bit / 8 >= 32 + 23 + 20);
            record_file_close(&file);
        }
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Bytes put in or lost in the middle cost the record they are in. */
static void test_shifted(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    struct record_file file;

    (void)state;
    memmove(data + 41, data + 40, size - 40);
    put_bytes(data, size + 1);
    open_file(&file);
    assert_int_equal(read_subset(&file), 2);
    assert_int_equal(file.damaged_bytes, 24);
    assert_false(record_check(&file, NULL));
    append(&file, three, 1);
    record_file_close(&file);
    open_file(&file);
    assert_false(record_check(&file, NULL)); /* still there to be seen */
    record_file_close(&file);
}

static void test_zero_tail(void **state)
{
    unsigned char data[512] = {0};
    size_t size;
    struct record_file file;

    (void)state;
    put_bytes(data, 100);
    open_file(&file);
    assert_int_equal(read_subset(&file), 0);
    append(&file, three, 3);
    record_file_close(&file);
    size = get_bytes(data, sizeof(data));
    memset(data + size, 0, 100);
    put_bytes(data, size + 100);
    open_file(&file);
    assert_int_equal(read_subset(&file), 3);
    assert_int_equal(file.torn_bytes, 100);
    record_file_close(&file);
}

static void test_kind(void **state)
{
    unsigned char data[512];
    struct record_file file;
    struct err err = {0};

    (void)state;
    make_three(data, sizeof(data));
    assert_false(record_file_open(&file, dirfd_, "f", "other", &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
}

/* A record inside a payload of another file is no record where it is found after damage. */
static void test_embedded(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    struct record_batch batch;
    struct record_file file;

    (void)state;
    unlinkat(dirfd_, "f", 0);
    open_file(&file);
    record_batch_init(&batch);
    record_batch_add(&batch, 7, str_n((char *)data, size));
    assert_true(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&file);
    size = get_bytes(data, sizeof(data));
    data[33] ^= 1;
    put_bytes(data, size);
    open_file(&file);
    assert_int_equal(read_subset(&file), 0);
    record_file_close(&file);
}

static void child_appends(char name)
{
    struct record_file file;
    struct record_batch batch;

    open_file(&file);
    record_batch_init(&batch);
    for (int i = 0; i < 200; i++) {
        char text[32];

        record_batch_clear(&batch);
        snprintf(text, sizeof(text), "%c%d", name, i);
        record_batch_add(&batch, (uint32_t)name, str_of(text));
        if (!record_append(&file, &batch, NULL)) {
            _exit(1);
        }
    }
    _exit(0);
}

static void test_two_writers(void **state)
{
    struct record_file file;
    struct record record;
    int next[2] = {0, 0};
    int status;

    (void)state;
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            child_appends((char)('a' + i));
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    open_file(&file);
    for (uint64_t pos = 0; record_next(&file, &pos, &record);) {
        char text[32];
        unsigned who = record.type - 'a';

        assert_in_range(who, 0, 1);
        snprintf(text, sizeof(text), "%c%d", 'a' + (char)who, next[who]++);
        assert_true(str_is(record.payload, text));
    }
    assert_int_equal(next[0], 200);
    assert_int_equal(next[1], 200);
    record_file_close(&file);
}

static void test_replace(void **state)
{
    struct record_file a;
    struct record_file b;
    struct record_batch batch;
    struct err err = {0};
    uint32_t generation;

    (void)state;
    open_file(&a);
    append(&a, three, 3);
    open_file(&b);
    record_batch_init(&batch);
    record_batch_add(&batch, 3, str_of(three[2]));
    append(&b, three, 1);
    /* somebody appended: a knows only now, and must look first */
    assert_false(record_replace(&a, &batch, &err));
    assert_int_equal(err.status, STATUS_LOCKED);
    assert_true(record_replace(&a, &batch, NULL));
    record_batch_fini(&batch);
    assert_int_equal(read_subset(&a), 1);
    generation = b.generation;
    append(&b, three, 0);
    assert_int_equal(b.generation, generation);
    assert_true(record_refresh(&b, NULL));
    assert_true(b.generation > generation);
    assert_int_equal(read_subset(&b), 1);
    record_file_close(&b);
    record_file_close(&a);
}

/* The old file's descriptor does not write to what nobody reads. */
static void test_append_after_replace(void **state)
{
    struct record_file a;
    struct record_file b;
    struct record_batch batch;
    struct record record;
    uint64_t pos = 0;

    (void)state;
    open_file(&a);
    append(&a, three, 3);
    open_file(&b);
    record_batch_init(&batch);
    assert_true(record_replace(&a, &batch, NULL));
    record_batch_add(&batch, 9, STR("late"));
    assert_true(record_append(&b, &batch, NULL));
    record_batch_fini(&batch);
    assert_true(record_refresh(&a, NULL));
    assert_true(record_next(&a, &pos, &record));
    assert_int_equal(record.type, 9);
    record_file_close(&a);
    record_file_close(&b);
}

static int is_locked(void)
{
    int fd = openat(dirfd_, "f", O_RDWR);
    int locked = sys_lock_probe(fd, F_WRLCK, 0, 0);

    close(fd);
    return locked;
}

/* Its lock is kept from the first append on, over a replacement too, until it is closed. */
static void test_owned(void **state)
{
    struct record_file file;
    struct record_batch batch;
    struct record record;
    uint64_t pos = 0;
    int count = 0;

    (void)state;
    open_file(&file);
    append(&file, three, 1);
    assert_int_equal(is_locked(), 0);
    record_file_own(&file);
    assert_int_equal(is_locked(), 0);
    append(&file, three, 2);
    assert_int_equal(is_locked(), 1);
    append(&file, three, 3);
    assert_true(record_refresh(&file, NULL));
    assert_int_equal(is_locked(), 1);
    record_batch_init(&batch);
    record_batch_add(&batch, 3, str_of(three[2]));
    assert_true(record_replace(&file, &batch, NULL));
    record_batch_fini(&batch);
    append(&file, three, 1);
    assert_int_equal(is_locked(), 1);
    record_file_close(&file);
    assert_int_equal(is_locked(), 0);
    open_file(&file);
    while (record_next(&file, &pos, &record)) {
        count++;
    }
    assert_int_equal(count, 2);
    record_file_close(&file);
}

/* --- more than a window, marks, reading by place --- */

enum { MANY = 3000 };

static struct str many_text(unsigned n, char text[200])
{
    memset(text, 'a' + (char)(n % 26), 200);
    snprintf(text, 200, "%u", n);
    return str_n(text, 8 + n % 190);
}

/* MANY records, of about 110 bytes each; where each begins and the file ends. */
static void make_many(uint64_t starts[MANY + 1])
{
    struct record_file file;
    struct record_batch batch;
    struct record record;
    char text[200];
    unsigned n = 0;

    unlinkat(dirfd_, "f", 0);
    open_file(&file);
    record_batch_init(&batch);
    for (unsigned i = 0; i < MANY; i++) {
        record_batch_add(&batch, i, many_text(i, text));
    }
    assert_true(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    for (uint64_t pos = 0; record_next(&file, &pos, &record); n++) {
        starts[n] = record.offset;
        starts[n + 1] = pos;
    }
    assert_int_equal(n, MANY);
    record_file_close(&file);
}

static void flip(uint64_t at)
{
    int fd = openat(dirfd_, "f", O_RDWR);
    char byte;

    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x21;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* Damage here and there costs what it is in, wherever the window ends. */
static void test_many_damaged(void **state)
{
    static uint64_t starts[MANY + 1];
    struct record_file file;
    struct record record;
    char text[200];
    unsigned n = 0;

    (void)state;
    make_many(starts);
    for (unsigned i = 0; i < MANY; i += 7) {
        flip(starts[i] + i % (starts[i + 1] - starts[i]));
    }
    open_file(&file);
    for (uint64_t pos = 0; record_next(&file, &pos, &record); n++) {
        n += n % 7 == 0;
        assert_int_equal(record.type, n);
        assert_int_equal(record.offset, starts[n]);
        assert_true(str_equal(record.payload, many_text(n, text)));
    }
    assert_int_equal(n, MANY);
    assert_int_equal(file.len, starts[MANY]);
    assert_false(record_check(&file, NULL));
    record_file_close(&file);
}

/* In any order, and only where a record is. */
static void test_read(void **state)
{
    static uint64_t starts[MANY + 1];
    struct record_file file;
    struct record record;
    struct strbuf bytes = {0};
    char text[200];

    (void)state;
    make_many(starts);
    open_file(&file);
    for (unsigned i = 0; i < MANY; i++) {
        unsigned n = i * 1237 % MANY;
        uint32_t len = 8 + n % 190;

        assert_true(record_read(&file, starts[n], len, &bytes, &record));
        assert_true(record.type == n && str_equal(record.payload, many_text(n, text)));
        assert_false(record_read(&file, starts[n] + 1, len, &bytes, &record));
        assert_false(record_read(&file, starts[n], len + 1, &bytes, &record));
    }
    assert_false(record_read(&file, starts[MANY], 8, &bytes, &record));
    assert_false(record_read(&file, 0, 8, &bytes, &record));
    assert_false(record_read(&file, UINT64_MAX, UINT32_MAX, &bytes, &record));
    flip(starts[5] + 30);
    assert_false(record_read(&file, starts[5], 13, &bytes, &record)); /* damaged since */
    assert_int_equal(ftruncate(file.fd, (off_t)starts[9]), 0);
    assert_false(record_read(&file, starts[9], 17, &bytes, &record)); /* cut since */
    assert_true(record_read(&file, starts[8], 16, &bytes, &record));
    strbuf_fini(&bytes);
    record_file_close(&file);
}

/* What was taken in and is not there any more is no quiet end. */
static void test_changed_since(void **state)
{
    static uint64_t starts[MANY + 1];
    struct record_file file;
    struct record record;
    struct err err = {0};
    uint64_t pos = 0;
    unsigned n = 0;

    (void)state;
    make_many(starts);
    open_file(&file);
    flip(starts[MANY - 2] + 25);
    while (record_next(&file, &pos, &record)) {
        n++;
    }
    assert_int_equal(n, MANY - 2);
    assert_true(record_failed(&file, &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
    record_file_close(&file);
}

static unsigned count_from(struct record_file *file, uint64_t pos)
{
    struct record record;
    unsigned count = 0;

    while (record_next(file, &pos, &record)) {
        count++;
    }
    return count;
}

static bool begin(struct record_file *file, const struct record_mark *mark)
{
    struct err err = {0};

    if (!record_file_begin(file, dirfd_, "f", "test", mark, &err)) {
        fail_msg("%s", err.text);
    }
    return file->trusted != 0;
}

static void test_mark(void **state)
{
    struct record_file file;
    struct record_mark mark;
    unsigned char data[512];
    size_t size;

    (void)state;
    open_file(&file);
    assert_false(record_mark(&file, &mark)); /* of nothing */
    append(&file, three, 3);
    assert_true(record_mark(&file, &mark));
    append(&file, three, 2);
    record_file_close(&file);

    assert_true(begin(&file, &mark));
    assert_int_equal(count_from(&file, file.trusted), 2);
    assert_int_equal(count_from(&file, 0), 5);
    append(&file, three, 1);
    assert_int_equal(count_from(&file, file.trusted), 3);
    record_file_close(&file);

    size = get_bytes(data, sizeof(data));
    /* damage in what is passed by is seen by whoever checks */
    flip(40);
    assert_true(begin(&file, &mark));
    assert_int_equal(count_from(&file, file.trusted), 3);
    assert_false(record_check(&file, NULL));
    record_file_close(&file);
    flip(40);
    assert_true(begin(&file, &mark));
    assert_int_equal(count_from(&file, file.trusted), 3);
    assert_true(record_check(&file, NULL));
    record_file_close(&file);

    /* cut, and appended to again up to the same length */
    put_bytes(data, mark.last);
    assert_false(begin(&file, &mark));
    append(&file, (const char *const[]){"THE THIRD RECORD"}, 1);
    record_file_close(&file);
    assert_false(begin(&file, &mark));
    assert_int_equal(count_from(&file, 0), 3);
    record_file_close(&file);

    /* another file, of the same records */
    assert_int_equal(make_three(data, sizeof(data)), mark.len);
    assert_false(begin(&file, &mark));
    assert_int_equal(count_from(&file, 0), 3);
    record_file_close(&file);
    assert_true(size > mark.len);
}

/* A mark that says anything: it is believed only if the last record is there. */
static void test_mark_wrong(void **state)
{
    struct record_file file;
    struct record_mark mark;

    (void)state;
    open_file(&file);
    append(&file, three, 3);
    assert_true(record_mark(&file, &mark));
    record_file_close(&file);
    for (unsigned bit = 0; bit < 256; bit++) {
        uint64_t fields[4] = {mark.seed, mark.last, mark.len, mark.checksum};
        struct record_mark wrong;

        fields[bit / 64] ^= UINT64_C(1) << bit % 64;
        wrong = (struct record_mark){fields[0], fields[1], fields[2], fields[3]};
        assert_false(begin(&file, &wrong));
        assert_int_equal(count_from(&file, 0), 3);
        record_file_close(&file);
    }
}

/* --- records whose places are known --- */

enum { PLACES = 3000 };

static uint32_t place_len(uint32_t n)
{
    return n % 100 == 99 ? 200000 : n % 97;
}

/* So that most are small, some are larger than a window, and each is another. */
static uint64_t *make_places(struct record_file *file)
{
    uint64_t *places = test_malloc(PLACES * sizeof(*places));
    char *text = test_malloc(200000);
    struct record_batch batch;

    record_batch_init(&batch);
    for (uint32_t n = 0; n < PLACES; n++) {
        memset(text, 'a' + (int)(n % 26), place_len(n));
        places[n] = (file->len == 0 ? 32 : file->len) + batch.bytes.len;
        record_batch_add(&batch, n, str_n(text, place_len(n)));
        if (n % 1000 == 999) {
            assert_true(record_append(file, &batch, NULL));
            record_batch_clear(&batch);
        }
    }
    record_batch_fini(&batch);
    test_free(text);
    return places;
}

static void check_place(struct record_file *file, const uint64_t *places, uint32_t n)
{
    struct record record;
    struct err err = {0};

    assert_true(record_glance(file, places[n], 10, &record));
    assert_int_equal(record.type, n);
    assert_int_equal(record.payload.len, place_len(n) < 10 ? place_len(n) : 10);
    if (!record_at(file, places[n], &record, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(record.type, n);
    assert_int_equal(record.offset, places[n]);
    assert_int_equal(record.payload.len, place_len(n));
    for (size_t i = 0; i < record.payload.len; i++) {
        assert_int_equal(record.payload.data[i], 'a' + (int)(n % 26));
    }
}

/* Forwards, backwards and in no order, beside a walk. */
static void test_places(void **state)
{
    struct record_file file;
    struct record record;
    uint64_t *places;
    uint64_t pos = 0;
    uint32_t at = 1;

    (void)state;
    open_file(&file);
    places = make_places(&file);
    for (uint32_t n = 0; n < PLACES; n++) {
        check_place(&file, places, n);
        check_place(&file, places, PLACES - 1 - n);
        at = at * 1103515245 + 12345;
        check_place(&file, places, at % PLACES);
        assert_true(record_next(&file, &pos, &record));
        assert_int_equal(record.offset, places[n]);
    }
    test_free(places);
    record_file_close(&file);
}

/* What was read before the file grew is no reason to miss what is there now. */
static void test_places_at_the_end(void **state)
{
    struct record_file file;
    struct record record;
    uint64_t end;
    int fd;

    (void)state;
    open_file(&file);
    append(&file, three, 3);
    end = file.len;
    record_file_close(&file);
    fd = openat(dirfd_, "f", O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "torn", 4), 4);
    open_file(&file);
    assert_true(record_at(&file, file.last, &record, NULL));
    assert_false(record_at(&file, end, &record, NULL));
    append(&file, three, 1);
    assert_true(record_at(&file, end, &record, NULL));
    assert_true(str_is(record.payload, "one"));
    record_file_close(&file);
    close(fd);
}

static void test_places_wrong(void **state)
{
    struct record_file file;
    struct record record;
    struct err err = {0};
    uint64_t last;
    int fd;

    (void)state;
    open_file(&file);
    assert_false(record_glance(&file, 32, 4, &record)); /* no file */
    append(&file, three, 3);
    last = file.last;
    for (uint64_t place = 0; place < file.len + 10; place++) {
        bool is_one = place == 32 || place == last || place == 32 + 23;

        assert_int_equal(record_at(&file, place, &record, &err), is_one);
        assert_true(is_one || err.status == STATUS_CORRUPT);
        assert_true(!is_one || record_glance(&file, place, 4, &record));
    }
    record_file_close(&file);
    open_file(&file);
    fd = openat(dirfd_, "f", O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)last + 25), 1);
    assert_true(record_at(&file, 32, &record, NULL));
    assert_false(record_at(&file, last, &record, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    record_file_close(&file);
    close(fd);
}

/* Who opens a file as its own waits for who has it, and finds what that one put, or the file that
 * took its place. */
static void test_begin_own(void **state)
{
    struct record_file file;
    struct record_batch batch;
    int status;

    (void)state;
    assert_true(record_file_begin_own(&file, dirfd_, "f", "test", NULL));
    assert_int_equal(file.len, 0);
    append(&file, three, 3);
    record_file_close(&file);
    for (int replaced = 0; replaced < 2; replaced++) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        assert_true(record_file_begin_own(&file, dirfd_, "f", "test", NULL));
        pid = fork();
        if (pid == 0) {
            struct record_file other;

            close(file.fd);
            assert_int_equal(write(ready[1], "b", 1), 1);
            _exit(record_file_begin_own(&other, dirfd_, "f", "test", NULL) &&
                          read_subset(&other) == 1
                      ? 0
                      : 1);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        assert_int_equal(read_subset(&file), replaced ? 1 : 3);
        record_batch_init(&batch);
        record_batch_add(&batch, 1, str_of(three[0]));
        assert_true(record_replace(&file, &batch, NULL));
        record_batch_fini(&batch);
        record_file_close(&file);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(ready[0]);
        close(ready[1]);
    }
}

static void test_frozen(void **state)
{
    int dir = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct record_file file;
    struct err err = {0};

    (void)state;
    if (!record_file_open(&file, dir, "records", "test", &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(read_subset(&file), 3);
    assert_int_equal(file.torn_bytes, 0);
    record_file_close(&file);
    close(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),         TEST(test_torn),
        TEST(test_flips),         TEST(test_shifted),
        TEST(test_zero_tail),     TEST(test_kind),
        TEST(test_embedded),      TEST(test_two_writers),
        TEST(test_replace),       TEST(test_append_after_replace),
        TEST(test_many_damaged),  TEST(test_read),
        TEST(test_changed_since), TEST(test_mark),
        TEST(test_mark_wrong),    TEST(test_owned),
        TEST(test_places),        TEST(test_places_at_the_end),
        TEST(test_places_wrong),  TEST(test_begin_own),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("base/record", tests, NULL, NULL);
}
