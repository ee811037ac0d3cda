/* Working memory of one look at a packet. Pure. */
#pragma once

#include "connection_state.h"
#include "http2_memo.h"

struct scratch {
    __u32 claimed;
    struct tally tally;
    struct window window;
    struct memo key;    /* of the block being read */
    struct memos memos; /* outlives the look */
};
