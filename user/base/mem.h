/* Ownership helpers: a variable marked `autofree` is freed when its scope ends, unless TAKE moved
 * the pointer out. With them, ownership can be checked inside one function. */
#pragma once

#include <stdlib.h>

static inline void autofree_cleanup(void *pointer)
{
    free(*(void **)pointer);
}

#define autofree __attribute__((cleanup(autofree_cleanup)))

/* The pointer's value; the variable itself becomes NULL. */
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) *taken_from_ = &(pointer);                                             \
        __typeof__(pointer) taken_ = *taken_from_;                                                 \
        *taken_from_ = NULL;                                                                       \
        taken_;                                                                                    \
    })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
