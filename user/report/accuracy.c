#include "report/accuracy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/slots.h"

/* A kind of trouble: the counter that shows it. */
static const struct {
    size_t counter; /* offset in struct counters */
    const char *what;
} kinds[] = {
    {offsetof(struct counters, cx_opaque),
     "has opaque connections (TLS, broken HTTP, or HTTP/2 that this kernel cannot read): they are "
     "counted, their requests not"},
    {offsetof(struct counters, cx_sessions),
     "carries TCP sessions that are no HTTP: they are not counted as requests (set protocol: tcp)"},
    {offsetof(struct counters, gap_bytes),
     "lost sight of some bytes: what they hid is counted as unclassified"},
    {offsetof(struct counters, rq_unclassified),
     "has requests whose result could not be told: unclassified, neither success nor error"},
    {offsetof(struct counters, cx_untracked),
     "has connections for which the kernel had no memory: they are not counted at all"},
    {offsetof(struct counters, cx_joined),
     "has connections that were open before loadtap saw them: their requests count from the first "
     "message boundary that can be proven"},
    {offsetof(struct counters, rq_untracked),
     "has connections with more streams at once than can be followed: the others are unclassified"},
    {offsetof(struct counters, overruns),
     "sent packets with more in them than may be looked at: the rest is counted as unseen bytes"},
};

_Static_assert(ARRAY_SIZE(kinds) <= 8, "a bit for each");

struct told {
    uint32_t born; /* which of the hosts that have had the slot */
    uint8_t kinds; /* a bit for each */
};

struct accuracy {
    struct told *told; /* by slot */
    size_t capacity;
};

struct accuracy *accuracy_new(void)
{
    return calloc(1, sizeof(struct accuracy));
}

void accuracy_free(struct accuracy *accuracy)
{
    if (accuracy)
        free(accuracy->told);
    free(accuracy);
}

int accuracy_reserve(struct accuracy *accuracy, size_t slots)
{
    return slots_reserve(&accuracy->told, &accuracy->capacity, slots, sizeof(*accuracy->told));
}

void accuracy_see(struct accuracy *accuracy, const struct host *host, const struct counters *row,
                  accuracy_tell *tell, void *arg)
{
    struct told *told;

    if (host->slot >= accuracy->capacity)
        return;
    told = &accuracy->told[host->slot];
    if (told->born != host->born)
        *told = (struct told){.born = host->born};
    for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        uint8_t bit = (uint8_t)(1u << kind);

        if (!counter_at(row, kinds[kind].counter) || told->kinds & bit)
            continue;
        told->kinds |= bit;
        tell(arg, host, kinds[kind].what);
    }
}

bool accuracy_bound_text(const struct counters *row, char text[BOUND_TEXT_MAX])
{
    const struct doubts nothing = {0};
    struct point now;
    struct bound bound;
    size_t used = 0;

    point_of(row, &now);
    bound_between(&nothing, &now.doubts, &bound);
    for (enum bound_kind kind = 0; kind < BOUND_KINDS; kind++)
        if (bound.amount[kind])
            used += (size_t)snprintf(text + used, BOUND_TEXT_MAX - used, "%s%s=%" PRIu64,
                                     used ? " " : "", bound_name(kind), bound.amount[kind]);
    return used > 0;
}
