/* A connection's life, told by sockops: dialled, established, closed, and by whom. Kernel only. */
#pragma once

#include "leave.bpf.h"
#include "peer.bpf.h"

/* The endpoint that a socket dials; NULL: none of ours. */
static __always_inline struct endpoint_value *endpoint_of(struct bpf_sock_ops *ctx)
{
    struct endpoint_key key = {.port = (__u16)bpf_ntohl(ctx->remote_port)};
    __u32 *words = (__u32 *)key.ip;
    __u32 v4 = ctx->remote_ip4;
    struct endpoint_value *endpoint;

    opaque_value(v4); /* else clang merges the reads of `ctx` into arithmetic on it */
    if (ctx->family == FAMILY_INET) {
        key_of_v4(&key, v4);
    } else {
        words[0] = ctx->remote_ip6[0];
        words[1] = ctx->remote_ip6[1];
        words[2] = ctx->remote_ip6[2];
        words[3] = ctx->remote_ip6[3];
    }
    endpoint = bpf_map_lookup_elem(&endpoints, &key);
    /* A loopback address means the daemon's own network namespace. */
    if (endpoint && own_netns_cookie && is_loopback(&key) &&
        bpf_get_netns_cookie(ctx) != own_netns_cookie)
        return NULL;
    return endpoint;
}

#ifdef EARLY
/* Verified once, as no connection is passed. */
__noinline int sockops_leave_round(struct bpf_sock_ops *ctx, __u32 held)
{
    struct bpf_sock *sk = ctx->sk;
    struct connection *c = sk ? bpf_sk_storage_get(&connections, sk, NULL, 0) : NULL;

    return c ? leave_round(c, held) : 0;
}

static __always_inline void life_leave(struct bpf_sock_ops *ctx, struct connection *c, __u32 held)
{
    leave_rounds(&c->in, held, sockops_leave_round(ctx, held));
}
#else
#define life_leave(ctx, c, held) direction_leave(c, held)
#endif

/* A look at the last bytes may be under way on another CPU: then what waits is settled by that one,
 * before it leaves. */
static __always_inline void ending_settle(struct bpf_sock_ops *ctx, struct connection *c,
                                          __u32 ending)
{
    word_swap(lock_of(c), &c->ending, ending);
    life_leave(ctx, c, 0);
}

/* Ends what still waits and everything else of the connection. */
static __always_inline void connection_end(struct bpf_sock_ops *ctx, struct connection *c,
                                           enum cause cause)
{
    bool established = c->life != LIFE_CONNECTING;
    struct row row;

    if (!row_find(&row, c->slot) || c->life >= LIFE_ENDED)
        return;
    c->life = LIFE_ENDED;
    ending_settle(ctx, c, 1 + cause);
    if (established) {
        add(row.ended->cx_closed, 1);
        if (c->protocol == PROTOCOL_TCP)
            add(row.ended->rq_finished, 1);
        if (c->protocol == PROTOCOL_OPAQUE)
            add(row.side->cx_opaque_closed, 1);
        return;
    }
    add(row.begun->cx_failed, 1);
    if (c->protocol == PROTOCOL_TCP)
        return;
    add(row.side->cx_failed_error, 1);
    add(row.ended->rq_error, 1);
}

static __always_inline void on_connect(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
    struct connection *c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    struct endpoint_value *endpoint;
    struct row row;
    __u32 slot;

    if (c && c->life == LIFE_IGNORED)
        return;
    if (c) /* connected before, and now anew */
        connection_end(ctx, c, CAUSE_PROXY);
    endpoint = endpoint_of(ctx);
    if (!endpoint) {
        if (c)
            bpf_sk_storage_delete(&connections, sk);
        return;
    }
    slot = endpoint->slot;
    if (!row_find(&row, slot))
        return;
    c = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!c) {
        add(row.begun->doubts, 1);
        add(row.side->cx_untracked, 1);
        return;
    }
    /* Besides what other programs asked for. Cannot fail: the socket is full, the flag known. */
    bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
    connection_start(c, slot, endpoint->protocol, endpoint->probe_set);
    c->id = bpf_get_socket_cookie(ctx);
    add(row.side->cx_opened, 1);
}

/* Established now, but called connect() before loadtap came: nothing of it was missed. */
static __always_inline struct connection *on_late_connect(struct bpf_sock_ops *ctx,
                                                          struct bpf_sock *sk)
{
    struct connection *c;
    struct row row;

    on_connect(ctx, sk);
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (!c || !row_find(&row, c->slot))
        return NULL;
    c->out.next = ctx->snd_nxt;
    add(row.begun->doubts, 1);
    add(row.side->cx_joined, 1);
    return c;
}

static __always_inline void on_established(struct bpf_sock_ops *ctx, struct connection *c)
{
    struct row row;

    if (!row_find(&row, c->slot) || c->life != LIFE_CONNECTING)
        return;
    c->in.next = ctx->rcv_nxt;
    c->life = LIFE_ESTABLISHED;
    established_count(&row, c);
}

/* Who ended the connection: TCP's own states tell it more surely than packets. */
static __always_inline void on_close(struct bpf_sock_ops *ctx, struct connection *c,
                                     const struct sock *sk)
{
    enum cause cause = CAUSE_PROXY;

    if (c->life == LIFE_REMOTE_CLOSED)
        cause = CAUSE_UPSTREAM;
    else if (c->life != LIFE_LOCAL_CLOSED && sk && sk->sk_err)
        cause = CAUSE_UPSTREAM; /* a reset, or a time-out; close() itself leaves no error */
    connection_end(ctx, c, cause);
}

static __always_inline void on_remote_close(struct bpf_sock_ops *ctx, struct connection *c)
{
    int mail = mail_waits(&c->inbox);
    struct tally t;

    if (c->life != LIFE_ESTABLISHED)
        return;
    c->life = LIFE_REMOTE_CLOSED;
    if (!direction_claim(&c->in))
        return; /* then it is settled at the end */
    tally_clear(&t);
    connection_remote_closed(c, incoming_unread(c, mail) || kept_waits(&c->in), &t);
    counters_add(c->slot, &t);
    life_leave(ctx, c, 1);
}

#define RCV_SHUTDOWN 1 /* in sk_shutdown: nothing is read any more */

/* The proxy's FIN is sent: at its close(), or at a half close. */
static __always_inline void on_local_close(struct bpf_sock_ops *ctx, struct connection *c,
                                           const struct sock *sk)
{
    if (c->life != LIFE_ESTABLISHED)
        return;
    c->life = LIFE_LOCAL_CLOSED;
    if (sk && sk->sk_shutdown & RCV_SHUTDOWN)
        ending_settle(ctx, c, ENDING_LOCAL);
}

/* `ctx`: NULL where it is not sockops that tells. */
static __always_inline void on_state(struct bpf_sock_ops *ctx, __u32 state, struct connection *c,
                                     const struct sock *sk)
{
    switch (state) {
    case STATE_FIN_WAIT1:
        on_local_close(ctx, c, sk);
        break;
    case STATE_CLOSE_WAIT:
        on_remote_close(ctx, c);
        break;
    case STATE_CLOSE:
        on_close(ctx, c, sk);
        break;
    }
}
