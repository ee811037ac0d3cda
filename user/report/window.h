/* Windows: which part of the growing counters the next report covers. Pure.
 *
 * A cluster that the management server asks for is in the set; a report covers each cluster of the
 * set from the end of the last report sent on the live stream. Of each host three points are kept:
 *
 *     confirmed ......... marked ......... sent ......... now
 *     certainly delivered |                |              |
 *                         awaits its confirmation         |
 *                                          the next report
 *
 * Only one confirmation is awaited at a time; a report sent meanwhile is covered by a later mark.
 * When the stream ends, the next report of each cluster begins at `confirmed`, so what may have been
 * lost is reported again. Memory is O(hosts), whatever the number of reports: each of the points is one
 * snapshot of all hosts, and while all is confirmed they are the same one.
 *
 * What a receiver is told (delivery.h) rests on this: the first report after a stream's end covers all
 * of each cluster that was sent and is not confirmed, also of one that has left the set since. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "report/window_load.h"
#include "upstream/hosts.h"

#define WINDOW_ROWS_MAX 32 /* taken at a time: few enough for a processor's own memory */

struct window;

/* One host as the report shows it. The gauges do not depend on any baseline. */
struct window_row {
    struct window_load load;
    uint64_t in_progress;
    uint64_t active_connections;
    bool again; /* some of the load was sent before, on a stream that ended */
};

static inline bool window_row_has_requests(const struct window_row *row)
{
    return row->load.issued || row->load.success || row->load.error || row->in_progress;
}

/* Reads what a report is made of (counters.h), as it is now, of `count` slots from `first` on. */
typedef void window_read(void *arg, uint32_t first, size_t count, struct counters *out);

/* Borrows all its arguments. NULL: out of memory. */
struct window *window_new(const struct clusters *clusters, const struct hosts *hosts,
                          window_read *read, void *arg);
void window_free(struct window *window);

/* Makes room for the clusters and hosts that there are now, and forgets hosts that are gone, so that
 * nothing else here can fail. Called before window_adopt() and window_look(). 0, -ENOMEM. */
int window_reserve(struct window *window);
int window_reserve_clusters(struct window *window, size_t count); /* before they come. 0, -ENOMEM */

/* Puts a cluster into the set. Its interval starts at `since_us`, and what its hosts counted since their last
 * report is discarded (Envoy, a cluster named anew); gauges are not, nor is what was sent and awaits
 * a confirmation. No effect on a cluster of the set: it keeps interval and counts. */
void window_adopt(struct window *window, uint32_t cluster, uint64_t since_us);
void window_drop(struct window *window, uint32_t cluster);
void window_forget(struct window *window,
                   uint32_t cluster); /* it has no host, its place is vacant */
bool window_has(const struct window *window, uint32_t cluster);
/* Is the cluster part of the next report? Those of the set are; and after a stream's end one that has
 * left the set is once more, with what was sent and not confirmed. */
bool window_reports(const struct window *window, uint32_t cluster);
size_t window_set_size(const struct window *window);

/* Reads all hosts of the set, for one report. Nothing moves: looking again without window_sent() is
 * the way to leave a report out. */
void window_look(struct window *window);
/* What the last look saw of so many hosts of a cluster, by their slots, since the last report sent; after a
 * stream's end, since the last confirmed. */
void window_rows(const struct window *window, uint32_t cluster, const uint32_t *slots, size_t count,
                 struct window_row *out);
/* The time that window_rows() covers: for a cluster of the set it ends with `now_us`. */
uint64_t window_start(const struct window *window, uint32_t cluster);
uint64_t window_end(const struct window *window, uint32_t cluster, uint64_t now_us);

/* Leaves a host out of the report that window_look() was for: what it has stays for the next one. Not
 * one whose row says `again`: the report is taken to cover what was sent before. */
void window_hold(struct window *window, const struct host *host);

/* Leaves a cluster out of the report that window_look() was for, that has nothing to tell: its interval
 * goes on. */
void window_hold_interval(struct window *window, uint32_t cluster);

/* The last look went out as a report at `now_us`. `mark`: its confirmation is awaited from now on;
 * only where none is. */
void window_sent(struct window *window, uint64_t now_us, bool mark);
bool window_awaits(const struct window *window);
/* Was anything sent, of any cluster, that is not confirmed? */
bool window_has_unconfirmed(const struct window *window);
/* The awaited confirmation came. */
void window_confirmed(struct window *window);

/* Has the host counted something that a report has to bring and that is not confirmed? Outside the set
 * that is only what was sent: the rest would be discarded. */
bool window_owes(const struct window *window, const struct host *host);

/* The stream ended: the next report begins at `confirmed`, interval starts too. `again` is called for
 * each cluster of which reports were sent that are not confirmed and not zero, with the sum over its
 * hosts. */
typedef void window_again(void *arg, uint32_t cluster, const struct window_load *load);
void window_roll_back(struct window *window, window_again *again, void *arg);

/* For each cluster: what it has counted up to now and what is not confirmed, sent or not, where that is
 * not zero. Looks itself. */
void window_unconfirmed(struct window *window, window_again *each, void *arg);
