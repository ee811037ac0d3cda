/* The process's capabilities, and whose process it is. The only user of libcap-ng. A set of capabilities
 * is a word with bit CAP_... of linux/capability.h for each. */
#pragma once

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>

struct identity;

#define CAPABILITY(number) (1ull << (number))

/* Those that are in effect. */
uint64_t capabilities_effective(void);

/* Only these are in effect from now on, of those that are permitted; the others can be had back. 0 or
 * -EPERM. */
int capabilities_limit(uint64_t set);

/* For good: has only these from now on, and none passes to another program; changes to `identity`, unless
 * it is NULL, with its groups. The bounding set is emptied where CAP_SETPCAP is permitted. 0 or -EPERM. */
int capabilities_drop(uint64_t set, const struct identity *identity);

/* "CAP_BPF, CAP_PERFMON", or "none", in `out`. */
void capabilities_text(uint64_t set, char *out, size_t size);
