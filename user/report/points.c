#include "report/points.h"

#include <errno.h>

#include "base/mem.h"

void points_init(struct points *points)
{
    struct snapshot *first = &points->all[0];

    *points = (struct points){.confirmed = first, .marked = first, .sent = first, .now = first};
}

void points_clear(struct points *points)
{
    for (size_t i = 0; i < ARRAY_SIZE(points->all); i++)
        snapshot_clear(&points->all[i]);
}

int points_reserve(struct points *points, size_t slots)
{
    size_t room = slots > 2 * points->room ? slots : 2 * points->room;

    if (slots <= points->room)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(points->all); i++)
        if (points->all[i].room < room && snapshot_grow(&points->all[i], room))
            return -ENOMEM;
    points->room = room;
    return 0;
}

void points_forget(struct points *points, size_t slot)
{
    for (size_t i = 0; i < ARRAY_SIZE(points->all); i++)
        snapshot_forget(&points->all[i], slot);
}

static bool is_point(const struct points *points, const struct snapshot *snapshot)
{
    return snapshot == points->confirmed || snapshot == points->marked || snapshot == points->sent;
}

void points_skip(struct points *points, size_t slot, const struct point *now)
{
    struct point sent, point;

    snapshot_get(points->sent, slot, &sent);
    for (size_t i = 0; i < ARRAY_SIZE(points->all); i++) {
        if (!is_point(points, &points->all[i]))
            continue;
        snapshot_get(&points->all[i], slot, &point);
        point_move(&point, &sent, now);
        snapshot_put(&points->all[i], slot, &point);
    }
}

/* One that is none of the three. */
static struct snapshot *unused(struct points *points)
{
    struct snapshot *at = points->all;

    while (is_point(points, at))
        at++;
    return at;
}

struct snapshot *points_look(struct points *points)
{
    points->now = unused(points);
    return points->now;
}

void points_sent(struct points *points, bool mark)
{
    points->sent = points->now;
    if (mark)
        points->marked = points->sent;
}

/* But for the next look's, which is written anew at each report: having its memory from the system again
 * costs more than the look. */
static void empty_others(struct points *points)
{
    const struct snapshot *next = unused(points);

    for (size_t i = 0; i < ARRAY_SIZE(points->all); i++) {
        struct snapshot *snapshot = &points->all[i];

        if (!is_point(points, snapshot) && snapshot != points->now && snapshot != next)
            snapshot_empty(snapshot);
    }
}

void points_confirmed(struct points *points)
{
    points->confirmed = points->marked;
    empty_others(points);
}

void points_unmark(struct points *points)
{
    points->marked = points->confirmed;
}
