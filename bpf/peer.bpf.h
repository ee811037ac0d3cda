/* The peer of a socket, and whether it is one of our endpoints. Kernel only. */
#pragma once

#include "maps.bpf.h"

#define FAMILY_INET 2

enum tcp_state {
    STATE_ESTABLISHED = 1,
    STATE_FIN_WAIT1 = 4,
    STATE_CLOSE = 7,
    STATE_CLOSE_WAIT = 8,
};

/* What is read of the kernel's own; the offsets are found at load time (CO-RE). */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct net {
    __u64 net_cookie;
};
struct sock_common {
    __u32 skc_daddr;
    __u16 skc_dport;
    __u16 skc_family;
    unsigned char skc_state;
    struct {
        struct net *net;
    } skc_net;
    struct {
        struct {
            __u32 u6_addr32[4];
        } in6_u;
    } skc_v6_daddr;
};
struct cgroup_subsys_state {
    struct cgroup *cgroup;
    struct cgroup_subsys_state *parent;
};
struct kernfs_node {
    __u64 id;
};
struct cgroup {
    struct cgroup_subsys_state self;
    struct kernfs_node *kn;
};
struct sock_cgroup_data {
    struct cgroup *cgroup; /* Linux 5.15 */
};
struct sock {
    struct sock_common __sk_common;
    int sk_err;
    __u8 sk_shutdown;
    struct sock_cgroup_data sk_cgrp_data;
};
struct tcp_sock {
    __u32 snd_nxt, snd_una, rcv_nxt, copied_seq, snd_wl1;
    __u64 bytes_acked; /* the SYN counts as one */
    __u64 bytes_received;
};
struct bpf_iter__tcp {
    struct sock_common *sk_common;
};
#pragma clang attribute pop

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

static __always_inline void key_of_v4(struct endpoint_key *key, __u32 address)
{
    __u32 *words = (__u32 *)key->ip;

    words[0] = words[1] = 0;
    words[2] = bpf_htonl(0xffff);
    words[3] = address;
}

/* ::1, or 127.0.0.0/8 in its mapped form: an address that is another one in each namespace. */
static __always_inline bool is_loopback(const struct endpoint_key *key)
{
    const __u32 *words = (const __u32 *)key->ip;

    if (words[0] || words[1])
        return false;
    if (!words[2])
        return words[3] == bpf_htonl(1);
    return words[2] == bpf_htonl(0xffff) && (bpf_ntohl(words[3]) >> 24) == 127;
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
    __u32 *words = (__u32 *)key.ip;
    struct endpoint_value *endpoint;

    if (!endpoint_possible_of(sk))
        return NULL;
    if (sk->skc_family == FAMILY_INET) {
        key_of_v4(&key, sk->skc_daddr);
    } else {
        words[0] = sk->skc_v6_daddr.in6_u.u6_addr32[0];
        words[1] = sk->skc_v6_daddr.in6_u.u6_addr32[1];
        words[2] = sk->skc_v6_daddr.in6_u.u6_addr32[2];
        words[3] = sk->skc_v6_daddr.in6_u.u6_addr32[3];
    }
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
