/* Packet -> connection -> byte stream -> HTTP message -> endpoint counters.
 *
 * Three programs on a cgroup: sockops (a connection's life), cgroup_skb egress and ingress (its
 * bytes). They only look: every packet passes, and if the daemon dies, traffic does not notice. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "connection.h"
#include "maps.bpf.h"
#include "segment.bpf.h"
#include "store.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1

/* --- a connection's bytes --------------------------------------------------------------- */

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

SEC("cgroup_skb/egress")
int tap_egress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || c->exchange.tunnel || !segment_read(skb, &segment))
        return PASS;
    if (segment.syn && c->life == LIFE_CONNECTING)
        c->out.next = segment.sequence;
    if (!segment.length)
        return PASS;
    request_resume(c);
    look_with_scratch(skb, c, &segment, 1);
    return PASS;
}

SEC("cgroup_skb/ingress")
int tap_ingress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || c->life == LIFE_CONNECTING || !segment_read(skb, &segment) || !segment.length)
        return PASS;
    if (!direction_claim(&c->in)) {
        __sync_fetch_and_add(&c->in.missed, segment.length);
        return PASS;
    }
    look_with_scratch(skb, c, &segment, 0);
    direction_release(&c->in);
    return PASS;
}

/* --- a connection's life ------------------------------------------------------------------ */

enum tcp_state {
    STATE_FIN_WAIT1 = 4,
    STATE_CLOSE = 7,
    STATE_CLOSE_WAIT = 8,
};

/* Only what is read of the kernel's own; its offset is found at load time (CO-RE). */
struct sock {
    int sk_err;
} __attribute__((preserve_access_index));

static __always_inline struct counters *row_of(const struct connection *c)
{
    __u32 slot = c->slot;

    return bpf_map_lookup_elem(&counters, &slot);
}

/* ::1, or 127.0.0.0/8 in its mapped form. */
static __always_inline bool is_loopback(const __u32 *words)
{
    if (words[0] || words[1])
        return false;
    if (!words[2])
        return words[3] == bpf_htonl(1);
    return words[2] == bpf_htonl(0xffff) && (bpf_ntohl(words[3]) >> 24) == 127;
}

/* The endpoint that a socket dials; NULL: none of ours. */
static __always_inline struct endpoint_value *endpoint_of(struct bpf_sock_ops *ctx)
{
    struct endpoint_key key = {.port = (__u16)bpf_ntohl(ctx->remote_port)};
    __u32 *words = (__u32 *)key.ip;
    __u32 v4 = ctx->remote_ip4;
    struct endpoint_value *endpoint;

    opaque_value(v4); /* else clang merges the reads of `ctx` into arithmetic on it */
    if (ctx->family == 2) {
        words[2] = bpf_htonl(0xffff);
        words[3] = v4;
    } else {
        words[0] = ctx->remote_ip6[0];
        words[1] = ctx->remote_ip6[1];
        words[2] = ctx->remote_ip6[2];
        words[3] = ctx->remote_ip6[3];
    }
    endpoint = bpf_map_lookup_elem(&endpoints, &key);
    /* A loopback address means the daemon's own network namespace. */
    if (endpoint && own_netns_cookie && is_loopback(words) &&
        bpf_get_netns_cookie(ctx) != own_netns_cookie)
        return NULL;
    return endpoint;
}

/* Ends what still waits and everything else of the connection. */
static __always_inline void connection_end(struct connection *c, enum cause cause)
{
    struct counters *row = row_of(c);
    struct tally t = {};
    bool established = c->life != LIFE_CONNECTING, claimed;

    if (!row || c->life >= LIFE_ENDED)
        return;
    claimed = direction_claim(&c->in);
    if (!claimed || c->in.store || c->in.missed)
        cause = CAUSE_LOST;
    connection_settle(c, cause, &t);
    connection_settle_head(c, cause, &t);
    shelf_return(&c->in);
    shelf_return(&c->out);
    c->life = LIFE_ENDED;
    if (claimed)
        direction_release(&c->in);
    counters_add(c->slot, &t);
    if (established) {
        add(row->cx_closed, 1);
        if (c->protocol == PROTOCOL_TCP)
            add(row->rq_finished, 1);
        return;
    }
    add(row->cx_failed, 1);
    if (c->protocol != PROTOCOL_TCP) {
        add(row->cx_failed_error, 1);
        add(row->rq_error, 1);
    }
}

static __always_inline void on_connect(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
    struct connection *c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    struct endpoint_value *endpoint;
    struct counters *row;
    __u32 slot;

    if (c && c->life == LIFE_IGNORED)
        return;
    if (c) /* connected before, and now anew */
        connection_end(c, CAUSE_PROXY);
    endpoint = endpoint_of(ctx);
    if (!endpoint) {
        if (c)
            bpf_sk_storage_delete(&connections, sk);
        return;
    }
    slot = endpoint->slot;
    row = bpf_map_lookup_elem(&counters, &slot);
    if (!row)
        return;
    c = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!c) {
        add(row->cx_untracked, 1);
        return;
    }
    /* Besides what other programs asked for. Cannot fail: the socket is full, the flag known. */
    bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
    connection_start(c, slot, endpoint->protocol, endpoint->probe_set);
    add(row->cx_opened, 1);
}

static __always_inline void on_established(struct bpf_sock_ops *ctx, struct connection *c)
{
    struct counters *row = row_of(c);

    if (!row || c->life != LIFE_CONNECTING)
        return;
    c->in.next = ctx->rcv_nxt;
    c->life = LIFE_ESTABLISHED;
    add(row->cx_established, 1);
    if (c->protocol == PROTOCOL_TCP)
        add(row->rq_issued, 1);
    if (c->kind == KIND_OPAQUE)
        add(row->cx_opaque, 1);
}

/* Who ended the connection: TCP's own states tell it more surely than packets. */
static __always_inline void on_close(struct connection *c, struct bpf_sock *sk)
{
    struct sock *kernel_sock = (struct sock *)bpf_skc_to_tcp_sock(sk);
    enum cause cause = CAUSE_PROXY;

    if (c->life == LIFE_REMOTE_CLOSED)
        cause = CAUSE_UPSTREAM;
    else if (c->life != LIFE_LOCAL_CLOSED && kernel_sock && kernel_sock->sk_err)
        cause = CAUSE_UPSTREAM; /* a reset, or a time-out; close() itself leaves no error */
    connection_end(c, cause);
}

static __always_inline void on_remote_close(struct connection *c)
{
    struct tally t = {};

    if (c->life != LIFE_ESTABLISHED)
        return;
    c->life = LIFE_REMOTE_CLOSED;
    if (!direction_claim(&c->in))
        return; /* then it is settled at the end */
    connection_remote_closed(c, &t);
    direction_release(&c->in);
    counters_add(c->slot, &t);
}

static __always_inline void on_state(struct bpf_sock_ops *ctx, struct connection *c,
                                     struct bpf_sock *sk)
{
    switch (ctx->args[1]) {
    case STATE_FIN_WAIT1:
        if (c->life == LIFE_ESTABLISHED)
            c->life = LIFE_LOCAL_CLOSED;
        break;
    case STATE_CLOSE_WAIT:
        on_remote_close(c);
        break;
    case STATE_CLOSE:
        on_close(c, sk);
        break;
    }
}

SEC("sockops")
int tap_sockops(struct bpf_sock_ops *ctx)
{
    struct bpf_sock *sk;
    struct connection *c;

    switch (ctx->op) {
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
    case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
    case BPF_SOCK_OPS_STATE_CB:
        break;
    default:
        return PASS;
    }
    sk = ctx->sk;
    if (!sk)
        return PASS;
    if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
        on_connect(ctx, sk);
        return PASS;
    }
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (!c || c->life >= LIFE_ENDED)
        return PASS;
    if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
        on_established(ctx, c);
    else
        on_state(ctx, c, sk);
    return PASS;
}
