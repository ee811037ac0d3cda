#include "report/snapshot.h"

#include <errno.h>
#include <string.h>

#include "base/pages.h"

/* A page that is as it shall be is not written. */
static void put(struct snapshot *snapshot, size_t slot, const struct counts *counts,
                const struct doubts *doubts)
{
    if (memcmp(&snapshot->counts[slot], counts, sizeof(*counts)) != 0)
        snapshot->counts[slot] = *counts;
    if (memcmp(&snapshot->doubts[slot], doubts, sizeof(*doubts)) != 0)
        snapshot->doubts[slot] = *doubts;
}

int snapshot_grow(struct snapshot *snapshot, size_t room)
{
    struct snapshot fresh = {.counts = pages_take(room * sizeof(*fresh.counts)),
                             .doubts = pages_take(room * sizeof(*fresh.doubts)),
                             .room = room};

    if (!fresh.counts || !fresh.doubts) {
        snapshot_clear(&fresh);
        return -ENOMEM;
    }
    for (size_t slot = 0; slot < snapshot->room; slot++)
        snapshot_copy(&fresh, slot, snapshot);
    snapshot_clear(snapshot);
    *snapshot = fresh;
    return 0;
}

void snapshot_clear(struct snapshot *snapshot)
{
    pages_give_back(snapshot->counts, snapshot->room * sizeof(*snapshot->counts));
    pages_give_back(snapshot->doubts, snapshot->room * sizeof(*snapshot->doubts));
    *snapshot = (struct snapshot){0};
}

void snapshot_get(const struct snapshot *snapshot, size_t slot, struct point *out)
{
    out->counts = snapshot->counts[slot];
    out->doubts = snapshot->doubts[slot];
}

void snapshot_put(struct snapshot *snapshot, size_t slot, const struct point *point)
{
    put(snapshot, slot, &point->counts, &point->doubts);
}

void snapshot_copy(struct snapshot *snapshot, size_t slot, const struct snapshot *from)
{
    put(snapshot, slot, &from->counts[slot], &from->doubts[slot]);
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t count)
{
    if (a == b)
        return true;
    return !memcmp(a->counts + first, b->counts + first, count * sizeof(*a->counts)) &&
           !memcmp(a->doubts + first, b->doubts + first, count * sizeof(*a->doubts));
}
