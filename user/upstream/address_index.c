#include "upstream/address_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void address_index_init(struct address_index *index, address_index_of *address_of, const void *arg)
{
    *index = (struct address_index){.address_of = address_of, .arg = arg};
}

void address_index_clear(struct address_index *index)
{
    free(index->cells);
    address_index_init(index, index->address_of, index->arg);
}

/* By the golden ratio, whose product has its best bits above (Knuth, 6.4). */
static uint64_t mix(uint64_t value)
{
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 32;
}

static size_t hash(const struct address *address)
{
    uint64_t halves[2];

    memcpy(halves, address->ip, sizeof(halves));
    return mix(mix(mix(halves[0] ^ address->port) ^ halves[1])) >> 32;
}

static const struct address *address_at(const struct address_index *index, size_t cell)
{
    return index->address_of(index->arg, index->cells[cell] - 1);
}

static size_t home_of(const struct address_index *index, const struct address *address)
{
    return hash(address) & (index->room - 1);
}

static size_t next_cell(const struct address_index *index, size_t cell)
{
    return (cell + 1) & (index->room - 1);
}

/* Its cell, or the empty one where it would be. There always is an empty one. */
static size_t cell_of(const struct address_index *index, const struct address *address)
{
    size_t cell = home_of(index, address);

    while (index->cells[cell] && !address_equal(address_at(index, cell), address))
        cell = next_cell(index, cell);
    return cell;
}

/* Three quarters of the cells are used at most. */
int address_index_reserve(struct address_index *index)
{
    struct address_index larger = *index;

    if ((index->count + 1) * 4 <= index->room * 3)
        return 0;
    larger.room = index->room ? 2 * index->room : 8;
    larger.cells = calloc(larger.room, sizeof(*larger.cells));
    if (!larger.cells)
        return -ENOMEM;
    for (size_t cell = 0; cell < index->room; cell++)
        if (index->cells[cell])
            larger.cells[cell_of(&larger, address_at(index, cell))] = index->cells[cell];
    free(index->cells);
    *index = larger;
    return 0;
}

uint32_t address_index_find(const struct address_index *index, const struct address *address)
{
    uint32_t value = index->room ? index->cells[cell_of(index, address)] : 0;

    return value ? value - 1 : ADDRESS_INDEX_NONE;
}

void address_index_put(struct address_index *index, uint32_t slot)
{
    uint32_t *cell = &index->cells[cell_of(index, index->address_of(index->arg, slot))];

    index->count += !*cell;
    *cell = slot + 1;
}

/* Those behind it that would not be found any more across the hole move into it, each leaving one. */
void address_index_remove(struct address_index *index, uint32_t slot)
{
    size_t hole = cell_of(index, index->address_of(index->arg, slot));
    size_t mask = index->room - 1;

    for (size_t at = next_cell(index, hole); index->cells[at]; at = next_cell(index, at)) {
        size_t home = home_of(index, address_at(index, at));

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        index->cells[hole] = index->cells[at];
        hole = at;
    }
    index->cells[hole] = 0;
    index->count--;
}
