/* The points of all hosts that a window keeps (window.h), each a snapshot; the same one while they do not
 * differ. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "report/snapshot.h"

struct points {
    struct snapshot all[4]; /* one for each point, as there may be so many different ones */
    struct snapshot *confirmed, *marked, *sent;
    struct snapshot *now; /* of the last look; may be `sent` */
    size_t room;          /* slots */
};

void points_init(struct points *points);
void points_clear(struct points *points);
/* Room for so many slots; new ones are zero. 0, -ENOMEM. */
int points_reserve(struct points *points, size_t slots);

/* The slot has another host: it is zero at all points. */
void points_forget(struct points *points, size_t slot);
/* What was counted from `sent` on, up to `now`, is skipped: all points move by it, so what lies between them
 * stays. */
void points_skip(struct points *points, size_t slot, const struct point *now);

/* The snapshot for a look, each of whose slots is to be written: it is `now`. */
struct snapshot *points_look(struct points *points);
/* `now` was sent, and may be marked; `marked` is confirmed; nothing is marked any more. */
void points_sent(struct points *points, bool mark);
void points_confirmed(struct points *points);
void points_unmark(struct points *points);
