/* Where counting was not exact, for a person: each kind of trouble in words, once for each host, when
 * it is first seen; and the error bounds in numbers, when asked for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "report/bound.h"
#include "upstream/hosts.h"

struct accuracy;

struct accuracy *accuracy_new(void);           /* NULL: out of memory */
void accuracy_free(struct accuracy *accuracy); /* NULL is fine */

/* Room for so many slots; the hosts of others are passed over. 0, -ENOMEM. */
int accuracy_reserve(struct accuracy *accuracy, size_t slots);

/* `what` is a sentence without its subject: "carries connections that cannot be read …". */
typedef void accuracy_tell(void *arg, const struct host *host, const char *what);

/* The host's row is now as given. */
void accuracy_see(struct accuracy *accuracy, const struct host *host, const struct counters *row,
                  accuracy_tell *tell, void *arg);

#define BOUND_TEXT_MAX 320

/* The bound of all that a row has counted: "unclassified_requests=3 gap_bytes=1460", the kinds that
 * are not zero. Returns whether there is one. */
bool accuracy_bound_text(const struct counters *row, char text[BOUND_TEXT_MAX]);
