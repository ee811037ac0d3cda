/* Arrays by slot, which grow with the hosts that there are. Pure. */
#pragma once

#include <stddef.h>

/* Room for `count` items of `size` bytes each, where that is more than there is: for twice as many as before
 * at least. New ones are zero. `items` is the address of the pointer to them, NULL at first. 0; -ENOMEM:
 * nothing has changed. */
int slots_reserve(void *items, size_t *room, size_t count, size_t size);
