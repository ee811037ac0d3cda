#include "upstream/leaving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watched {
    uint32_t slot;
    uint64_t since_us; /* it looks like `row` */
    struct counters row;
};

struct leaving {
    uint64_t idle_us;
    struct leaving_ops ops;
    struct watched *items;
    size_t count, room;
};

struct leaving *leaving_new(uint64_t idle_us, const struct leaving_ops *ops)
{
    struct leaving *leaving = calloc(1, sizeof(*leaving));

    if (leaving)
        *leaving = (struct leaving){.idle_us = idle_us, .ops = *ops};
    return leaving;
}

void leaving_free(struct leaving *leaving)
{
    if (leaving)
        free(leaving->items);
    free(leaving);
}

void leaving_set_idle(struct leaving *leaving, uint64_t idle_us)
{
    leaving->idle_us = idle_us;
}

static int reserve(struct leaving *leaving)
{
    size_t room = leaving->room ? 2 * leaving->room : 16;
    struct watched *items;

    if (leaving->count < leaving->room)
        return 0;
    items = reallocarray(leaving->items, room, sizeof(*items));
    if (!items)
        return -ENOMEM;
    leaving->items = items;
    leaving->room = room;
    return 0;
}

int leaving_add(struct leaving *leaving, uint32_t slot, uint64_t now_us)
{
    struct watched *added;
    int result = reserve(leaving);

    if (result)
        return result;
    added = &leaving->items[leaving->count++];
    *added = (struct watched){.slot = slot, .since_us = now_us};
    leaving->ops.read(leaving->ops.arg, slot, &added->row);
    return 0;
}

static struct watched *find(const struct leaving *leaving, uint32_t slot)
{
    for (size_t i = 0; i < leaving->count; i++)
        if (leaving->items[i].slot == slot)
            return &leaving->items[i];
    return NULL;
}

bool leaving_has(const struct leaving *leaving, uint32_t slot)
{
    return find(leaving, slot) != NULL;
}

void leaving_remove(struct leaving *leaving, uint32_t slot)
{
    struct watched *found = find(leaving, slot);

    if (found)
        *found = leaving->items[--leaving->count];
}

size_t leaving_count(const struct leaving *leaving)
{
    return leaving->count;
}

/* Connections that still refer to the row, whatever their state. */
static bool has_open(const struct counters *row)
{
    return row->cx_opened != row->cx_failed + row->cx_closed;
}

/* Has it counted since the last look, or may it still do so? */
static bool look(const struct leaving *leaving, struct watched *watched, uint64_t now_us)
{
    struct counters row;

    leaving->ops.read(leaving->ops.arg, watched->slot, &row);
    if (!has_open(&row) && !memcmp(&row, &watched->row, sizeof(row)))
        return false;
    watched->row = row;
    watched->since_us = now_us;
    return true;
}

size_t leaving_over(struct leaving *leaving, uint64_t now_us, uint32_t *slots, size_t max)
{
    size_t over = 0;

    for (size_t i = 0; i < leaving->count; i++) {
        struct watched *watched = &leaving->items[i];

        look(leaving, watched, now_us);
        if (over < max && now_us - watched->since_us >= leaving->idle_us &&
            !leaving->ops.owes(leaving->ops.arg, watched->slot))
            slots[over++] = watched->slot;
    }
    return over;
}

size_t leaving_unused(const struct leaving *leaving, uint32_t *slots, size_t max)
{
    static const struct counters nothing;
    size_t unused = 0;

    for (size_t i = 0; i < leaving->count && unused < max; i++)
        if (!memcmp(&leaving->items[i].row, &nothing, sizeof(nothing)))
            slots[unused++] = leaving->items[i].slot;
    return unused;
}

bool leaving_stays(struct leaving *leaving, uint32_t slot, uint64_t now_us)
{
    return look(leaving, find(leaving, slot), now_us);
}
