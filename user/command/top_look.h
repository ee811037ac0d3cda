/* One look after the other at the daemon: rows with rates since the look before. */
#pragma once

#include <stdint.h>

#include "command/admin_client.h"
#include "command/top_keys.h"
#include "command/top_rows.h"

struct top_look {
    struct top_rows rows; /* the latest that came */
    json_t *lrs;          /* the stream, then */
    uint64_t at_us;       /* when that was, monotonic; 0: never */
};

/* Asks again. 0; or -errno with a sentence in `error`, and what was seen before is kept. */
int top_look(const struct admin_target *target, struct top_look *look, char *error);
/* The rows that a person wants to see, in that order: an array to be freed. NULL: no memory. */
const struct top_row **top_look_pick(const struct top_look *look, const struct top_state *state,
                                     size_t *count);
void top_look_clear(struct top_look *look);
