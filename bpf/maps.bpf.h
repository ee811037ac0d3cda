/* The maps, and how a tally becomes counters. Kernel only. */
#pragma once

#include "connection.h"

/* Written by the daemon before loading. */
const volatile __u64 own_netns_cookie; /* 0: the kernel cannot tell namespaces apart here */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct endpoint_key);
    __type(value, struct endpoint_value);
} endpoints SEC(".maps");

/* Readable by mmap: a reader needs neither a system call nor a capability. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct counters);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct probe_set);
} probe_sets SEC(".maps");

/* State lives and dies with the socket. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct connection);
} connections SEC(".maps");

/* Working memory of one look at a packet. Egress programs nest and can be preempted, so a CPU has a
 * few, each claimed by whoever works in it; plain per-CPU memory would be overwritten. */
#define SCRATCHES 8

struct scratch {
    __u32 claimed;
    struct tally tally;
    struct window window;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SCRATCHES);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_take(void)
{
    for (__u32 i = 0; i < SCRATCHES; i++) {
        __u32 key = i;
        struct scratch *s = bpf_map_lookup_elem(&scratches, &key);

        if (!s)
            return NULL;
        if (__sync_lock_test_and_set(&s->claimed, 1))
            continue;
        __builtin_memset(&s->tally, 0, sizeof(s->tally));
        return s;
    }
    return NULL;
}

static __always_inline void scratch_give(struct scratch *s)
{
    *(volatile __u32 *)&s->claimed = 0;
}

#define add(counter, amount)                                                                       \
    do {                                                                                           \
        if (amount)                                                                                \
            __sync_fetch_and_add(&(counter), (amount));                                            \
    } while (0)

/* Adds a tally to its row: atomically, because egress nests and CPUs share the row. */
__noinline int counters_add(__u32 slot, struct tally *t)
{
    struct counters *row = bpf_map_lookup_elem(&counters, &slot);

    if (!row || !t)
        return 0;
    add(row->rq_issued, t->issued);
    add(row->rq_success, t->success);
    add(row->rq_error, t->error);
    add(row->rq_finished, t->finished);
    add(row->rq_unclassified, t->unclassified);
    add(row->rq_no_result, t->no_result);
    add(row->rq_probes, t->probes);
    add(row->cx_opaque, t->opaque);
    add(row->cx_sessions, t->sessions);
    add(row->gap_bytes, t->gap);
    add(row->rq_untracked, t->untracked);
    add(row->overruns, t->overruns);
    return 0;
}
