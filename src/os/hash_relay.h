#ifndef PAWL_OS_HASH_RELAY_H
#define PAWL_OS_HASH_RELAY_H
/* The digest of one large file by two threads: one reads, the calling one hashes what is read. For
 * where a processor has nothing else to do; any thread. */
#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

/* From the descriptor's position to its end. False: a read failed, or no thread could be had; then
 * nothing is known of the position. */
bool hash_relay(int fd, struct digest *digest, uint64_t *size_bytes);

#endif
