#include "base/fnv.h"

uint64_t fnv1a_more(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return hash;
}

uint64_t fnv1a(const void *bytes, size_t size)
{
    return fnv1a_more(FNV1A_NOTHING, bytes, size);
}
