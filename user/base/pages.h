/* Zeroed memory straight from the system: of a page that is never written there is none, which calloc()
 * does not promise. For large arrays of which most stays zero. */
#pragma once

#include <stddef.h>

void *pages_take(size_t size); /* NULL: no memory */
/* Gives back what was written: all is zero again. */
void pages_forget(void *pages, size_t size);
/* With the size it was taken with; NULL is fine. */
void pages_give_back(void *pages, size_t size);
