/* What is read of the kernel's own types; the offsets are found at load time (CO-RE). Kernel only. */
#pragma once

#include <linux/types.h>

#define FAMILY_INET 2
#define FAMILY_INET6 10

enum tcp_state {
    STATE_ESTABLISHED = 1,
    STATE_FIN_WAIT1 = 4,
    STATE_CLOSE = 7,
    STATE_CLOSE_WAIT = 8,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
    unsigned int inum;
};
struct net {
    __u64 net_cookie;
    struct ns_common ns;
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
    __u16 sk_protocol;
    __u32 sk_max_ack_backlog;
    struct sock_cgroup_data sk_cgrp_data;
};
struct tcp_sock {
    __u32 snd_nxt, snd_una, rcv_nxt, copied_seq, snd_wl1;
    __u64 bytes_acked; /* the SYN counts as one */
    __u64 bytes_received;
};
struct socket {
    struct sock *sk;
};
struct task_struct {
    unsigned int flags;
    struct task_struct *group_leader;
    char comm[16];
};
struct bpf_iter__task_file {
    struct task_struct *task;
    struct file *file;
};
struct bpf_iter__tcp {
    struct sock_common *sk_common;
};
#pragma clang attribute pop
