#include "report/snapshot.h"

#include <errno.h>
#include <string.h>

#include "base/pages.h"

_Static_assert(sizeof(struct doubts) % sizeof(uint64_t) == 0, "nothing but counters");

/* In line: at each look, for each host. */
static bool are_same(const struct doubts *a, const struct doubts *b)
{
    const uint64_t *left = (const uint64_t *)a, *right = (const uint64_t *)b;
    uint64_t difference = 0;

    for (size_t i = 0; i < sizeof(*a) / sizeof(*left); i++)
        difference |= left[i] ^ right[i];
    return !difference;
}

/* A page of zeros is not written with zeros. */
static void put_doubts(struct snapshot *snapshot, size_t slot, const struct doubts *doubts)
{
    if (!are_same(&snapshot->doubts[slot], doubts))
        snapshot->doubts[slot] = *doubts;
}

static bool is_zero(const struct snapshot *snapshot, size_t slot)
{
    static const struct point zero;

    return !memcmp(&snapshot->counts[slot], &zero.counts, sizeof(zero.counts)) &&
           !memcmp(&snapshot->doubts[slot], &zero.doubts, sizeof(zero.doubts));
}

void snapshot_forget(struct snapshot *snapshot, size_t slot)
{
    static const struct point zero;

    if (!is_zero(snapshot, slot))
        snapshot_put(snapshot, slot, &zero);
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
        if (!is_zero(snapshot, slot))
            snapshot_copy(&fresh, slot, snapshot);
    snapshot_clear(snapshot);
    *snapshot = fresh;
    return 0;
}

void snapshot_empty(struct snapshot *snapshot)
{
    pages_forget(snapshot->counts, snapshot->room * sizeof(*snapshot->counts));
    pages_forget(snapshot->doubts, snapshot->room * sizeof(*snapshot->doubts));
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
    snapshot->counts[slot] = point->counts;
    put_doubts(snapshot, slot, &point->doubts);
}

void snapshot_copy(struct snapshot *snapshot, size_t slot, const struct snapshot *from)
{
    snapshot->counts[slot] = from->counts[slot];
    put_doubts(snapshot, slot, &from->doubts[slot]);
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t count)
{
    if (a == b)
        return true;
    return !memcmp(a->counts + first, b->counts + first, count * sizeof(*a->counts)) &&
           !memcmp(a->doubts + first, b->doubts + first, count * sizeof(*a->doubts));
}
