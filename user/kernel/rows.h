/* The rows of counters, read where the kernel keeps them. A page of a map that is mapped is resident all the
 * time, so of many rows only some are mapped at once: reading them in their order is cheap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "abi.h"

#define ROWS_AT_ONCE 6144 /* a whole number of pages */

struct rows;

/* Of a map's descriptor, borrowed. 0 and `*out`, -errno. */
int rows_open(int fd, uint32_t count, struct rows **out);
void rows_close(struct rows *rows); /* NULL is fine */

/* Of a slot below `count`; good until the next call. `*shown`: it is the kernel's own row; else, where the
 * kernel has no memory left to show it, a copy, made at each call: whoever reads one counter after another
 * asks again for each. */
const struct counters *rows_at(struct rows *rows, uint32_t slot, bool *shown);
