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

struct endpoint_use {
    bool dialled, translated;
    struct address instead; /* what is dialled for it */
};

struct look {
    const struct bootstrap *bootstrap;
    const struct named_addresses *addresses;
    struct endpoint_use *uses; /* of each address */
    ino_t namespaces[NAMESPACES_MAX];
    size_t namespace_count;
};

/* Own traffic is not counted. */
static bool is_watched(const struct look *look, size_t i)
{
    uint32_t cluster = look->addresses->items[i].cluster;

    return cluster != NAMES_NO_CLUSTER &&
           (look->bootstrap->lrs_host || cluster != look->bootstrap->lrs_cluster);
}

static void note_peer(struct look *look, const struct address *peer)
{
    for (size_t i = 0; i < look->addresses->count; i++)
        if (address_equal(&look->addresses->items[i].address, peer))
            look->uses[i].dialled = true;
}

static void note_translation(struct look *look, const struct address *dialled,
                             const struct address *real)
{
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

    for (size_t i = 0; i < look->addresses->count; i++) {
        if (!is_watched(look, i) || look->uses[i].dialled || look->uses[i].translated)
            continue;
        if (idle++ < LISTED_MAX)
            length +=
                (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "",
                                 address_text(&look->addresses->items[i].address, text));
    }
    if (idle)
        findings_add(findings, VERDICT_WARN, CHECK, DIAL_FIX,
                     "%zu of %zu endpoints have no connection now: %s%s", idle, watched, list,
                     idle > LISTED_MAX ? ", ..." : "");
}

static void tell(struct findings *findings, const struct look *look)
{
    size_t watched = 0, dialled = 0;

    for (size_t i = 0; i < look->addresses->count; i++) {
        if (!is_watched(look, i))
            continue;
        watched++;
        dialled += look->uses[i].dialled;
        if (look->uses[i].translated && !look->uses[i].dialled)
            tell_translated(findings, look, i);
    }
    if (dialled == watched)
        findings_ok(findings, CHECK, "each of the %zu endpoints has a connection now", watched);
    else
        tell_idle(findings, look, watched);
}

void dialled_check(struct findings *findings, const struct bootstrap *bootstrap,
                   const struct named_addresses *addresses, const char *cgroup)
{
    autofree struct endpoint_use *uses = calloc(addresses->count + 1, sizeof(*uses));
    struct look look = {.bootstrap = bootstrap, .addresses = addresses, .uses = uses};

    if (!uses || processes_visit(cgroup, on_process, &look))
        return;
    tell(findings, &look);
}
