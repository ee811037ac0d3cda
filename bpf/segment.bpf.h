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
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct iphdr *v4 = data;
    struct ipv6hdr *v6 = data;
    __u32 offset = sizeof(*v6);
    __u8 next;

    if ((void *)(v4 + 1) > end)
        return 0;
    if (v4->version == 4)
        return v4->protocol == IPPROTO_TCP_ ? v4->ihl * 4 : 0;
    if ((void *)(v6 + 1) > end)
        return 0;
    next = v6->nexthdr;
    for (int i = 0; i < IPV6_EXTENSIONS_MAX && next != IPPROTO_TCP_; i++) {
        __u8 extension[2]; /* next header, length in units of 8 beyond the first 8 */

        if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)))
            return 0;
        next = extension[0];
        offset += 8 + extension[1] * 8;
    }
    return next == IPPROTO_TCP_ ? offset : 0;
}

static __always_inline int segment_read(struct __sk_buff *skb, struct segment *out)
{
    __u32 offset = transport_offset(skb), header;
    struct tcphdr tcp;

    if (!offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
        return 0;
    header = offset + tcp.doff * 4;
    if (header > skb->len)
        return 0;
    out->sequence = bpf_ntohl(tcp.seq) + tcp.syn;
    out->offset = header;
    out->length = skb->len - header;
    out->acknowledged = bpf_ntohl(tcp.ack_seq);
    out->syn = tcp.syn;
    return 1;
}
