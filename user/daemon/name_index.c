#include "daemon/name_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int name_index_add(struct name_index *index, uint32_t group, const struct address *address,
                   const struct endpoint *endpoint)
{
    if (index->count == index->room) {
        size_t room = index->room ? index->room * 2 : 64;
        struct name_place *places = reallocarray(index->places, room, sizeof(*places));

        if (!places)
            return -ENOMEM;
        index->places = places;
        index->room = room;
    }
    index->places[index->count] =
        (struct name_place){group, (uint32_t)index->count, address, endpoint};
    index->count++;
    return 0;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_keys(const struct name_place *place, uint32_t group,
                        const struct address *address)
{
    int by_group = compare_numbers(place->group, group);
    int by_ip = by_group ? by_group : memcmp(place->address->ip, address->ip, sizeof(address->ip));

    return by_ip ? by_ip : compare_numbers(place->address->port, address->port);
}

static int compare_places(const void *left, const void *right)
{
    const struct name_place *a = left, *b = right;
    int by_key = compare_keys(a, b->group, b->address);

    return by_key ? by_key : compare_numbers(a->order, b->order);
}

void name_index_sort(struct name_index *index)
{
    size_t kept = 0;

    if (index->count)
        qsort(index->places, index->count, sizeof(*index->places), compare_places);
    for (size_t i = 0; i < index->count; i++) {
        const struct name_place place = index->places[i];

        if (!kept || place.endpoint != index->places[kept - 1].endpoint ||
            compare_keys(&index->places[kept - 1], place.group, place.address))
            index->places[kept++] = place;
    }
    index->count = kept;
}

const struct endpoint *name_index_find(const struct name_index *index, uint32_t group,
                                       const struct address *address, size_t i)
{
    size_t begin = 0, end = index->count;

    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;

        if (compare_keys(&index->places[middle], group, address) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    if (i >= index->count - begin || compare_keys(&index->places[begin + i], group, address))
        return NULL;
    return index->places[begin + i].endpoint;
}

void name_index_clear(struct name_index *index)
{
    free(index->places);
    *index = (struct name_index){.places = NULL};
}
