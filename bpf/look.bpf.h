/* A segment's way through one direction of its connection: each byte once, in order, windows at a
 * time, into a tally. Kernel only. */
#pragma once

#include "maps.bpf.h"
#include "segment.bpf.h"
#include "store.bpf.h"

#define STEPS_PER_WINDOW 24
#define WINDOWS_PER_PACKET                                                                         \
    8192 /* far more than a 188 KB packet has; what is left then is a gap                          \
          */
#define CLAIM_TRIES 1024

/* One packet's way through one direction of a connection. */
struct look {
    struct __sk_buff *skb;
    struct connection *connection;
    struct scratch *scratch;
    struct probe_set *probes;
    __u32 at, end; /* what is left to look at, in the packet or in the shelf */
    __u32 shelf;   /* 0: the packet; else 1 + the shelf's index */
    __u32 outgoing;
};

__noinline int request_step(struct connection *c, struct scratch *s, struct probe_set *set)
{
    if (!c || !s)
        return 0;
    request_read(c, &s->window, set, &s->tally);
    return 0;
}

__noinline int response_step(struct connection *c, struct scratch *s)
{
    if (!c || !s)
        return 0;
    response_read(c, &s->window, &s->tally);
    return 0;
}

/* Passes bytes that need not be read. */
__noinline int bytes_skip(struct connection *c, struct scratch *s, __u32 count, __u32 outgoing)
{
    enum http1_event event;

    if (!c || !s)
        return 0;
    event = http1_skip(outgoing ? &c->out.http1 : &c->in.http1, count);
    if (event == H1_NONE)
        return 0;
    if (outgoing)
        request_event(c, event, NULL, &s->tally);
    else
        response_event(c, event, &s->tally);
    return 0;
}

__noinline int direction_lost(struct connection *c, struct scratch *s, __u32 bytes, __u32 outgoing)
{
    if (!c || !s)
        return 0;
    connection_lost(c, outgoing ? &c->out : &c->in, bytes, &s->tally);
    return 0;
}

static __always_inline struct direction *look_direction(struct look *l)
{
    return l->outgoing ? &l->connection->out : &l->connection->in;
}

/* Reads one window's worth. 1: nothing is left, or nothing can be read. */
static __always_inline long look_window(struct look *l)
{
    struct direction *d = look_direction(l);
    struct window *w = &l->scratch->window;
    __u32 rest = l->end - l->at, n;
    __u64 skippable = http1_skippable(&d->http1);

    if (!rest)
        return 1;
    if (skippable) {
        n = skippable < rest ? (__u32)skippable : rest;
        bytes_skip(l->connection, l->scratch, n, l->outgoing);
        l->at += n;
        return 0;
    }
    n = rest < WINDOW_SIZE ? rest : WINDOW_SIZE;
    n--; /* keeps n > 0 in the verifier's eyes, on 6.1 too */
    opaque_value(n);
    n &= WINDOW_SIZE - 1;
    n++;
    w->length = n;
    w->position = 0;
    if (l->shelf)
        shelf_window(w, l->shelf - 1, l->at);
    else if (bpf_skb_load_bytes(l->skb, l->at, w->bytes, n))
        return 1;
    for (int i = 0; i < STEPS_PER_WINDOW && w->position < w->length; i++) {
        if (l->outgoing)
            request_step(l->connection, l->scratch, l->probes);
        else
            response_step(l->connection, l->scratch);
    }
    l->at += w->position;
    return 0;
}

static long look_again(__u32 index, void *context)
{
    return look_window(context) ? 1 : 0;
}

/* Reads from `at` to `end`. 0: some of it could not be read. */
static __always_inline int look_through(struct look *l)
{
    look_window(l);
    if (l->at != l->end)
        bpf_loop(WINDOWS_PER_PACKET, look_again, l, 0);
    return l->at == l->end;
}

/* Goes on with what the shelf kept behind the hole that was just filled. */
static __always_inline void look_through_shelf(struct look *l, struct direction *d)
{
    for (int i = 0; i < SHELF_RANGES; i++) {
        struct shelf *shelf = d->store ? shelf_of(d) : NULL;
        __u32 offset = 0, length = shelf ? shelf_continue(shelf, d->next, &offset) : 0;

        if (!length)
            break;
        l->shelf = d->store;
        l->at = offset;
        l->end = offset + length;
        if (!look_through(l))
            direction_lost(l->connection, l->scratch, l->end - l->at, l->outgoing);
        d->next += length;
    }
    struct shelf *shelf = d->store ? shelf_of(d) : NULL;

    if (shelf && !shelf_waits(shelf, d->next))
        shelf_return(d);
}

static __always_inline void look_lost(struct look *l, struct direction *d, __u32 bytes)
{
    direction_lost(l->connection, l->scratch, bytes, l->outgoing);
    shelf_return(d);
}

static __always_inline void look_at_segment(struct look *l, const struct segment *segment)
{
    struct direction *d = look_direction(l);
    __u32 skip, missed = d->missed;

    if (missed) {
        look_lost(l, d, missed);
        d->missed = 0;
    }
    switch (cursor_look(d->next, segment->sequence, segment->length, &skip)) {
    case CURSOR_OLD:
        return;
    case CURSOR_AHEAD:
        /* A hole inside a body hides nothing: the cursor runs ahead. */
        if (http1_skippable(&d->http1) < skip) {
            if (!shelf_keep(l->skb, d, segment))
                look_lost(l, d, segment->length);
            return;
        }
        bytes_skip(l->connection, l->scratch, skip, l->outgoing);
        skip = 0;
        break;
    case CURSOR_NEW:
        break;
    }
    l->at = segment->offset + skip;
    l->end = segment->offset + segment->length;
    if (!look_through(l))
        look_lost(l, d, l->end - l->at);
    d->next = segment->sequence + segment->length;
    if (d->store)
        look_through_shelf(l, d);
}

static __always_inline struct probe_set *probes_of(const struct connection *c)
{
    __u32 key = c->probe_set;

    return key ? bpf_map_lookup_elem(&probe_sets, &key) : NULL;
}

/* Two CPUs can be in one socket's ingress; the other one's work is short, so wait for it. */
static __always_inline int direction_claim(struct direction *d)
{
    for (int i = 0; i < CLAIM_TRIES; i++)
        if (!__sync_lock_test_and_set(&d->claimed, 1))
            return 1;
    return 0;
}

static __always_inline void direction_release(struct direction *d)
{
    *(volatile __u32 *)&d->claimed = 0;
}

static __always_inline struct connection *connection_of(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct connection *c;

    if (!sk)
        return NULL;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return NULL;
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (!c || c->kind >= KIND_SESSION || c->life >= LIFE_ENDED)
        return NULL;
    return c;
}

static __always_inline void look_with_scratch(struct __sk_buff *skb, struct connection *c,
                                              const struct segment *segment, __u32 outgoing)
{
    struct look look = {.skb = skb, .connection = c, .outgoing = outgoing};

    look.scratch = scratch_take();
    if (!look.scratch) {
        __sync_fetch_and_add(outgoing ? &c->out.missed : &c->in.missed, segment->length);
        return;
    }
    if (outgoing)
        look.probes = probes_of(c);
    look_at_segment(&look, segment);
    counters_add(c->slot, &look.scratch->tally);
    scratch_give(look.scratch);
}
