/* A program that the verifier refuses, after a walk that it has much to say of. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress")
int rejected(struct __sk_buff *packet)
{
    volatile int sum = 0;

    for (int i = 0; i < 500; i++)
        sum += (int)packet->len;
    return *(volatile int *)(unsigned long)sum; /* no pointer */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
