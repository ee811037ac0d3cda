/* Allocations that fail on demand and are counted, for the one test program that includes this. It
 * takes malloc's place; under a sanitizer, which does so itself, nothing fails. */
#pragma once

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_CAN_FAIL 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_CAN_FAIL 0
#endif
#endif
#ifndef MEMORY_CAN_FAIL
#define MEMORY_CAN_FAIL 1
#endif

static long memory_left = -1; /* allocations until one fails; -1: none does */
static long memory_live;      /* allocated and not freed */

#if MEMORY_CAN_FAIL

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static int memory_fails(void)
{
    if (memory_left < 0)
        return 0;
    return memory_left-- == 0;
}

static void *memory_count(void *fresh)
{
    memory_live += fresh != NULL;
    return fresh;
}

void *malloc(size_t size)
{
    return memory_fails() ? NULL : memory_count(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : memory_count(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    void *fresh = memory_fails() ? NULL : __libc_realloc(old, size);

    memory_live += fresh && !old;
    return fresh;
}

void *reallocarray(void *old, size_t count, size_t size)
{
    return realloc(old, count * size);
}

void free(void *old)
{
    memory_live -= old != NULL;
    __libc_free(old);
}

#endif
