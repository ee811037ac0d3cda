/* Desks: where the looks of the early object lie. Kernel only. */
#pragma once

#include "maps.bpf.h"
#include "segment.bpf.h"

#define DESKS 256 /* a power of two */
#define DESK_TRIES 8

struct desk {
    __u32 claimed;
    __u32 at, end; /* what is left to look at, in the packet or in the berth */
    __u32 berth;   /* 0: the packet; else the berth's name */
    __u32 stored;  /* where the berth's bytes end */
    struct segment segment;
    struct tally tally;
    struct window window;
    CLAIM_LOCK
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, DESKS);
    __type(key, __u32);
    __type(value, struct desk);
} desks SEC(".maps");

/* Named by 1 + their index; 0 is none. */
static __always_inline struct desk *desk_of(__u32 name)
{
    __u32 key = name - 1;

    return bpf_map_lookup_elem(&desks, &key);
}

/* A few belong to each CPU, as egress programs nest and can be preempted. */
static __always_inline __u32 desk_take(void)
{
    __u32 first = bpf_get_smp_processor_id() * DESK_TRIES;

    for (__u32 i = 0; i < DESK_TRIES; i++) {
        __u32 name = 1 + ((first + i) & (DESKS - 1));
        struct desk *desk = desk_of(name);

        if (!desk || word_swap(&desk->lock, &desk->claimed, 1))
            continue;
        __builtin_memset(&desk->tally, 0, sizeof(desk->tally));
        return name;
    }
    return 0;
}

static __always_inline void desk_give(struct desk *desk)
{
    word_swap(&desk->lock, &desk->claimed, 0);
}
