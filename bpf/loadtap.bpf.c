/* Packet -> connection -> byte stream -> HTTP message -> endpoint counters.
 *
 * Besides the programs on a cgroup (programs.bpf.h), where the kernel has what they need, two more
 * for connections that were open before: an iterator that finds them, a tracepoint that tells their
 * ends. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "look.bpf.h"

#include "programs.bpf.h"

/* Each TCP socket of the daemon's network namespace, once, under its lock. */
SEC("iter/tcp")
int tap_open_sockets(struct bpf_iter__tcp *ctx)
{
    join_open_socket(ctx->sk_common);
    return 0;
}

/* States of sockets that joined: nothing on a socket that is open already makes sockops tell them.
 * Where sockops does, as another program asked for it, it comes first; whatever comes second finds
 * its work done. */
SEC("tp_btf/inet_sock_set_state")
int tap_state(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    __u32 state = (__u32)ctx[2];
    struct connection *c;

    if (state != STATE_FIN_WAIT1 && state != STATE_CLOSE_WAIT && state != STATE_CLOSE)
        return 0;
    if (!endpoint_possible_of(&sk->__sk_common))
        return 0;
    c = bpf_sk_storage_get(&connections, sk, NULL, 0);
    if (c && c->joined && c->life < LIFE_ENDED)
        on_state(NULL, state, c, sk);
    return 0;
}
