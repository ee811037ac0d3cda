/* A segment's way through one direction of its connection: each byte once, in order, windows at a
 * time, into a tally. Kernel only. */
#pragma once

#include "bodies.bpf.h"
#include "join.bpf.h"
#include "leave.bpf.h"
#include "seek.bpf.h"
#include "steps.bpf.h"

#define WINDOWS_PER_PACKET 8192 /* far more than 188 KB hold; what is left then is a gap */

/* One packet's way through one direction of a connection. Where it is stands in the scratch: the
 * verifier would walk look_on() for each place that it knew of. */
struct look {
    struct __sk_buff *skb;
    struct connection *connection;
    struct scratch *scratch;
    struct probe_set *probes;
    __u32 outgoing;
};

/* --- a segment's way --------------------------------------------------------------------- */

static __always_inline struct direction *look_direction(struct look *l)
{
    return l->outgoing ? &l->connection->out : &l->connection->in;
}

/* Loads the next bytes. 0: there are none that could be read. */
static __always_inline __u32 look_load(struct look *l)
{
    struct window *w = &l->scratch->window;
    __u32 rest = l->scratch->end - l->scratch->at, n;

    if (l->scratch->berth && l->scratch->at >= l->scratch->stored)
        return 0;
    if (l->scratch->berth && rest > l->scratch->stored - l->scratch->at)
        rest = l->scratch->stored - l->scratch->at;
    n = rest < WINDOW_SIZE ? rest : WINDOW_SIZE;
    n--; /* keeps n > 0 in the verifier's eyes, on 6.1 too */
    opaque_value(n);
    n &= WINDOW_SIZE - 1;
    n++;
    w->length = n;
    w->position = 0;
    w->more = n < rest;
    if (l->scratch->berth)
        berth_window(w, l->scratch->berth, l->scratch->at);
    else if (bpf_skb_load_bytes(l->skb, l->scratch->at, w->bytes, n))
        return 0;
    return n;
}

/* Most packets hold one head and little else: one call reads it. 1: all was read. */
static __always_inline int look_quickly(struct look *l)
{
    const struct window *w = &l->scratch->window;

    if (l->outgoing)
        request_quick_step(l->connection, l->scratch, l->probes);
    else
        response_quick_step(l->connection, l->scratch);
    return w->position >= w->length;
}

/* The same for frames. */
static __always_inline int look_at_frames(struct look *l)
{
    const struct window *w = &l->scratch->window;
    enum quick quick = l->outgoing ? http2_quick_requests(l->connection, l->scratch, l->probes)
                                   : http2_quick_responses(l->connection, l->scratch);

    return quick == QUICK_CUT || w->position >= w->length;
}

static __always_inline void look_read(struct look *l)
{
    if (look_direction(l)->is_http2 && l->connection->kind == KIND_HTTP2) {
        if (!look_at_frames(l))
            frames_read(l->connection, l->scratch, l->probes, l->outgoing);
        return;
    }
    if (look_quickly(l))
        return;
    if (turn_step(l->connection, l->scratch, l->outgoing))
        frames_read(l->connection, l->scratch, l->probes, l->outgoing);
    else if (l->outgoing)
        requests_read(l->connection, l->scratch, l->probes);
    else
        responses_read(l->connection, l->scratch);
}

/* Reads one window's worth. 1: nothing is left, or nothing can be read. */
static __always_inline long look_window(struct look *l)
{
    struct direction *d = look_direction(l);
    __u32 rest = l->scratch->end - l->scratch->at;
    __u64 skippable = direction_skippable(d);

    if (!rest)
        return 1;
    if (skippable) {
        __u32 n = skippable < rest ? (__u32)skippable : rest;

        bytes_skip(l->connection, l->scratch, n, l->outgoing);
        l->scratch->at += n;
        return 0;
    }
    if (!look_load(l))
        return 1;
    look_read(l);
    l->scratch->at += l->scratch->window.position;
    if (direction_is_believed(d))
        l->scratch->tally.gap += l->scratch->window.position;
    return 0;
}

/* A direction that was lost goes on where a segment begins with a frame. */
static __always_inline void look_for_frame(struct look *l)
{
    if (l->scratch->at != l->scratch->end && look_load(l))
        direction_resync(l->connection, l->scratch, l->scratch->end - l->scratch->at, l->outgoing);
}

static __always_inline void look_lost(struct look *l, struct direction *d, __u32 bytes)
{
    direction_lost(l->connection, l->scratch, bytes + d->missed, l->outgoing);
    d->missed = 0;
    store_clear(d);
}

/* The hole, what was kept or missed behind it, and the segment that ends at `end`. */
static __always_inline void look_lost_until(struct look *l, struct direction *d, __u32 end)
{
    __u32 bytes = end - d->next;

    d->next = end;
    d->missed = 0; /* it lies in there */
    look_lost(l, d, bytes);
}

/* Makes ready to read what is new of bytes at a place of the stream: `skip` as cursor_look() said.
 * They end at `end`, and `at` is where they begin. */
static __always_inline void look_begin(struct look *l, struct direction *d,
                                       enum cursor_verdict verdict, __u32 skip)
{
    if (verdict == CURSOR_AHEAD) { /* a hole inside a body hides nothing: the cursor runs ahead */
        bytes_skip(l->connection, l->scratch, skip, l->outgoing);
        d->missed = 0;
        skip = 0;
    }
    if (!skip && direction_is_lost(d))
        look_for_frame(l);
    l->scratch->at += skip;
}

/* The packet's own segment: its first window. */
static __always_inline void look_at_segment(struct look *l, const struct segment *segment)
{
    struct direction *d = look_direction(l);
    __u32 skip;
    enum cursor_verdict verdict = cursor_look(d->next, segment->sequence, segment->length, &skip);

    if (verdict == CURSOR_OLD)
        return;
    if (verdict == CURSOR_AHEAD && direction_skippable(d) < skip) {
        /* What was missed will not come again: TCP has it. */
        if (d->missed || !segment_keep(l->skb, d, segment))
            look_lost_until(l, d, segment->sequence + segment->length);
        return;
    }
    d->next = segment->sequence + segment->length;
    l->scratch->at = segment->offset;
    l->scratch->end = segment->offset + segment->length;
    look_begin(l, d, verdict, skip);
    look_window(l);
}

/* Goes over to a berth's first run. */
static __always_inline void look_at_run(struct look *l, struct direction *d, struct berth *berth)
{
    enum cursor_verdict verdict;
    struct run run;
    __u32 skip = 0;

    l->scratch->berth_stays = berth_pop(l->scratch->berth, berth, &run);
    l->scratch->at = l->scratch->end = run.from;
    verdict = cursor_look(d->next, berth->sequence + run.from, run.to - run.from, &skip);
    if (verdict == CURSOR_OLD)
        return;
    d->next = berth->sequence + run.to;
    l->scratch->end = run.to;
    l->scratch->stored = run_stored(&run);
    look_begin(l, d, verdict, skip);
}

/* Goes over to the next kept or posted bytes. 0: there are none that could be looked at now. */
static __always_inline int look_at_kept(struct look *l, struct direction *d)
{
    struct inbox *box = &l->connection->inbox;
    __u32 place = kept_next(d, box, l->outgoing), name = place ? kept_take(d, box, place) : 0;
    struct berth *berth = name ? berth_of(name) : NULL;

    if (!berth)
        return 0;
    l->scratch->berth = name;
    look_at_run(l, d, berth);
    return 1;
}

static __always_inline void look_leave_berth(struct look *l)
{
    if (l->scratch->berth && !l->scratch->berth_stays)
        berth_free(l->scratch->berth);
    l->scratch->berth = 0;
}

/* Who holds the ingress has no more to look at: the connection's end, and the claim is given up. 1:
 * more came meanwhile, and the claim was had again. */
static __always_inline int look_goes_on(struct look *l)
{
    struct connection *c = l->connection;

    if (*(volatile __u32 *)&c->ending) {
        int mail = mail_waits(&c->inbox);

        if (mail_is_new(&c->inbox)) /* it may have been posted before the end came */
            return 1;
        connection_settle_end(c, mail, &l->scratch->tally);
    }
    direction_release(&c->in);
    if (work_waits(c) && direction_claim(&c->in))
        return 1;
    l->scratch->released = 1;
    return 0;
}

/* All that a look does after its first window, in one flat loop: a callback is walked by the verifier
 * again for each way to it, and Linux 6.1 has a stack of 8 frames and 512 bytes, 32 at least for each
 * frame. 1: it is done. */
static long look_on(__u32 index, void *context)
{
    struct look *l = context;
    struct direction *d = look_direction(l);

    if (l->scratch->at != l->scratch->end) {
        if (!look_window(l))
            return 0;
        look_lost(l, d, l->scratch->end - l->scratch->at); /* a berth's bytes that are not stored */
        l->scratch->at = l->scratch->end;
    }
    look_leave_berth(l);
    if (kept_waits(d) || (!l->outgoing && mail_waits(&l->connection->inbox)))
        if (look_at_kept(l, d))
            return 0;
    return l->outgoing || !look_goes_on(l);
}

/* Looks at what is left of the segment, at kept and posted ones. Gives a claim up. */
static __always_inline void look_at_rest(struct look *l)
{
    bpf_loop(WINDOWS_PER_PACKET, look_on, l, 0);
    if (l->scratch->at != l->scratch->end) {
        l->scratch->tally.overruns++;
        look_lost(l, look_direction(l), l->scratch->end - l->scratch->at);
    }
    look_leave_berth(l);
    if (!l->outgoing && !l->scratch->released)
        direction_leave(l->connection, 1);
}

static __always_inline struct probe_set *probes_of(const struct connection *c)
{
    __u32 key = c->probe_set;

    return key ? bpf_map_lookup_elem(&probe_sets, &key) : NULL;
}

static __always_inline struct connection *connection_of(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct connection *c;

    if (!sk)
        return NULL;
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (!c)
        c = join_at_packet(skb, sk);
    if (!c || c->kind >= KIND_SESSION || c->life >= LIFE_ENDED)
        return NULL;
    return c;
}

static __always_inline void look_done(struct look *l)
{
    counters_add(l->connection->slot, &l->scratch->tally);
    scratch_give(l->scratch);
}

/* What follows a CONNECT. Apart, because its tally is too much for the stack of the long way. */
__noinline int resume_step(struct connection *c)
{
    struct tally t = {};

    if (!c || !request_resume(c))
        return 0;
    direction_opaque(c, &c->out, &t);
    counters_add(c->slot, &t);
    return 0;
}

/* An outgoing segment of a connection that is adrift. 1: it still is, and the segment goes unseen. */
static __always_inline int look_for_place(struct look *l, const struct segment *segment)
{
    struct connection *c = l->connection;

    l->scratch = scratch_take();
    if (!l->scratch) {
        word_add(&c->out.missed, segment->length);
        return 1;
    }
    l->scratch->at = segment->offset;
    l->scratch->end = segment->offset + segment->length;
    l->scratch->place.sequence = segment->sequence;
    l->scratch->place.answered = c->exchange.answered_to;
    if (place_read(l->skb->sk, &l->scratch->place) && look_load(l) && direction_claim(&c->in)) {
        place_take(c, l->scratch, segment->length);
        direction_leave(c, 1);
    } else if (direction_is_adrift(&c->out)) {
        request_unseen(c, segment->length, &l->scratch->tally);
    }
    look_done(l);
    return direction_is_adrift(&c->out) || c->kind >= KIND_SESSION;
}

/* Egress runs under the socket lock: one CPU at a time. */
static __always_inline void look_outgoing(struct __sk_buff *skb, struct connection *c,
                                          const struct segment *segment)
{
    struct look l = {.skb = skb, .connection = c, .outgoing = 1};

    if (connection_is_adrift(c) && look_for_place(&l, segment))
        return;
    if (request_awaits_tunnel(c))
        resume_step(c);
    if (body_pass(skb, &c->out, segment))
        return;
    l.scratch = scratch_take();
    if (!l.scratch) {
        segment_missed(&c->out, segment);
        return;
    }
    l.probes = probes_of(c);
    look_at_segment(&l, segment);
    if (l.scratch->at != l.scratch->end || kept_waits(&c->out))
        look_at_rest(&l);
    look_done(&l);
}

/* Who finds the direction claimed posts the segment; who holds it looks at the mail before leaving. */
static __always_inline void look_incoming(struct __sk_buff *skb, struct connection *c,
                                          const struct segment *segment)
{
    struct look l = {.skb = skb, .connection = c};
    struct direction *d = &c->in;
    int passed = 0;

    if (responses_are_adrift(c)) {
        answer_note(c, segment);
        return;
    }
    if (!direction_claim(d)) {
        if (!segment_post(skb, &c->inbox, segment))
            segment_missed(d, segment);
        if (!direction_claim(d)) /* the holder may have left before it saw the mail */
            return;
        passed = 1;
    } else {
        if (c->inbox.behind)     /* else the cache line stays with both CPUs */
            c->inbox.behind = 0; /* this may fill the hole */
        passed = body_pass(skb, d, segment);
    }
    if (passed && !work_waits(c)) {
        direction_release(d);
        if (!work_waits(c) || !direction_claim(d))
            return;
    }
    l.scratch = scratch_take();
    if (!l.scratch) {
        if (!passed)
            segment_missed(d, segment);
        direction_leave(c, 1);
        return;
    }
    if (!passed)
        look_at_segment(&l, segment);
    if (l.scratch->at == l.scratch->end && !kept_waits(d) && !work_waits(c)) {
        direction_release(d);
        l.scratch->released = !work_waits(c) || !direction_claim(d);
    }
    if (!l.scratch->released)
        look_at_rest(&l);
    look_done(&l);
}
