/* What was counted of loadtap's newest reports, so that a report which covers some of them again adds only
 * what is new (user/report/delivery.h has the rule, origin.h the headers). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/origin.h"

#define AGAIN_MESSAGES 64 /* of a run that are remembered: all that can be unconfirmed, by far */

struct again;
struct totals_counts;
struct totals_row;

/* Remembers at most so many pairs of a message and a row, and runs; the run that was silent for longest
 * is forgotten first. NULL: out of memory. */
struct again *again_new(size_t items, size_t runs);
void again_free(struct again *again); /* NULL is fine */

/* A message of a run comes; between this and again_end are its rows. Does nothing for other clients. */
void again_begin(struct again *again, const struct origin *origin, uint64_t message);
/* Remembers what a row gets, and takes from *counts what it got of it before. */
void again_take(struct again *again, struct totals_row *row, struct totals_counts *counts);
void again_end(struct again *again);
