/* The names of the configuration's DNS clusters, looked up again and again. It logs. */
#pragma once

#include "config/clusters.h"
#include "daemon/observed.h"

struct event_base;
struct names;

struct names_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct clusters *clusters;
    struct observed *observed; /* told of each address that comes or goes */
    /* Called once, from the event loop, when each name has been looked up once, with whatever
     * outcome. */
    void (*ready)(void *arg);
    void *arg;
};

/* NULL: no memory. */
struct names *names_new(const struct names_options *options);
/* Adds an endpoint whose host is a name. Behind names_start() it is looked up at once. 0, -ENOMEM. */
int names_add(struct names *names, uint32_t cluster, uint32_t group, const char *host,
              uint16_t port);
/* Takes one away: its addresses are dropped. No effect where there is none. */
void names_drop(struct names *names, uint32_t cluster, uint32_t group, const char *host,
                uint16_t port);
/* How the cluster's names are resolved has changed: they are looked up anew, and keep their addresses until
 * they are. */
void names_refresh(struct names *names, uint32_t cluster);
/* When all were added: looks them up from now on. */
void names_start(struct names *names);
/* The i-th name that resolves to the host's address now, as it stands in the configuration; NULL past the
 * end, or without memory. Borrowed until names_drop(). */
const struct endpoint *names_of(struct names *names, const struct host *host, size_t i);
void names_free(struct names *names); /* NULL is fine */
