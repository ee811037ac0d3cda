/* The rows of counters, read where the kernel keeps them. A page of a map that is mapped is resident all the
 * time, so of many rows only some are mapped at once: reading them in their order is cheap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "abi.h"

#define ROWS_AT_ONCE 8192 /* a whole number of pages */

struct rows;

/* Of the descriptors of two maps, borrowed. 0 and `*out`, -errno. */
int rows_open(int counters_fd, int side_fd, uint32_t count, struct rows **out);
void rows_close(struct rows *rows); /* NULL is fine */

/* Copies the rows of `count` slots from `first` on, which there are, but for `side`; read without stopping
 * anything. What ends things is read before what begins them, so no difference comes out negative; also
 * where the kernel has no memory left to show its rows: then each counter is of a copy of its own. */
void rows_read(struct rows *rows, uint32_t first, size_t count, struct counters *out);
/* The other ones of a slot, which end things too: to be read first. */
void rows_read_side(struct rows *rows, uint32_t slot, struct side_counters *out);
