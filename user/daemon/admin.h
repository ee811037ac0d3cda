/* The admin interface: the pages of admin/ at the sockets that the configuration names. It logs; whatever is
 * wrong with a socket, counting goes on. */
#pragma once

#include "admin/pages.h"
#include "config/bootstrap.h"
#include "daemon/lookout.h"
#include "daemon/reload.h"
#include "daemon/upstreams.h"
#include "kernel/tap.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

struct admin;
struct event_base;

struct admin_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct bootstrap *bootstrap;
    const struct hosts *hosts;
    const struct tap *tap;
    struct upstreams *const *upstreams; /* there before the loop runs; so is the next one */
    struct reload *const *reload;
    struct reporter *reporter;
    const struct lookout *lookout;
    uint64_t (*now_us)(void);
    uint64_t (*wall_us)(void);    /* since 1970 */
    struct admin_actions actions; /* quit comes a little after it was asked for */
};

/* Listens, which takes privileges. NULL: no memory. */
struct admin *admin_new(const struct admin_options *options);
void admin_free(struct admin *admin); /* NULL is fine */

/* The reporter has run for so long; if a report was made, that was its cost. */
void admin_ran(struct admin *admin, uint64_t took_us);
