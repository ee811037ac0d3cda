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

struct undialled {
    const struct hosts *hosts;
    uint64_t after_us;
    size_t except;
    struct wait *waits; /* by slot */
    size_t capacity;
};

/* Hosts of one cluster that have just become overdue. */
struct news {
    const struct host *first;
    size_t others;
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

static int reserve(struct undialled *undialled, size_t count)
{
    struct wait *waits;

    if (count <= undialled->capacity)
        return 0;
    waits = reallocarray(undialled->waits, count * 2, sizeof(*waits));
    if (!waits)
        return -ENOMEM;
    memset(waits + undialled->capacity, 0, (count * 2 - undialled->capacity) * sizeof(*waits));
    undialled->waits = waits;
    undialled->capacity = count * 2;
    return 0;
}

/* Traffic to an address counts for its owner alone, and one that is leaving is not to be dialled. */
static bool is_awaited(const struct undialled *undialled, const struct host *host)
{
    return host->cluster != undialled->except && host->names &&
           hosts_owner(undialled->hosts, &host->address) == host;
}

/* Whether the host has become overdue. */
static bool check_host(struct undialled *undialled, uint64_t now_us,
                       const struct undialled_ops *ops, const struct host *host)
{
    struct wait *wait = &undialled->waits[host->slot];
    struct counters row;

    if (wait->born == host->born && wait->state == DIALLED)
        return false;
    if (wait->born != host->born || !is_awaited(undialled, host))
        *wait = (struct wait){.born = host->born, .since_us = now_us};
    ops->read(ops->arg, host->slot, &row);
    if (row.cx_opened || row.cx_untracked) {
        wait->state = DIALLED;
    } else if (wait->state == WAITING && now_us - wait->since_us >= undialled->after_us) {
        wait->state = OVERDUE;
        return true;
    }
    return false;
}

static void tell(const struct undialled_ops *ops, const struct news *news)
{
    if (news->first)
        ops->tell(ops->arg, news->first, news->others);
}

/* A cluster's hosts need not lie side by side, so it may be told more than once; it rarely is. */
int undialled_check(struct undialled *undialled, uint64_t now_us, const struct undialled_ops *ops)
{
    size_t count = hosts_count(undialled->hosts);
    int result = reserve(undialled, count);
    struct news news = {NULL, 0};

    if (result)
        count = undialled->capacity;
    for (uint32_t slot = 0; slot < count; slot++) {
        const struct host *host = hosts_at(undialled->hosts, slot);

        if (!host || !check_host(undialled, now_us, ops, host))
            continue;
        if (news.first && news.first->cluster == host->cluster) {
            news.others++;
            continue;
        }
        tell(ops, &news);
        news = (struct news){host, 0};
    }
    tell(ops, &news);
    return result;
}

bool undialled_is(const struct undialled *undialled, const struct host *host)
{
    return host->slot < undialled->capacity && undialled->waits[host->slot].born == host->born &&
           undialled->waits[host->slot].state == OVERDUE;
}
