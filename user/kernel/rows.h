/* The rows of counters, read where the kernel keeps them. A page of a map that is mapped is resident all the
 * time, so of many rows only some are mapped at once: reading them in their order is cheap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"

#define ROWS_AT_ONCE 8192 /* a whole number of pages */

struct rows;

/* Descriptors, borrowed, of the maps with those counters (abi.h). */
struct rows_maps {
    int begun, ended, side;
};

/* 0 and `*out`, -errno. */
int rows_open(const struct rows_maps *maps, uint32_t count, struct rows **out);
void rows_close(struct rows *rows); /* NULL is fine */

/* Reads what a report is made of, of `count` slots from `first` on, which there are; without stopping
 * anything. What ends things is read before what begins them, so no difference comes out negative, and the
 * error bound last, so that it is there with what it is about; also where the kernel has no memory left to
 * show its rows: then each counter is of a copy of its own. */
void rows_read(struct rows *rows, uint32_t first, size_t count, struct counters *out);
/* All that there is of one slot; what is unclassified is one of the ends here. */
void rows_read_all(struct rows *rows, uint32_t slot, struct counters *out);
