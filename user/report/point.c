#include "report/point.h"

void point_move(struct point *point, const struct point *from, const struct point *to)
{
    const uint64_t *begin = (const uint64_t *)from, *end = (const uint64_t *)to;
    uint64_t *at = (uint64_t *)point;

    for (size_t i = 0; i < sizeof(*point) / sizeof(*at); i++)
        at[i] += end[i] - begin[i];
}
