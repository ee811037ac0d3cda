/* What was counted of loadtap's newest reports, so that a report which covers some of them again adds only
 * what is new (user/report/delivery.h has the rule, origin.h the headers). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/origin.h"

/* Messages of a run that are remembered, of those that counted something. A stream on which nothing is
 * confirmed lives for 30 s (transport.h), in which 300 reports fit (WISHES_INTERVAL_MIN_US). Where more
 * than half of the items are in use it is the other number, so that many runs have their part. */
#define AGAIN_MESSAGES 512
#define AGAIN_MESSAGES_SHORT 64

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
