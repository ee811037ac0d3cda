/* Hosts that no name has any more, until nothing of theirs can be lost. Pure.
 *
 *   (live) --leaving_add--> WATCHED --idle for the time, nothing open, nothing owed--> over --> (gone)
 *      ^------leaving_remove---+  ^                                                       |
 *                                 +------------leaving_stays: it has counted since -------+
 *
 * A proxy may have resolved the name before, for good: so a host goes on counting, new connections
 * too, while there are any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"

struct leaving;

struct leaving_ops {
    void (*read)(void *arg, uint32_t slot, struct counters *out);
    /* Has it counted something that was not delivered? */
    bool (*owes)(void *arg, uint32_t slot);
    void *arg;
};

/* Borrows what `ops` point to. NULL: no memory. */
struct leaving *leaving_new(uint64_t idle_us, const struct leaving_ops *ops);
void leaving_free(struct leaving *leaving); /* NULL is fine */

void leaving_set_idle(struct leaving *leaving, uint64_t idle_us);

/* The host of a slot leaves. 0; -ENOMEM: it is not watched, and so never over. */
int leaving_add(struct leaving *leaving, uint32_t slot, uint64_t now_us);
bool leaving_has(const struct leaving *leaving, uint32_t slot); /* O(count) */
/* It is live again, or gone. No effect where it is not watched. */
void leaving_remove(struct leaving *leaving, uint32_t slot);
size_t leaving_count(const struct leaving *leaving);

/* Looks at all; writes the slots of up to `max` that are over, and returns how many. What counts
 * nothing is known to be idle since the look that first saw it so. */
size_t leaving_over(struct leaving *leaving, uint64_t now_us, uint32_t *slots, size_t max);
/* The same of those that have never counted anything: the first to go where slots are wanted. */
size_t leaving_unused(const struct leaving *leaving, uint32_t *slots, size_t max);
/* After its address was taken from the kernel side, and a grace period: does it stay all the same, as
 * it has counted since the last look? Then its time begins anew. */
bool leaving_stays(struct leaving *leaving, uint32_t slot, uint64_t now_us);
