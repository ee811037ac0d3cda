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
#define RUNS 32           /* a power of two */

/* Bytes in a row, as offsets in a berth. Those from BERTH_BYTES on are not here, only known to have
 * passed. Both the same: there is no run. */
struct run {
    __u32 from, to;
};

/* A part of the stream: what came of it, with holes between. */
struct berth {
    __u32 taken;
    __u32 sequence; /* of its first byte, which may be in a hole */
    struct run runs[RUNS];
    struct run work; /* of whoever owns the berth: here the verifier does not follow each value */
    __u32 found;
    __u32 zero;
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

__noinline int berth_free(__u32 name)
{
    struct berth *berth = berth_of(name);

    if (berth)
        word_swap(&berth->lock, &berth->taken, 0);
    return 0;
}

/* An empty berth for bytes from `sequence` on; 0: all are taken. */
__noinline int berth_take(__u32 sequence)
{
    for (__u32 i = 1; i <= BERTHS; i++) {
        struct berth *berth = berth_of(i);

        if (!berth)
            return 0;
        if (*(volatile __u32 *)&berth->taken || word_swap(&berth->lock, &berth->taken, 1))
            continue;
        berth->sequence = sequence;
        for (int run = 0; run < RUNS; run++)
            *(volatile __u64 *)&berth->runs[run] = 0;
        return (int)i;
    }
    return 0;
}

/* --- runs: each step in a function of its own, which the verifier walks once, with what it works on in
 * the berth: it would walk each order of choices. Whoever calls owns the berth. ------------------ */

static __always_inline struct run *berth_run(struct berth *berth, __u32 place)
{
    place--;
    opaque_value(place);
    return &berth->runs[place & (RUNS - 1)];
}

/* A place that is empty, or whose run becomes a part of `work`, which it touches or overlaps. */
__noinline int run_absorb(__u32 name, __u32 place)
{
    struct berth *berth = berth_of(name);
    struct run *run, *work;

    if (!berth)
        return 0;
    run = berth_run(berth, place);
    work = &berth->work;
    if (run->from != run->to) {
        if (run->from > work->to || run->to < work->from)
            return 0;
        work->from = run->from < work->from ? run->from : work->from;
        work->to = run->to > work->to ? run->to : work->to;
        run->from = run->to = 0;
    }
    berth->found = place;
    return 0;
}

/* Notes a run. 0: there are too many. */
__noinline int berth_note(__u32 name, __u32 from, __u32 to)
{
    struct berth *berth = berth_of(name);

    if (!berth)
        return 0;
    berth->work.from = from;
    berth->work.to = to;
    berth->found = 0;
    for (__u32 i = 1; i <= RUNS; i++)
        run_absorb(name, i);
    if (!berth->found)
        return 0;
    *berth_run(berth, berth->found) = berth->work;
    return 1;
}

#define RUN_MORE 0x100

__noinline int run_compare(__u32 name, __u32 place)
{
    struct berth *berth = berth_of(name);
    struct run *run;

    if (!berth)
        return 0;
    run = berth_run(berth, place);
    if (run->from == run->to)
        return 0;
    if (!berth->found || run->from < berth->work.from) {
        berth->found = place | (berth->found ? RUN_MORE : 0);
        berth->work.from = run->from;
    } else {
        berth->found |= RUN_MORE;
    }
    return 0;
}

/* The place, from 1, of the run that begins first, with RUN_MORE where there are others; 0: there is
 * none. */
__noinline int berth_first(__u32 name)
{
    struct berth *berth = berth_of(name);

    if (!berth)
        return 0;
    berth->found = 0;
    for (__u32 i = 1; i <= RUNS; i++)
        run_compare(name, i);
    return (int)berth->found;
}

/* Takes the first run out. Returns whether there are others. */
static __always_inline int berth_pop(__u32 name, struct berth *berth, struct run *first)
{
    __u32 place = (__u32)berth_first(name);
    struct run *run = berth_run(berth, place);

    *first = *run;
    run->from = run->to = 0;
    return (place & RUN_MORE) != 0;
}

/* Where the bytes of a run end that are here. */
static __always_inline __u32 run_stored(const struct run *run)
{
    return run->to < BERTH_BYTES ? run->to : BERTH_BYTES;
}

/* Copies what there is room for. 0: it cannot be read. */
static __always_inline int berth_copy(struct __sk_buff *skb, struct berth *berth,
                                      const struct segment *segment)
{
    __u32 start = segment->sequence - berth->sequence, rest = segment->length, done = 0;

    if (start >= BERTH_BYTES)
        return 1;
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
            return 0;
        done += n;
    }
    return 1;
}

/* Adds a segment at its place. 0: there are too many holes. */
static __always_inline int berth_add(struct __sk_buff *skb, __u32 name,
                                     const struct segment *segment)
{
    struct berth *berth = berth_of(name);
    __u32 from;

    if (!berth || !berth_copy(skb, berth, segment))
        return 0;
    from = segment->sequence - berth->sequence;
    return berth_note(name, from, from + segment->length);
}

enum room {
    ROOM_NONE,
    ROOM_BEHIND, /* behind what is there: without its bytes, which is enough for those of a body */
    ROOM_WHOLE,
};

/* Is there room for `work` at a place? */
__noinline int run_room(__u32 name, __u32 place)
{
    struct berth *berth = berth_of(name);
    const struct run *run, *work;
    __u32 room = ROOM_NONE;

    if (!berth)
        return 0;
    run = berth_run(berth, place);
    work = &berth->work;
    if (run->from == run->to)
        room = work->to <= BERTH_BYTES ? ROOM_WHOLE : ROOM_NONE;
    else if (run->from <= work->from && work->from <= run->to)
        room = work->to <= BERTH_BYTES ? ROOM_WHOLE : ROOM_BEHIND;
    if (room > berth->found)
        berth->found = room;
    return 0;
}

/* What a berth has room for. */
__noinline int berth_room(__u32 name, __u32 sequence, __u32 length)
{
    struct berth *berth = name ? berth_of(name) : NULL;

    if (!berth)
        return ROOM_NONE;
    berth->found = ROOM_NONE;
    berth->work.from = sequence - berth->sequence;
    berth->work.to = berth->work.from + length;
    if (berth->work.to < berth->work.from)
        return ROOM_NONE; /* it begins before the berth */
    for (__u32 i = 1; i <= RUNS; i++)
        run_room(name, i);
    return (int)berth->found;
}

/* 1 + the place of a berth that has room; 0: none. One that has room for the bytes, if there is. */
verified_once __u32 kept_room(struct direction *d, __u32 sequence, __u32 length)
{
    volatile __u32 *found;

    if (!d)
        return 0;
    found = &d->first;
    *found = 0;
    unrolled for (__u32 i = 0; i < KEPT_MAX; i++)
    {
        int room = berth_room(d->kept[i], sequence, length);

        if (room)
            *found = i + 1;
        if (room == ROOM_WHOLE)
            break;
    }
    return *found;
}

/* 1 + an empty place; 0: none. */
verified_once __u32 kept_empty(struct direction *d)
{
    volatile __u32 *found;

    if (!d)
        return 0;
    found = &d->first;
    *found = 0;
    for (__u32 i = 0; i < KEPT_MAX && !*found; i++)
        if (!d->kept[i])
            *found = i + 1;
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
    if (place && berth_room(d->kept[(place - 1) & (KEPT_MAX - 1)], sequence, length) == ROOM_WHOLE)
        return place;
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
