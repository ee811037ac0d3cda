/* FNV-1a, 64 bit: tells contents apart, but not against somebody who makes two of one hash.
 * draft-eastlake-fnv. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t fnv1a(const void *bytes, size_t size);
