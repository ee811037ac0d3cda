/* Packet -> connection -> byte stream -> HTTP message -> endpoint counters.
 *
 * Three programs on a cgroup: sockops (a connection's life), cgroup_skb egress and ingress (its
 * bytes). Two more, where the kernel has what they need, for connections that were open before: an
 * iterator that finds them, a tracepoint that tells their ends. They only look: every packet passes,
 * and if the daemon dies, traffic does not notice. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "life.bpf.h"
#include "look.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1

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
    if (!c && ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
        c = on_late_connect(ctx, sk);
    if (!c || c->life >= LIFE_ENDED)
        return PASS;
    if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
        on_established(ctx, c);
    else
        on_state(ctx->args[1], c, (struct sock *)bpf_skc_to_tcp_sock(sk));
    return PASS;
}

/* Each TCP socket of the daemon's network namespace, once, under its lock. */
SEC("iter/tcp")
int tap_open_sockets(struct bpf_iter__tcp *ctx)
{
    join_open_socket(ctx->sk_common);
    return 0;
}

/* States of sockets that joined: nothing on a socket that is open already makes sockops tell them.
 * Where sockops does, as another program asked for it, it comes first; whatever comes second finds
 * its work done. */
SEC("tp_btf/inet_sock_set_state")
int tap_state(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    __u32 state = (__u32)ctx[2];
    struct connection *c;

    if (state != STATE_FIN_WAIT1 && state != STATE_CLOSE_WAIT && state != STATE_CLOSE)
        return 0;
    if (!endpoint_possible_of(&sk->__sk_common))
        return 0;
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (c && c->joined && c->life < LIFE_ENDED)
        on_state(state, c, sk);
    return 0;
}

SEC("cgroup_skb/egress")
int tap_egress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || c->exchange.tunnel || !segment_read(skb, &segment))
        return PASS;
    if (c->life == LIFE_CONNECTING) {
        if (!segment.syn)
            return PASS; /* just being joined, on another CPU */
        c->out.next = segment.sequence;
    }
    if (!segment.length)
        return PASS;
    look_outgoing(skb, c, &segment);
    return PASS;
}

SEC("cgroup_skb/ingress")
int tap_ingress(struct __sk_buff *skb)
{
    struct connection *c = connection_of(skb);
    struct segment segment;

    if (!c || c->life == LIFE_CONNECTING || !segment_read(skb, &segment) || !segment.length)
        return PASS;
    look_incoming(skb, c, &segment);
    return PASS;
}
