/* The programs on a cgroup: sockops (a connection's life), cgroup_skb egress and ingress (its bytes).
 * They only look: every packet passes, and if the daemon dies, traffic does not notice. Kernel only.
 *
 * Which look it is was chosen before: look.bpf.h, or early_look.bpf.h. */
#pragma once

#include "life.bpf.h"

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
        on_state(ctx, ctx->args[1], c, (struct sock *)bpf_skc_to_tcp_sock(sk));
    return PASS;
}

/* Most packets end here: those of other sockets, and bare acknowledgements. */
SEC("cgroup_skb/egress")
int tap_egress(struct __sk_buff *skb)
{
    struct segment segment;
    struct connection *c;

    if (!upstream_possible(skb->sk) || !segment_read(skb, &segment))
        return PASS;
    if (!segment.length && !segment.syn)
        return PASS;
    c = connection_of(skb);
    if (!c || c->exchange.tunnel)
        return PASS;
    if (c->life == LIFE_CONNECTING) {
        if (!segment.syn)
            return PASS; /* just being joined, on another CPU */
        c->out.next = segment.sequence;
    }
    if (segment.length)
        look_outgoing(skb, c, &segment);
    return PASS;
}

SEC("cgroup_skb/ingress")
int tap_ingress(struct __sk_buff *skb)
{
    struct segment segment;
    struct connection *c;

    if (!upstream_possible(skb->sk) || !segment_read(skb, &segment) || !segment.length)
        return PASS;
    c = connection_of(skb);
    if (c && c->life != LIFE_CONNECTING)
        look_incoming(skb, c, &segment);
    return PASS;
}
