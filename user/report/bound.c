#include "report/bound.h"

#include <stddef.h>
#include <string.h>

#define PREFIX "loadtap."

static const struct {
    size_t counter; /* offset in struct counters */
    const char *metric;
} kinds[BOUND_KINDS] = {
    [BOUND_UNCLASSIFIED_REQUESTS] = {offsetof(struct counters, rq_unclassified),
                                     PREFIX "unclassified_requests"},
    [BOUND_UNTRACKED_REQUESTS] = {offsetof(struct counters, rq_untracked),
                                  PREFIX "untracked_requests"},
    [BOUND_GAP_BYTES] = {offsetof(struct counters, gap_bytes), PREFIX "gap_bytes"},
    [BOUND_OVERRUNS] = {offsetof(struct counters, overruns), PREFIX "overruns"},
    [BOUND_OPAQUE_CONNECTIONS] = {offsetof(struct counters, cx_opaque),
                                  PREFIX "opaque_connections"},
    [BOUND_UNTRACKED_CONNECTIONS] = {offsetof(struct counters, cx_untracked),
                                     PREFIX "untracked_connections"},
    [BOUND_JOINED_CONNECTIONS] = {offsetof(struct counters, cx_joined),
                                  PREFIX "joined_connections"},
};

static uint64_t counter_at(const struct counters *row, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)row + offset, sizeof(value));
    return value;
}

struct bound bound_between(const struct counters *from, const struct counters *to)
{
    struct bound bound;

    for (size_t kind = 0; kind < BOUND_KINDS; kind++)
        bound.amount[kind] =
            counter_at(to, kinds[kind].counter) - counter_at(from, kinds[kind].counter);
    return bound;
}

void bound_add(struct bound *sum, const struct bound *bound)
{
    for (size_t kind = 0; kind < BOUND_KINDS; kind++)
        sum->amount[kind] += bound->amount[kind];
}

bool bound_is_zero(const struct bound *bound)
{
    uint64_t any = 0;

    for (size_t kind = 0; kind < BOUND_KINDS; kind++)
        any |= bound->amount[kind];
    return !any;
}

const char *bound_metric(enum bound_kind kind)
{
    return kinds[kind].metric;
}

const char *bound_name(enum bound_kind kind)
{
    return kinds[kind].metric + strlen(PREFIX);
}

bool bound_is_requests(enum bound_kind kind)
{
    return kind == BOUND_UNCLASSIFIED_REQUESTS || kind == BOUND_UNTRACKED_REQUESTS;
}
