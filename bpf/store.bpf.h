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

#include "maps.bpf.h"

#define BERTHS 64
#define BERTH_BYTES 65536 /* a power of two; longer ones are kept without the bytes behind */
#define COPY_MAX 16384    /* bytes of one copy; a berth has so many more, for the verifier's sums */

struct berth {
    __u32 taken;
    __u32 sequence;
    __u32 length; /* of the segment, or of several in a row */
    __u32 stored; /* bytes of it that are here; the others are only known to have passed */
    __u8 bytes[BERTH_BYTES + COPY_MAX];
    CLAIM_LOCK
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BERTHS);
    __type(key, __u32);
    __type(value, struct berth);
} berths SEC(".maps");

/* Berths are named by 1 + their index; 0 is none. */
static __always_inline struct berth *berth_of(__u32 name)
{
    __u32 key = name - 1;

    return bpf_map_lookup_elem(&berths, &key);
}

verified_scalars int berth_free(__u32 name)
{
    struct berth *berth = berth_of(name);

    if (berth)
        word_swap(&berth->lock, &berth->taken, 0);
    return 0;
}

/* An empty berth for bytes from `sequence` on; 0: all are taken. */
verified_scalars __u32 berth_take(__u32 sequence)
{
    for (__u32 i = 1; i <= BERTHS; i++) {
        struct berth *berth = berth_of(i);

        if (!berth)
            return 0;
        if (*(volatile __u32 *)&berth->taken || word_swap(&berth->lock, &berth->taken, 1))
            continue;
        berth->sequence = sequence;
        berth->length = 0;
        berth->stored = 0;
        return i;
    }
    return 0;
}

/* Adds a segment that begins where the berth's bytes end. */
static __always_inline void berth_append(struct __sk_buff *skb, struct berth *berth,
                                         const struct segment *segment)
{
    __u32 start = berth->stored, rest = segment->length, done = 0;

    berth->length += segment->length;
    if (start != berth->length - segment->length || start >= BERTH_BYTES)
        return; /* behind bytes that are not stored */
    if (rest > BERTH_BYTES - start)
        rest = BERTH_BYTES - start;
    for (int i = 0; i < BERTH_BYTES / COPY_MAX && done < rest; i++) {
        __u32 n = rest - done, at = start + done;

        if (n > COPY_MAX)
            n = COPY_MAX;
        n--; /* keeps n > 0 in the verifier's eyes, on 6.1 too */
        opaque_value(n);
        n &= COPY_MAX - 1;
        n++;
        opaque_value(at);
        at &= BERTH_BYTES - 1;
        if (bpf_skb_load_bytes(skb, segment->offset + done, &berth->bytes[at], n))
            break;
        done += n;
    }
    berth->stored = start + done;
}

/* Do bytes from `sequence` on go on where this berth's end? 2: and they fit. */
verified_once int berth_precedes(__u32 name, __u32 sequence, __u32 length)
{
    struct berth *berth = name ? berth_of(name) : NULL;

    if (!berth || berth->sequence + berth->length != sequence)
        return 0;
    return berth->length + length <= BERTH_BYTES ? 2 : 1;
}

/* 1 + the place of a berth whose bytes these follow; 0: none. One where they fit, if there is. */
verified_once __u32 kept_before(struct direction *d, __u32 sequence, __u32 length)
{
    __u32 full = 0;

    if (!d)
        return 0;
    for (__u32 i = 0; i < KEPT_MAX; i++) {
        int precedes = berth_precedes(d->kept[i], sequence, length);

        if (precedes == 2)
            return i + 1;
        if (precedes)
            full = i + 1;
    }
    return full;
}

/* 1 + an empty place; 0: none. */
verified_once __u32 kept_empty(struct direction *d)
{
    if (!d)
        return 0;
    for (__u32 i = 0; i < KEPT_MAX; i++)
        if (!d->kept[i])
            return i + 1;
    return 0;
}

/* Where a segment is to be kept: 1 + the place in `kept`; 0: nowhere. Behind bytes that it follows
 * in the same berth if it fits, else in a berth of its own; where there is none left, behind them
 * all the same: then it is only known to have passed, which is enough for bytes of a body. */
verified_once __u32 kept_place(struct direction *d, __u32 sequence, __u32 length)
{
    __u32 follows, empty, name;

    if (!d)
        return 0;
    follows = kept_before(d, sequence, length);
    if (follows && berth_precedes(d->kept[(follows - 1) & (KEPT_MAX - 1)], sequence, length) == 2)
        return follows;
    empty = kept_empty(d);
    name = empty ? berth_take(sequence) : 0;
    if (!name)
        return follows;
    d->kept[(empty - 1) & (KEPT_MAX - 1)] = name;
    return empty;
}

/* Keeps a segment until the hole before it is filled. 0: there is no room. */
static __always_inline int segment_keep(struct __sk_buff *skb, struct direction *d,
                                        const struct segment *segment)
{
    __u32 place = kept_place(d, segment->sequence, segment->length) - 1;
    struct berth *berth;

    if (place >= KEPT_MAX)
        return 0;
    opaque_value(place);
    berth = berth_of(d->kept[place & (KEPT_MAX - 1)]);
    if (!berth)
        return 0;
    berth_append(skb, berth, segment);
    return 1;
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

/* Adds a segment to the berth that was posted last, if it follows there. Many small segments pass
 * while a CPU is away. Meanwhile the berth is nobody else's, but counted in box->mails. */
static __always_inline int posted_append(struct __sk_buff *skb, struct inbox *box,
                                         const struct segment *segment)
{
    __u32 name = *(volatile __u32 *)&box->newest;
    struct berth *berth = name ? berth_of(name) : NULL;
    int fits;

    if (!berth || !posted_take(box, name))
        return 0;
    fits = berth_precedes(name, segment->sequence, segment->length) == 2;
    if (fits)
        berth_append(skb, berth, segment);
    posted_put(box, name);
    return fits;
}

/* Leaves a segment to whoever holds the direction. 0: there is no room. */
static __always_inline int segment_post(struct __sk_buff *skb, struct inbox *box,
                                        const struct segment *segment)
{
    struct berth *berth;
    __u32 name;

    if (posted_append(skb, box, segment))
        return 1;
    name = berth_take(segment->sequence);
    berth = name ? berth_of(name) : NULL;
    if (!berth)
        return 0;
    berth_append(skb, berth, segment);
    posted_put(box, name);
    *(volatile __u32 *)&box->newest = name;
    word_add(&box->mails, 1);
    return 1;
}

/* Remembers a berth at `place` as the one that begins first, if it does. */
static __always_inline void first_compare(struct direction *d, __u32 name, __u32 place)
{
    struct berth *berth = berth_of(name);
    __s32 ahead;

    if (!berth)
        return;
    ahead = (__s32)(berth->sequence - d->next);
    if (*(volatile __u32 *)&d->first && ahead >= *(volatile __s32 *)&d->first_ahead)
        return;
    *(volatile __u32 *)&d->first = place;
    *(volatile __s32 *)&d->first_ahead = ahead;
}

/* The kept or posted berth that begins first, if it can be looked at now: nothing is missing before
 * it but bytes of a body. Returns 1 + its place in `kept`, or KEPT_MAX + the name of a posted one; 0:
 * none. */
verified_once int kept_next(struct direction *d, struct inbox *box)
{
    __u64 posted;

    if (!d || !box)
        return 0;
    d->first = 0;
    d->first_ahead = 0;
    for (__u32 i = 0; i < KEPT_MAX; i++)
        if (d->kept[i])
            first_compare(d, d->kept[i], i + 1);
    posted = *(volatile __u64 *)&box->posted;
    for (__u32 i = 0; i < BERTHS; i++) {
        if (!(posted >> i))
            break;
        if (posted >> i & 1)
            first_compare(d, i + 1, KEPT_MAX + i + 1);
    }
    box->behind = 0;
    if (d->first_ahead > 0 && direction_skippable(d) < (__u32)d->first_ahead) {
        box->behind = posted;
        return 0;
    }
    return d->first;
}

/* Takes a berth out of its place, named as kept_next() does; the caller frees it. 0: another CPU just
 * adds to it, and will find the direction free. */
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
    d->kept[place & (KEPT_MAX - 1)] = 0;
    return name;
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

#define CHUNK 64

verified_once int berth_chunk(struct window *w, const struct berth *berth, __u32 to, __u32 from)
{
    if (!berth || !w)
        return 0;
    opaque_value(to);
    opaque_value(from);
    to &= WINDOW_SIZE - CHUNK;
    from &= BERTH_BYTES - 1;
    for (int i = 0; i < CHUNK; i += 8)
        *(__u64 *)&w->bytes[to + i] = *(const __u64 *)&berth->bytes[from + i];
    return 0;
}

/* Copies a window's worth of a berth from `offset` on. */
verified_once int berth_window(struct window *w, __u32 name, __u32 offset)
{
    struct berth *berth = berth_of(name);

    if (!berth || !w)
        return 0;
    for (__u32 i = 0; i < WINDOW_SIZE / CHUNK; i++) {
        if (i * CHUNK >= w->length)
            break;
        berth_chunk(w, berth, i * CHUNK, offset + i * CHUNK);
    }
    return 0;
}
