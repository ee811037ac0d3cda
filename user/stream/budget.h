/* What a management server may make us do: each frame, byte and message that comes has a price, and the
 * budget is refilled as time goes by. So processor time and log are bounded, whatever is sent without
 * end: PING, SETTINGS, WINDOW_UPDATE, empty or tiny DATA, headers, responses. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A response of 4 MiB costs 66,300 with its frames: one may come at any time, to follow the first
 * message at once. What a server sends while it takes reports of 4 MiB, with a WINDOW_UPDATE or two for
 * each DATA frame, costs about 600 for each of them. */
#define BUDGET_FULL 100000
#define BUDGET_PER_SECOND 10000
#define BUDGET_FRAME 1
#define BUDGET_BYTES 64    /* so many cost 1 */
#define BUDGET_MESSAGE 500 /* 20 in a second, for as long as it likes */

struct budget {
    uint64_t spent, at_us;
    uint64_t bytes_left; /* not paid yet, below BUDGET_BYTES */
};

/* Empty: nothing is spent yet. `now_us`: monotonic, as below. */
void budget_start(struct budget *budget, uint64_t now_us);
/* What has come since the last call. False: it cost more than there was. */
bool budget_spend(struct budget *budget, uint64_t frames, uint64_t bytes, uint64_t messages,
                  uint64_t now_us);
