#include "base/log_repeats.h"

#include <stdio.h>
#include <string.h>

#include "base/fnv.h"

/* Two messages of one hash are taken for the same, which costs a line at worst. */
static uint64_t hash_of(int level, const char *text)
{
    return fnv1a(text, strlen(text)) ^ (unsigned)level;
}

static bool is_over(const struct log_repeat *item, uint64_t now_ms)
{
    return now_ms - item->began_ms >= LOG_REPEATS_MS;
}

/* The item of this message, or the one that has to give way to it. */
static struct log_repeat *find(struct log_repeats *repeats, uint64_t hash)
{
    struct log_repeat *oldest = &repeats->items[0];

    for (size_t i = 0; i < LOG_REPEATS_KEPT; i++) {
        struct log_repeat *item = &repeats->items[i];

        if (item->began_ms && item->hash == hash)
            return item;
        /* What was left out is kept for as long as it can. */
        if ((item->left_out > 0) < (oldest->left_out > 0) ||
            ((item->left_out > 0) == (oldest->left_out > 0) && item->began_ms < oldest->began_ms))
            oldest = item;
    }
    return oldest;
}

bool log_repeats_pass(struct log_repeats *repeats, int level, const char *text, uint64_t now_ms)
{
    uint64_t hash = hash_of(level, text);
    struct log_repeat *item = find(repeats, hash);

    if (!item->began_ms || item->hash != hash || is_over(item, now_ms)) {
        if (item->left_out) /* none can be forgotten: this one is written, and not bounded */
            return true;
        *item = (struct log_repeat){.hash = hash, .began_ms = now_ms, .level = level};
        snprintf(item->text, sizeof(item->text), "%s", text);
    }
    item->count++;
    item->left_out += item->count > LOG_REPEATS;
    return item->count <= LOG_REPEATS;
}

bool log_repeats_over(struct log_repeats *repeats, uint64_t now_ms, struct log_repeat *out)
{
    for (size_t i = 0; i < LOG_REPEATS_KEPT; i++) {
        struct log_repeat *item = &repeats->items[i];

        if (!item->left_out || !is_over(item, now_ms))
            continue;
        *out = *item;
        *item = (struct log_repeat){0};
        return true;
    }
    return false;
}
