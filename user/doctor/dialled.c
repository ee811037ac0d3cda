#include "doctor/dialled.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "doctor/processes.h"
#include "doctor/sockets.h"

#define NAMESPACES_MAX 256
#define LISTED_MAX 5 /* in a line; the rest is counted */
#define CHECK "endpoints"
#define DIAL_FIX                                                                                   \
    "an endpoint has to be the address that the proxy dials: in Kubernetes the Service's "         \
    "ClusterIP, "                                                                                  \
    "or the pods' own addresses where the Service is headless"
#define LOOPBACK_FIX                                                                               \
    "; a loopback address is that of loadtap's own network namespace: run loadtap, and its "       \
    "doctor, in the proxy's"

struct endpoint_use {
    bool dialled, translated;
    struct address instead; /* what is dialled for it */
};

struct look {
    const struct bootstrap *bootstrap;
    const struct named_addresses *addresses;
    struct endpoint_use *uses; /* of each address */
    ino_t own_namespace;
    ino_t namespaces[NAMESPACES_MAX]; /* that were read; the last one is being read */
    size_t namespace_count;
};

/* Own traffic is not counted. */
static bool is_watched(const struct look *look, size_t i)
{
    uint32_t cluster = look->addresses->items[i].cluster;

    return cluster != NAMES_NO_CLUSTER &&
           (look->bootstrap->lrs_host || cluster != look->bootstrap->lrs_cluster);
}

/* Whether an address in the namespace that is being read means what it means to loadtap. */
static bool is_reachable(const struct look *look, const struct address *address)
{
    return look->namespaces[look->namespace_count - 1] == look->own_namespace ||
           !address_is_loopback(address);
}

static void note_peer(struct look *look, const struct address *peer)
{
    if (!is_reachable(look, peer))
        return;
    for (size_t i = 0; i < look->addresses->count; i++)
        if (address_equal(&look->addresses->items[i].address, peer))
            look->uses[i].dialled = true;
}

static void note_translation(struct look *look, const struct address *dialled,
                             const struct address *real)
{
    if (!is_reachable(look, real))
        return;
    for (size_t i = 0; i < look->addresses->count; i++)
        if (address_equal(&look->addresses->items[i].address, real)) {
            look->uses[i].translated = true;
            look->uses[i].instead = *dialled;
        }
}

static void read_table(struct look *look, pid_t pid, const char *name, bool translations)
{
    char path[64], line[1024];
    struct address one, two;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (!translations && sockets_peer(line, &one))
            note_peer(look, &one);
        else if (translations && sockets_translation(line, &one, &two))
            note_translation(look, &one, &two);
    if (file)
        fclose(file);
}

/* Each network namespace once. */
static bool on_process(void *arg, pid_t pid)
{
    struct look *look = arg;
    char path[64];
    struct stat of;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    if (!pid || stat(path, &of))
        return true;
    for (size_t i = 0; i < look->namespace_count; i++)
        if (look->namespaces[i] == of.st_ino)
            return true;
    look->namespaces[look->namespace_count++] = of.st_ino;
    read_table(look, pid, "tcp", false);
    read_table(look, pid, "tcp6", false);
    read_table(look, pid, "nf_conntrack", true);
    return look->namespace_count < NAMESPACES_MAX;
}

static void tell_translated(struct findings *findings, const struct look *look, size_t i)
{
    char real[ADDRESS_TEXT_MAX], dialled[ADDRESS_TEXT_MAX], fix[FINDING_TEXT_MAX];
    const struct named_address *one = &look->addresses->items[i];

    address_text(&one->address, real);
    address_text(&look->uses[i].instead, dialled);
    snprintf(fix, sizeof(fix), "make %s the endpoint", dialled);
    findings_add(
        findings, VERDICT_WARN, CHECK, fix,
        "cluster %.200s: no socket dials %s, but %s, which is translated to it: its traffic "
        "is not counted",
        look->bootstrap->clusters.items[one->cluster].name, real, dialled);
}

static void tell_idle(struct findings *findings, const struct look *look, size_t watched)
{
    char list[LISTED_MAX * (ADDRESS_TEXT_MAX + 2)] = "", text[ADDRESS_TEXT_MAX];
    size_t idle = 0, length = 0;
    bool loopback = false;

    for (size_t i = 0; i < look->addresses->count; i++) {
        if (!is_watched(look, i) || look->uses[i].dialled || look->uses[i].translated)
            continue;
        loopback |= address_is_loopback(&look->addresses->items[i].address);
        if (idle++ < LISTED_MAX)
            length +=
                (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "",
                                 address_text(&look->addresses->items[i].address, text));
    }
    if (idle)
        findings_add(findings, VERDICT_WARN, CHECK, loopback ? DIAL_FIX LOOPBACK_FIX : DIAL_FIX,
                     "%zu of %zu endpoints have no connection now: %s%s", idle, watched, list,
                     idle > LISTED_MAX ? ", ..." : "");
}

static void tell(struct findings *findings, const struct look *look)
{
    size_t watched = 0, dialled = 0, loopback = 0;

    for (size_t i = 0; i < look->addresses->count; i++) {
        if (!is_watched(look, i))
            continue;
        watched++;
        dialled += look->uses[i].dialled;
        loopback += address_is_loopback(&look->addresses->items[i].address);
        if (look->uses[i].translated && !look->uses[i].dialled)
            tell_translated(findings, look, i);
    }
    if (dialled == watched)
        findings_ok(findings, CHECK, "each of the %zu endpoints has a connection now%s", watched,
                    loopback ? " (to a loopback address: in loadtap's network namespace)" : "");
    else
        tell_idle(findings, look, watched);
}

void dialled_check(struct findings *findings, const struct bootstrap *bootstrap,
                   const struct named_addresses *addresses, const char *cgroup)
{
    autofree struct endpoint_use *uses = calloc(addresses->count + 1, sizeof(*uses));
    struct look look = {.bootstrap = bootstrap, .addresses = addresses, .uses = uses};

    struct stat own;

    if (!uses || stat("/proc/self/ns/net", &own))
        return;
    look.own_namespace = own.st_ino;
    if (processes_visit(cgroup, on_process, &look))
        return;
    tell(findings, &look);
}
