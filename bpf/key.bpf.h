/* A peer's address as a key, and what kind of address it is. Kernel only. */
#pragma once

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/types.h>
#include <stdbool.h>

#include "abi.h"
#include "kernel_types.bpf.h"

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

/* The key's address; its port is the caller's to set. */
static __always_inline void key_of_sock(struct endpoint_key *key, const struct sock_common *sk)
{
    __u32 *words = (__u32 *)key->ip;

    if (sk->skc_family == FAMILY_INET) {
        key_of_v4(key, sk->skc_daddr);
        return;
    }
    words[0] = sk->skc_v6_daddr.in6_u.u6_addr32[0];
    words[1] = sk->skc_v6_daddr.in6_u.u6_addr32[1];
    words[2] = sk->skc_v6_daddr.in6_u.u6_addr32[2];
    words[3] = sk->skc_v6_daddr.in6_u.u6_addr32[3];
}
