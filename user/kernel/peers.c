#include "kernel/peers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_mounts.h"
#include "kernel/libbpf_log.h"
#include "kernel/load_error.h"
#include "kernel/open_sockets.h"

#include "abi.h"

#include "loadtap_peers.skel.h"
#include "peers_abi.h"

_Static_assert(sizeof(((struct peer *)NULL)->process) == PROCESS_NAME_SIZE, "a name fits");

struct peers {
    struct loadtap_peers_bpf *skeleton;
    struct bpf_link *links[3];
    bool sees_open;
};

/* The id of a cgroup is the inode of its directory; that of a network namespace, of its file. */
static int load(struct peers *peers, int cgroup, bool open)
{
    struct stat of_cgroup, of_netns;
    struct loadtap_peers_bpf *skeleton;

    if (fstat(cgroup, &of_cgroup) || stat("/proc/self/ns/net", &of_netns))
        return -errno;
    loadtap_peers_bpf__destroy(TAKE(peers->skeleton));
    skeleton = peers->skeleton = loadtap_peers_bpf__open();
    if (!skeleton)
        return -errno;
    skeleton->rodata->own_cgroup = of_cgroup.st_ino;
    skeleton->rodata->own_netns = (__u32)of_netns.st_ino;
    bpf_program__set_autoload(skeleton->progs.peers_open, open);
    peers->sees_open = open;
    return loadtap_peers_bpf__load(skeleton);
}

static int attach(struct peers *peers, int cgroup)
{
    const struct bpf_program *programs[] = {peers->skeleton->progs.peers_sockops,
                                            peers->skeleton->progs.peers_egress,
                                            peers->skeleton->progs.peers_ingress};

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        peers->links[i] = bpf_program__attach_cgroup(programs[i], cgroup);
        if (!peers->links[i])
            return -errno;
    }
    return 0;
}

static int start(struct peers *peers, int cgroup, char *error)
{
    int result;

    libbpf_log_begin();
    result = load(peers, cgroup, true);
    if (result && result != -EPERM)
        result = load(peers, cgroup, false);
    libbpf_log_end(result && load_error_needs_words(result));
    if (result) {
        load_error_explain(result, error, PEERS_ERROR_MAX);
        return result;
    }
    result = attach(peers, cgroup);
    if (!result && peers->sees_open)
        result = open_sockets_walk_once(peers->skeleton->progs.peers_open);
    if (result)
        snprintf(error, PEERS_ERROR_MAX, "cannot watch the cgroup: %s", strerror(-result));
    return result;
}

int peers_open(const char *cgroup, struct peers **out, char *error)
{
    struct peers *peers;
    char path[CGROUP_PATH_MAX];
    int fd = cgroup_open(cgroup, false, path, sizeof(path), error, PEERS_ERROR_MAX), result;

    if (fd < 0)
        return fd;
    peers = calloc(1, sizeof(*peers));
    result = peers ? start(peers, fd, error) : -ENOMEM;
    close(fd);
    if (!peers)
        snprintf(error, PEERS_ERROR_MAX, "out of memory");
    if (result)
        peers_close(peers);
    else
        *out = peers;
    return result;
}

void peers_close(struct peers *peers)
{
    if (!peers)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(peers->links); i++)
        bpf_link__destroy(peers->links[i]);
    loadtap_peers_bpf__destroy(peers->skeleton);
    free(peers);
}

bool peers_sees_open(const struct peers *peers)
{
    return peers->sees_open;
}

uint64_t peers_missed(const struct peers *peers)
{
    return peers->skeleton->bss->missed;
}

static void translate(const struct peer_key *key, const struct peer_value *value, struct peer *out)
{
    *out = (struct peer){.elsewhere = key->elsewhere,
                         .connections = value->all,
                         .open = value->open,
                         .http = value->http,
                         .tls = value->tls,
                         .session = value->session};
    memcpy(out->address.ip, key->address.ip, sizeof(out->address.ip));
    out->address.port = key->address.port;
    memcpy(out->process, key->process, sizeof(out->process));
    out->process[sizeof(out->process) - 1] = '\0';
}

/* Entries are never removed, so the walk finds each that was there when it began. */
int peers_read(const struct peers *peers, struct peer **out, size_t *count)
{
    int fd = bpf_map__fd(peers->skeleton->maps.peers);
    size_t room = bpf_map__max_entries(peers->skeleton->maps.peers), n = 0;
    autofree struct peer *list = calloc(room, sizeof(*list));
    struct peer_key key, *before = NULL;
    struct peer_value value;

    if (!list)
        return -ENOMEM;
    for (; n < room && !bpf_map_get_next_key(fd, before, &key); before = &key) {
        if (!bpf_map_lookup_elem(fd, &key, &value))
            translate(&key, &value, &list[n++]);
    }
    *out = TAKE(list);
    *count = n;
    return 0;
}
