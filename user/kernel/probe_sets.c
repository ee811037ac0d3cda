#include "kernel/probe_sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/fnv.h"
#include "kernel/probes.h"

struct row {
    uint64_t hash;  /* of its patterns; 0: it has none yet */
    uint64_t given; /* when it was last given back, in numbers of times */
    uint32_t uses;
};

struct probe_sets {
    uint32_t count, used;
    uint64_t times;
    struct row rows[];
};

struct probe_sets *probe_sets_new(uint32_t count)
{
    struct probe_sets *sets = calloc(1, sizeof(*sets) + count * sizeof(struct row));

    if (sets)
        sets->count = count;
    return sets;
}

void probe_sets_free(struct probe_sets *sets)
{
    free(sets);
}

/* Never 0. */
static uint64_t hash_of(const struct probe_set *set)
{
    uint64_t hash = fnv1a(set, sizeof(*set));

    return hash ? hash : 1;
}

static bool has_patterns(int map, uint32_t row, const struct probe_set *set)
{
    struct probe_set found;

    return !bpf_map_lookup_elem(map, &row, &found) && !memcmp(&found, set, sizeof(found));
}

/* The row that has the patterns already, or else the one that is out of use for longest; 0: none. */
static uint32_t find_row(const struct probe_sets *sets, int map, uint64_t hash,
                         const struct probe_set *set)
{
    uint32_t oldest = 0;

    for (uint32_t i = 1; i < sets->count; i++) {
        const struct row *row = &sets->rows[i];

        if (row->hash == hash && has_patterns(map, i, set))
            return i;
        if (!row->uses && (!oldest || row->given < sets->rows[oldest].given))
            oldest = i;
    }
    return oldest;
}

int probe_sets_take(struct probe_sets *sets, int map, const struct cluster *cluster)
{
    struct probe_set set;
    uint64_t hash;
    uint32_t row;

    if (!probes_fill(cluster, &set))
        return 0;
    hash = hash_of(&set);
    row = find_row(sets, map, hash, &set);
    if (!row)
        return -ENOSPC;
    if (sets->rows[row].hash != hash) {
        int result = bpf_map_update_elem(map, &row, &set, BPF_ANY);

        if (result)
            return result;
        sets->rows[row].hash = hash;
    }
    sets->used += !sets->rows[row].uses++;
    return (int)row;
}

void probe_sets_give(struct probe_sets *sets, uint32_t row)
{
    if (!row || --sets->rows[row].uses)
        return;
    sets->rows[row].given = ++sets->times;
    sets->used--;
}

uint32_t probe_sets_used(const struct probe_sets *sets)
{
    return sets->used;
}

uint32_t probe_sets_room(const struct probe_sets *sets)
{
    return sets->count - 1 - sets->used;
}
