/* FNV-1a, 64 bit: tells contents apart, but not against somebody who makes two of one hash.
 * draft-eastlake-fnv. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FNV1A_NOTHING 0xcbf29ce484222325 /* the hash of no bytes */

uint64_t fnv1a(const void *bytes, size_t size);
/* Of what `hash` is of, and these bytes behind it. */
uint64_t fnv1a_more(uint64_t hash, const void *bytes, size_t size);
