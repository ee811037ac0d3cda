#include "base/log_repeats.h"

#include <stdio.h>
#include <string.h>

#include "base/fnv.h"

/* Two messages of one hash are taken for the same, which costs a line at worst. */
static uint64_t hash_of(enum log_level level, const char *text)
{
    return fnv1a(text, strlen(text)) ^ (uint64_t)level;
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

/* Counts one more. May it be written? */
static bool is_within(struct log_repeat *item, unsigned most)
{
    item->count++;
    item->left_out += item->count > most;
    return item->count <= most;
}

/* One that has no room beside those that still count. */
static bool other_passes(struct log_repeats *repeats, enum log_level level, uint64_t now_ms)
{
    struct log_repeat *others = &repeats->others[level];

    if (level < LOG_LEVEL_INFO)
        return true;
    if (!others->began_ms || is_over(others, now_ms))
        *others = (struct log_repeat){.began_ms = now_ms, .level = level, .are_others = true};
    return is_within(others, LOG_REPEATS_OTHERS);
}

bool log_repeats_pass(struct log_repeats *repeats, enum log_level level, const char *text,
                      uint64_t now_ms)
{
    uint64_t hash = hash_of(level, text);
    struct log_repeat *item = find(repeats, hash);

    if (!item->began_ms || item->hash != hash || is_over(item, now_ms)) {
        bool counts = item->began_ms && !is_over(item, now_ms);

        if (counts && !other_passes(repeats, level, now_ms))
            return false;
        if (item->left_out) /* none can be forgotten */
            return true;
        *item = (struct log_repeat){.hash = hash, .began_ms = now_ms, .level = level};
        snprintf(item->text, sizeof(item->text), "%s", text);
    }
    return is_within(item, LOG_REPEATS);
}

static bool take(struct log_repeat *item, uint64_t now_ms, struct log_repeat *out)
{
    if (!item->left_out || !is_over(item, now_ms))
        return false;
    *out = *item;
    *item = (struct log_repeat){0};
    return true;
}

bool log_repeats_over(struct log_repeats *repeats, uint64_t now_ms, struct log_repeat *out)
{
    for (size_t i = 0; i < LOG_REPEATS_KEPT; i++)
        if (take(&repeats->items[i], now_ms, out))
            return true;
    for (size_t i = 0; i < LOG_LEVEL_OFF; i++)
        if (take(&repeats->others[i], now_ms, out))
            return true;
    return false;
}
