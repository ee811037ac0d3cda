#include "report/snapshot.h"

#include <errno.h>
#include <string.h>

#include "base/pages.h"

static size_t blocks_of(size_t room)
{
    return (room + SNAPSHOT_BLOCK - 1) / SNAPSHOT_BLOCK;
}

/* A page of zeros is not written with zeros. Always in line: at each report for each host, whose doubts are
 * then looked at where they were read. */
static inline __attribute__((always_inline)) void put_doubts(struct snapshot *snapshot, size_t slot,
                                                             const struct doubts *doubts)
{
    bool *doubted = &snapshot->doubted[slot / SNAPSHOT_BLOCK];

    if (!*doubted && doubts_are_zero(doubts))
        return;
    *doubted = true;
    snapshot->doubts[slot] = *doubts;
}

static bool is_zero(const struct snapshot *snapshot, size_t slot)
{
    static const struct counts zero;

    return !memcmp(&snapshot->counts[slot], &zero, sizeof(zero)) &&
           doubts_are_zero(snapshot_doubts(snapshot, slot));
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
                             .doubted = pages_take(blocks_of(room)),
                             .room = room};

    if (!fresh.counts || !fresh.doubts || !fresh.doubted) {
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
    pages_forget(snapshot->doubted, blocks_of(snapshot->room));
}

void snapshot_clear(struct snapshot *snapshot)
{
    pages_give_back(snapshot->counts, snapshot->room * sizeof(*snapshot->counts));
    pages_give_back(snapshot->doubts, snapshot->room * sizeof(*snapshot->doubts));
    pages_give_back(snapshot->doubted, blocks_of(snapshot->room));
    *snapshot = (struct snapshot){0};
}

void snapshot_get(const struct snapshot *snapshot, size_t slot, struct point *out)
{
    out->counts = snapshot->counts[slot];
    out->doubts = *snapshot_doubts(snapshot, slot);
}

void snapshot_put(struct snapshot *snapshot, size_t slot, const struct point *point)
{
    snapshot->counts[slot] = point->counts;
    put_doubts(snapshot, slot, &point->doubts);
}

void snapshot_put_rows(struct snapshot *snapshot, size_t first, size_t count,
                       const struct counters *rows)
{
    for (size_t i = 0; i < count; i++) {
        struct doubts doubts;

        counts_of(&rows[i], &snapshot->counts[first + i]);
        doubts_of(&rows[i], &doubts);
        put_doubts(snapshot, first + i, &doubts);
    }
}

void snapshot_copy(struct snapshot *snapshot, size_t slot, const struct snapshot *from)
{
    snapshot->counts[slot] = from->counts[slot];
    put_doubts(snapshot, slot, snapshot_doubts(from, slot));
}

static bool same_doubts(const struct snapshot *a, const struct snapshot *b, size_t first,
                        size_t count)
{
    for (size_t slot = first; slot < first + count; slot++)
        if (memcmp(snapshot_doubts(a, slot), snapshot_doubts(b, slot), sizeof(*a->doubts)))
            return false;
    return true;
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t count)
{
    if (a == b)
        return true;
    return !memcmp(a->counts + first, b->counts + first, count * sizeof(*a->counts)) &&
           same_doubts(a, b, first, count);
}
