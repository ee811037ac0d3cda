/* The maps, and how a tally becomes counters. Kernel only. */
#pragma once

#include "claim.bpf.h"
#include "connection.h"

/* Written by the daemon before loading. */
const volatile __u64 own_netns_cookie; /* 0: the kernel cannot tell namespaces apart here */

/* ... and before any connection joins (join.bpf.h). */
__u64 own_cgroup; /* id of the cgroup that the programs are attached to */
__u32 joins;      /* the tracepoint is attached */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct endpoint_key);
    __type(value, struct endpoint_value);
} endpoints SEC(".maps");

/* Readable by mmap: a reader needs no capability, nor a system call for each row. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct begun_counters);
} begun_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct ended_counters);
} ended_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct side_counters);
} side_counters SEC(".maps");

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
    __type(value, struct tracked);
} connections SEC(".maps");

#ifndef EARLY /* early_look.bpf.h has its own */
/* One look's working memory. Egress programs nest and can be preempted, so a CPU has a
 * few, each claimed by whoever works in it; plain per-CPU memory would be overwritten. */
#define SCRATCHES 8
#define ANNEXES 256
#define ANNEX_LOOKS 64

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
        s->at = s->end = s->berth = s->released = 0;
        return s;
    }
    return NULL;
}

static __always_inline void scratch_give(struct scratch *s)
{
    *(volatile __u32 *)&s->claimed = 0;
}

/* Annexes are few, and shared by whoever needs one. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ANNEXES);
    __type(key, __u32);
    __type(value, struct annex);
} annexes SEC(".maps");

static __always_inline struct annex *annex_at(__u32 index)
{
    return bpf_map_lookup_elem(&annexes, &index);
}

static __always_inline struct annex *annex_of(const struct connection *c)
{
    return annex_at(c->annex - 1);
}

/* Finds a free annex, from a place that differs by connection on. */
__noinline int annex_take(struct connection *c)
{
    if (!c)
        return 0;
    for (__u32 i = 0; i < ANNEX_LOOKS; i++) {
        __u32 index = ((__u32)c->id + i) % ANNEXES;
        struct annex *a = annex_at(index);

        if (!a || *(volatile __u32 *)&a->taken || __sync_lock_test_and_set(&a->taken, 1))
            continue;
        /* Its streams were all ended, and a ring is filled when it is taken into use. */
        if (__sync_val_compare_and_swap(&c->annex, 0, index + 1))
            __sync_lock_test_and_set(&a->taken, 0); /* the other direction was faster */
        return 0;
    }
    return 0;
}

static __always_inline struct annex *annex_claim(struct connection *c)
{
    if (!c->annex)
        annex_take(c);
    return annex_of(c);
}

/* At the connection's end, when all its streams were settled. */
static __always_inline void annex_free(struct connection *c)
{
    struct annex *a = c->annex ? annex_of(c) : NULL;

    if (a)
        __sync_lock_test_and_set(&a->taken, 0);
}

#endif

#ifdef EARLY
volatile __u32 nothing;

static __always_inline void annex_free(struct connection *c)
{
    (void)c; /* what needs an annex is HTTP/2 */
}
#endif

/* Empties a tally on the stack. Where functions are verified inline, its zeros come from where the
 * verifier does not know them: else it would follow each way in which they can grow. */
static __always_inline void tally_clear(struct tally *t)
{
#ifdef EARLY
    unrolled for (__u32 i = 0; i < sizeof(*t) / sizeof(nothing); i++)((__u32 *)t)[i] = nothing;
#else
    __builtin_memset(t, 0, sizeof(*t));
#endif
}

#define add(counter, amount)                                                                       \
    do {                                                                                           \
        if (amount)                                                                                \
            word_add(&(counter), (amount));                                                        \
    } while (0)

/* An endpoint's counters. */
struct row {
    struct begun_counters *begun;
    struct ended_counters *ended;
    struct side_counters *side;
};

/* False: there is no such slot. */
static __always_inline int row_find(struct row *row, __u32 slot)
{
    row->begun = bpf_map_lookup_elem(&begun_counters, &slot);
    row->ended = bpf_map_lookup_elem(&ended_counters, &slot);
    row->side = bpf_map_lookup_elem(&side_counters, &slot);
    return row->begun && row->ended && row->side;
}

/* A connection that cannot be read. */
static __always_inline void opaque_count(struct row *row)
{
    add(row->begun->doubts, 1);
    add(row->side->cx_opaque, 1);
}

/* A connection is there: how many, and what that means to its cluster's protocol. */
static __always_inline void established_count(struct row *row, const struct connection *c)
{
    if (c->kind == KIND_OPAQUE)
        opaque_count(row);
    add(row->begun->cx_established, 1);
    if (c->protocol == PROTOCOL_TCP)
        add(row->begun->rq_issued, 1);
}

/* Few tallies have any of these. */
static __always_inline void rare_add(struct begun_counters *begun, __u32 slot,
                                     const struct tally *t)
{
    __u64 doubts =
        (__u64)t->unclassified + t->opaque + t->opaque_closed + t->gap + t->untracked + t->overruns;
    __u64 others = (__u64)t->no_result + t->probes + t->sessions;
    struct side_counters *side;

    if (!(doubts | others))
        return;
    side = bpf_map_lookup_elem(&side_counters, &slot);
    if (!side)
        return;
    add(begun->doubts, doubts);
    add(side->rq_unclassified, t->unclassified);
    add(side->cx_opaque, t->opaque);
    add(side->cx_opaque_closed, t->opaque_closed);
    add(side->gap_bytes, t->gap);
    add(side->rq_untracked, t->untracked);
    add(side->overruns, t->overruns);
    add(side->rq_no_result, t->no_result);
    add(side->rq_probes, t->probes);
    add(side->cx_sessions, t->sessions);
}

/* Adds a tally to its row: atomically, because egress nests and CPUs share the row; doubts before what they
 * are about. */
static __always_inline int counters_add(__u32 slot, struct tally *t)
{
    struct begun_counters *begun = bpf_map_lookup_elem(&begun_counters, &slot);
    struct ended_counters *ended = bpf_map_lookup_elem(&ended_counters, &slot);

    if (!begun || !ended || !t)
        return 0;
    rare_add(begun, slot, t);
    add(begun->rq_issued, t->issued);
    add(ended->rq_success, t->success);
    add(ended->rq_error, t->error);
    add(ended->rq_finished, t->finished);
    return 0;
}
