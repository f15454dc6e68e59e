#ifndef PAWL_STORE_RESULT_CODEC_H
#define PAWL_STORE_RESULT_CODEC_H
/* One result as bytes: the payload of a record of the file `results`. The format is at the head of
 * result_codec.c. */
#include "store/results.h"

/* What every look-up needs, at fixed places. */
struct result_head {
    struct digest key, declared, workspace, machine;
    uint64_t instance_hash;
    uint32_t flags;
};

void result_encode(const struct result *result, struct strbuf *out);
/* False: too short. */
bool result_decode_head(struct str payload, struct result_head *head);
bool result_decode_names(struct str payload, struct str *stage, struct str *instance);
bool result_decode(struct str payload, struct arena *arena, struct result *result);
/* Hash of an instance in a workspace. */
uint64_t result_instance_hash(struct str stage, struct str instance,
                              const struct digest *workspace);

#endif
