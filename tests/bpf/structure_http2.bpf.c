/* HTTP/1 and HTTP/2 on one socket, in the structure of bpf/: the proof that it carries both.
 *
 * No product code (see structure_http2.h). A segment goes the way of look.bpf.h, with a choice of
 * the parser at each window. An HTTP/2 connection gets its state, which HTTP/1 never pays for, in a
 * socket storage of its own, at the moment when its first bytes tell. Left out: the reorder store,
 * which knows no protocol (a hole is lost here), and a table of open streams (each end is
 * believed). */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "connection.h"
#include "maps.bpf.h"
#include "segment.bpf.h"
#include "structure_http2.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1
#define PREFACE_READ 12 /* "PRI * HTTP/2": so far http1.h reads */
#define EITHER_STEPS 24
#define EITHER_WINDOWS 8192
#define EITHER_TRIES 1024

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

/* One packet's way; as struct look, but it can find either protocol. */
struct either {
    struct __sk_buff *skb;
    struct connection *connection;
    struct http2_pair *pair; /* NULL: no HTTP/2 so far */
    struct scratch *scratch;
    struct probe_set *probes;
    __u32 at, end, outgoing;
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

__noinline int message_bytes_skip(struct connection *c, struct scratch *s, __u32 count,
                                  __u32 outgoing)
{
    enum http1_event event;

    if (!c || !s)
        return 0;
    event = http1_skip(outgoing ? &c->out.http1 : &c->in.http1, count);
    if (event != H1_NONE && outgoing)
        request_event(c, event, NULL, &s->tally);
    else if (event != H1_NONE)
        response_event(c, event, &s->tally);
    return 0;
}

__noinline int message_bytes_lost(struct connection *c, struct scratch *s, __u32 bytes,
                                  __u32 outgoing)
{
    if (!c || !s)
        return 0;
    connection_lost(c, outgoing ? &c->out : &c->in, bytes, &s->tally);
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
    for (int i = 0; i < EITHER_STEPS && s->window.position < s->window.length; i++) {
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
    for (int i = 0; i < EITHER_STEPS && s->window.position < s->window.length; i++) {
        if (outgoing ? request_or_preface_step(c, s, set) : response_or_settings_step(c, s))
            return 1;
    }
    return 0;
}

/* --- a segment's way ------------------------------------------------------------------------ */

static __always_inline struct bpf_sock *sock_of(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;

    return sk ? bpf_sk_fullsock(sk) : NULL;
}

static __always_inline struct http2_pair *pair_of(struct __sk_buff *skb, __u64 flags)
{
    struct bpf_sock *sk = sock_of(skb);

    return sk ? bpf_sk_storage_get(&http2_pairs, sk, NULL, flags) : NULL;
}

/* This direction's HTTP/2 state; NULL: it is not HTTP/2 so far. */
static __always_inline struct http2 *half_of(const struct either *e)
{
    struct http2_pair *pair = e->pair;
    struct http2 *half;

    if (!pair)
        return NULL;
    half = e->outgoing ? &pair->out : &pair->in;
    return half->state == H2_OFF ? NULL : half;
}

static __always_inline struct direction *direction_of(const struct either *e)
{
    return e->outgoing ? &e->connection->out : &e->connection->in;
}

static __always_inline __u64 either_skippable(const struct either *e)
{
    struct http2 *half = half_of(e);

    return half ? http2_skippable(half) : http1_skippable(&direction_of(e)->http1);
}

static __always_inline void either_skip(const struct either *e, __u32 count)
{
    if (half_of(e))
        frame_bytes_skip(e->pair, e->scratch, count, e->outgoing);
    else
        message_bytes_skip(e->connection, e->scratch, count, e->outgoing);
}

static __always_inline void either_lost(const struct either *e, __u32 bytes)
{
    struct http2 *half = half_of(e);

    if (half) {
        half->state = H2_BROKEN;
        e->scratch->tally.gap += bytes;
        return;
    }
    message_bytes_lost(e->connection, e->scratch, bytes, e->outgoing);
}

/* The connection turned out to be HTTP/2 in this direction. */
static __always_inline void turn_to_http2(struct either *e)
{
    struct http2_pair *pair = e->pair;

    if (!pair)
        pair = pair_of(e->skb, BPF_SK_STORAGE_GET_F_CREATE);
    if (!pair) {
        connection_opaque(e->connection, &e->scratch->tally);
        return;
    }
    e->pair = pair;
    if (e->outgoing)
        http2_start(&pair->out, PREFACE_READ);
    else
        http2_start(&pair->in, H2_PREFACE_LENGTH);
}

/* Reads one window's worth. 1: nothing is left, or nothing can be read. */
static __always_inline long either_window(struct either *e)
{
    struct window *w = &e->scratch->window;
    __u32 rest = e->end - e->at, n;
    __u64 skippable = either_skippable(e);

    if (!rest)
        return 1;
    if (skippable) {
        n = skippable < rest ? (__u32)skippable : rest;
        either_skip(e, n);
        e->at += n;
        return 0;
    }
    n = rest < WINDOW_SIZE ? rest : WINDOW_SIZE;
    n--;
    opaque_value(n);
    n &= WINDOW_SIZE - 1;
    n++;
    w->length = n;
    w->position = 0;
    if (bpf_skb_load_bytes(e->skb, e->at, w->bytes, n))
        return 1;
    if (half_of(e))
        frames_read(e->pair, e->scratch, e->outgoing);
    else if (messages_read(e->connection, e->scratch, e->probes, e->outgoing))
        turn_to_http2(e);
    e->at += w->position;
    return 0;
}

static long either_again(__u32 index, void *context)
{
    return either_window(context) ? 1 : 0;
}

static __always_inline void either_at_segment(struct either *e, const struct segment *segment)
{
    struct direction *d = direction_of(e);
    __u32 skip;

    switch (cursor_look(d->next, segment->sequence, segment->length, &skip)) {
    case CURSOR_OLD:
        return;
    case CURSOR_AHEAD:
        if (either_skippable(e) < skip)
            either_lost(e, skip);
        else
            either_skip(e, skip);
        skip = 0;
        break;
    case CURSOR_NEW:
        break;
    }
    e->at = segment->offset + skip;
    e->end = segment->offset + segment->length;
    either_window(e);
    if (e->at != e->end)
        bpf_loop(EITHER_WINDOWS, either_again, e, 0);
    if (e->at != e->end)
        either_lost(e, e->end - e->at);
    d->next = segment->sequence + segment->length;
}

static __always_inline void either_look(struct __sk_buff *skb, struct connection *c,
                                        const struct segment *segment, __u32 outgoing)
{
    struct either e = {.skb = skb, .connection = c, .outgoing = outgoing};
    __u32 key = c->probe_set;

    e.scratch = scratch_take();
    if (!e.scratch)
        return;
    if (outgoing && key)
        e.probes = bpf_map_lookup_elem(&probe_sets, &key);
    e.pair = pair_of(skb, 0);
    either_at_segment(&e, segment);
    counters_add(c->slot, &e.scratch->tally);
    scratch_give(e.scratch);
}

static __always_inline struct connection *readable_connection(struct __sk_buff *skb)
{
    struct bpf_sock *sk = sock_of(skb);
    struct connection *c = sk ? bpf_sk_storage_get(&connections, sk, NULL, 0) : NULL;

    return c && c->kind < KIND_SESSION && c->life < LIFE_ENDED ? c : NULL;
}

/* In a function of its own: else the verifier walks what follows from each turn of the loop. */
__noinline int wait_for_claim(struct direction *d)
{
    if (!d)
        return 0;
    for (int i = 0; i < EITHER_TRIES; i++)
        if (!__sync_lock_test_and_set(&d->claimed, 1))
            return 1;
    return 0;
}

SEC("cgroup_skb/egress")
int either_egress(struct __sk_buff *skb)
{
    struct connection *c = readable_connection(skb);
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
    struct connection *c = readable_connection(skb);
    struct segment segment;

    if (!c || c->life == LIFE_CONNECTING || !segment_read(skb, &segment) || !segment.length)
        return PASS;
    if (!wait_for_claim(&c->in))
        return PASS;
    either_look(skb, c, &segment, 0);
    *(volatile __u32 *)&c->in.claimed = 0;
    return PASS;
}
