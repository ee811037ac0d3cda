#include "kernel/tap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_mounts.h"
#include "kernel/grace.h"
#include "kernel/libbpf_log.h"
#include "kernel/load_error.h"
#include "kernel/object.h"
#include "kernel/open_sockets.h"
#include "kernel/probe_sets.h"
#include "kernel/probes.h"
#include "kernel/rows.h"

#define DESCRIPTION_MAX 512
#define LIMITS_MAX 768

struct tap {
    struct object object;
    struct bpf_link *links[3];
    /* NULL: this kernel does not let connections join. */
    struct bpf_link *states, *open_sockets;
    struct rows *rows;
    uint32_t slots;
    struct probe_sets *probe_sets;
    uint32_t bit_uses[ENDPOINT_BITS]; /* how many observed addresses have a bit */
    char description[DESCRIPTION_MAX], limits[LIMITS_MAX];
};

static int failure(char *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int failure(char *error, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, TAP_ERROR_MAX, format, args);
    va_end(args);
    return code;
}

static int load(struct tap *tap, uint32_t sets, bool early, char *error)
{
    const struct object_options options = {.slots = tap->slots, .sets = sets, .early = early};
    int result;

    libbpf_log_begin();
    result = object_load(&tap->object, &options);
    libbpf_log_end(result && load_error_needs_words(result));
    if (result)
        load_error_explain(result, error, TAP_ERROR_MAX);
    return result;
}

static int open_rows(struct tap *tap, char *error)
{
    const struct rows_maps maps = {.begun = bpf_map__fd(tap->object.begun_counters),
                                   .ended = bpf_map__fd(tap->object.ended_counters),
                                   .side = bpf_map__fd(tap->object.side_counters)};
    int result = rows_open(&maps, tap->slots, &tap->rows);

    return result ? failure(error, result, "cannot map the counters: %s", strerror(-result)) : 0;
}

/* Before the others, so that no connection joins whose end could be missed. */
static void attach_states(struct tap *tap, int fd)
{
    struct stat of_cgroup;

    if (!tap->object.state || fstat(fd, &of_cgroup))
        return;
    tap->open_sockets = bpf_program__attach_iter(tap->object.open_sockets, NULL);
    if (tap->open_sockets)
        tap->states = bpf_program__attach(tap->object.state);
    if (tap->states)
        object_joins(&tap->object, of_cgroup.st_ino);
}

static void describe(struct tap *tap, const char *path)
{
    snprintf(tap->description, sizeof(tap->description), "attached to cgroup %.256s; %s; %s; %s",
             path, tap->object.full ? "HTTP/1 and HTTP/2 are read" : "HTTP/1 is read",
             tap->object.cookie ? "loopback endpoints are those of this network namespace"
                                : "this kernel has no network namespace cookies for BPF: loopback "
                                  "endpoints match in every namespace",
             tap->states ? "connections that are open already are joined"
                         : "this kernel does not show the ends of connections that are open "
                           "already: they are not seen");
    if (!tap->object.full)
        snprintf(
            tap->limits, sizeof(tap->limits),
            "HTTP/2 is opaque on this kernel, connections are counted and requests are not: %s",
            object_why_early(&tap->object));
}

static int attach_at(struct tap *tap, const char *path, int fd, char *error)
{
    const struct bpf_program *programs[] = {tap->object.sockops, tap->object.egress,
                                            tap->object.ingress};

    attach_states(tap, fd);
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        tap->links[i] = bpf_program__attach_cgroup(programs[i], fd);
        if (!tap->links[i])
            return failure(error, -errno, "cannot attach %s to cgroup %s: %s%s",
                           bpf_program__name(programs[i]), path, strerror(errno),
                           errno == EPERM ? " (a program attached above it without "
                                            "BPF_F_ALLOW_MULTI keeps others out)"
                                          : "");
    }
    describe(tap, path);
    return 0;
}

/* The container's own part is all that its cgroup namespace shows where nothing else is mounted. */
static void limit_to_own_part(struct tap *tap, const char *path)
{
    size_t used = strlen(tap->limits);

    snprintf(
        tap->limits + used, sizeof(tap->limits) - used,
        "%scgroup %.200s is only what this container is shown of the hierarchy: nothing outside of "
        "it is counted (have the host's /sys/fs/cgroup mounted too)",
        used ? "; " : "", path);
}

static int attach(struct tap *tap, const struct tap_options *options, char *error)
{
    char path[CGROUP_PATH_MAX];
    int fd =
        cgroup_open(options->cgroup, options->own_pod, path, sizeof(path), error, TAP_ERROR_MAX);
    int result;

    if (fd < 0)
        return fd;
    result = attach_at(tap, path, fd, error);
    close(fd);
    if (!result && !options->cgroup && !options->own_pod && !cgroup_is_whole(path))
        limit_to_own_part(tap, path);
    return result;
}

int tap_open(const struct tap_options *options, struct tap **out, char *error)
{
    uint32_t sets = 1 + (options->checked < PROBE_SETS_MAX ? options->checked : PROBE_SETS_MAX);
    struct tap *tap = calloc(1, sizeof(*tap));
    int result;

    if (!tap)
        return failure(error, -ENOMEM, "out of memory");
    tap->slots = options->slots;
    tap->probe_sets = probe_sets_new(sets);
    result = tap->probe_sets ? load(tap, sets, options->early, error)
                             : failure(error, -ENOMEM, "out of memory");
    if (!result)
        result = open_rows(tap, error);
    if (!result)
        result = attach(tap, options, error);
    if (result) {
        tap_close(tap);
        return result;
    }
    *out = tap;
    return 0;
}

void tap_close(struct tap *tap)
{
    if (!tap)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(tap->links); i++)
        bpf_link__destroy(tap->links[i]);
    bpf_link__destroy(tap->states);
    bpf_link__destroy(tap->open_sockets);
    rows_close(tap->rows);
    object_free(&tap->object);
    probe_sets_free(tap->probe_sets);
    free(tap);
}

size_t tap_recognised_checks(const struct cluster *cluster)
{
    struct probe_set set;

    return probes_fill(cluster, &set);
}

static struct endpoint_key key_of(const struct address *address)
{
    struct endpoint_key key = {.port = address->port};

    memcpy(key.ip, address->ip, sizeof(key.ip));
    return key;
}

static __u32 bit_of(const struct endpoint_key *key)
{
    __u32 word;

    memcpy(&word, key->ip + sizeof(key->ip) - sizeof(word), sizeof(word));
    return endpoint_bit(word, key->port);
}

static uint64_t *word_of(struct tap *tap, __u32 bit)
{
    return &tap->object.endpoint_bits[bit / 64];
}

/* The row of health check patterns that an address has; 0: none, or it is not observed. */
static uint32_t probe_row_of(const struct tap *tap, const struct endpoint_key *key)
{
    struct endpoint_value value;

    if (!probe_sets_used(tap->probe_sets) ||
        bpf_map_lookup_elem(bpf_map__fd(tap->object.endpoints), key, &value))
        return 0;
    return value.probe_set;
}

/* The bit comes before the endpoint: without it nobody looks for one. */
static int put(struct tap *tap, const struct endpoint_key *key, const struct endpoint_value *value)
{
    int map = bpf_map__fd(tap->object.endpoints), result;
    __u32 bit = bit_of(key);

    __atomic_fetch_or(word_of(tap, bit), 1ull << bit % 64, __ATOMIC_SEQ_CST);
    result = bpf_map_update_elem(map, key, value, BPF_NOEXIST);
    if (result == -EEXIST)
        return bpf_map_update_elem(map, key, value, BPF_EXIST);
    tap->bit_uses[bit] += !result;
    return result;
}

int tap_observe(struct tap *tap, const struct address *address, uint32_t slot,
                const struct cluster *cluster)
{
    struct endpoint_key key = key_of(address);
    struct endpoint_value value = {.slot = slot, .protocol = (__u8)cluster->protocol};
    uint32_t before = probe_row_of(tap, &key);
    int row, result;

    if (slot >= tap->slots)
        return -ENOSPC;
    row = probe_sets_take(tap->probe_sets, bpf_map__fd(tap->object.probe_sets), cluster);
    if (row < 0)
        return row;
    value.probe_set = (__u16)row;
    result = put(tap, &key, &value);
    probe_sets_give(tap->probe_sets, result ? (uint32_t)row : before);
    return result;
}

int tap_forget(struct tap *tap, const struct address *address)
{
    struct endpoint_key key = key_of(address);
    uint32_t before = probe_row_of(tap, &key);
    int result = bpf_map_delete_elem(bpf_map__fd(tap->object.endpoints), &key);

    if (result)
        return result;
    tap->bit_uses[bit_of(&key)]--;
    probe_sets_give(tap->probe_sets, before);
    return 0;
}

uint32_t tap_checks_room(const struct tap *tap)
{
    return probe_sets_room(tap->probe_sets);
}

int tap_settle(void)
{
    return grace_wait();
}

static int put_row(struct bpf_map *map, uint32_t slot, const void *row)
{
    return bpf_map_update_elem(bpf_map__fd(map), &slot, row, BPF_ANY);
}

int tap_clear(struct tap *tap, uint32_t slot, const struct address *address)
{
    const struct begun_counters begun = {0};
    const struct ended_counters ended = {0};
    const struct side_counters side = {0};
    const struct endpoint_key key = key_of(address);
    __u32 bit = bit_of(&key);
    int result;

    if (!tap->bit_uses[bit])
        __atomic_fetch_and(word_of(tap, bit), ~(1ull << bit % 64), __ATOMIC_SEQ_CST);
    result = put_row(tap->object.side_counters, slot, &side);
    if (!result)
        result = put_row(tap->object.ended_counters, slot, &ended);
    return result ? result : put_row(tap->object.begun_counters, slot, &begun);
}

int tap_join(struct tap *tap)
{
    return tap->states ? open_sockets_walk(tap->open_sockets) : 0;
}

/* Nobody refers to set 0. */
int tap_try(const struct tap *tap)
{
    const struct probe_set none = {.slash = 0};
    const uint32_t index = 0;
    int result = bpf_map_update_elem(bpf_map__fd(tap->object.probe_sets), &index, &none, BPF_ANY);

    return result || !tap->states ? result : open_sockets_try(tap->open_sockets);
}

int tap_ignore_socket(struct tap *tap, int fd)
{
    const struct bpf_map *connections = tap->object.connections;
    autofree unsigned char *state = calloc(1, bpf_map__value_size(connections));

    if (!state)
        return -ENOMEM;
    state[CONNECTION_LIFE_OFFSET] = CONNECTION_LIFE_IGNORED;
    return bpf_map_update_elem(bpf_map__fd(connections), &fd, state, BPF_ANY);
}

uint64_t tap_memory(const struct tap *tap)
{
    return object_memory(&tap->object);
}

size_t tap_connection_memory(const struct tap *tap)
{
    return bpf_map__value_size(tap->object.connections);
}

void tap_read(const struct tap *tap, uint32_t slot, struct counters *out)
{
    if (slot < tap->slots)
        rows_read_all(tap->rows, slot, out);
    else
        *out = (struct counters){0};
}

void tap_read_rows(const struct tap *tap, uint32_t first, size_t count, struct counters *out)
{
    size_t left = first < tap->slots ? tap->slots - first : 0, there = count < left ? count : left;

    rows_read(tap->rows, first, there, out);
    memset(out + there, 0, (count - there) * sizeof(*out));
}

uint32_t tap_slots(const struct tap *tap)
{
    return tap->slots;
}

bool tap_cost(const struct tap *tap, uint64_t *run_ns, uint64_t *runs)
{
    return object_cost(&tap->object, run_ns, runs);
}

bool tap_reads_http2(const struct tap *tap)
{
    return tap->object.full;
}

bool tap_joins(const struct tap *tap)
{
    return tap->states;
}

bool tap_knows_namespaces(const struct tap *tap)
{
    return tap->object.cookie;
}

const char *tap_description(const struct tap *tap)
{
    return tap->description;
}

const char *tap_limits(const struct tap *tap)
{
    return *tap->limits ? tap->limits : NULL;
}
