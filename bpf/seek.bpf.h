/* Connections that are adrift (place.h): what TCP knows of an outgoing segment's place. Kernel only. */
#pragma once

#include "peer.bpf.h"
#include "seek.h"
#include "segment.bpf.h"

/* Called from egress, so under the socket lock: the numbers belong together. */
static __always_inline int place_read(struct bpf_sock *sk, struct place *p)
{
    struct tcp_sock *tcp = sk ? (struct tcp_sock *)bpf_skc_to_tcp_sock(sk) : NULL;

    if (!tcp)
        return 0;
    p->sent = tcp->snd_nxt;
    p->acknowledged = tcp->snd_una;
    p->heard = tcp->rcv_nxt;
    p->consumed = tcp->copied_seq;
    p->heard_before = tcp->snd_wl1;
    p->fresh = tcp->bytes_acked == 1 && !tcp->bytes_received;
    return 1;
}

#ifndef EARLY /* early_look.bpf.h has its own */
/* Of an outgoing segment. The window has the segment's beginning. */
__noinline int place_take(struct connection *c, struct scratch *s, __u32 length)
{
    const struct place *p;

    if (!c || !s)
        return 0;
    p = &s->place;
    connection_find_http2(c, p, &s->window, length);
    connection_seek(c, p, &s->tally);
    if (direction_is_adrift(&c->out) && p->sequence == p->sent)
        request_unseen(c, length, &s->tally);
    return 0;
}
#endif

/* Not at the cursor: egress may just be finding it. */
static __always_inline void answer_note(struct connection *c, const struct segment *segment)
{
    *(volatile __u32 *)&c->exchange.answered_to = segment->acknowledged;
}
