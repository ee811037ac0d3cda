/* Finds, of a cluster's names, those that resolve to an address: made by one walk over them when somebody
 * looks, and kept until they change. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

struct name_place {
    uint32_t group, order; /* order: of those with the same group and address */
    const struct address *address;
    const struct endpoint *endpoint;
};

/* All zero: empty. */
struct name_index {
    struct name_place *places;
    size_t count, room;
};

/* 0, -ENOMEM. Borrows both, until it is cleared. */
int name_index_add(struct name_index *index, uint32_t group, const struct address *address,
                   const struct endpoint *endpoint);
/* When all were added; what was added twice in a row is there once. */
void name_index_sort(struct name_index *index);
/* The i-th that was added with this group and address; NULL past the end. */
const struct endpoint *name_index_find(const struct name_index *index, uint32_t group,
                                       const struct address *address, size_t i);
void name_index_clear(struct name_index *index);
