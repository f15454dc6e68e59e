/* Owns the reading of MAKEFLAGS.
 *
 * It is words, separated by blanks; a backslash takes the next byte as it is, and a dollar is
 * doubled. A first word without a dash is a group of one-letter options (`kn`); `--` ends the
 * options, what follows are variables. make 4.2 and later say `--jobserver-auth=`, those before
 * said `--jobserver-fds=`. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/sys.h"
#include "os/jobserver.h"

struct offer_word {
    char text[JOBSERVER_PATH_BYTES + 64];
    size_t len;
    bool too_long;
};

static bool offer_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The word that starts at `*rest`, unquoted; false at the end. */
static bool offer_next_word(struct str *rest, struct offer_word *word)
{
    size_t at = 0;

    word->len = 0;
    word->too_long = false;
    if (rest->len == 0) {
        return false;
    }
    for (; at < rest->len && !offer_is_blank(rest->data[at]); at++) {
        char c = rest->data[at];

        if (at + 1 < rest->len && (c == '\\' || (c == '$' && rest->data[at + 1] == '$'))) {
            c = rest->data[++at];
        }
        if (word->len + 1 < sizeof(word->text)) {
            word->text[word->len++] = c;
        } else {
            word->too_long = true;
        }
    }
    word->text[word->len] = '\0';
    *rest = str_skip(*rest, at + 1);
    return true;
}

static bool offer_number(struct str text, int *number)
{
    uint64_t value;
    bool negative = str_has_prefix(text, STR("-"));

    if (!str_to_u64(negative ? str_skip(text, 1) : text, &value) || value > INT32_MAX) {
        return false;
    }
    *number = negative ? -1 : (int)value;
    return true;
}

static void offer_take_auth(struct str auth, struct jobserver_offer *offer)
{
    struct str first;

    offer->kind = JOBSERVER_NONE;
    if (str_has_prefix(auth, STR("fifo:"))) {
        auth = str_skip(auth, strlen("fifo:"));
        if (auth.len < sizeof(offer->path)) {
            memcpy(offer->path, auth.data, auth.len);
            offer->path[auth.len] = '\0';
            offer->kind = offer->path[0] != '\0' ? JOBSERVER_FIFO : JOBSERVER_NONE;
        }
        return;
    }
    if (str_split(&auth, ',', &first) && offer_number(first, &offer->read_fd) &&
        offer_number(auth, &offer->write_fd)) {
        offer->kind = JOBSERVER_PIPE;
    }
}

static void offer_take_letters(struct str letters, struct jobserver_offer *offer)
{
    if (str_find(letters, '=') < 0) {
        offer->dry_run = str_find(letters, 'n') >= 0 || str_find(letters, 't') >= 0;
        offer->question = str_find(letters, 'q') >= 0;
    }
}

static void offer_take_word(struct str word, struct jobserver_offer *offer)
{
    static const char *const names[] = {"--jobserver-auth=", "--jobserver-fds="};
    uint64_t jobs;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (str_has_prefix(word, str_of(names[i]))) {
            offer_take_auth(str_skip(word, strlen(names[i])), offer);
        }
    }
    if (str_has_prefix(word, STR("-j"))) {
        offer->jobs =
            str_to_u64(str_skip(word, 2), &jobs) && jobs <= LIMIT_JOBS ? (uint32_t)jobs : 0;
    }
}

void jobserver_parse(struct str makeflags, struct jobserver_offer *offer)
{
    struct offer_word word;
    bool first = true;

    *offer = (struct jobserver_offer){.read_fd = -1, .write_fd = -1};
    while (offer_next_word(&makeflags, &word)) {
        struct str text = str_n(word.text, word.len);

        if (str_is(text, "--")) {
            return;
        }
        if (first && !str_has_prefix(text, STR("-"))) {
            offer_take_letters(text, offer);
        } else if (!word.too_long) {
            offer_take_word(text, offer);
        }
        first = false;
    }
}

/* An end of a pipe that can be used this way. */
static bool offer_is_end(int fd, int other_way, struct sys_stat *stat)
{
    int flags = fd >= 0 ? sys_fcntl(fd, F_GETFL, 0) : -1;

    return flags >= 0 && (flags & O_ACCMODE) != other_way && sys_fstat(fd, stat) == 0 &&
           S_ISFIFO(stat->mode);
}

/* Where make did not mean us to have them, the numbers are closed, or anything else. */
static bool offer_is_open(const struct jobserver_offer *offer)
{
    struct sys_stat in, out;

    return offer_is_end(offer->read_fd, O_WRONLY, &in) &&
           offer_is_end(offer->write_fd, O_RDONLY, &out) && in.ino == out.ino &&
           in.dev_major == out.dev_major && in.dev_minor == out.dev_minor;
}

void jobserver_note(struct jobserver_offer *offer)
{
    jobserver_parse(str_of(getenv("MAKEFLAGS")), offer);
    if (getenv("MAKELEVEL") == NULL) {
        /* Somebody's settings, not the command line of a make that waits for us. */
        offer->dry_run = offer->question = false;
    }
    offer->closed = offer->kind == JOBSERVER_PIPE && !offer_is_open(offer);
}
