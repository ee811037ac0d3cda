/* The addresses of a cluster that is to be called, not watched, in the order in which to try them.
 * Pure. */
#pragma once

#include <stddef.h>

#include "upstream/hosts.h"

/* So that the round begins with the address that follows `behind`, and `behind` itself comes last;
 * NULL, and one that is not among them, change nothing. 0, -ENOMEM. */
int candidates_rotate(struct address *items, size_t count, const struct address *behind);

/* By priority; within one, in the configuration's order, and of a name in that of the answer. Each
 * address once, none that DNS has dropped, rotated as above. The list is the caller's to free; it is
 * not NULL where there is none. 0, -ENOMEM. */
int candidates_list(const struct hosts *hosts, const struct clusters *clusters, uint32_t cluster,
                    const struct address *behind, struct address **out, size_t *count);
