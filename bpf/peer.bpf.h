/* The peer of a socket, and whether it is one of our endpoints. Kernel only. */
#pragma once

#include "key.bpf.h"
#include "maps.bpf.h"

/* Bit by endpoint_bit(): set for each endpoint, and for one that there was while connections of it may
 * be open. Whoever's bit is not set has no state and needs none, so sockets that are no upstream pay for
 * one load. Written by the daemon, before it adds the endpoint. */
__u64 endpoint_bits[ENDPOINT_BITS / 64];

static __always_inline bool endpoint_possible(__u32 word, __u16 port)
{
    __u32 bit = endpoint_bit(word, port), index = bit / 64;

    opaque_value(index);
    index &= ENDPOINT_BITS / 64 - 1;
    return endpoint_bits[index] >> (bit & 63) & 1;
}

static __always_inline bool endpoint_possible_of(const struct sock_common *sk)
{
    __u32 word =
        sk->skc_family == FAMILY_INET ? sk->skc_daddr : sk->skc_v6_daddr.in6_u.u6_addr32[3];

    return endpoint_possible(word, bpf_ntohs(sk->skc_dport));
}

/* The endpoint that a socket of the kernel is connected to; NULL: none of ours. */
static __always_inline struct endpoint_value *endpoint_of_sock(const struct sock_common *sk)
{
    struct endpoint_key key = {.port = bpf_ntohs(sk->skc_dport)};
    struct endpoint_value *endpoint;

    if (!endpoint_possible_of(sk))
        return NULL;
    key_of_sock(&key, sk);
    endpoint = bpf_map_lookup_elem(&endpoints, &key);
    if (endpoint && own_netns_cookie && is_loopback(&key) &&
        sk->skc_net.net->net_cookie != own_netns_cookie)
        return NULL;
    return endpoint;
}

/* Can the peer of a packet's socket be an endpoint? */
static __always_inline bool upstream_possible(struct bpf_sock *sk)
{
    __u16 port;
    __u32 word;

    if (!sk)
        return false;
    port = sk->dst_port;
    opaque_value(port); /* else clang merges the reads of `sk` into arithmetic on it */
    if (sk->family == FAMILY_INET) {
        word = sk->dst_ip4;
        opaque_value(word);
    } else {
        word = sk->dst_ip6[3];
        opaque_value(word);
    }
    return endpoint_possible(word, bpf_ntohs(port));
}
