/* HTTP/1 and HTTP/2 on one socket, in the structure of bpf/: the proof that it carries both.
 *
 * No product code (see structure_http2.h). The way of a segment is look.bpf.h's, with a choice of
 * the parser at each window. An HTTP/2 connection gets its state, which HTTP/1 never pays for, in a
 * socket storage of its own, at the moment when its first bytes tell. What its events count is only
 * sketched: without a table of open streams each end is believed. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "connection.h"
#include "look.bpf.h"
#include "structure_http2.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1
#define PREFACE_READ 12 /* "PRI * HTTP/2": so far http1.h reads */

struct http2_pair {
    struct http2 out, in;
    __u32 last; /* the highest stream that the client opened; written by egress */
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct http2_pair);
} http2_pairs SEC(".maps");

/* A look that can find either protocol. */
struct either {
    struct look look;
    struct http2_pair *pair; /* NULL: no HTTP/2 so far */
};

/* --- what frames mean ----------------------------------------------------------------- */

static __always_inline void frame_sent(struct http2_pair *pair, enum http2_event event,
                                       struct tally *t)
{
    struct http2 *h = &pair->out;

    if (event == H2_FIELDS && h->stream > pair->last) {
        pair->last = h->stream;
        t->issued++;
    } else if (event == H2_RESET) {
        t->no_result++;
        t->finished++;
    } else if (event == H2_BAD) {
        t->opaque++;
    }
}

static __always_inline void fields_received(struct http2 *h, struct tally *t)
{
    if (h->hpack.unknown && !h->hpack.status)
        t->unclassified++;
    else if (h->hpack.status >= 500)
        t->error++;
    else if (h->hpack.status >= 200)
        t->success++;
    if (h->block_flags & H2_END_STREAM)
        t->finished++;
}

static __always_inline void frame_received(struct http2_pair *pair, enum http2_event event,
                                           struct tally *t)
{
    if (event == H2_FIELDS)
        fields_received(&pair->in, t);
    else if (event == H2_STREAM_ENDED)
        t->finished++;
    else if (event == H2_RESET) {
        t->error++;
        t->finished++;
    } else if (event == H2_BAD)
        t->opaque++;
}

/* --- steps ------------------------------------------------------------------------------ */

__noinline int frame_out_step(struct http2_pair *pair, struct scratch *s)
{
    if (!pair || !s)
        return 0;
    frame_sent(pair, http2_step(&pair->out, &s->window), &s->tally);
    return 0;
}

__noinline int frame_in_step(struct http2_pair *pair, struct scratch *s)
{
    if (!pair || !s)
        return 0;
    frame_received(pair, http2_step(&pair->in, &s->window), &s->tally);
    return 0;
}

__noinline int frame_bytes_skip(struct http2_pair *pair, struct scratch *s, __u32 count,
                                __u32 outgoing)
{
    if (!pair || !s)
        return 0;
    if (outgoing)
        frame_sent(pair, http2_skip(&pair->out, count), &s->tally);
    else
        frame_received(pair, http2_skip(&pair->in, count), &s->tally);
    return 0;
}

/* Like request_step(); 1: this is HTTP/2, PREFACE_READ bytes of it were read. */
__noinline int request_or_preface_step(struct connection *c, struct scratch *s,
                                       struct probe_set *set)
{
    enum http1_event event;
    struct http1 *p;

    if (!c || !s)
        return 0;
    p = &c->out.http1;
    event = http1_skippable(p) ? window_pass(&s->window, p) : http1_step(p, &s->window, set);
    if (event == H1_IS_HTTP2)
        return 1;
    if (event != H1_NONE)
        request_event(c, event, set, &s->tally);
    return 0;
}

/* Like response_step(); 1: the server begins as HTTP/2 does, nothing was read. */
__noinline int response_or_settings_step(struct connection *c, struct scratch *s)
{
    struct http1 *p;

    if (!c || !s)
        return 0;
    p = &c->in.http1;
    if (p->state == H1_START && (p->flags & H1_FIRST) &&
        window_byte(&s->window, s->window.position) == 0)
        return 1;
    response_read(c, &s->window, &s->tally);
    return 0;
}

/* The steps of one window; in a function of its own, because the choice of the protocol inside this
 * loop makes the verifier walk every order of choices (over a million instructions). */
__noinline int frames_read(struct http2_pair *pair, struct scratch *s, __u32 outgoing)
{
    if (!pair || !s)
        return 0;
    for (int i = 0; i < STEPS_PER_WINDOW && s->window.position < s->window.length; i++) {
        if (outgoing)
            frame_out_step(pair, s);
        else
            frame_in_step(pair, s);
    }
    return 0;
}

/* 1: what follows in the window is HTTP/2. */
__noinline int messages_read(struct connection *c, struct scratch *s, struct probe_set *set,
                             __u32 outgoing)
{
    if (!c || !s)
        return 0;
    for (int i = 0; i < STEPS_PER_WINDOW && s->window.position < s->window.length; i++) {
        if (outgoing ? request_or_preface_step(c, s, set) : response_or_settings_step(c, s))
            return 1;
    }
    return 0;
}

/* --- a segment's way ------------------------------------------------------------------------ */

static __always_inline struct http2_pair *pair_of(struct __sk_buff *skb, __u64 flags)
{
    struct bpf_sock *sk = skb->sk;

    if (!sk)
        return NULL;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return NULL;
    return bpf_sk_storage_get(&http2_pairs, sk, NULL, flags);
}

static __always_inline struct http2 *half_of(struct either *e)
{
    struct http2_pair *pair = e->pair;

    if (!pair)
        return NULL;
    return e->look.outgoing ? &pair->out : &pair->in;
}

static __always_inline __u64 either_skippable(struct either *e)
{
    struct http2 *half = half_of(e);

    if (half && half->state != H2_OFF)
        return http2_skippable(half);
    return http1_skippable(&look_direction(&e->look)->http1);
}

static __always_inline void either_skip(struct either *e, __u32 count)
{
    struct http2 *half = half_of(e);

    if (half && half->state != H2_OFF)
        frame_bytes_skip(e->pair, e->look.scratch, count, e->look.outgoing);
    else
        bytes_skip(e->look.connection, e->look.scratch, count, e->look.outgoing);
}

static __always_inline void either_lost(struct either *e, struct direction *d, __u32 bytes)
{
    struct http2 *half = half_of(e);

    if (half && half->state != H2_OFF) {
        half->state = H2_BROKEN;
        e->look.scratch->tally.gap += bytes;
        shelf_return(d);
        return;
    }
    look_lost(&e->look, d, bytes);
}

/* The connection turned out to be HTTP/2 in this direction. */
static __always_inline void turn_to_http2(struct either *e)
{
    struct http2 *half;

    if (!e->pair)
        e->pair = pair_of(e->look.skb, BPF_SK_STORAGE_GET_F_CREATE);
    half = half_of(e);
    if (half)
        http2_start(half, e->look.outgoing ? PREFACE_READ : H2_PREFACE_LENGTH);
    else
        connection_opaque(e->look.connection, &e->look.scratch->tally);
}

/* What is to be looked at is over: the shelf may go on where it ended. 1: it does not. */
static __always_inline long either_next(struct either *e)
{
    struct look *l = &e->look;
    struct direction *d = look_direction(l);
    struct shelf *shelf = d->store ? shelf_of(d) : NULL;
    __u32 length = shelf ? shelf_continue(shelf, d->next, &l->at) : 0;

    if (!length)
        return 1;
    l->shelf = d->store;
    l->end = l->at + length;
    d->next += length;
    return 0;
}

/* Reads one window's worth. 1: nothing is left, or nothing can be read. */
static __always_inline long either_window(struct either *e)
{
    struct look *l = &e->look;
    struct window *w = &l->scratch->window;
    struct http2 *half = half_of(e);
    __u32 rest = l->end - l->at, n;
    __u64 skippable = either_skippable(e);

    if (!rest)
        return either_next(e);
    if (skippable) {
        n = skippable < rest ? (__u32)skippable : rest;
        either_skip(e, n);
        l->at += n;
        return 0;
    }
    n = rest < WINDOW_SIZE ? rest : WINDOW_SIZE;
    n--;
    opaque_value(n);
    n &= WINDOW_SIZE - 1;
    n++;
    w->length = n;
    w->position = 0;
    if (l->shelf)
        shelf_window(w, l->shelf - 1, l->at);
    else if (bpf_skb_load_bytes(l->skb, l->at, w->bytes, n))
        return 1;
    if (half && half->state != H2_OFF)
        frames_read(e->pair, l->scratch, l->outgoing);
    else if (messages_read(l->connection, l->scratch, l->probes, l->outgoing))
        turn_to_http2(e);
    l->at += w->position;
    return 0;
}

static long either_again(__u32 index, void *context)
{
    return either_window(context) ? 1 : 0;
}

/* Reads from `at` to `end`, and what the shelf kept behind it: one loop for both, since each that
 * inlines the window's way doubles what the verifier walks. 0: some of it could not be read. */
static __always_inline int either_through(struct either *e)
{
    either_window(e);
    if (e->look.at != e->look.end || look_direction(&e->look)->store)
        bpf_loop(WINDOWS_PER_PACKET, either_again, e, 0);
    return e->look.at == e->look.end;
}

static __always_inline void shelf_settle(struct direction *d)
{
    struct shelf *shelf = d->store ? shelf_of(d) : NULL;

    if (shelf && !shelf_waits(shelf, d->next))
        shelf_return(d);
}

static __always_inline void either_at_segment(struct either *e, const struct segment *segment)
{
    struct direction *d = look_direction(&e->look);
    __u32 skip;

    switch (cursor_look(d->next, segment->sequence, segment->length, &skip)) {
    case CURSOR_OLD:
        return;
    case CURSOR_AHEAD:
        if (either_skippable(e) < skip) {
            if (!shelf_keep(e->look.skb, d, segment))
                either_lost(e, d, segment->length);
            return;
        }
        either_skip(e, skip);
        skip = 0;
        break;
    case CURSOR_NEW:
        break;
    }
    e->look.at = segment->offset + skip;
    e->look.end = segment->offset + segment->length;
    d->next = segment->sequence + segment->length;
    if (!either_through(e))
        either_lost(e, d, e->look.end - e->look.at);
    shelf_settle(d);
}

static __always_inline void either_look(struct __sk_buff *skb, struct connection *c,
                                        const struct segment *segment, __u32 outgoing)
{
    struct either e = {.look = {.skb = skb, .connection = c, .outgoing = outgoing}};

    e.look.scratch = scratch_take();
    if (!e.look.scratch)
        return;
    if (outgoing)
        e.look.probes = probes_of(c);
    e.pair = pair_of(skb, 0);
    either_at_segment(&e, segment);
    counters_add(c->slot, &e.look.scratch->tally);
    scratch_give(e.look.scratch);
}

/* Waiting in line, the verifier would walk what follows from each of its turns. */
__noinline int wait_for_claim(struct direction *d)
{
    return d ? direction_claim(d) : 0;
}

SEC("cgroup_skb/egress")
int either_egress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || !segment_read(skb, &segment))
        return PASS;
    if (segment.syn && c->life == LIFE_CONNECTING)
        c->out.next = segment.sequence;
    if (segment.length)
        either_look(skb, c, &segment, 1);
    return PASS;
}

SEC("cgroup_skb/ingress")
int either_ingress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || c->life == LIFE_CONNECTING || !segment_read(skb, &segment) || !segment.length)
        return PASS;
    if (!wait_for_claim(&c->in))
        return PASS;
    either_look(skb, c, &segment, 0);
    direction_release(&c->in);
    return PASS;
}
