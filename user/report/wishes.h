/* What the management server wants, by its last response: which clusters, how often, how fine. A response
 * changes the window's set, and the log says what is new: at info at most once a second, however often the
 * server changes its mind, so that the last change may be told later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/window.h"

#define WISHES_INTERVAL_MIN_US 100000ULL      /* a shorter interval is taken as this */
#define WISHES_INTERVAL_MAX_US 86400000000ULL /* a longer one as this: a day */
#define WISHES_INTERVAL_UNSET_US 1000000ULL   /* unset, zero, negative or malformed */

struct wishes;

struct settings {
    bool known; /* there was a response, on whatever stream; else the rest is 0 */
    uint64_t interval_us;
    bool endpoints;
    bool send_all;
};

/* Borrows the clusters. NULL: out of memory. */
struct wishes *wishes_new(const struct clusters *clusters);
void wishes_free(struct wishes *wishes); /* NULL is fine */

/* Takes a message of the server, after window_reserve(). `stream` is for the log. 0; -EBADMSG: not a
 * LoadStatsResponse, nothing has changed. */
int wishes_take(struct wishes *wishes, struct window *window, uint64_t stream, uint64_t now_us,
                const uint8_t *bytes, size_t length);
const struct settings *wishes_settings(const struct wishes *wishes);

/* Tells the last change, where that had to wait and its time has come. */
void wishes_tell(struct wishes *wishes, const struct window *window, uint64_t now_us);
uint64_t wishes_tell_at(const struct wishes *wishes); /* UINT64_MAX: nothing waits */
