/* Any text as MAKEFLAGS: what it leads to is whole and within bounds, and written as we would hand
 * it on it reads back as the same. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "os/jobserver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct jobserver_offer *offer)
{
    struct jobserver jobserver = {.kind = offer->kind};
    struct jobserver_offer again;
    struct arena arena;

    arena_init(&arena);
    memcpy(jobserver.path, offer->path, sizeof(jobserver.path));
    jobserver_parse(
        jobserver_makeflags(&jobserver, &arena, offer->jobs, offer->read_fd, offer->write_fd),
        &again);
    assert(again.kind == offer->kind && again.jobs == offer->jobs);
    assert(!again.dry_run && !again.question);
    if (offer->kind == JOBSERVER_FIFO) {
        assert(strcmp(again.path, offer->path) == 0);
    } else {
        assert(again.read_fd == offer->read_fd && again.write_fd == offer->write_fd);
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jobserver_offer offer;

    jobserver_parse(str_n((const char *)data, size), &offer);
    assert(offer.read_fd >= -1 && offer.write_fd >= -1 && offer.jobs <= LIMIT_JOBS);
    assert(memchr(offer.path, '\0', sizeof(offer.path)) != NULL);
    if (offer.kind != JOBSERVER_NONE) {
        check_again(&offer);
    }
    return 0;
}
