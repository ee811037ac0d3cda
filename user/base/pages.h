/* Memory straight from the system, zeroed: of a page that is never written there is none, which calloc() does
 * not promise. For large arrays of which most stays zero. */
#pragma once

#include <stddef.h>

void *pages_take(size_t size); /* NULL: no memory */
/* Gives back what was written: all is zero again. */
void pages_forget(void *pages, size_t size);
/* With the size it was taken with; NULL is fine. */
void pages_give_back(void *pages, size_t size);

/* Constants of the program that are not wanted for long: what only they are on leaves memory, and is read
 * from its file when they are wanted again. */
void pages_leave(const void *constants, size_t size);
