/* What a person should be told about the counts, as lines of the log: trouble at an endpoint when it is
 * first seen, that nobody dials it, and the error bounds when asked for. An idle daemon does not wake for
 * it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/clusters.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

struct event_base;
struct lookout;

struct lookout_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct clusters *clusters;
    const struct hosts *hosts;
    const struct tap *tap;
    uint64_t undialled_us; /* so long an endpoint may go undialled; 0: for ever */
    size_t own;            /* the cluster that reports go to: not among those that are awaited */
    uint64_t (*now_us)(void);
};

/* Looks for the first time. NULL: no memory. */
struct lookout *lookout_new(const struct lookout_options *options);
/* As of the options. */
void lookout_change(struct lookout *lookout, uint64_t undialled_us, size_t own);
void lookout_free(struct lookout *lookout); /* NULL is fine */

/* To be called whenever the loop is awake anyway: looks, if the last look was some seconds ago. Where
 * nobody calls, a timer of its own does. A look is at 10,000 hosts at most, the next one at those that
 * follow. */
void lookout_pass(struct lookout *lookout, uint64_t now_us);

/* Has nobody dialled it for so long, as of the last look? */
bool lookout_is_undialled(const struct lookout *lookout, const struct host *host);

/* A line for each endpoint whose error bound is not zero, and one for all others together:
 *   error bound: zero, so all counts exact, at 4 of 5 endpoints */
void lookout_tell_bounds(const struct lookout *lookout);
