/* Where counting was not exact, for a person: each kind of trouble in words, once for each host, when
 * it is first seen; and the error bounds in numbers, when asked for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/bound.h"
#include "upstream/hosts.h"

struct accuracy;

/* Borrows hosts, which may come and go. NULL: out of memory. */
struct accuracy *accuracy_new(const struct hosts *hosts);
void accuracy_free(struct accuracy *accuracy); /* NULL is fine */

struct accuracy_ops {
    void (*read)(void *arg, uint32_t slot, struct counters *out);
    /* `what` is a sentence without its subject: "carries connections that cannot be read …". */
    void (*tell)(void *arg, const struct host *host, const char *what);
    void *arg;
};

/* Looks at every host. 0, -ENOMEM: new hosts could not be taken in, and are looked at next time. */
int accuracy_check(struct accuracy *accuracy, const struct accuracy_ops *ops);

#define BOUND_TEXT_MAX 320

/* The bound of all that a row has counted: "unclassified_requests=3 gap_bytes=1460", the kinds that
 * are not zero. Returns whether there is one. */
bool accuracy_bound_text(const struct counters *row, char text[BOUND_TEXT_MAX]);
