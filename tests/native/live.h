/* What of a connection's state can still matter: the rest is scratch, set before it is read again.
 * For comparing connections that read the same bytes in different ways. */
#pragma once

#include <string.h>

#include "connection.h"

static inline int live_between(const struct http1 *p, enum http1_state first, enum http1_state last)
{
    return p->state >= first && p->state <= last;
}

static inline struct http1 live_http1(struct http1 p)
{
    const int value = p.state == H1_VALUE, name = p.state == H1_NAME;

    if (!value)
        p.flags &= ~H1_SPACE;
    if (!live_between(&p, H1_METHOD, H1_HEAD_LF))
        p.words = p.probes = 0;
    if (!live_between(&p, H1_METHOD, H1_TARGET))
        p.target = 0;
    if (!live_between(&p, H1_STATUS, H1_HEAD_LF))
        p.status = 0;
    if (!live_between(&p, H1_START, H1_STATUS) && !live_between(&p, H1_PROXY1, H1_TLS) && !name &&
        !value)
        p.matched = 0;
    if (!live_between(&p, H1_CHUNK_SIZE, H1_CHUNK_LF) && !live_between(&p, H1_PROXY1, H1_TLS) &&
        !value)
        p.digits = p.number = 0;
    if (!name && !value && !(p.state == H1_LINE && p.field <= H1_TRANSFER_ENCODING))
        p.field = H1_OTHER;
    return p;
}

/* Of HTTP/2 its parts outside the parser: who reads whole frames keeps less there. */
static inline void live_direction(struct direction *d)
{
    if (d->is_http2)
        memset(&d->http2, 0, sizeof(d->http2));
    else
        d->http1 = live_http1(d->http1);
}

static inline struct connection live_connection(const struct connection *c)
{
    struct connection live = *c;

    live.id = 0;
    live_direction(&live.out);
    live_direction(&live.in);
    return live;
}
