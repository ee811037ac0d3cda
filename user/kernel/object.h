/* The BPF object that suits this kernel, loaded: the full one, or the early one, which keeps a smaller
 * promise on kernels before 5.17 (bpf/README.md, "Kernels"). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/features.h"

struct bpf_map;
struct bpf_program;

struct object {
    /* One of the two skeletons; the other pointers lead into it. */
    struct loadtap_bpf *full;
    struct loadtap_early_bpf *early;
    struct features features;
    bool refused; /* the full one, although this kernel has the features */
    bool cookie;  /* network namespaces are told apart */
    struct bpf_map *endpoints, *probe_sets, *connections;
    struct bpf_map *begun_counters, *ended_counters, *side_counters;
    struct bpf_program *sockops, *egress, *ingress;
    uint64_t *endpoint_bits;
    /* For connections that were open before; NULL where they cannot be seen. */
    struct bpf_program *state, *open_sockets;
};

struct object_options {
    uint32_t slots, sets; /* rows of counters, and of health check sets */
    bool early;           /* the early object, whatever the kernel has: for tests */
};

/* Into an empty `out`. 0 or -errno; to be freed in either case. */
int object_load(struct object *out, const struct object_options *options);
void object_free(struct object *object);

/* Bytes that its maps take, as the kernel says. */
uint64_t object_memory(const struct object *object);

/* From now on connections of this cgroup (its id) join; the program `state` is attached. */
void object_joins(struct object *object, uint64_t cgroup);

/* As tap_cost. */
bool object_cost(const struct object *object, uint64_t *run_ns, uint64_t *runs);

/* What this kernel lacks for the full object; the early one is loaded. */
const char *object_why_early(const struct object *object);
