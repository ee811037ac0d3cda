/* What the management server wants, by its last response: which clusters, how often, how fine. A response
 * changes the window's set, and the log says what is new: at info at most once a second, however often the
 * server changes its mind, so that the last change may be told later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/response.h"
#include "report/window.h"

#define WISHES_INTERVAL_MIN_US 100000ULL      /* a shorter interval is taken as this */
#define WISHES_INTERVAL_MAX_US 86400000000ULL /* a longer one as this: a day */
#define WISHES_INTERVAL_UNSET_US 1000000ULL   /* unset, zero, negative or malformed */

extern const struct response_limits wishes_limits; /* these */

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

/* The clusters change. Before they do: room for as many places. 0, -ENOMEM. */
int wishes_reserve(struct wishes *wishes, size_t clusters);
/* Behind it, with room in the window, and before new ones have hosts. One that was named before it was
 * there is in the set since then; with send_all_clusters it is from the next period on, and what it
 * counts until then is discarded: both as with Envoy. One that leaves the configuration stays in the set
 * until it is forgotten. */
void wishes_clusters_changed(struct wishes *wishes, struct window *window);
/* A period starts behind a report, after window_reserve(). */
void wishes_start_period(struct wishes *wishes, struct window *window, uint64_t now_us);
/* A cluster that has left has no host any more, and its place is about to be vacant: if it is named still,
 * then as one that is not there. */
void wishes_forget(struct wishes *wishes, struct window *window, uint32_t cluster);

/* Tells the last change, where that had to wait and its time has come. */
void wishes_tell(struct wishes *wishes, const struct window *window, uint64_t now_us);
uint64_t wishes_tell_at(const struct wishes *wishes); /* UINT64_MAX: nothing waits */
