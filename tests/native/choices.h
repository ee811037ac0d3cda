/* Where a generated test takes its decisions from: a fuzzer's bytes, or a seeded generator. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct choices {
    const uint8_t *bytes; /* NULL: all from the generator */
    size_t left;
    uint64_t random;
};

static inline struct choices choices_of(uint64_t seed)
{
    return (struct choices){.random = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du};
}

static inline uint32_t choose_any(struct choices *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (uint32_t)(c->random >> 32) ^ (uint32_t)c->random;
}

/* 0 to `count` - 1; always 0 once the fuzzer's bytes are used up. */
static inline uint32_t choose(struct choices *c, uint32_t count)
{
    uint32_t value = 0;

    if (!c->bytes)
        return (uint32_t)((uint64_t)choose_any(c) * count >> 32);
    for (uint32_t span = count; span > 1 && c->left; span = (span + 255) >> 8, c->left--)
        value = value << 8 | *c->bytes++;
    return value % count;
}

/* True in `percent` of 100 cases. */
static inline int chance(struct choices *c, uint32_t percent)
{
    return choose(c, 100) >= 100 - percent;
}
