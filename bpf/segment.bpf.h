/* A packet at a cgroup_skb hook -> its TCP segment. Kernel only. */
#pragma once

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

struct segment {
    __u32 sequence; /* of the first payload byte */
    __u32 offset;   /* of the payload in the packet */
    __u32 length;   /* of the payload; super-packets exceed 16 bits, so it comes from skb->len */
    __u32 acknowledged;
    __u32 syn;
};

#define IPPROTO_TCP_ 6
#define IPV6_EXTENSIONS_MAX 4

/* Where the TCP header begins; 0: not TCP. */
static __always_inline __u32 transport_offset(struct __sk_buff *skb)
{
    struct ipv6hdr v6;
    __u32 offset = sizeof(v6);
    __u8 first, next;

    if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
        return 0;
    if (first >> 4 == 4) {
        if (bpf_skb_load_bytes(skb, offsetof(struct iphdr, protocol), &next, sizeof(next)))
            return 0;
        return next == IPPROTO_TCP_ ? (first & 15) * 4 : 0;
    }
    if (bpf_skb_load_bytes(skb, 0, &v6, sizeof(v6)))
        return 0;
    next = v6.nexthdr;
    for (int i = 0; i < IPV6_EXTENSIONS_MAX && next != IPPROTO_TCP_; i++) {
        __u8 extension[2]; /* next header, length in units of 8 beyond the first 8 */

        if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)))
            return 0;
        next = extension[0];
        offset += 8 + extension[1] * 8;
    }
    return next == IPPROTO_TCP_ ? offset : 0;
}

static __always_inline int segment_fill(struct __sk_buff *skb, const struct tcphdr *tcp,
                                        __u32 offset, struct segment *out)
{
    __u32 header = offset + tcp->doff * 4;

    if (header > skb->len)
        return 0;
    out->sequence = bpf_ntohl(tcp->seq) + tcp->syn;
    out->offset = header;
    out->length = skb->len - header;
    out->acknowledged = bpf_ntohl(tcp->ack_seq);
    out->syn = tcp->syn;
    return 1;
}

/* Headers with options or extensions, or that are not in the packet's linear part. */
static __always_inline int segment_read_slowly(struct __sk_buff *skb, struct segment *out)
{
    __u32 offset = transport_offset(skb);
    struct tcphdr tcp;

    if (!offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
        return 0;
    return segment_fill(skb, &tcp, offset, out);
}

/* The segment of a packet; 0: it has none. */
static __always_inline int segment_read(struct __sk_buff *skb, struct segment *out)
{
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct iphdr *v4 = data;
    struct ipv6hdr *v6 = data;
    struct tcphdr *after4 = (struct tcphdr *)(v4 + 1), *after6 = (struct tcphdr *)(v6 + 1);

    __builtin_memset(out, 0, sizeof(*out)); /* else clang reads it before it asks for the result */
    if ((void *)(after4 + 1) <= end && v4->version == 4 && v4->ihl == 5 &&
        v4->protocol == IPPROTO_TCP_)
        return segment_fill(skb, after4, sizeof(*v4), out);
    if ((void *)(after6 + 1) <= end && v6->version == 6 && v6->nexthdr == IPPROTO_TCP_)
        return segment_fill(skb, after6, sizeof(*v6), out);
    return segment_read_slowly(skb, out);
}
