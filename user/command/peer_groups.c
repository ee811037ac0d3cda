#include "command/peer_groups.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* All entries of one address. */
struct dialled {
    const struct peer *peers; /* the process that dials most is the first */
    size_t count;
};

static int by_address(const struct address *a, const struct address *b)
{
    int order = memcmp(a->ip, b->ip, sizeof(a->ip));

    return order ? order : a->port - b->port;
}

static int by_address_and_use(const void *left, const void *right)
{
    const struct peer *a = left, *b = right;
    int order = by_address(&a->address, &b->address);

    if (order)
        return order;
    if (a->connections != b->connections)
        return a->connections < b->connections ? 1 : -1;
    return strcmp(a->process, b->process);
}

static int by_process_and_port(const void *left, const void *right)
{
    const struct peer *a = ((const struct dialled *)left)->peers;
    const struct peer *b = ((const struct dialled *)right)->peers;
    int order = strcmp(a->process, b->process);

    if (!order)
        order = a->address.port - b->address.port;
    return order ? order : by_address(&a->address, &b->address);
}

/* What loadtap itself dials are its reports: its daemon does not count them. */
static bool is_own(const struct peer *peer)
{
    return strcmp(peer->process, "loadtap") == 0;
}

/* Moves those that belong into a cluster to the front; returns how many these are. */
static size_t keep(struct peer *peers, size_t count, const struct address *management,
                   uint64_t *elsewhere)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_own(&peers[i]))
            continue;
        if (peers[i].elsewhere)
            *elsewhere += peers[i].connections;
        else if (peers[i].address.port && /* 0 can be dialled, and not be configured */
                 (!management || !address_equal(&peers[i].address, management)))
            peers[kept++] = peers[i];
    }
    return kept;
}

/* Of sorted peers, one entry for each address; returns how many. */
static size_t collect(const struct peer *peers, size_t count, struct dialled *out)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (n && address_equal(&out[n - 1].peers->address, &peers[i].address))
            out[n - 1].count++;
        else
            out[n++] = (struct dialled){.peers = &peers[i], .count = 1};
    }
    return n;
}

static char *name_processes(const struct dialled *dialled)
{
    size_t size = dialled->count * (sizeof(dialled->peers->process) + 2) + 1, used = 0;
    char *text = calloc(1, size);

    for (size_t i = 0; text && i < dialled->count; i++) {
        const char *process = dialled->peers[i].process;

        if (*process)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", process);
    }
    return text;
}

static enum peer_speech speech_of(const struct dialled *first, const struct dialled *end)
{
    uint64_t http = 0, tls = 0, session = 0;

    for (; first < end; first++) {
        for (size_t i = 0; i < first->count; i++) {
            http += first->peers[i].http;
            tls += first->peers[i].tls;
            session += first->peers[i].session;
        }
    }
    if (http)
        return SPEECH_HTTP;
    if (tls && session)
        return SPEECH_UNKNOWN;
    return tls ? SPEECH_TLS : session ? SPEECH_SESSION : SPEECH_UNKNOWN;
}

static int fill_endpoint(const struct dialled *dialled, struct peer_endpoint *out)
{
    out->address = dialled->peers->address;
    for (size_t i = 0; i < dialled->count; i++)
        out->connections += dialled->peers[i].connections;
    out->processes = name_processes(dialled);
    return out->processes ? 0 : -ENOMEM;
}

static bool is_named(const struct peer_groups *groups, const char *name)
{
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(groups->clusters[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Letters that need no quotes anywhere; two processes may be the same in them. */
static char *make_name(const struct peer_groups *groups, const struct peer *peer)
{
    char name[64];
    int length = snprintf(name, sizeof(name), "%s-%u", *peer->process ? peer->process : "port",
                          peer->address.port);

    for (char *c = name; *c; c++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
            *c = '_';
    }
    for (unsigned i = 2; is_named(groups, name); i++)
        snprintf(name + length, sizeof(name) - (size_t)length, "-%u", i);
    return strdup(name);
}

/* A cluster of the endpoints from `first` on; what it has is the caller's to clear, also if it fails. */
static int add_cluster(struct peer_groups *groups, const struct dialled *first,
                       const struct dialled *end)
{
    struct peer_cluster *cluster = &groups->clusters[groups->count];
    char *name = make_name(groups, first->peers);

    if (!name)
        return -ENOMEM;
    *cluster = (struct peer_cluster){.name = name,
                                     .process = first->peers->process,
                                     .port = first->peers->address.port,
                                     .speech = speech_of(first, end)};
    groups->count++;
    cluster->endpoints = calloc((size_t)(end - first), sizeof(*cluster->endpoints));
    if (!cluster->endpoints)
        return -ENOMEM;
    for (; first < end; first++) {
        struct peer_endpoint *endpoint = &cluster->endpoints[cluster->count++];

        if (fill_endpoint(first, endpoint))
            return -ENOMEM;
        cluster->connections += endpoint->connections;
        for (size_t i = 0; i < first->count; i++)
            cluster->open += first->peers[i].open;
    }
    return 0;
}

static bool same_cluster(const struct dialled *a, const struct dialled *b)
{
    return a->peers->address.port == b->peers->address.port &&
           strcmp(a->peers->process, b->peers->process) == 0;
}

int peer_groups_make(struct peer *peers, size_t count, const struct address *management,
                     struct peer_groups *out)
{
    struct peer_groups groups = {0};
    size_t kept = keep(peers, count, management, &groups.elsewhere), n, next;
    autofree struct dialled *dialled = calloc(kept + 1, sizeof(*dialled));
    int result = 0;

    groups.clusters = calloc(kept + 1, sizeof(*groups.clusters));
    if (!dialled || !groups.clusters) {
        free(groups.clusters);
        return -ENOMEM;
    }
    qsort(peers, kept, sizeof(*peers), by_address_and_use);
    n = collect(peers, kept, dialled);
    qsort(dialled, n, sizeof(*dialled), by_process_and_port);
    for (size_t i = 0; i < n && !result; i = next) {
        for (next = i + 1; next < n && same_cluster(&dialled[i], &dialled[next]);)
            next++;
        result = add_cluster(&groups, &dialled[i], &dialled[next]);
    }
    if (result)
        peer_groups_clear(&groups);
    else
        *out = groups;
    return result;
}

void peer_groups_clear(struct peer_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct peer_cluster *cluster = &groups->clusters[i];

        for (size_t j = 0; j < cluster->count; j++)
            free(cluster->endpoints[j].processes);
        free(cluster->endpoints);
        free(cluster->name);
    }
    free(groups->clusters);
    *groups = (struct peer_groups){0};
}
