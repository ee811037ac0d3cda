/* Berths: what the store (store.bpf.h) keeps segments in. Kernel only. */
#pragma once

#include "maps.bpf.h"
#include "segment.bpf.h"

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

/* How many bytes came of its part of the stream. */
__noinline int berth_bytes(__u32 name)
{
    struct berth *berth = berth_of(name);
    __u32 bytes = 0;

    if (!berth)
        return 0;
    for (int i = 0; i < RUNS; i++)
        bytes += berth->runs[i].to - berth->runs[i].from;
    return (int)bytes;
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
