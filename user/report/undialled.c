#include "report/undialled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include "abi.h"
#include "base/mem.h"

struct wait {
    uint32_t born; /* which of the hosts that have had the slot */
    enum { WAITING, OVERDUE, DIALLED } state;
    uint64_t since_us;
};

/* Hosts of one cluster that have just become overdue. */
struct news {
    const struct host *first;
    size_t others;
};

struct undialled {
    const struct hosts *hosts;
    uint64_t after_us;
    size_t except;
    struct wait *waits; /* by slot */
    size_t capacity;
    struct { /* the one at hand */
        uint64_t now_us;
        undialled_tell *tell;
        void *arg;
        struct news news;
    } check;
};

struct undialled *undialled_new(const struct hosts *hosts, uint64_t after_us, size_t except)
{
    struct undialled *undialled = calloc(1, sizeof(*undialled));

    if (undialled)
        *undialled = (struct undialled){.hosts = hosts, .after_us = after_us, .except = except};
    return undialled;
}

void undialled_change(struct undialled *undialled, uint64_t after_us, size_t except)
{
    undialled->after_us = after_us;
    undialled->except = except;
}

void undialled_free(struct undialled *undialled)
{
    if (undialled)
        free(undialled->waits);
    free(undialled);
}

int undialled_reserve(struct undialled *undialled, size_t slots)
{
    size_t twice = 2 * undialled->capacity, capacity = slots > twice ? slots : twice;
    struct wait *waits;

    if (slots <= undialled->capacity)
        return 0;
    waits = reallocarray(undialled->waits, capacity, sizeof(*waits));
    if (!waits)
        return -ENOMEM;
    memset(waits + undialled->capacity, 0, (capacity - undialled->capacity) * sizeof(*waits));
    undialled->waits = waits;
    undialled->capacity = capacity;
    return 0;
}

/* Traffic to an address counts for its owner alone, and one that is leaving is not to be dialled. */
static bool is_awaited(const struct undialled *undialled, const struct host *host)
{
    return host->cluster != undialled->except && host->names &&
           hosts_owner(undialled->hosts, &host->address) == host;
}

/* Whether the host has become overdue. */
static bool look_at(struct undialled *undialled, const struct host *host,
                    const struct counters *row)
{
    struct wait *wait = &undialled->waits[host->slot];
    uint64_t now_us = undialled->check.now_us;

    if (row->cx_opened || row->cx_untracked) {
        *wait = (struct wait){.born = host->born, .state = DIALLED};
        return false;
    }
    if (wait->born != host->born || !is_awaited(undialled, host))
        *wait = (struct wait){.born = host->born, .since_us = now_us};
    if (wait->state != WAITING || now_us - wait->since_us < undialled->after_us)
        return false;
    wait->state = OVERDUE;
    return true;
}

static void tell_news(struct undialled *undialled)
{
    struct news *news = &undialled->check.news;

    if (news->first)
        undialled->check.tell(undialled->check.arg, news->first, news->others);
    *news = (struct news){NULL, 0};
}

void undialled_begin(struct undialled *undialled, uint64_t now_us, undialled_tell *tell, void *arg)
{
    undialled->check.now_us = now_us;
    undialled->check.tell = tell;
    undialled->check.arg = arg;
    undialled->check.news = (struct news){NULL, 0};
}

/* A cluster's hosts need not lie side by side, so it may be told more than once; it rarely is. */
void undialled_see(struct undialled *undialled, const struct host *host, const struct counters *row)
{
    struct news *news = &undialled->check.news;

    if (host->slot >= undialled->capacity || !look_at(undialled, host, row))
        return;
    if (news->first && news->first->cluster == host->cluster) {
        news->others++;
        return;
    }
    tell_news(undialled);
    news->first = host;
}

void undialled_end(struct undialled *undialled)
{
    tell_news(undialled);
}

bool undialled_is(const struct undialled *undialled, const struct host *host)
{
    return host->slot < undialled->capacity && undialled->waits[host->slot].born == host->born &&
           undialled->waits[host->slot].state == OVERDUE;
}
