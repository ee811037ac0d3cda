#include "report/bound.h"

#include <stddef.h>
#include <string.h>

#define PREFIX "loadtap."

/* What comes up, and for what lasts, how much of that is over. */
static const struct {
    const char *metric;
    size_t begun, ended; /* offsets in struct doubts; the same for what does not last */
} kinds[BOUND_KINDS] = {
#define LASTS(name, begun, ended)                                                                  \
    {                                                                                              \
        PREFIX name, offsetof(struct doubts, begun), offsetof(struct doubts, ended)                \
    }
#define COMES(name, counter) LASTS(name, counter, counter)
    [BOUND_UNCLASSIFIED_REQUESTS] = COMES("unclassified_requests", rq_unclassified),
    [BOUND_UNTRACKED_REQUESTS] = COMES("untracked_requests", rq_untracked),
    [BOUND_GAP_BYTES] = COMES("gap_bytes", gap_bytes),
    [BOUND_OVERRUNS] = COMES("overruns", overruns),
    [BOUND_OPAQUE_CONNECTIONS] = LASTS("opaque_connections", cx_opaque, cx_opaque_closed),
    [BOUND_UNTRACKED_CONNECTIONS] = COMES("untracked_connections", cx_untracked),
    [BOUND_JOINED_CONNECTIONS] = COMES("joined_connections", cx_joined),
};

void bound_between(const struct doubts *from, const struct doubts *to, struct bound *out)
{
    uint64_t any = 0;

    *out = (struct bound){.is_off = false};
    if (doubts_are_zero(to))
        return; /* as of most rows: nothing has ever come up */
    for (size_t kind = 0; kind < BOUND_KINDS; kind++) {
        out->amount[kind] = counter_at(to, kinds[kind].begun) - counter_at(from, kinds[kind].ended);
        any |= out->amount[kind];
    }
    out->is_off = any;
}

void bound_add(struct bound *sum, const struct bound *bound)
{
    for (size_t kind = 0; kind < BOUND_KINDS; kind++)
        sum->amount[kind] += bound->amount[kind];
    sum->is_off |= bound->is_off;
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
