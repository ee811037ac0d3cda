#include "report/undialled.h"

#include <stdlib.h>

#include "base/slots.h"

#define NEVER_SEEN UINT64_MAX

struct wait {
    uint32_t born; /* which of the hosts that have had the slot */
    enum { PASSED_OVER, WAITING, OVERDUE, DIALLED } state;
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
    uint64_t seen_changes; /* of the hosts, when the round began */
    struct {               /* the one at hand */
        bool is_changed;   /* who is awaited may be */
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
        *undialled = (struct undialled){
            .hosts = hosts, .after_us = after_us, .except = except, .seen_changes = NEVER_SEEN};
    return undialled;
}

void undialled_change(struct undialled *undialled, uint64_t after_us, size_t except)
{
    undialled->after_us = after_us;
    undialled->except = except;
    undialled->seen_changes = NEVER_SEEN;
}

void undialled_free(struct undialled *undialled)
{
    if (undialled)
        free(undialled->waits);
    free(undialled);
}

int undialled_reserve(struct undialled *undialled, size_t slots)
{
    return slots_reserve(&undialled->waits, &undialled->capacity, slots, sizeof(*undialled->waits));
}

/* Traffic to an address counts for its owner alone, and one that is leaving is not to be dialled. */
static bool is_awaited(const struct undialled *undialled, const struct host *host)
{
    return host->cluster != undialled->except && host->names &&
           hosts_owner(undialled->hosts, &host->address) == host;
}

/* A wait begins when the host is awaited, and ends when it is no more. */
static void decide(const struct undialled *undialled, const struct host *host, struct wait *wait)
{
    if (!is_awaited(undialled, host))
        wait->state = PASSED_OVER;
    else if (wait->state == PASSED_OVER)
        *wait = (struct wait){host->born, WAITING, undialled->check.now_us};
}

/* Whether the host has become overdue. */
static bool look_at(struct undialled *undialled, const struct host *host,
                    const struct counters *row)
{
    struct wait *wait = &undialled->waits[host->slot];
    bool is_new = wait->born != host->born;

    if (is_new)
        *wait = (struct wait){host->born, PASSED_OVER, 0};
    if (row->cx_opened || row->cx_untracked)
        wait->state = DIALLED;
    else if (is_new || undialled->check.is_changed)
        decide(undialled, host, wait);
    if (wait->state != WAITING || !undialled->after_us ||
        undialled->check.now_us - wait->since_us < undialled->after_us)
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

void undialled_begin(struct undialled *undialled, uint64_t now_us, bool first, undialled_tell *tell,
                     void *arg)
{
    undialled->check.now_us = now_us;
    undialled->check.tell = tell;
    undialled->check.arg = arg;
    undialled->check.news = (struct news){NULL, 0};
    if (!first) /* what changes meanwhile is for the next round */
        return;
    undialled->check.is_changed = undialled->seen_changes != hosts_changes(undialled->hosts);
    undialled->seen_changes = hosts_changes(undialled->hosts);
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
           undialled->waits[host->slot].state == OVERDUE && undialled->after_us;
}
