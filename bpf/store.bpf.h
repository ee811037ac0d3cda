/* Segments that came before an earlier one: a small bounded store that puts them back in order.
 * A connection borrows a shelf while it has a hole; it happens on loopback without any loss.
 * Kernel only. */
#pragma once

#include "maps.bpf.h"

#define SHELVES 16
#define SHELF_BYTES 65536 /* a power of two: how far behind a hole bytes are kept */
#define SHELF_RANGES 8
#define COPY_MAX                                                                                   \
    32768 /* bytes of one copy; the shelf has so many more, for the verifier's arithmetic */

struct shelf {
    __u32 claimed;
    __u32 base; /* sequence number of bytes[0] */
    __u32 count;
    __u32 zero;
    struct {
        __u32 start, length; /* relative to base */
    } ranges[SHELF_RANGES];
    __u8 bytes[SHELF_BYTES + COPY_MAX];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SHELVES);
    __type(key, __u32);
    __type(value, struct shelf);
} shelves SEC(".maps");

static __always_inline struct shelf *shelf_of(const struct direction *d)
{
    __u32 key = d->store - 1;

    return bpf_map_lookup_elem(&shelves, &key);
}

static __always_inline struct shelf *shelf_borrow(struct direction *d)
{
    for (__u32 i = 0; i < SHELVES; i++) {
        __u32 key = i;
        struct shelf *shelf = bpf_map_lookup_elem(&shelves, &key);

        if (!shelf)
            return NULL;
        if (*(volatile __u32 *)&shelf->claimed || __sync_lock_test_and_set(&shelf->claimed, 1))
            continue;
        shelf->base = d->next;
        shelf->count = 0;
        d->store = i + 1;
        return shelf;
    }
    return NULL;
}

static __always_inline void shelf_return(struct direction *d)
{
    struct shelf *shelf;

    if (!d->store)
        return;
    shelf = shelf_of(d);
    d->store = 0;
    if (shelf)
        *(volatile __u32 *)&shelf->claimed = 0;
}

/* Keeps a segment for later. 0: no room, its bytes are lost. */
static __always_inline int shelf_keep(struct __sk_buff *skb, struct direction *d,
                                      const struct segment *segment)
{
    struct shelf *shelf = d->store ? shelf_of(d) : shelf_borrow(d);
    __u32 start, length = segment->length, count, done = 0;

    if (!shelf)
        return 0;
    start = segment->sequence - shelf->base;
    count = shelf->count;
    if (count >= SHELF_RANGES || start >= SHELF_BYTES || length > SHELF_BYTES - start)
        return 0;
    for (int i = 0; i < SHELF_BYTES / COPY_MAX && done < length; i++) {
        __u32 n = length - done, at = start + done;

        if (n > COPY_MAX)
            n = COPY_MAX;
        n--; /* keeps n > 0 in the verifier's eyes, on 6.1 too */
        opaque_value(n);
        n &= COPY_MAX - 1;
        n++;
        opaque_value(at);
        at &= SHELF_BYTES - 1;
        if (bpf_skb_load_bytes(skb, segment->offset + done, &shelf->bytes[at], n))
            return 0;
        done += n;
    }
    opaque_value(count);
    count &= SHELF_RANGES - 1;
    shelf->ranges[count].start = start;
    shelf->ranges[count].length = length;
    shelf->count++;
    return 1;
}

/* Where kept bytes continue at `next`: their offset, and how many. 0: the hole is still there. */
static __always_inline __u32 shelf_continue(struct shelf *shelf, __u32 next, __u32 *offset)
{
    __u32 at = next - shelf->base;

    for (__u32 i = 0; i < SHELF_RANGES; i++) {
        __u32 into = at - shelf->ranges[i].start;

        if (i >= shelf->count)
            break;
        if (into >= shelf->ranges[i].length)
            continue;
        *offset = at;
        return shelf->ranges[i].length - into;
    }
    return 0;
}

/* Are there bytes kept beyond `next`? */
static __always_inline int shelf_waits(struct shelf *shelf, __u32 next)
{
    for (__u32 i = 0; i < SHELF_RANGES; i++) {
        __u32 end = shelf->base + shelf->ranges[i].start + shelf->ranges[i].length;

        if (i < shelf->count && (__s32)(end - next) > 0)
            return 1;
    }
    return 0;
}

/* Copies a window's worth of kept bytes. */
__noinline int shelf_window(struct window *w, __u32 key, __u32 offset)
{
    struct shelf *shelf = bpf_map_lookup_elem(&shelves, &key);

    if (!shelf || !w)
        return 0;
    for (int i = 0; i < WINDOW_SIZE / 8; i++) {
        __u32 at = offset + i * 8;

        opaque_value(at);
        at &= SHELF_BYTES - 1;
        __builtin_memcpy(&w->bytes[i * 8], &shelf->bytes[at], 8);
    }
    return 0;
}
