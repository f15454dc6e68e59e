/* Any bytes as a tar archive and as a bundle: what the reader takes is written and read again as
 * the same, whatever pieces the stream comes in; and a bundle that did not enter leaves nothing
 * behind. The archive is read twice, the second time with the checksums of its headers set right,
 * for hardly any change keeps them. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/remove.h"
#include "store/bundle.h"
#include "store/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

struct stream {
    struct str left;
    size_t piece;
};

static ssize_t stream_read(void *ctx, void *data, size_t size, struct err *err)
{
    struct stream *stream = ctx;
    size_t len = size < stream->piece ? size : stream->piece;

    (void)err;
    len = len < stream->left.len ? len : stream->left.len;
    if (len != 0) {
        memcpy(data, stream->left.data, len);
        stream->left = str_skip(stream->left, len);
    }
    return (ssize_t)len;
}

/* Writes what is read to `out`; the answer at the end. */
static enum tar_answer copy_archive(struct str bytes, size_t piece, struct strbuf *out)
{
    struct stream stream = {bytes, piece};
    struct tar_source source = {stream_read, &stream};
    struct err err = {0};
    struct tar tar;
    enum tar_answer answer;

    tar_begin(&tar, &source);
    while ((answer = tar_next(&tar, &err)) == TAR_MEMBER) {
        char data[300];
        uint64_t total = 0;
        ssize_t got;

        assert(tar_name_is_valid(tar.name));
        tar_put_header(out, tar.name, tar.size_bytes);
        while ((got = tar_read(&tar, data, sizeof(data), &err)) > 0) {
            strbuf_add(out, data, (size_t)got);
            total += (uint64_t)got;
        }
        if (got < 0) {
            answer = TAR_FAILED;
            break;
        }
        assert(total == tar.size_bytes && total <= bytes.len);
        tar_put_padding(out, total);
    }
    assert((answer == TAR_FAILED) == (err.status != 0));
    assert(answer != TAR_END || stream.left.len == 0);
    tar_put_end(out);
    return answer;
}

static void check_archive(struct str bytes, size_t piece)
{
    struct strbuf first = {0};
    struct strbuf second = {0};
    enum tar_answer answer = copy_archive(bytes, piece, &first);

    if (answer == TAR_END) {
        assert(copy_archive(strbuf_str(&first), 512, &second) == TAR_END);
        assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    }
    strbuf_clear(&second);
    assert(copy_archive(bytes, bytes.len + 1, &second) == answer);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

/* --- a store of its own --- */

static char folder[256];
static int folder_fd;
static struct bundle_place place;

static void place_remove(void)
{
    results_close(place.results);
    objects_close(place.objects);
    close(folder_fd);
    tree_remove(AT_FDCWD, folder, NULL);
}

static void place_make(void)
{
    const char *above = getenv("TMPDIR");
    struct objects_options options = {.shown = ".pawl"};

    snprintf(folder, sizeof(folder), "%s/pawl-fuzz.XXXXXX", above != NULL ? above : "/tmp");
    assert(mkdtemp(folder) != NULL);
    folder_fd = options.dirfd = place.pawlfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    place.objects = objects_open(&options, NULL, NULL);
    place.results = results_open(folder_fd, NULL);
    assert(place.objects != NULL && place.results != NULL);
    atexit(place_remove);
}

static bool found_object(void *ctx, const struct objects_item *item)
{
    (void)item;
    *(bool *)ctx = true;
    return true;
}

static void check_bundle(struct str bytes)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct bundle_import *import = bundle_import_open(&place, NULL);
    struct err err = {0};
    struct stat stat;
    bool left = false;

    assert(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    assert(lseek(fd, 0, SEEK_SET) == 0 && import != NULL);
    if (!bundle_import_read(import, fd, &err)) {
        assert(err.status == STATUS_CORRUPT || err.status == STATUS_ENVIRONMENT);
    }
    bundle_import_close(import);
    close(fd);
    assert(objects_list(place.objects, found_object, &left, NULL) && !left);
    assert(fstatat(folder_fd, "tmp/import", &stat, 0) != 0);
    assert(fstatat(folder_fd, "runs", &stat, 0) != 0);
    assert(results_count(place.results) == 0);
}

static void set_checksums(unsigned char *data, size_t size_bytes)
{
    for (size_t at = 0; at + TAR_BLOCK_BYTES <= size_bytes; at += TAR_BLOCK_BYTES) {
        unsigned char *block = data + at;
        unsigned sum = 8 * ' ';

        if (memcmp(block + 257, "ustar", 5) != 0) {
            continue;
        }
        for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
            sum += i >= 148 && i < 156 ? 0 : block[i];
        }
        snprintf((char *)block + 148, 8, "%06o", sum);
        block[155] = ' ';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    unsigned char *copy = mem_alloc(size_bytes);
    struct str bytes = str_n((const char *)copy, size_bytes);
    size_t piece = size_bytes % 700 + 1;

    if (folder[0] == '\0') {
        place_make();
    }
    if (size_bytes != 0) {
        memcpy(copy, data, size_bytes);
    }
    check_archive(bytes, piece);
    set_checksums(copy, size_bytes);
    check_archive(bytes, piece);
    check_bundle(bytes);
    free(copy);
    return 0;
}
