/* Which cgroup a socket lies in. Kernel only. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "kernel_types.bpf.h"

#define CGROUP_DEPTH_MAX 64

/* Does the socket lie in the cgroup of this id, or below? */
static __always_inline bool in_cgroup(const struct sock *sk, __u64 id)
{
    struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;

    for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
        struct cgroup_subsys_state *parent = cgroup->self.parent;

        if (cgroup->kn->id == id)
            return true;
        if (!parent)
            return false;
        cgroup = parent->cgroup;
    }
    return false;
}
