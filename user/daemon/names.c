#include "daemon/names.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/name_index.h"
#include "upstream/refresh.h"
#include "upstream/resolver.h"

/*   LOOKING --answer: its addresses are observed, those that are missing dropped--> WAITING
 *           --failure: all stays as it is--> WAITING --timer--> LOOKING
 *   WAITING --names_drop--> (gone)
 *   LOOKING --names_drop--> GONE --answer--> (gone)
 */
struct name {
    struct name *next; /* of its cluster; or of those that are gone */
    struct names *names;
    struct endpoint endpoint; /* its host is its own */
    uint32_t cluster, group;
    struct event *timer;
    struct refresh refresh;
    struct address *addresses; /* observed for this name */
    size_t count;
    bool looking;
    bool gone;
    bool again;     /* LOOKING: by settings that were replaced meanwhile */
    bool looked_up; /* at least once, with whatever outcome */
    bool failing;   /* told once */
};

struct list {
    struct name *first, **end; /* end: of one that is not empty */
};

struct names {
    struct names_options options;
    struct resolver *resolver;
    struct event *ready;
    struct list *of; /* by cluster */
    size_t cluster_count;
    struct list gone;
    struct name_index index; /* of `indexed`, the cluster that was looked at last, if is_indexed */
    uint32_t indexed;
    bool is_indexed;
    bool started, told_ready;
    size_t unresolved; /* not looked up yet */
};

static const struct cluster *cluster_of(const struct name *name)
{
    return &name->names->options.clusters->items[name->cluster];
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool contains(const struct address *addresses, size_t count, const struct address *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&addresses[i], wanted))
            return true;
    return false;
}

/* Names or addresses are about to change. */
static void forget_index(struct names *names)
{
    name_index_clear(&names->index);
    names->is_indexed = false;
}

/* New addresses come before old ones go: one that moves is never unobserved. */
static int take_addresses(struct name *name, const struct address *addresses, size_t count)
{
    struct observed *observed = name->names->options.observed;
    autofree struct address *taken = calloc(count + 1, sizeof(*taken));
    size_t taken_count = 0;

    if (!taken)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (contains(name->addresses, name->count, &addresses[i]) ||
            !observed_add(observed, name->cluster, name->group, &addresses[i], OBSERVED_BY_NAME))
            taken[taken_count++] = addresses[i];
    for (size_t i = 0; i < name->count; i++)
        if (!contains(taken, taken_count, &name->addresses[i]))
            observed_drop(observed, name->cluster, name->group, &name->addresses[i]);
    forget_index(name->names);
    free(name->addresses);
    name->addresses = TAKE(taken);
    name->count = taken_count;
    return 0;
}

/* Envoy's rules: LOGICAL_DNS takes the first address, and keeps the one it has where there is none;
 * STRICT_DNS takes all, and none is an answer as well. */
static bool take_answer(struct name *name, const struct resolver_answer *answer)
{
    bool is_logical = cluster_of(name)->discovery == DISCOVERY_LOGICAL_DNS;

    if (!answer->count && (!answer->absent || is_logical))
        return false;
    return !take_addresses(name, answer->addresses,
                           is_logical && answer->count ? 1 : answer->count);
}

static void tell_outcome(struct name *name, const struct resolver_answer *answer, uint64_t wait_ms)
{
    bool failing = !answer->count;

    if (failing && !name->failing)
        log_warning("cluster %s: cannot resolve %s: %s (next attempt in %" PRIu64
                    ".%03d s; told again when it is resolved)",
                    cluster_of(name)->name, name->endpoint.host, answer->error, wait_ms / 1000,
                    (int)(wait_ms % 1000));
    if (!failing && name->failing)
        log_info("cluster %s: %s is resolved again", cluster_of(name)->name, name->endpoint.host);
    name->failing = failing;
}

static uint64_t random_number(void)
{
    uint64_t number;

    evutil_secure_rng_get_bytes(&number, sizeof(number));
    return number;
}

static void mark_looked_up(struct name *name)
{
    struct names *names = name->names;

    if (name->looked_up)
        return;
    name->looked_up = true;
    if (--names->unresolved == 0 && !names->told_ready)
        event_active(names->ready, EV_TIMEOUT, 0);
}

static void take_out(struct list *list, struct name *name)
{
    struct name **at = &list->first;

    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    if (list->end == &name->next)
        list->end = at;
}

static void put_in(struct list *list, struct name *name)
{
    struct name **end = list->first ? list->end : &list->first;

    name->next = NULL;
    *end = name;
    list->end = &name->next;
}

static void free_name(struct name *name)
{
    if (name->timer)
        event_free(name->timer);
    free(name->endpoint.host);
    free(name->addresses);
    free(name);
}

static void look_up(struct name *name);

/* An answer that nobody waits for, or that is to a question that is no longer asked. False: it counts. */
static bool is_outdated(struct name *name)
{
    bool again = name->again;

    name->looking = name->again = false;
    if (name->gone) {
        take_out(&name->names->gone, name);
        free_name(name);
        return true;
    }
    if (again)
        look_up(name);
    return again;
}

static void on_answer(void *arg, const struct resolver_answer *answer)
{
    struct name *name = arg;

    if (is_outdated(name))
        return;
    const struct dns_refresh *settings = &cluster_of(name)->dns_refresh;
    uint64_t wait_ms =
        take_answer(name, answer)
            ? refresh_answered(&name->refresh, settings, answer->ttl, random_number())
            : refresh_failed(&name->refresh, settings, random_number());
    const struct timeval wait = clock_interval(wait_ms * 1000);

    tell_outcome(name, answer, wait_ms);
    event_add(name->timer, &wait);
    mark_looked_up(name);
}

static void look_up(struct name *name)
{
    struct resolver_answer failed = {.error = strerror(ENOMEM)};

    name->looking = true;
    event_del(name->timer); /* where it is asked for before its time */
    if (resolver_lookup(name->names->resolver, name->endpoint.host, name->endpoint.port,
                        cluster_of(name)->dns_family, on_answer, name))
        on_answer(name, &failed);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look_up(arg);
}

/* --- the interface ------------------------------------------------------------------------------
 */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct names *names = arg;

    (void)fd, (void)what;
    names->told_ready = true;
    names->options.ready(names->options.arg);
}

struct names *names_new(const struct names_options *options)
{
    struct names *names = calloc(1, sizeof(*names));

    if (!names)
        return NULL;
    names->options = *options;
    names->resolver = resolver_new(options->base);
    names->ready = event_new(options->base, -1, 0, on_ready, names);
    if (names->resolver && names->ready)
        return names;
    names_free(names);
    return NULL;
}

static int reserve_clusters(struct names *names)
{
    size_t count = names->options.clusters->count;
    struct list *of;

    if (count <= names->cluster_count)
        return 0;
    of = reallocarray(names->of, count, sizeof(*of));
    if (!of)
        return -ENOMEM;
    memset(of + names->cluster_count, 0, (count - names->cluster_count) * sizeof(*of));
    names->of = of;
    names->cluster_count = count;
    return 0;
}

int names_add(struct names *names, uint32_t cluster, uint32_t group, const char *host,
              uint16_t port)
{
    struct name *name = reserve_clusters(names) ? NULL : calloc(1, sizeof(*name));

    if (!name)
        return -ENOMEM;
    *name = (struct name){.names = names,
                          .endpoint = {.host = strdup(host), .port = port},
                          .cluster = cluster,
                          .group = group,
                          .timer = evtimer_new(names->options.base, on_timer, name)};
    if (!name->timer || !name->endpoint.host) {
        free_name(name);
        return -ENOMEM;
    }
    put_in(&names->of[cluster], name);
    names->unresolved++;
    if (names->started)
        look_up(name);
    return 0;
}

static struct name *find(const struct names *names, uint32_t cluster, uint32_t group,
                         const char *host, uint16_t port)
{
    struct name *name = cluster < names->cluster_count ? names->of[cluster].first : NULL;

    while (name && (name->group != group || name->endpoint.port != port ||
                    strcmp(name->endpoint.host, host) != 0))
        name = name->next;
    return name;
}

void names_drop(struct names *names, uint32_t cluster, uint32_t group, const char *host,
                uint16_t port)
{
    struct name *name = find(names, cluster, group, host, port);

    if (!name)
        return;
    for (size_t i = 0; i < name->count; i++)
        observed_drop(names->options.observed, cluster, group, &name->addresses[i]);
    forget_index(names);
    take_out(&names->of[cluster], name);
    mark_looked_up(name);
    if (!name->looking) {
        free_name(name);
        return;
    }
    name->gone = true;
    put_in(&names->gone, name);
}

void names_refresh(struct names *names, uint32_t cluster)
{
    struct name *name = cluster < names->cluster_count ? names->of[cluster].first : NULL;

    for (struct name *next; name; name = next) {
        next = name->next;
        name->refresh = (struct refresh){0};
        name->again = name->looking;
        if (!name->looking)
            look_up(name);
    }
}

void names_start(struct names *names)
{
    names->started = true;
    if (!names->unresolved)
        event_active(names->ready, EV_TIMEOUT, 0);
    for (size_t i = 0; i < names->cluster_count; i++)
        for (struct name *name = names->of[i].first; name; name = name->next)
            look_up(name);
}

static void free_list(struct list *list)
{
    while (list->first) {
        struct name *name = list->first;

        list->first = name->next;
        free_name(name);
    }
}

static int make_index(struct names *names, uint32_t cluster)
{
    forget_index(names);
    for (const struct name *name = names->of[cluster].first; name; name = name->next)
        for (size_t i = 0; i < name->count; i++)
            if (name_index_add(&names->index, name->group, &name->addresses[i], &name->endpoint))
                return -ENOMEM;
    name_index_sort(&names->index);
    names->indexed = cluster;
    names->is_indexed = true;
    return 0;
}

const struct endpoint *names_of(struct names *names, const struct host *host, size_t i)
{
    if (host->cluster >= names->cluster_count)
        return NULL;
    if ((!names->is_indexed || names->indexed != host->cluster) && make_index(names, host->cluster))
        return NULL;
    return name_index_find(&names->index, host->group, &host->address, i);
}

void names_free(struct names *names)
{
    if (!names)
        return;
    resolver_free(names->resolver); /* before those whom it would answer */
    for (size_t i = 0; i < names->cluster_count; i++)
        free_list(&names->of[i]);
    free_list(&names->gone);
    forget_index(names);
    free(names->of);
    if (names->ready)
        event_free(names->ready);
    free(names);
}
