/* The names of DNS clusters, with a resolver and observed addresses that the test stands in for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/mem.h"
#include "daemon/names.h"
#include "upstream/resolver.h"

enum { STRICT, LOGICAL, CLUSTERS };

static struct endpoint endpoints[] = {{.host = "strict.test", .port = 80},
                                      {.host = "logical.test", .port = 80}};
static struct locality_endpoints groups[] = {
    {.endpoints = &endpoints[STRICT], .endpoint_count = 1},
    {.endpoints = &endpoints[LOGICAL], .endpoint_count = 1}};
static struct cluster items[] = {
    [STRICT] = {.name = "strict",
                .discovery = DISCOVERY_STRICT_DNS,
                .dns_refresh = {.rate_ms = 100},
                .groups = &groups[STRICT],
                .group_count = 1},
    [LOGICAL] = {.name = "logical",
                 .discovery = DISCOVERY_LOGICAL_DNS,
                 .dns_refresh = {.rate_ms = 100},
                 .groups = &groups[LOGICAL],
                 .group_count = 1},
};
static const struct clusters clusters = {items, CLUSTERS};

static struct event_base *base;
static struct names *names;
static unsigned ready;

/* --- stand-ins ----------------------------------------------------------------------------------
 */

static struct {
    resolver_done_fn *done; /* NULL: not asked */
    void *arg;
} asked[CLUSTERS];
static unsigned lookups;
static int lookup_result;
static char told[1000];
static const char *refused = "none";
static uint32_t
    at_once; /* lookups that were answered at once, each with another address; 0: they are not */

struct resolver *resolver_new(struct event_base *unused)
{
    (void)unused;
    return (struct resolver *)&asked;
}

void resolver_free(struct resolver *resolver)
{
    (void)resolver;
}

static struct address nth_address(uint32_t n)
{
    struct address address;
    char text[32];

    snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
    assert_int_equal(address_parse(text, 80, &address), 0);
    return address;
}

int resolver_lookup(struct resolver *resolver, const char *name, uint16_t port,
                    enum dns_family family, resolver_done_fn *done, void *arg)
{
    size_t cluster = strcmp(name, "strict.test") != 0;

    (void)resolver, (void)family;
    assert_int_equal(port, 80);
    if (at_once) {
        struct address address = nth_address(at_once++);

        done(arg, &(struct resolver_answer){.addresses = &address, .count = 1, .ttl = 1000});
        return 0;
    }
    assert_null(asked[cluster].done); /* one at a time */
    lookups++;
    if (lookup_result)
        return lookup_result;
    asked[cluster].done = done;
    asked[cluster].arg = arg;
    return 0;
}

static void note(char sign, const struct address *address)
{
    char ip[ADDRESS_TEXT_MAX];
    size_t used = strlen(told);

    snprintf(told + used, sizeof(told) - used, "%c%s ", sign, address_ip_text(address, ip));
}

int observed_add(struct observed *observed, uint32_t cluster, uint32_t group,
                 const struct address *address, enum observed_by by)
{
    char ip[ADDRESS_TEXT_MAX];

    (void)observed, (void)cluster;
    assert_int_equal(by, OBSERVED_BY_NAME);
    assert_int_equal(group, 0);
    if (!strcmp(address_ip_text(address, ip), refused))
        return -ENOSPC;
    note('+', address);
    return 0;
}

void observed_drop(struct observed *observed, uint32_t cluster, uint32_t group,
                   const struct address *address)
{
    (void)observed, (void)cluster, (void)group;
    note('-', address);
}

/* --- the test -----------------------------------------------------------------------------------
 */

static void on_ready(void *arg)
{
    (void)arg;
    ready++;
}

static int set_up(void **state)
{
    (void)state;
    memset(asked, 0, sizeof(asked));
    lookups = ready = at_once = 0;
    lookup_result = 0;
    refused = "none";
    told[0] = '\0';
    base = event_base_new();
    names =
        names_new(&(struct names_options){.base = base, .clusters = &clusters, .ready = on_ready});
    return names ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    names_free(names);
    event_base_free(base);
    return 0;
}

static void add(uint32_t cluster)
{
    assert_int_equal(names_add(names, cluster, 0, endpoints[cluster].host, 80), 0);
}

/* Answers with these addresses ("" for none), and returns what became of them. */
static const char *answer_with(size_t cluster, const char *text, struct resolver_answer answer)
{
    struct address addresses[10];
    autofree char *copy = strdup(text);
    resolver_done_fn *done = asked[cluster].done;

    for (char *rest, *ip = strtok_r(copy, " ", &rest); ip; ip = strtok_r(NULL, " ", &rest))
        assert_int_equal(address_parse(ip, 80, &addresses[answer.count++]), 0);
    answer.addresses = addresses;
    if (!answer.count)
        answer.error = "none";
    asked[cluster].done = NULL;
    told[0] = '\0';
    assert_non_null(done);
    done(asked[cluster].arg, &answer);
    return told;
}

/* ... to the next question, which is waited for. */
static const char *answer(size_t cluster, const char *text, struct resolver_answer answer)
{
    while (!asked[cluster].done)
        event_base_loop(base, EVLOOP_ONCE);
    return answer_with(cluster, text, answer);
}

static const struct resolver_answer good, failed, absent = {.absent = true};

static void addresses_come_and_go(void **state)
{
    (void)state;
    add(STRICT);
    names_start(names);
    assert_string_equal(answer(STRICT, "10.0.0.1 10.0.0.2", good), "+10.0.0.1 +10.0.0.2 ");
    assert_string_equal(answer(STRICT, "10.0.0.2 10.0.0.1", good), "");
    /* What is new comes before what is old goes. */
    assert_string_equal(answer(STRICT, "10.0.0.3 10.0.0.2", good), "+10.0.0.3 -10.0.0.1 ");
    assert_int_equal(lookups, 3);
}

static void after_a_failure_all_stays(void **state)
{
    (void)state;
    add(STRICT);
    names_start(names);
    assert_string_equal(answer(STRICT, "", failed), "");
    assert_string_equal(answer(STRICT, "10.0.0.1", good), "+10.0.0.1 ");
    assert_string_equal(answer(STRICT, "", failed), "");
    assert_string_equal(answer(STRICT, "10.0.0.1", good), "");
    assert_string_equal(answer(STRICT, "", absent), "-10.0.0.1 ");
    assert_string_equal(answer(STRICT, "10.0.0.1", good), "+10.0.0.1 ");
}

static void logical_dns_takes_the_first(void **state)
{
    (void)state;
    add(LOGICAL);
    names_start(names);
    assert_string_equal(answer(LOGICAL, "10.0.0.1 10.0.0.2", good), "+10.0.0.1 ");
    assert_string_equal(answer(LOGICAL, "", absent), ""); /* and keeps it */
    assert_string_equal(answer(LOGICAL, "10.0.0.2 10.0.0.1", good), "+10.0.0.2 -10.0.0.1 ");
}

static void what_found_no_room_is_tried_again(void **state)
{
    (void)state;
    add(STRICT);
    names_start(names);
    refused = "10.0.0.2";
    assert_string_equal(answer(STRICT, "10.0.0.1 10.0.0.2", good), "+10.0.0.1 ");
    assert_string_equal(answer(STRICT, "10.0.0.2", good), "-10.0.0.1 ");
    refused = "none";
    assert_string_equal(answer(STRICT, "10.0.0.2", good), "+10.0.0.2 ");
}

static void ready_when_each_was_looked_up(void **state)
{
    (void)state;
    add(STRICT);
    add(LOGICAL);
    names_start(names);
    answer(LOGICAL, "", failed);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 0);
    answer(STRICT, "10.0.0.1", good);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 1);
    answer(STRICT, "10.0.0.1", good);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 1);
}

static void without_names(void **state)
{
    (void)state;
    names_start(names);
    assert_int_equal(ready, 0); /* never from inside */
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 1);
}

static void no_memory_for_a_lookup(void **state)
{
    (void)state;
    add(STRICT);
    lookup_result = -ENOMEM;
    names_start(names);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 1); /* with whatever outcome */
    lookup_result = 0;
    assert_string_equal(answer(STRICT, "10.0.0.1", good), "+10.0.0.1 ");
}

static void drop(uint32_t cluster)
{
    told[0] = '\0';
    names_drop(names, cluster, 0, endpoints[cluster].host, 80);
}

static void wait_long(void)
{
    const struct timeval longer = {.tv_usec = 300000};

    event_base_loopexit(base, &longer);
    event_base_dispatch(base);
}

static bool is_named(const char *ip)
{
    struct host host = {.cluster = STRICT, .group = 0};

    assert_int_equal(address_parse(ip, 80, &host.address), 0);
    return names_of(names, &host, 0);
}

static void a_name_that_goes_takes_its_addresses_along(void **state)
{
    (void)state;
    add(STRICT);
    add(LOGICAL);
    names_start(names);
    answer(LOGICAL, "10.0.0.9", good);
    answer(STRICT, "10.0.0.1 10.0.0.2", good);
    assert_true(is_named("10.0.0.1"));
    assert_false(is_named("10.0.0.3"));
    drop(STRICT);
    assert_false(is_named("10.0.0.1"));
    assert_string_equal(told, "-10.0.0.1 -10.0.0.2 ");
    wait_long();
    assert_int_equal(lookups, 3); /* of the other one */
    drop(STRICT);                 /* it is not there */
    names_drop(names, STRICT, 1, "strict.test", 80);
    names_drop(names, CLUSTERS, 0, "strict.test", 80);
    names_drop(names, LOGICAL, 0, "logical.test", 81);
    assert_string_equal(told, "");
    add(STRICT); /* it comes back, and is looked up at once */
    assert_string_equal(answer_with(STRICT, "10.0.0.1", good), "+10.0.0.1 ");
    assert_true(is_named("10.0.0.1"));
}

static void a_name_that_goes_while_it_is_looked_up(void **state)
{
    (void)state;
    add(STRICT);
    add(LOGICAL);
    names_start(names);
    answer(LOGICAL, "10.0.0.9", good);
    drop(STRICT);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(ready, 1); /* it is not waited for */
    assert_string_equal(answer_with(STRICT, "10.0.0.1", good), "");
    add(STRICT);
    drop(STRICT); /* its answer never comes */
}

static void looked_up_anew_as_the_settings_are_others(void **state)
{
    (void)state;
    add(STRICT);
    names_start(names);
    names_refresh(names, STRICT);
    assert_string_equal(answer_with(STRICT, "10.0.0.1", good), ""); /* by the old settings */
    assert_string_equal(answer_with(STRICT, "10.0.0.2", good), "+10.0.0.2 ");
    names_refresh(names, STRICT);
    names_refresh(names, CLUSTERS);
    wait_long(); /* its own time comes while it is looked up */
    assert_int_equal(lookups, 3);
    assert_string_equal(answer_with(STRICT, "10.0.0.3", good), "+10.0.0.3 -10.0.0.2 ");
    assert_string_equal(answer(STRICT, "10.0.0.3", good), ""); /* and goes on */
    assert_int_equal(lookups, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Who looks at all hosts looks at each once: a page must not take as long as hosts times names. */
static void many_names_are_found_soon(void **state)
{
    enum { MANY = 20000 };
    clock_t start;

    (void)state;
    at_once = 1;
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%u.test", i + 1);
        assert_int_equal(names_add(names, STRICT, 0, name, 80), 0);
    }
    names_start(names);
    start = clock();
    for (unsigned i = 1; i <= MANY; i++) {
        const struct host host = {.cluster = STRICT, .group = 0, .address = nth_address(i)};
        const struct endpoint *found = names_of(names, &host, 0);

        assert_non_null(found);
        assert_int_equal(atoi(found->host + 1), i);
        assert_null(names_of(names, &host, 1));
    }
    assert_true(clock() - start < CLOCKS_PER_SEC); /* a thousandth of that; seconds by walks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_come_and_go),
        TEST(after_a_failure_all_stays),
        TEST(logical_dns_takes_the_first),
        TEST(what_found_no_room_is_tried_again),
        TEST(ready_when_each_was_looked_up),
        TEST(without_names),
        TEST(no_memory_for_a_lookup),
        TEST(a_name_that_goes_takes_its_addresses_along),
        TEST(a_name_that_goes_while_it_is_looked_up),
        TEST(looked_up_anew_as_the_settings_are_others),
        TEST(many_names_are_found_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
