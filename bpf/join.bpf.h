/* Connections that were open before loadtap saw them. Kernel only.
 *
 * Each is found once: by the iterator over the sockets of the daemon's network namespace, at its
 * next packet that carries payload otherwise. Its end is told by the tracepoint tap_state: sockops
 * tells states only of sockets for which it was asked to at their connect() (bpf_setsockopt() can ask
 * later, but not from a packet, and from the iterator only on Linux 6.12 and later; no sockops event
 * comes unasked on a socket that is open). Where the kernel has not that tracepoint with socket
 * storage, nothing joins: a connection whose end goes unseen would be open for ever. */
#pragma once

#include "cgroup.bpf.h"
#include "peer.bpf.h"

/* Two CPUs may have found it at once, with the same zeroed state; one sets it up. Until `life` is
 * set, the other looks away. */
__noinline int connection_join(struct connection *c, struct endpoint_value *endpoint, __u32 state,
                               __u64 id)
{
    struct row row;

    if (!c || !endpoint || c->life != LIFE_CONNECTING || !number_claim(&c->joined, 0))
        return 0;
    connection_set_up(c, endpoint->slot, endpoint->protocol, endpoint->probe_set);
    c->id = id;
    connection_set_adrift(c);
    if (!row_find(&row, c->slot))
        return 0;
    add(row.begun->doubts, 1);
    add(row.side->cx_opened, 1);
    add(row.side->cx_joined, 1);
    established_count(&row, c);
    __sync_lock_test_and_set(&c->joined, 1); /* a barrier: all of the above comes first */
    *(volatile __u8 *)&c->life = state == STATE_CLOSE_WAIT ? LIFE_REMOTE_CLOSED : LIFE_ESTABLISHED;
    return 0;
}

/* One that the proxy has closed already is over: it does not join. */
static __always_inline bool state_joins(__u32 state)
{
    return state == STATE_ESTABLISHED || state == STATE_CLOSE_WAIT;
}

/* At a packet of a socket without state, whose peer may be an endpoint. */
static __always_inline struct connection *join_at_packet(struct __sk_buff *skb, struct bpf_sock *sk)
{
    struct endpoint_value *endpoint;
    struct connection *c;
    struct sock *kernel_sock;
    __u32 state;

    if (!joins)
        return NULL;
    state = sk->state;
    if (!state_joins(state))
        return NULL;
    kernel_sock = (struct sock *)bpf_skc_to_tcp_sock(sk);
    if (!kernel_sock)
        return NULL;
    endpoint = endpoint_of_sock(&kernel_sock->__sk_common);
    if (!endpoint)
        return NULL;
    /* NULL: no memory, or another CPU was faster. Either way the next packet comes here again. */
    c = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    connection_join(c, endpoint, state, bpf_get_socket_cookie(skb));
    return c;
}

/* At a socket that the iterator shows. */
static __always_inline void join_open_socket(struct sock_common *common)
{
    struct endpoint_value *endpoint;
    struct sock *sk;
    __u32 state;

    if (!common)
        return;
    state = common->skc_state;
    if (!state_joins(state))
        return;
    endpoint = endpoint_of_sock(common);
    sk = (struct sock *)bpf_skc_to_tcp_sock(common);
    if (!endpoint || !sk || !in_cgroup(sk, own_cgroup))
        return;
    if (bpf_sk_storage_get(&connections, common, NULL, 0))
        return;
    connection_join(bpf_sk_storage_get(&connections, common, NULL, BPF_SK_STORAGE_GET_F_CREATE),
                    endpoint, state, bpf_get_socket_cookie(common));
}
