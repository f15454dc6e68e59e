/* Owns `dump digests`: SHA-256 of files by the same code that reads the sources of a run, to be
 * held against other tools. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/dump.h"
#include "os/files.h"
#include "os/hashing.h"

/* In one call: as many as there are, mostly, so that no thread waits for another between calls. */
enum { DIGESTS_FILES = 16 * HASHING_FILES };

struct digests {
    struct cli *cli;
    struct signature_times *times;
    struct hashing_file *files; /* DIGESTS_FILES */
    uint32_t count;
    int status;
};

static bool digests_read_alone(struct digests *digests, struct hashing_file *file)
{
    struct err err = {0};

    if (file_hash(AT_FDCWD, file->path, &file->digest, NULL, &err)) {
        return true;
    }
    digests->status = cli_fail(&err);
    return false;
}

/* All that came so far. */
static void digests_end(struct digests *digests)
{
    char hex[DIGEST_HEX_BYTES + 1];

    hashing_look(digests->files, digests->count);
    for (uint32_t i = 0; i < digests->count; i++) {
        digests->files[i].wanted = true;
    }
    hashing_read(digests->times, digests->files, digests->count);
    for (uint32_t i = 0; i < digests->count; i++) {
        struct hashing_file *file = &digests->files[i];

        if (file->read || digests_read_alone(digests, file)) {
            strbuf_printf(&digests->cli->out, "%s  %s\n", digest_hex(&file->digest, hex),
                          file->path);
        }
    }
    cli_flush(digests->cli);
    digests->count = 0;
}

static void digests_take(struct digests *digests, const char *path)
{
    digests->files[digests->count++] = (struct hashing_file){.path = path};
    if (digests->count == DIGESTS_FILES) {
        digests_end(digests);
    }
}

static bool digests_take_names(struct digests *digests, struct strbuf *names, struct err *err)
{
    if (names->len != 0) {
        return true; /* read to its end already */
    }
    if (!file_read_fd(STDIN_FILENO, "standard input", LIMIT_TOML_BYTES, names, err)) {
        return false;
    }
    char end = names->len != 0 && memchr(names->data, '\0', names->len) != NULL ? '\0' : '\n';
    for (size_t from = 0, i = 0; i <= names->len; i++) {
        if (i == names->len || names->data[i] == end) {
            names->data[i] = '\0';
            if (i > from) {
                digests_take(digests, names->data + from);
            }
            from = i + 1;
        }
    }
    return true;
}

int dump_digests(struct cli *cli)
{
    struct digests digests = {.cli = cli, .status = STATUS_OK};
    struct strbuf names = {0};
    struct err err = {0};

    digests.times = signature_times_new();
    digests.files = mem_calloc(DIGESTS_FILES, sizeof(*digests.files));
    for (uint32_t i = 1; i < cli->operands.count; i++) {
        if (strcmp(cli->operands.items[i], "-") != 0) {
            digests_take(&digests, cli->operands.items[i]);
        } else if (!digests_take_names(&digests, &names, &err)) {
            digests.status = cli_fail(&err);
        }
    }
    digests_end(&digests);
    free(digests.files);
    signature_times_free(digests.times);
    strbuf_fini(&names);
    return digests.status;
}
