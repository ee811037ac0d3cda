/* What look.bpf.h does, for kernels before 5.17. Kernel only.
 *
 * Their global functions take no pointers but the context (5.13), and there is no bpf_loop (5.17). So
 * a look lies in a map, on a desk, and the functions that are verified once get the packet and the
 * desk's name: each finds connection and desk anew. */
#pragma once

#include "early_desk.bpf.h"
#include "leave.bpf.h"
#include "peer.bpf.h"
#include "seek.bpf.h"
#include "segment.bpf.h"

#define LOAD_SIZE 1024 /* bytes of a window; a power of two */
#define STEPS_PER_WINDOW 128
#define WINDOWS_PER_PACKET 2048 /* more than 188 KB hold, unless they are all small messages */
#define WORK_ROUNDS 8
#define KEPT_ROUNDS 256 /* runs that are looked at in one */

static __always_inline struct connection *connection_at(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;

    return sk ? bpf_sk_storage_get(&connections, sk, NULL, 0) : NULL;
}

/* ... if it is one to read on in. */
static __always_inline struct connection *connection_of(struct __sk_buff *skb)
{
    struct connection *c = connection_at(skb);

    return c && c->kind < KIND_SESSION && c->life < LIFE_ENDED ? c : NULL;
}

/* Set 0 recognises nothing. It is looked up too: clang would reckon with a pointer before asking
 * whether it is one. */
static __always_inline struct probe_set *probes_of(const struct connection *c)
{
    __u32 key = c->probe_set;

    return bpf_map_lookup_elem(&probe_sets, &key);
}

/* --- verified once, for each way ------------------------------------------------ */

/* Makes egress_NAME() and ingress_NAME() of a function; way() calls the right one of them. */
#define EACH_WAY(name)                                                                             \
    __noinline int egress_##name(struct __sk_buff *skb, __u32 desk, __u32 amount)                  \
    {                                                                                              \
        opaque_value(amount); /* else the caller may leave it out where it is not used */          \
        return name(skb, desk, amount, 1);                                                         \
    }                                                                                              \
    __noinline int ingress_##name(struct __sk_buff *skb, __u32 desk, __u32 amount)                 \
    {                                                                                              \
        opaque_value(amount); /* else the caller may leave it out where it is not used */          \
        return name(skb, desk, amount, 0);                                                         \
    }

#define way(name, skb, desk, amount)                                                               \
    (outgoing ? egress_##name(skb, desk, amount) : ingress_##name(skb, desk, amount))

static __always_inline struct direction *direction_of(struct connection *c, int outgoing)
{
    return outgoing ? &c->out : &c->in;
}

static __always_inline int step(struct __sk_buff *skb, __u32 name, __u32 unused, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    struct probe_set *set = c && outgoing ? probes_of(c) : NULL;

    if (!c || !desk || (outgoing && !set))
        return 0;
    connection_turn(c, &desk->window, outgoing, &desk->tally);
    if (outgoing && c->kind != KIND_HTTP2)
        request_read(c, &desk->window, set, &desk->tally);
    else if (c->kind != KIND_HTTP2)
        response_read(c, &desk->window, &desk->tally);
    if (c->kind != KIND_HTTP2)
        return 0;
    c->kind = KIND_OPAQUE;
    direction_opaque(c, direction_of(c, outgoing), &desk->tally);
    return 0;
}
EACH_WAY(step)

/* Passes bytes that need not be read. */
static __always_inline int skip(struct __sk_buff *skb, __u32 name, __u32 count, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);

    if (!c || !desk)
        return 0;
    connection_skip(c, count, outgoing, &desk->tally);
    return 0;
}
EACH_WAY(skip)

static __always_inline int lost(struct __sk_buff *skb, __u32 name, __u32 bytes, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    struct direction *d;

    if (!c || !desk)
        return 0;
    d = direction_of(c, outgoing);
    connection_lost(c, d, bytes + d->missed, &desk->tally);
    d->missed = 0;
    store_clear(d);
    return 0;
}
EACH_WAY(lost)

static __always_inline int window_load(struct __sk_buff *skb, struct desk *desk)
{
    struct window *w = &desk->window;
    __u32 rest = desk->end - desk->at, n;

    if (desk->berth && desk->at >= desk->stored)
        return 0;
    if (desk->berth && rest > desk->stored - desk->at)
        rest = desk->stored - desk->at;
    n = rest < LOAD_SIZE ? rest : LOAD_SIZE;
    n--; /* keeps n > 0 in the verifier's eyes */
    opaque_value(n);
    n &= LOAD_SIZE - 1;
    n++;
    w->length = n;
    w->position = 0;
    if (!desk->berth)
        return !bpf_skb_load_bytes(skb, desk->at, w->bytes, n);
    berth_window(w, desk->berth, desk->at);
    return 1;
}

/* Reads one window's worth. 1: nothing is left, or nothing can be read. */
static __always_inline int window(struct __sk_buff *skb, __u32 name, __u32 unused, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    __u64 skippable;

    if (!c || !desk || desk->at == desk->end)
        return 1;
    skippable = direction_skippable(direction_of(c, outgoing));
    if (skippable) {
        __u32 rest = desk->end - desk->at, n = skippable < rest ? (__u32)skippable : rest;

        way(skip, skb, name, n);
        desk->at += n;
        return 0;
    }
    if (!window_load(skb, desk))
        return 1;
    for (int i = 0; i < STEPS_PER_WINDOW && desk->window.position < desk->window.length; i++)
        way(step, skb, name, 0);
    desk->at += desk->window.position;
    return 0;
}
EACH_WAY(window)

/* Reads from `desk->at` to `desk->end`, but what is old of it. */
static __always_inline int bytes(struct __sk_buff *skb, __u32 name, __u32 old, int outgoing)
{
    struct desk *desk = desk_of(name);
    int i;

    if (!desk)
        return 0;
    desk->at += old;
    for (i = 0; i < WINDOWS_PER_PACKET; i++)
        if (way(window, skb, name, 0))
            break;
    if (desk->at == desk->end)
        return 0;
    desk->tally.overruns += i == WINDOWS_PER_PACKET; /* else a berth's bytes that are not stored */
    way(lost, skb, name, desk->end - desk->at);
    return 0;
}
EACH_WAY(bytes)

/* Bytes at a place of the stream: `amount` as cursor_look() said. */
static __always_inline void look_through(struct __sk_buff *skb, __u32 name, struct direction *d,
                                         enum cursor_verdict verdict, __u32 amount, int outgoing)
{
    if (verdict == CURSOR_AHEAD) { /* a hole inside a body hides nothing: the cursor runs ahead */
        way(skip, skb, name, amount);
        d->missed = 0;
        amount = 0;
    }
    way(bytes, skb, name, amount);
}

/* Keeps the segment until the hole before it is filled. 0: there is no room. */
static __always_inline int keep(struct __sk_buff *skb, __u32 name, __u32 unused, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);

    return c && desk ? segment_keep(skb, direction_of(c, outgoing), &desk->segment) : 0;
}
EACH_WAY(keep)

static __always_inline int segment(struct __sk_buff *skb, __u32 name, __u32 unused, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    const struct segment *s;
    struct direction *d;
    enum cursor_verdict verdict;
    __u32 amount;

    if (!c || !desk)
        return 0;
    s = &desk->segment;
    d = direction_of(c, outgoing);
    verdict = cursor_look(d->next, s->sequence, s->length, &amount);
    if (verdict == CURSOR_OLD)
        return 0;
    if (verdict == CURSOR_AHEAD && direction_skippable(d) < amount) {
        /* What was missed will not come again: TCP has it. */
        if (d->missed || !way(keep, skb, name, 0)) {
            d->next = s->sequence + s->length;
            d->missed = 0; /* it lies in the hole */
            way(lost, skb, name, amount + s->length);
        }
        return 0;
    }
    desk->at = s->offset;
    desk->end = s->offset + s->length;
    desk->berth = 0;
    look_through(skb, name, d, verdict, amount, outgoing);
    d->next = s->sequence + s->length;
    return 0;
}
EACH_WAY(segment)

/* Looks at one run of kept or posted bytes. 1: there is none that could be looked at now. */
static __always_inline int kept(struct __sk_buff *skb, __u32 name, __u32 unused, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    struct direction *d;
    struct berth *berth;
    struct run run;
    __u32 place, amount = 0, from;
    enum cursor_verdict verdict;
    int stays;

    if (!c || !desk)
        return 1;
    d = direction_of(c, outgoing);
    place = kept_next(d, &c->inbox, outgoing);
    from = place ? kept_take(d, &c->inbox, place) : 0;
    berth = from ? berth_of(from) : NULL;
    if (!berth)
        return 1;
    stays = berth_pop(from, berth, &run);
    verdict = cursor_look(d->next, berth->sequence + run.from, run.to - run.from, &amount);
    if (verdict != CURSOR_OLD) {
        desk->at = run.from;
        desk->end = run.to;
        desk->berth = from;
        desk->stored = run_stored(&run);
        d->next = berth->sequence + run.to;
        look_through(skb, name, d, verdict, amount, outgoing);
    }
    if (!stays)
        berth_free(from);
    return 0;
}
EACH_WAY(kept)

/* Looks at what is left to who holds the direction: kept and posted segments, the connection's end. Mail
 * that is new again was posted before that, so the end waits, but for the `last` time. */
static __always_inline int work(struct __sk_buff *skb, __u32 name, __u32 last, int outgoing)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    struct direction *d;

    if (!c || !desk)
        return 0;
    d = direction_of(c, outgoing);
    for (int i = 0; i < KEPT_ROUNDS && (kept_waits(d) || (!outgoing && mail_waits(&c->inbox))); i++)
        if (way(kept, skb, name, 0))
            break;
    if (!outgoing && *(volatile __u32 *)&c->ending) {
        int mail = last || mail_waits(&c->inbox);

        if (last || !mail_is_new(&c->inbox))
            connection_settle_end(c, mail, &desk->tally);
    }
    return 0;
}
EACH_WAY(work)

/* Leaves a segment to who holds the direction. 0: there is no room. */
__noinline int ingress_post(struct __sk_buff *skb, __u32 sequence, __u32 offset, __u32 length)
{
    struct connection *c = connection_at(skb);
    struct segment segment = {.sequence = sequence, .offset = offset, .length = length};

    return c ? segment_post(skb, &c->inbox, &segment) : 0;
}

__noinline int ingress_leave_round(struct __sk_buff *skb, __u32 held)
{
    struct connection *c = connection_at(skb);

    return c ? leave_round(c, held) : 0;
}

/* Gives the claim up. */
static __always_inline void ingress_leave(struct __sk_buff *skb, struct connection *c)
{
    __u32 held = 1;

    leave_rounds(&c->in, held, ingress_leave_round(skb, held));
}

/* Of an outgoing segment, in a connection that is adrift. */
__noinline int egress_place(struct __sk_buff *skb, __u32 name)
{
    struct connection *c = connection_at(skb);
    struct desk *desk = desk_of(name);
    struct place p = {};

    if (!c || !desk)
        return 0;
    p.sequence = desk->segment.sequence;
    p.answered = c->exchange.answered_to;
    p.sent = p.sequence;
    if (place_read(skb->sk, &p) && direction_claim(&c->in)) {
        connection_seek(c, &p, &desk->tally);
        ingress_leave(skb, c);
    }
    if (direction_is_adrift(&c->out) && p.sequence == p.sent)
        request_unseen(c, desk->segment.length, &desk->tally);
    return 0;
}

/* --- in the programs ------------------------------------------------------------ */

/* The greater part of all bytes: the next ones of a body that goes on after them. 0: not that. */
static __always_inline int body_pass(struct direction *d, const struct segment *segment)
{
    __u32 skip;

    if (kept_waits(d) ||
        cursor_look(d->next, segment->sequence, segment->length, &skip) != CURSOR_NEW ||
        direction_skippable(d) <= segment->length - skip)
        return 0;
    http1_skip(&d->http1, segment->length - skip);
    d->next = segment->sequence + segment->length;
    return 1;
}

static __always_inline void look_done(struct connection *c, struct desk *desk)
{
    counters_add(c->slot, &desk->tally);
    desk_give(desk);
}

static __always_inline void resume(struct connection *c)
{
    struct tally t = {};
    struct row row;

    if (!row_find(&row, c->slot) || !request_resume(c))
        return;
    direction_opaque(c, &c->out, &t);
    if (t.opaque)
        opaque_count(&row);
}

/* Egress runs under the socket lock: one CPU at a time. */
static __always_inline void look_outgoing(struct __sk_buff *skb, struct connection *c,
                                          const struct segment *segment)
{
    int adrift = connection_is_adrift(c);
    struct desk *desk;
    __u32 name;

    resume(c);
    if (!adrift && body_pass(&c->out, segment))
        return;
    name = desk_take();
    desk = desk_of(name);
    if (!desk) {
        segment_missed(&c->out, segment);
        return;
    }
    desk->segment = *segment;
    if (adrift)
        egress_place(skb, name);
    if (!direction_is_adrift(&c->out) && c->kind < KIND_SESSION)
        egress_segment(skb, name, 0);
    if (kept_waits(&c->out))
        egress_work(skb, name, 0);
    look_done(c, desk);
}

/* Who finds the direction claimed posts the segment; who holds it looks at the mail before leaving. */
static __always_inline void look_incoming(struct __sk_buff *skb, struct connection *c,
                                          const struct segment *segment)
{
    struct direction *d = &c->in;
    struct desk *desk;
    int passed = 0;
    __u32 name;

    if (responses_are_adrift(c)) {
        answer_note(c, segment);
        return;
    }
    if (!direction_claim(d)) {
        if (!ingress_post(skb, segment->sequence, segment->offset, segment->length))
            segment_missed(d, segment);
        if (!direction_claim(d)) /* the holder may have left before it saw the mail */
            return;
        passed = 1;
    } else {
        if (c->inbox.behind)     /* else the cache line stays with both CPUs */
            c->inbox.behind = 0; /* this may fill the hole */
        passed = body_pass(d, segment);
    }
    if (passed && !work_waits(c)) {
        direction_release(d);
        if (!work_waits(c) || !direction_claim(d))
            return;
    }
    name = desk_take();
    desk = desk_of(name);
    if (!desk) {
        if (!passed)
            segment_missed(d, segment);
        ingress_leave(skb, c);
        return;
    }
    desk->segment = *segment;
    if (!passed)
        ingress_segment(skb, name, 0);
    for (int round = 1; round < WORK_ROUNDS; round++) {
        ingress_work(skb, name, 0);
        direction_release(d);
        if (!work_waits(c) || !direction_claim(d)) {
            look_done(c, desk);
            return;
        }
    }
    ingress_work(skb, name, 1);
    ingress_leave(skb, c);
    look_done(c, desk);
}
