/* Endpoints that nobody has dialled since they are observed. Their zeros are true, or they hide traffic: to
 * an address that is translated before a socket has it, or from outside of the cgroup. Which it is cannot be
 * known, so a person is told. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "upstream/hosts.h"

struct undialled;

/* Borrows hosts, which may come and go. A host is overdue `after_us` (0: never) after the check that
 * first saw it awaited: live, the owner of its address, and of another cluster than `except`, an
 * index, as what is sent to that one is not counted. NULL: out of memory. */
struct undialled *undialled_new(const struct hosts *hosts, uint64_t after_us, size_t except);
/* Both are others from now on. */
void undialled_change(struct undialled *undialled, uint64_t after_us, size_t except);
void undialled_free(struct undialled *undialled); /* NULL is fine */

/* Room for so many slots; the hosts of others are passed over. 0, -ENOMEM. */
int undialled_reserve(struct undialled *undialled, size_t slots);

/* Once for each wait: the host is overdue, and `others` of its cluster are with it. */
typedef void undialled_tell(void *arg, const struct host *host, size_t others);

/* A check: some hosts, each with its row as it is now, and the end, by which all is told. With
 * `first`, each host has its turn, in this check or in those that follow before the next such one. A
 * connection to a host, a failed one too, ends its wait for good. */
void undialled_begin(struct undialled *undialled, uint64_t now_us, bool first, undialled_tell *tell,
                     void *arg);
void undialled_see(struct undialled *undialled, const struct host *host,
                   const struct counters *row);
void undialled_end(struct undialled *undialled);

/* Was the host overdue at the last check? */
bool undialled_is(const struct undialled *undialled, const struct host *host);
