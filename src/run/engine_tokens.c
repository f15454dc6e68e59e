/* Owns the bound that other processes set: a slot beyond the first needs a token of a pool that is
 * shared with them (make's, or ours from which sub-makes of commands take).
 *
 * What runs has `slots_taken - 1` tokens. What they free is kept until the turn has admitted what
 * it can: where one command follows another, nobody else is asked. An instance of several slots
 * takes all its tokens at once or none, so that two of us never hold half each and wait for the
 * other half. With nothing running the first always starts, with what there is: whoever started us
 * has paid for one, and a pool whose tokens were lost is slow, not stuck. It is told how many it
 * was given; what it lacks is made up for before anything else starts. */
#include "run/engine_turn.h"

static uint32_t engine_tokens_for(uint32_t slots)
{
    return slots == 0 ? 0 : slots - 1;
}

bool engine_take_tokens(struct engine *engine, struct inst_id next)
{
    const struct engine_tokens_world *tokens = &engine->world.tokens;
    const struct schedule *schedule = &engine->schedule;
    uint32_t needed = engine_tokens_for(schedule->slots_taken + schedule_slots(schedule, next));
    uint32_t lacking = needed > engine->tokens ? needed - engine->tokens : 0;

    if (tokens->take == NULL || lacking == 0) {
        return true;
    }
    if (schedule->running == 0) {
        engine->tokens += tokens->take(tokens->ctx, 0, lacking);
        return true;
    }
    engine->tokens += tokens->take(tokens->ctx, lacking, lacking);
    engine->token_lacks = engine->tokens < needed;
    return !engine->token_lacks;
}

uint32_t engine_granted_slots(const struct engine *engine, struct inst_id instance)
{
    uint32_t slots = schedule_slots(&engine->schedule, instance);
    uint32_t needed = engine_tokens_for(engine->schedule.slots_taken);

    return engine->world.tokens.take == NULL || needed <= engine->tokens
               ? slots
               : slots - (needed - engine->tokens);
}

void engine_settle_tokens(struct engine *engine)
{
    const struct engine_tokens_world *tokens = &engine->world.tokens;
    uint32_t needed = engine_tokens_for(engine->schedule.slots_taken);

    if (tokens->take == NULL) {
        return;
    }
    if (engine->tokens > needed) {
        tokens->give(tokens->ctx, engine->tokens - needed);
        engine->tokens = needed;
    }
    tokens->limit(tokens->ctx, engine->schedule.limit);
    tokens->want(tokens->ctx, engine->token_lacks);
    engine->token_lacks = false;
}
