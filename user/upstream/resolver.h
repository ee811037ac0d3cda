/* Names to addresses: the hosts file, then DNS, without blocking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

#define RESOLVER_ADDRESSES_MAX 1000 /* of one name; further ones are left out */

struct event_base;
struct resolver;

/* Called once, from the event loop. Either `count` > 0 addresses, each one once and in the order of
 * the answer, which live until it returns; or count 0 and why, for a person ("Domain name not
 * found"). It may start lookups, but not free the resolver. The caller retries when it likes. */
typedef void resolver_done_fn(void *arg, const struct address *addresses, size_t count,
                              const char *error);

/* NULL: no memory. */
struct resolver *resolver_new(struct event_base *base);
/* Lookups under way end without their callbacks. */
void resolver_free(struct resolver *resolver);

/* Any number may be started at once; 64 are under way at a time. An IP literal is its own answer,
 * whatever the family, and costs no query. The system's configuration (resolv.conf) is read anew
 * whenever no lookup was under way. 0, -ENOMEM. */
int resolver_lookup(struct resolver *resolver, const char *name, uint16_t port,
                    enum dns_family family, resolver_done_fn *done, void *arg);
