#include "base/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int slots_reserve(void *items, size_t *room, size_t count, size_t size)
{
    size_t twice = 2 * *room, larger = count > twice ? count : twice;
    char *grown;

    if (count <= *room)
        return 0;
    memcpy(&grown, items, sizeof(grown));
    grown = reallocarray(grown, larger, size);
    if (!grown)
        return -ENOMEM;
    memset(grown + *room * size, 0, (larger - *room) * size);
    memcpy(items, &grown, sizeof(grown));
    *room = larger;
    return 0;
}
