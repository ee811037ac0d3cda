#include "daemon/names.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "upstream/refresh.h"
#include "upstream/resolver.h"

/*   LOOKING --answer: its addresses are observed, those that are missing dropped--> WAITING
 *           --failure: all stays as it is--> WAITING --timer--> LOOKING
 */
struct name {
    struct name *next;
    struct names *names;
    const struct endpoint *endpoint;
    uint32_t cluster, group;
    struct event *timer;
    struct refresh refresh;
    struct address *addresses; /* observed for this name */
    size_t count;
    bool looked_up; /* at least once, with whatever outcome */
    bool failing;   /* told once */
};

struct names {
    struct names_options options;
    struct resolver *resolver;
    struct event *ready;
    struct name *first, **end;
    struct name **first_of; /* by cluster; NULL: none */
    size_t unresolved;      /* not looked up yet */
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
            !observed_add(observed, name->cluster, name->group, &addresses[i]))
            taken[taken_count++] = addresses[i];
    for (size_t i = 0; i < name->count; i++)
        if (!contains(taken, taken_count, &name->addresses[i]))
            observed_drop(observed, name->cluster, name->group, &name->addresses[i]);
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
                    cluster_of(name)->name, name->endpoint->host, answer->error, wait_ms / 1000,
                    (int)(wait_ms % 1000));
    if (!failing && name->failing)
        log_info("cluster %s: %s is resolved again", cluster_of(name)->name, name->endpoint->host);
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
    if (--names->unresolved == 0)
        event_active(names->ready, EV_TIMEOUT, 0);
}

static void on_answer(void *arg, const struct resolver_answer *answer)
{
    struct name *name = arg;
    const struct dns_refresh *settings = &cluster_of(name)->dns_refresh;
    uint64_t wait_ms =
        take_answer(name, answer)
            ? refresh_answered(&name->refresh, settings, answer->ttl, random_number())
            : refresh_failed(&name->refresh, settings, random_number());
    const struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                                 .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};

    tell_outcome(name, answer, wait_ms);
    event_add(name->timer, &wait);
    mark_looked_up(name);
}

static void look_up(struct name *name)
{
    struct resolver_answer failed = {.error = strerror(ENOMEM)};

    if (resolver_lookup(name->names->resolver, name->endpoint->host, name->endpoint->port,
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
    names->options.ready(names->options.arg);
}

struct names *names_new(const struct names_options *options)
{
    struct names *names = calloc(1, sizeof(*names));

    if (!names)
        return NULL;
    names->options = *options;
    names->end = &names->first;
    names->resolver = resolver_new(options->base);
    names->ready = event_new(options->base, -1, 0, on_ready, names);
    names->first_of = calloc(options->clusters->count + 1, sizeof(struct name *));
    if (names->resolver && names->ready && names->first_of)
        return names;
    names_free(names);
    return NULL;
}

static void free_name(struct name *name)
{
    if (name->timer)
        event_free(name->timer);
    free(name->addresses);
    free(name);
}

int names_add(struct names *names, uint32_t cluster, uint32_t group,
              const struct endpoint *endpoint)
{
    struct name *name = calloc(1, sizeof(*name));

    if (!name)
        return -ENOMEM;
    *name = (struct name){.names = names,
                          .endpoint = endpoint,
                          .cluster = cluster,
                          .group = group,
                          .timer = evtimer_new(names->options.base, on_timer, name)};
    if (!name->timer) {
        free_name(name);
        return -ENOMEM;
    }
    *names->end = name;
    names->end = &name->next;
    if (!names->first_of[cluster])
        names->first_of[cluster] = name;
    names->unresolved++;
    return 0;
}

void names_start(struct names *names)
{
    if (!names->unresolved)
        event_active(names->ready, EV_TIMEOUT, 0);
    for (struct name *name = names->first; name; name = name->next)
        look_up(name);
}

const struct endpoint *names_of(const struct names *names, const struct host *host, size_t i)
{
    const struct name *name = names->first_of[host->cluster];

    for (; name && name->cluster == host->cluster; name = name->next)
        if (name->group == host->group && contains(name->addresses, name->count, &host->address) &&
            i-- == 0)
            return name->endpoint;
    return NULL;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    resolver_free(names->resolver); /* before those whom it would answer */
    while (names->first) {
        struct name *name = names->first;

        names->first = name->next;
        free_name(name);
    }
    if (names->ready)
        event_free(names->ready);
    free(names->first_of);
    free(names);
}
