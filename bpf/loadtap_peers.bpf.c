/* Which peers the processes of a cgroup dial, for `loadtap init`: every connect() (sockops), the first
 * bytes of each connection (cgroup_skb), and connections that were open before (an iterator). */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "cgroup.bpf.h"
#include "greeting.h"
#include "key.bpf.h"
#include "peers_abi.h"
#include "segment.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD: its name says nothing about who dials */

/* Written by the reader before loading. */
const volatile __u64 own_cgroup;
const volatile __u32 own_netns; /* its inode */

__u64 missed; /* connections for which a map had no room */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, struct peer_key);
    __type(value, struct peer_value);
} peers SEC(".maps");

/* Lives and dies with a socket that was counted. */
struct dial {
    struct peer_key peer;
    __u32 greeted;
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct dial);
} dials SEC(".maps");

static __always_inline void name_process(struct peer_key *peer, struct task_struct *task)
{
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);

    if (BPF_CORE_READ(leader, flags) & KERNEL_THREAD)
        return;
    bpf_probe_read_kernel_str(peer->process, sizeof(peer->process), &leader->comm);
}

static __always_inline void name_namespace(struct peer_key *peer, const struct sock_common *sk)
{
    peer->elsewhere = is_loopback(&peer->address) && sk->skc_net.net->ns.inum != own_netns;
}

static __always_inline struct peer_value *value_of(const struct peer_key *peer)
{
    struct peer_value *value = bpf_map_lookup_elem(&peers, peer);
    struct peer_value none = {};

    if (value)
        return value;
    bpf_map_update_elem(&peers, peer, &none, BPF_NOEXIST); /* another CPU may be faster */
    return bpf_map_lookup_elem(&peers, peer);
}

/* Counts a socket's connection, once. */
static __always_inline void count(struct dial *dial, const struct peer_key *peer)
{
    struct peer_value *value = dial ? value_of(peer) : NULL;

    if (!value) {
        __sync_fetch_and_add(&missed, 1);
        return;
    }
    dial->peer = *peer;
    __sync_fetch_and_add(&value->all, 1);
}

/* In the process that calls connect(), but for what the kernel dials by itself. */
static __always_inline void on_connect(struct bpf_sock *sk)
{
    struct sock *kernel_sock = (struct sock *)bpf_skc_to_tcp_sock(sk);
    struct peer_key peer = {};
    struct dial *dial;

    if (!kernel_sock)
        return;
    key_of_sock(&peer.address, &kernel_sock->__sk_common);
    peer.address.port = bpf_ntohs(kernel_sock->__sk_common.skc_dport);
    name_namespace(&peer, &kernel_sock->__sk_common);
    name_process(&peer, (struct task_struct *)bpf_get_current_task());
    dial = bpf_sk_storage_get(&dials, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (dial)
        dial->greeted = 0; /* a socket may be connected again */
    count(dial, &peer);
}

SEC("sockops")
int peers_sockops(struct bpf_sock_ops *ctx)
{
    struct bpf_sock *sk;

    if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB)
        return PASS;
    sk = ctx->sk;
    if (sk)
        on_connect(sk);
    return PASS;
}

/* Whatever the first bytes are, they are looked at once. */
static __always_inline void greet(struct dial *dial, enum greeting greeting)
{
    struct peer_value *value = bpf_map_lookup_elem(&peers, &dial->peer);

    dial->greeted = 1;
    if (!value)
        return;
    if (greeting == GREETING_HTTP)
        __sync_fetch_and_add(&value->http, 1);
    else if (greeting == GREETING_TLS)
        __sync_fetch_and_add(&value->tls, 1);
    else if (greeting == GREETING_SESSION)
        __sync_fetch_and_add(&value->session, 1);
}

/* A packet with payload of a connection that has said nothing yet; NULL: it is not. */
static __always_inline struct dial *dial_to_greet(struct __sk_buff *skb, struct segment *segment)
{
    struct bpf_sock *sk = skb->sk;
    struct dial *dial = sk ? bpf_sk_storage_get(&dials, sk, NULL, 0) : NULL;

    if (!dial || dial->greeted || !segment_read(skb, segment) || !segment->length)
        return NULL;
    return dial;
}

SEC("cgroup_skb/egress")
int peers_egress(struct __sk_buff *skb)
{
    __u8 bytes[GREETING_SIZE] = {};
    struct segment segment;
    struct dial *dial = dial_to_greet(skb, &segment);
    __u32 last;

    if (!dial)
        return PASS;
    last = (segment.length < GREETING_SIZE ? segment.length : GREETING_SIZE) - 1;
    opaque_value(last); /* so that the verifier sees by the mask that 1 to GREETING_SIZE are read */
    last &= GREETING_SIZE - 1;
    if (!bpf_skb_load_bytes(skb, segment.offset, bytes, last + 1))
        greet(dial, greeting_of(bytes, last + 1));
    return PASS;
}

SEC("cgroup_skb/ingress")
int peers_ingress(struct __sk_buff *skb)
{
    struct segment segment;
    struct dial *dial = dial_to_greet(skb, &segment);

    if (dial)
        greet(dial, GREETING_SESSION);
    return PASS;
}

/* A child of a listening socket has its backlog, a socket that dialled has none: sk_max_ack_backlog is 0
 * from the start and set by listen() alone. */
static __always_inline bool was_accepted(const struct sock *sk)
{
    return sk->sk_max_ack_backlog;
}

/* Each open file of each process of the reader's pid namespace. */
SEC("iter/task_file")
int peers_open(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct socket *socket = file ? bpf_sock_from_file(file) : NULL;
    struct sock *sk = socket ? socket->sk : NULL;
    struct peer_key peer = {};
    struct sock_common *common;
    struct peer_value *value;
    struct dial *dial;

    if (!sk || !task)
        return 0;
    common = &sk->__sk_common;
    if (sk->sk_protocol != IPPROTO_TCP_ || was_accepted(sk) || !in_cgroup(sk, own_cgroup) ||
        (common->skc_state != STATE_ESTABLISHED && common->skc_state != STATE_CLOSE_WAIT) ||
        (common->skc_family != FAMILY_INET && common->skc_family != FAMILY_INET6))
        return 0;
    if (bpf_sk_storage_get(&dials, sk, NULL, 0))
        return 0; /* seen before, in another process or at its connect() */
    key_of_sock(&peer.address, common);
    peer.address.port = bpf_ntohs(common->skc_dport);
    name_namespace(&peer, common);
    name_process(&peer, task);
    dial = bpf_sk_storage_get(&dials, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (dial)
        dial->greeted = 1; /* the first bytes went by */
    count(dial, &peer);
    value = bpf_map_lookup_elem(&peers, &peer);
    if (dial && value)
        __sync_fetch_and_add(&value->open, 1);
    return 0;
}
