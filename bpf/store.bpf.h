/* Segments that cannot be looked at when they pass: a small bounded store. Kernel only.
 *
 * A segment that comes before an earlier one (it happens on loopback without any loss) is kept in a
 * berth until the hole is filled. One that meets another CPU in its direction is posted: whoever
 * holds the direction looks at it before leaving, so nobody has to wait.
 *
 *   berth:  FREE --berth_take--> filled --kept----> in direction.kept --looked at--> FREE
 *                                filled --posted--> in inbox.posted   --looked at--> FREE
 */
#pragma once

#include "berths.bpf.h"

#define ROOM_FOR_ALL 0x100

/* 1 + the place of a berth that has room; 0: none. With ROOM_FOR_ALL, it has room for the bytes: one that
 * has, if there is. */
verified_once __u32 kept_room(struct direction *d, __u32 sequence, __u32 length)
{
    volatile __u32 *behind;
    volatile __s32 *whole;

    if (!d)
        return 0;
    behind = &d->first;
    whole = &d->first_ahead;
    *behind = 0;
    *whole = 0;
    unrolled for (__u32 i = 0; i < KEPT_MAX; i++)
    {
        int room = berth_room(d->kept[i], sequence, length);

        if (room == ROOM_WHOLE)
            *whole = (__s32)((i + 1) | ROOM_FOR_ALL);
        else if (room)
            *behind = i + 1;
    }
    return *whole ? (__u32)*whole : *behind;
}

/* 1 + an empty place; 0: none. */
verified_once __u32 kept_empty(struct direction *d)
{
    volatile __u32 *found;

    if (!d)
        return 0;
    found = &d->first;
    *found = 0;
    unrolled for (__u32 i = 0; i < KEPT_MAX; i++)
    {
        if (!*found && !d->kept[i])
            *found = i + 1;
    }
    return *found;
}

/* Where a segment is to be kept: 1 + the place in `kept`; 0: nowhere. In a berth that has room for
 * it, else in a new one; where there is none left, behind what one has all the same. A new one begins
 * where the hole does, so that what is late finds room in it too, if the segment is not too far away. */
verified_once __u32 kept_place(struct direction *d, __u32 sequence, __u32 length)
{
    __u32 place, empty, name = 0;

    if (!d)
        return 0;
    place = kept_room(d, sequence, length);
    if (place & ROOM_FOR_ALL)
        return place & ~ROOM_FOR_ALL;
    empty = kept_empty(d);
    if (empty)
        name = (__u32)berth_take(sequence + length - d->next <= BERTH_BYTES ? d->next : sequence);
    if (!name)
        return place;
    d->kept[(empty - 1) & (KEPT_MAX - 1)] = name;
    return empty;
}

/* Keeps a segment until the hole before it is filled. 0: there is no room. */
static __always_inline int segment_keep(struct __sk_buff *skb, struct direction *d,
                                        const struct segment *segment)
{
    __u32 place = kept_place(d, segment->sequence, segment->length) - 1;

    if (place >= KEPT_MAX)
        return 0;
    opaque_value(place);
    return berth_add(skb, d->kept[place & (KEPT_MAX - 1)], segment);
}

/* --- posted berths: each bit of box->posted is set and cleared by atomics alone --------------- */

static __always_inline __u64 posted_bit(__u32 name)
{
    return 1ull << ((name - 1) & (BERTHS - 1));
}

static __always_inline void posted_put(struct inbox *box, __u32 name)
{
    word_or(lock_around(box, inbox), &box->posted, posted_bit(name));
}

/* 0: it is not there, or another CPU has it. */
static __always_inline int posted_take(struct inbox *box, __u32 name)
{
    __u64 bit = posted_bit(name);

    return (word_and(lock_around(box, inbox), &box->posted, ~bit) & bit) != 0;
}

/* Do bytes from `sequence` on go on where those of this berth end, all in a row, and have room? */
__noinline int posted_precedes(__u32 name, __u32 sequence, __u32 length)
{
    struct berth *berth = berth_of(name);
    __u32 end;

    if (!berth)
        return 0;
    end = berth_run(berth, (__u32)berth_first(name))->to;
    return berth->sequence + end == sequence && end + length <= BERTH_BYTES;
}

/* Adds a segment to the berth that was posted last, if it follows there. Many small segments pass
 * while a CPU is away. Meanwhile the berth is nobody else's, but counted in box->mails. */
static __always_inline int posted_append(struct __sk_buff *skb, struct inbox *box,
                                         const struct segment *segment)
{
    __u32 name = *(volatile __u32 *)&box->newest;
    int fits;

    if (!name || !posted_take(box, name))
        return 0;
    fits =
        posted_precedes(name, segment->sequence, segment->length) && berth_add(skb, name, segment);
    posted_put(box, name);
    return fits;
}

/* Leaves a segment to whoever holds the direction. 0: there is no room. */
static __always_inline int segment_post(struct __sk_buff *skb, struct inbox *box,
                                        const struct segment *segment)
{
    __u32 name;

    if (posted_append(skb, box, segment))
        return 1;
    name = (__u32)berth_take(segment->sequence);
    if (!name)
        return 0;
    if (!berth_add(skb, name, segment)) {
        berth_free(name);
        return 0;
    }
    posted_put(box, name);
    *(volatile __u32 *)&box->newest = name;
    word_add(&box->mails, 1);
    return 1;
}

/* Remembers bytes from `sequence` on as those that begin first, if they do. */
static __always_inline void first_compare(struct direction *d, __u32 sequence, __u32 place)
{
    __s32 ahead = (__s32)(sequence - d->next);

    if (*(volatile __u32 *)&d->first && ahead >= *(volatile __s32 *)&d->first_ahead)
        return;
    *(volatile __u32 *)&d->first = place;
    *(volatile __s32 *)&d->first_ahead = ahead;
}

verified_once int kept_compare(struct direction *d, __u32 place)
{
    __u32 name = d ? d->kept[(place - 1) & (KEPT_MAX - 1)] : 0;
    struct berth *berth = name ? berth_of(name) : NULL;

    if (d && berth)
        first_compare(d, berth->sequence + berth_run(berth, (__u32)berth_first(name))->from, place);
    return 0;
}

/* One that is posted has one run, and another CPU may just add to it. */
verified_once int posted_compare(struct direction *d, __u32 name)
{
    struct berth *berth = berth_of(name);

    if (d && berth)
        first_compare(d, berth->sequence, KEPT_MAX + name);
    return 0;
}

/* The kept or posted run that begins first, if it can be looked at now: nothing is missing before it
 * but bytes of a body. Returns 1 + its berth's place in `kept`, or KEPT_MAX + the name of a posted one;
 * 0: none. What is posted is incoming. */
verified_once int kept_next(struct direction *d, struct inbox *box, __u32 outgoing)
{
    __u64 posted = 0;
    int hidden;

    if (!d || !box)
        return 0;
    d->first = 0;
    d->first_ahead = 0;
    for (__u32 i = 1; i <= KEPT_MAX; i++)
        kept_compare(d, i);
    if (!outgoing)
        posted = *(volatile __u64 *)&box->posted;
    for (__u32 i = 0; i < BERTHS; i++) {
        if (!(posted >> i))
            break;
        if (posted >> i & 1)
            posted_compare(d, i + 1);
    }
    hidden = d->first_ahead > 0 && direction_skippable(d) < (__u32)d->first_ahead;
    if (!outgoing)
        box->behind = hidden ? posted : 0;
    return hidden ? 0 : d->first;
}

/* The name of the berth at a place, as kept_next() says it, of which the first run is about to be read;
 * it leaves its place where that is the only one. 0: another CPU just adds to it, and will find the
 * direction free. */
verified_once __u32 kept_take(struct direction *d, struct inbox *box, __u32 place)
{
    __u32 name;

    if (!d || !box)
        return 0;
    if (place > KEPT_MAX) {
        name = place - KEPT_MAX;
        if (!posted_take(box, name))
            return 0;
        word_add(&box->mails, -1);
        return name;
    }
    place--;
    name = d->kept[place & (KEPT_MAX - 1)];
    if (!(berth_first(name) & RUN_MORE))
        d->kept[place & (KEPT_MAX - 1)] = 0;
    return name;
}

/* How many bytes are kept. */
verified_once __u32 store_bytes(struct direction *d)
{
    __u32 bytes = 0;

    if (!d || !kept_waits(d))
        return 0;
    for (int i = 0; i < KEPT_MAX; i++)
        bytes += (__u32)berth_bytes(*(volatile __u8 *)&d->kept[i]); /* 0 names none */
    return bytes;
}

/* Frees whatever is kept. */
verified_once int store_clear(struct direction *d)
{
    if (!d)
        return 0;
    for (int i = 0; i < KEPT_MAX; i++) {
        /* Linux 5.10 takes no loop that is entered in its middle, as after a `continue`. */
        __u8 name = *(volatile __u8 *)&d->kept[i];

        d->kept[i] = 0;
        if (name)
            berth_free(name);
    }
    return 0;
}

/* Frees whatever is posted. */
verified_once int inbox_clear(struct inbox *box)
{
    __u64 posted;

    if (!box)
        return 0;
    box->behind = 0;
    posted = word_and(lock_around(box, inbox), &box->posted, 0);
    for (__u32 i = 0; i < BERTHS; i++) {
        if (posted >> i & 1) {
            word_add(&box->mails, -1);
            berth_free(i + 1);
        }
    }
    return 0;
}
