/* Names to addresses: the hosts file, then DNS, without blocking. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

#define RESOLVER_ADDRESSES_MAX 1000 /* of one name; further ones are left out */

struct event_base;
struct resolver;

/* What a lookup came to. */
struct resolver_answer {
    const struct address *addresses; /* each one once, in the order of the answer */
    size_t count;
    uint32_t ttl;      /* the least of theirs, in seconds; 0: not known, as from the hosts file */
    bool absent;       /* count 0, and not for a failure: the name has no such address */
    const char *error; /* where count is 0: why, for a person ("Domain name not found") */
};

/* Called once, from the event loop. The answer lives until it returns. It may start lookups, but not
 * free the resolver. The caller asks again when it likes. */
typedef void resolver_done_fn(void *arg, const struct resolver_answer *answer);

/* NULL: no memory. */
struct resolver *resolver_new(struct event_base *base);
/* Lookups under way end without their callbacks. */
void resolver_free(struct resolver *resolver);

/* Any number may be started at once; 64 are under way at a time. An IP literal is its own answer,
 * whatever the family, and costs no query. The system's configuration (resolv.conf) is read anew
 * whenever no lookup was under way. 0, -ENOMEM. */
int resolver_lookup(struct resolver *resolver, const char *name, uint16_t port,
                    enum dns_family family, resolver_done_fn *done, void *arg);
