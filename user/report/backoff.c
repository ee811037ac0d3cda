#include "report/backoff.h"

/* SplitMix64 (Steele, Lea, Flood 2014): good from any seed, among them 0. */
static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

uint64_t backoff_next(struct backoff *backoff, uint64_t now_us)
{
    if (!backoff->failing) {
        backoff->failing = true;
        backoff->since_us = now_us;
        backoff->longest_us = BACKOFF_STEADY_US;
    }
    if (now_us - backoff->since_us < BACKOFF_STEADY_UNTIL_US)
        return BACKOFF_STEADY_US;
    backoff->longest_us = backoff->longest_us * 8 / 5;
    if (backoff->longest_us > BACKOFF_MAX_US)
        backoff->longest_us = BACKOFF_MAX_US;
    return backoff->longest_us - draw(&backoff->random) % (backoff->longest_us / 3);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failing = false;
}
