#include "kernel/object.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/mem.h"
#include "base/pages.h"
#include "loadtap.skel.h"
#include "loadtap_early.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

/* The daemon's network namespace, or 0 where the kernel has no cookies for them. */
static __u64 netns_cookie(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    __u64 cookie = 0;
    socklen_t size = sizeof(cookie);

    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
        cookie = 0;
    close(fd);
    return cookie;
}

/* What both skeletons have, by the same names. */
#define FIND_COMMON(object, skeleton)                                                              \
    do {                                                                                           \
        (object)->endpoints = (skeleton)->maps.endpoints;                                          \
        (object)->begun_counters = (skeleton)->maps.begun_counters;                                \
        (object)->ended_counters = (skeleton)->maps.ended_counters;                                \
        (object)->side_counters = (skeleton)->maps.side_counters;                                  \
        (object)->probe_sets = (skeleton)->maps.probe_sets;                                        \
        (object)->connections = (skeleton)->maps.connections;                                      \
        (object)->sockops = (skeleton)->progs.tap_sockops;                                         \
        (object)->egress = (skeleton)->progs.tap_egress;                                           \
        (object)->ingress = (skeleton)->progs.tap_ingress;                                         \
        (skeleton)->rodata->own_netns_cookie = (object)->features.cookies ? netns_cookie() : 0;    \
        (object)->cookie = (skeleton)->rodata->own_netns_cookie;                                   \
    } while (0)

static void set_sizes(struct object *object, const struct object_options *options)
{
    bpf_map__set_max_entries(object->endpoints, options->slots);
    bpf_map__set_max_entries(object->begun_counters, options->slots);
    bpf_map__set_max_entries(object->ended_counters, options->slots);
    bpf_map__set_max_entries(object->side_counters, options->slots);
    bpf_map__set_max_entries(object->probe_sets, options->sets);
}

/* `joins`: with the programs for connections that are open already. */
static int load_full(struct object *object, const struct object_options *options, bool joins)
{
    struct loadtap_bpf *skeleton;
    int result;

    loadtap_bpf__destroy(TAKE(object->full));
    skeleton = object->full = loadtap_bpf__open();
    if (!skeleton)
        return -errno;
    FIND_COMMON(object, skeleton);
    set_sizes(object, options);
    object->state = joins ? skeleton->progs.tap_state : NULL;
    object->open_sockets = joins ? skeleton->progs.tap_open_sockets : NULL;
    bpf_program__set_autoload(skeleton->progs.tap_state, joins);
    bpf_program__set_autoload(skeleton->progs.tap_open_sockets, joins);
    result = loadtap_bpf__load(skeleton);
    pages_leave(skeleton->skeleton->data, skeleton->skeleton->data_sz);
    if (!result)
        object->endpoint_bits = (uint64_t *)skeleton->bss->endpoint_bits;
    return result;
}

static int load_early(struct object *object, const struct object_options *options)
{
    struct loadtap_early_bpf *skeleton;
    int result;

    loadtap_bpf__destroy(TAKE(object->full));
    object->state = object->open_sockets = NULL;
    skeleton = object->early = loadtap_early_bpf__open();
    if (!skeleton)
        return -errno;
    FIND_COMMON(object, skeleton);
    set_sizes(object, options);
    result = loadtap_early_bpf__load(skeleton);
    pages_leave(skeleton->skeleton->data, skeleton->skeleton->data_sz);
    if (!result)
        object->endpoint_bits = (uint64_t *)skeleton->bss->endpoint_bits;
    return result;
}

/* It works, or what it lacks is nothing that this kernel cannot: less would be taken without need. */
static bool is_final(int result)
{
    return !result || result == -EPERM || result == -EMFILE || result == -ENFILE;
}

int object_load(struct object *out, const struct object_options *options)
{
    int result;

    features_find(&out->features);
    if (options->early || !out->features.results || !out->features.loops)
        return load_early(out, options);
    result = load_full(out, options, true);
    if (!is_final(result))
        result = load_full(out, options, false);
    if (is_final(result))
        return result;
    out->refused = true;
    return load_early(out, options);
}

void object_free(struct object *object)
{
    loadtap_bpf__destroy(TAKE(object->full));
    loadtap_early_bpf__destroy(TAKE(object->early));
}

/* 0: not known. */
static uint64_t map_memory(int fd)
{
    char path[64], line[128];
    unsigned long long bytes = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    while (file && !bytes && fgets(line, sizeof(line), file))
        if (sscanf(line, "memlock: %llu", &bytes) != 1)
            bytes = 0;
    if (file)
        fclose(file);
    return bytes;
}

uint64_t object_memory(const struct object *object)
{
    const struct bpf_object *all = object->full ? object->full->obj : object->early->obj;
    uint64_t bytes = 0;
    struct bpf_map *map;

    bpf_object__for_each_map(map, all) bytes += map_memory(bpf_map__fd(map));
    return bytes;
}

void object_joins(struct object *object, uint64_t cgroup)
{
    object->full->bss->own_cgroup = cgroup;
    object->full->bss->joins = 1;
}

const char *object_why_early(const struct object *object)
{
    if (object->refused)
        return "it refuses the programs that read them (-l debug shows why)";
    if (!object->features.results)
        return "it has no atomics with a result (Linux 5.12) and no bpf_loop (5.17)";
    if (!object->features.loops)
        return "it has no bpf_loop (Linux 5.17)";
    return "so it was asked for";
}

bool object_cost(const struct object *object, uint64_t *run_ns, uint64_t *runs)
{
    const struct bpf_object *all = object->full ? object->full->obj : object->early->obj;
    struct bpf_program *program;

    *run_ns = *runs = 0;
    bpf_object__for_each_program(program, all)
    {
        struct bpf_prog_info info = {0};
        __u32 size = sizeof(info);

        if (bpf_program__fd(program) < 0)
            continue;
        if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
            return false;
        *run_ns += info.run_time_ns;
        *runs += info.run_cnt;
    }
    return *runs > 0;
}
