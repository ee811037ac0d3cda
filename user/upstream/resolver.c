#include "upstream/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>
#include <event2/event.h>

#include "base/mem.h"
#include "upstream/ares_loop.h"

#define LOOKUPS_AT_A_TIME 64

/* waiting --started: c-ares asks--> asking --its callback--> answered --delivered--> freed
 *    +------- IP literal --------------------------------------^
 *
 * c-ares may answer from inside the call that asks, and must not be destroyed from inside its
 * callback; so answers are delivered later, from an event of their own. */
enum state { WAITING, ASKING, ANSWERED };

struct lookup {
    struct lookup *next;
    struct resolver *resolver;
    enum state state;
    char *name;
    uint16_t port;
    enum dns_family family;
    resolver_done_fn *done;
    void *arg;
    struct address *addresses;
    size_t count;
    uint32_t ttl;
    bool absent;
    const char *error; /* static text */
};

struct resolver {
    struct event_base *base;
    struct event *proceed;
    struct ares_loop *ares; /* NULL while nothing is asked */
    struct lookup *lookups; /* in the order of their start */
    struct lookup **end;
    size_t asking;
};

static void free_lookup(struct lookup *lookup)
{
    free(lookup->name);
    free(lookup->addresses);
    free(lookup);
}

static void answered(struct lookup *lookup, const char *error)
{
    lookup->state = ANSWERED;
    lookup->error = error;
    event_active(lookup->resolver->proceed, EV_TIMEOUT, 0);
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static bool has_family(const struct ares_addrinfo *answer, int family)
{
    for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next)
        if (node->ai_family == family)
            return true;
    return false;
}

static size_t node_count(const struct ares_addrinfo *answer)
{
    size_t count = 0;

    for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next)
        count++;
    return count;
}

/* The one family whose addresses are taken, AF_UNSPEC for both. */
static int taken_family(const struct ares_addrinfo *answer, enum dns_family family)
{
    switch (family) {
    case DNS_FAMILY_V4_ONLY:
        return AF_INET;
    case DNS_FAMILY_V6_ONLY:
        return AF_INET6;
    case DNS_FAMILY_V4_PREFERRED:
        return has_family(answer, AF_INET) ? AF_INET : AF_INET6;
    case DNS_FAMILY_ALL:
        return AF_UNSPEC;
    default:
        return has_family(answer, AF_INET6) ? AF_INET6 : AF_INET;
    }
}

static bool contains(const struct lookup *lookup, const struct address *address)
{
    for (size_t i = 0; i < lookup->count; i++)
        if (address_equal(&lookup->addresses[i], address))
            return true;
    return false;
}

static void take_ttl(struct lookup *lookup, int ttl)
{
    uint32_t seconds = ttl > 0 ? (uint32_t)ttl : 0;

    if (!lookup->count || seconds < lookup->ttl)
        lookup->ttl = seconds;
}

/* NULL, or why there is no address. */
static const char *take_addresses(struct lookup *lookup, const struct ares_addrinfo *answer)
{
    int family = taken_family(answer, lookup->family);

    lookup->addresses = calloc(node_count(answer) + 1, sizeof(*lookup->addresses));
    if (!lookup->addresses)
        return "out of memory";
    for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next) {
        struct address address;

        if (lookup->count == RESOLVER_ADDRESSES_MAX)
            break;
        if ((family != AF_UNSPEC && node->ai_family != family) ||
            address_from_sockaddr(node->ai_addr, &address))
            continue;
        address.port = lookup->port;
        if (contains(lookup, &address))
            continue;
        take_ttl(lookup, node->ai_ttl);
        lookup->addresses[lookup->count++] = address;
    }
    lookup->absent = !lookup->count;
    return lookup->count ? NULL : "no address of the wanted family";
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
    struct lookup *lookup = arg;
    const char *error = ares_strerror(status);

    (void)timeouts;
    lookup->resolver->asking--;
    lookup->absent = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    if (status == ARES_SUCCESS)
        error = take_addresses(lookup, answer);
    if (answer)
        ares_freeaddrinfo(answer);
    answered(lookup, error);
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static void ask(struct resolver *resolver, struct lookup *lookup)
{
    const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT,
        .ai_family = lookup->family == DNS_FAMILY_V4_ONLY   ? AF_INET
                     : lookup->family == DNS_FAMILY_V6_ONLY ? AF_INET6
                                                            : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };

    if (!resolver->ares)
        resolver->ares = ares_loop_new(resolver->base);
    if (!resolver->ares) {
        answered(lookup, "cannot set up DNS");
        return;
    }
    lookup->state = ASKING;
    resolver->asking++;
    ares_getaddrinfo(ares_loop_channel(resolver->ares), lookup->name, NULL, &hints, on_answer,
                     lookup);
    ares_loop_rearm(resolver->ares);
}

static void start_waiting(struct resolver *resolver)
{
    for (struct lookup *lookup = resolver->lookups; lookup; lookup = lookup->next) {
        if (resolver->asking == LOOKUPS_AT_A_TIME)
            return;
        if (lookup->state == WAITING)
            ask(resolver, lookup);
    }
}

static struct lookup *take_answered(struct resolver *resolver)
{
    for (struct lookup **at = &resolver->lookups; *at; at = &(*at)->next) {
        struct lookup *found = *at;

        if (found->state != ANSWERED)
            continue;
        *at = found->next;
        if (!found->next)
            resolver->end = at;
        return found;
    }
    return NULL;
}

static void deliver(const struct lookup *lookup)
{
    const struct resolver_answer answer = {.addresses = lookup->addresses,
                                           .count = lookup->count,
                                           .ttl = lookup->ttl,
                                           .absent = lookup->absent,
                                           .error = lookup->error};

    lookup->done(lookup->arg, &answer);
}

static void on_proceed(evutil_socket_t fd, short what, void *arg)
{
    struct resolver *resolver = arg;
    struct lookup *lookup;

    (void)fd, (void)what;
    while ((lookup = take_answered(resolver))) {
        deliver(lookup);
        free_lookup(lookup);
    }
    if (resolver->asking == 0) {
        ares_loop_free(resolver->ares);
        resolver->ares = NULL;
    }
    start_waiting(resolver);
}

/* --- the interface ------------------------------------------------------------------------------
 */

static int answer_literal(struct lookup *lookup)
{
    struct address address;

    if (address_parse(lookup->name, lookup->port, &address))
        return 0;
    lookup->addresses = malloc(sizeof(address));
    if (!lookup->addresses)
        return -ENOMEM;
    *lookup->addresses = address;
    lookup->count = 1;
    lookup->state = ANSWERED;
    return 0;
}

int resolver_lookup(struct resolver *resolver, const char *name, uint16_t port,
                    enum dns_family family, resolver_done_fn *done, void *arg)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));

    if (!lookup)
        return -ENOMEM;
    *lookup = (struct lookup){.resolver = resolver,
                              .name = strdup(name),
                              .port = port,
                              .family = family,
                              .done = done,
                              .arg = arg};
    if (!lookup->name || answer_literal(lookup)) {
        free_lookup(lookup);
        return -ENOMEM;
    }
    *resolver->end = lookup;
    resolver->end = &lookup->next;
    event_active(resolver->proceed, EV_TIMEOUT, 0);
    return 0;
}

struct resolver *resolver_new(struct event_base *base)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));

    if (!resolver)
        return NULL;
    resolver->base = base;
    resolver->end = &resolver->lookups;
    resolver->proceed = event_new(base, -1, 0, on_proceed, resolver);
    if (!resolver->proceed || ares_library_init(ARES_LIB_INIT_ALL)) {
        if (resolver->proceed)
            event_free(resolver->proceed);
        free(resolver);
        return NULL;
    }
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    ares_loop_free(resolver->ares); /* ends the queries, hence before their lookups */
    event_free(resolver->proceed);
    while (resolver->lookups) {
        struct lookup *lookup = resolver->lookups;

        resolver->lookups = lookup->next;
        free_lookup(lookup);
    }
    ares_library_cleanup();
    free(resolver);
}
