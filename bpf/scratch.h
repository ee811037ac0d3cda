/* Working memory of one look at a packet. Pure. */
#pragma once

#include "http2_memo.h"
#include "place.h"

struct scratch {
    __u32 claimed;
    __u32 at, end;     /* what is left to look at, in the packet or in the berth */
    __u32 berth;       /* 0: the packet; else the berth's name */
    __u32 stored;      /* where the berth's bytes end */
    __u32 berth_stays; /* it has more */
    __u32 released;    /* the claim of ingress was given up */
    struct tally tally;
    struct place place;
    struct window window;
    struct memos memos; /* outlives the look */
};
