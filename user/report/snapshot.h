/* The points of all hosts at one time, by slot. A window keeps a few for 100,000 hosts, so what is zero
 * of nearly all of them lies apart, on pages that are not written before something else comes, nor read.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "report/point.h"

#define SNAPSHOT_BLOCK 64

struct snapshot {
    struct counts *counts;
    struct doubts *doubts;
    bool *doubted; /* of SNAPSHOT_BLOCK slots each: some have had doubts that were not zero */
    size_t room;
};

/* To `room` slots, more than it has; the new ones are zero. 0; -ENOMEM: nothing has changed. */
int snapshot_grow(struct snapshot *snapshot, size_t room);
/* All slots are zero again, and take no memory. */
void snapshot_empty(struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);

/* False: its doubts are zero. */
static inline bool snapshot_may_doubt(const struct snapshot *snapshot, size_t slot)
{
    return snapshot->doubted[slot / SNAPSHOT_BLOCK];
}

/* Good until something is put. */
static inline const struct doubts *snapshot_doubts(const struct snapshot *snapshot, size_t slot)
{
    static const struct doubts none;

    return snapshot_may_doubt(snapshot, slot) ? &snapshot->doubts[slot] : &none;
}

void snapshot_get(const struct snapshot *snapshot, size_t slot, struct point *out);
void snapshot_put(struct snapshot *snapshot, size_t slot, const struct point *point);
/* Of `count` slots from `first` on, as their rows have it. */
void snapshot_put_rows(struct snapshot *snapshot, size_t first, size_t count,
                       const struct counters *rows);
/* Back to zero. */
void snapshot_forget(struct snapshot *snapshot, size_t slot);
/* As the other one has it. */
void snapshot_copy(struct snapshot *snapshot, size_t slot, const struct snapshot *from);

/* Do the two have the same at `count` slots from `first` on? */
bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t count);
