#include "doctor/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "upstream/resolver.h"

#define PATIENCE_SECONDS 10 /* for all */

/* One endpoint. */
struct lookup {
    struct names *names;
    uint32_t cluster;
    const char *host;
    uint16_t port;
    struct address *addresses; /* owned */
    size_t count;
    bool is_name, done;
    char error[128];
};

struct names {
    struct event_base *base;
    struct lookup *lookups;
    size_t count, pending;
};

static void on_answer(void *arg, const struct resolver_answer *answer)
{
    struct lookup *lookup = arg;

    lookup->done = true;
    lookup->addresses = calloc(answer->count + 1, sizeof(*lookup->addresses));
    if (lookup->addresses && answer->count) {
        memcpy(lookup->addresses, answer->addresses, answer->count * sizeof(*lookup->addresses));
        lookup->count = answer->count;
    }
    if (!answer->count)
        snprintf(lookup->error, sizeof(lookup->error), "%s", answer->error);
    if (!--lookup->names->pending)
        event_base_loopbreak(lookup->names->base);
}

static void add(struct names *names, uint32_t cluster, const char *host, uint16_t port)
{
    struct address address;

    names->lookups[names->count++] = (struct lookup){
        .names = names,
        .cluster = cluster,
        .host = host,
        .port = port,
        .is_name = address_parse(host, port, &address) != 0,
        .error = "no answer in time",
    };
}

static size_t count_endpoints(const struct clusters *clusters)
{
    size_t count = 0;

    for (size_t c = 0; c < clusters->count; c++)
        for (size_t g = 0; g < clusters->items[c].group_count; g++)
            count += clusters->items[c].groups[g].endpoint_count;
    return count;
}

static void add_group(struct names *names, uint32_t cluster, const struct locality_endpoints *group)
{
    for (size_t i = 0; i < group->endpoint_count; i++)
        if (group->endpoints[i].host)
            add(names, cluster, group->endpoints[i].host, group->endpoints[i].port);
}

static int collect(struct names *names, const struct bootstrap *bootstrap)
{
    const struct clusters *clusters = &bootstrap->clusters;

    names->lookups = calloc(count_endpoints(clusters) + 1, sizeof(*names->lookups));
    if (!names->lookups)
        return -ENOMEM;
    for (uint32_t c = 0; c < clusters->count; c++)
        for (size_t g = 0; g < clusters->items[c].group_count; g++)
            add_group(names, c, &clusters->items[c].groups[g]);
    if (bootstrap->lrs_host)
        add(names, NAMES_NO_CLUSTER, bootstrap->lrs_host, bootstrap->lrs_port);
    return 0;
}

static enum dns_family family_of(const struct bootstrap *bootstrap, const struct lookup *lookup)
{
    return lookup->cluster == NAMES_NO_CLUSTER
               ? DNS_FAMILY_ALL
               : bootstrap->clusters.items[lookup->cluster].dns_family;
}

static int ask(struct names *names, const struct bootstrap *bootstrap, struct resolver *resolver)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};

    names->pending = names->count;
    for (size_t i = 0; i < names->count; i++) {
        struct lookup *lookup = &names->lookups[i];

        if (resolver_lookup(resolver, lookup->host, lookup->port, family_of(bootstrap, lookup),
                            on_answer, lookup))
            return -ENOMEM;
    }
    if (names->pending &&
        (event_base_loopexit(names->base, &patience) || event_base_dispatch(names->base) < 0))
        return -ENOMEM;
    return 0;
}

static int give(const struct lookup *lookup, struct named_addresses *out)
{
    struct named_address *items =
        reallocarray(out->items, out->count + lookup->count + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    out->items = items;
    for (size_t i = 0; i < lookup->count; i++)
        items[out->count++] = (struct named_address){lookup->cluster, lookup->addresses[i]};
    return 0;
}

static int tell(struct findings *findings, const struct bootstrap *bootstrap,
                const struct names *names, struct named_addresses *out)
{
    size_t named = 0, failed = 0;
    int result = 0;

    for (size_t i = 0; i < names->count && !result; i++) {
        const struct lookup *lookup = &names->lookups[i];

        named += lookup->is_name;
        result = give(lookup, out);
        if (lookup->count)
            continue;
        failed++;
        findings_add(findings, VERDICT_FAIL, "dns",
                     "is the name right, and the server in /etc/resolv.conf the proxy's?",
                     "%s%.200s: %.256s: %s",
                     lookup->cluster == NAMES_NO_CLUSTER ? "management server" : "cluster ",
                     lookup->cluster == NAMES_NO_CLUSTER
                         ? ""
                         : bootstrap->clusters.items[lookup->cluster].name,
                     lookup->host, lookup->error);
    }
    if (!failed)
        findings_ok(findings, "dns",
                    named ? "all %zu names have addresses" : "there are no names to look up",
                    named);
    return result;
}

int names_check(struct findings *findings, const struct bootstrap *bootstrap,
                struct named_addresses *out)
{
    struct names names = {.base = event_base_new()};
    struct resolver *resolver = names.base ? resolver_new(names.base) : NULL;
    int result = resolver ? collect(&names, bootstrap) : -ENOMEM;

    if (!result)
        result = ask(&names, bootstrap, resolver);
    if (resolver)
        resolver_free(resolver);
    if (names.base)
        event_base_free(names.base);
    if (!result)
        result = tell(findings, bootstrap, &names, out);
    for (size_t i = 0; i < names.count; i++)
        free(names.lookups[i].addresses);
    free(names.lookups);
    return result;
}

void named_addresses_clear(struct named_addresses *addresses)
{
    free(addresses->items);
    *addresses = (struct named_addresses){NULL, 0};
}
