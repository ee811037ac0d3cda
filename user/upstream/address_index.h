/* Finds, of up to 100,000 slots, the one that an address leads to, with 4 to 11 bytes for each: a table of
 * slots with linear probing. The addresses themselves stay with the caller. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* The address that a slot in the index was put in for; it does not change while it is there. */
typedef const struct address *address_index_of(const void *arg, uint32_t slot);

struct address_index {
    address_index_of *address_of;
    const void *arg;
    uint32_t *cells; /* slot + 1; 0: empty */
    size_t room, count;
};

#define ADDRESS_INDEX_NONE UINT32_MAX

void address_index_init(struct address_index *index, address_index_of *address_of, const void *arg);
void address_index_clear(struct address_index *index);

/* Makes room for one address more. 0, -ENOMEM. */
int address_index_reserve(struct address_index *index);

/* The slot; ADDRESS_INDEX_NONE. */
uint32_t address_index_find(const struct address_index *index, const struct address *address);
/* The address leads to the slot, which has that address, whether it was there or not. What was not needs
 * the room that was reserved. */
void address_index_put(struct address_index *index, uint32_t slot);
/* The slot's address, which is there, is there no longer. */
void address_index_remove(struct address_index *index, uint32_t slot);
