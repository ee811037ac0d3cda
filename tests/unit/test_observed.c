/* What the kernel side is told of addresses, with one that the test stands in for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/observed.h"

static struct locality_endpoints groups[2];
static struct cluster cluster = {.name = "c", .groups = groups, .group_count = 2};
static const struct clusters clusters = {&cluster, 1};

static struct event_base *base;
static struct hosts *hosts;
static struct observed *observed;
static struct address address;

/* --- the kernel side ----------------------------------------------------------------------------*/

static int observe_result;
static unsigned told;

int tap_observe(struct tap *tap, const struct address *of, uint32_t slot, const struct cluster *in)
{
    (void)tap, (void)slot;
    assert_true(address_equal(of, &address));
    assert_ptr_equal(in, &cluster);
    told++;
    return observe_result;
}

int tap_forget(struct tap *tap, const struct address *of)
{
    (void)tap, (void)of;
    return 0;
}

int tap_settle(void)
{
    return 0;
}

int tap_clear(struct tap *tap, uint32_t slot, const struct address *of)
{
    (void)tap, (void)slot, (void)of;
    return 0;
}

int tap_join(struct tap *tap)
{
    (void)tap;
    return 0;
}

void tap_read(const struct tap *tap, uint32_t slot, struct counters *out)
{
    (void)tap, (void)slot;
    *out = (struct counters){.cx_opened = 1};
}

/* --- the test -----------------------------------------------------------------------------------*/

static uint64_t now_us(void)
{
    return 1000000;
}

static bool owes(void *arg, uint32_t slot)
{
    (void)arg, (void)slot;
    return false;
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    hosts = hosts_new(&clusters);
    observe_result = 0;
    told = 0;
    observed = observed_new(&(struct observed_options){.base = base,
                                                       .clusters = &clusters,
                                                       .hosts = hosts,
                                                       .departures = {.base = base,
                                                                      .clusters = &clusters,
                                                                      .hosts = hosts,
                                                                      .idle_us = 1000000,
                                                                      .owes = owes,
                                                                      .now_us = now_us}});
    return observed ? address_parse("10.0.0.1", 80, &address) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    observed_free(observed);
    hosts_free(hosts);
    event_base_free(base);
    return 0;
}

static void two_names_have_it(void **state)
{
    (void)state;
    assert_int_equal(observed_add(observed, 0, 0, &address, OBSERVED_BY_NAME), 0);
    assert_int_equal(observed_add(observed, 0, 0, &address, OBSERVED_BY_NAME), 0);
    assert_int_equal(told, 1);
    observed_drop(observed, 0, 0, &address);
    assert_int_equal(hosts_find(hosts, 0, 0, &address)->names, 1);
    observed_drop(observed, 0, 0, &address);
    assert_int_equal(hosts_find(hosts, 0, 0, &address)->names, 0); /* and goes on counting */
}

static void one_that_could_not_be_added(void **state)
{
    (void)state;
    observe_result = -E2BIG;
    assert_int_equal(observed_add(observed, 0, 0, &address, OBSERVED_BY_ADDRESS), -E2BIG);
    observed_drop(observed, 0, 0, &address);
    assert_null(hosts_find(hosts, 0, 0, &address));
    observe_result = 0;
    assert_int_equal(observed_add(observed, 0, 1, &address, OBSERVED_BY_ADDRESS), 0);
    observed_drop(observed, 0, 0, &address); /* another locality's stays */
    assert_int_equal(hosts_find(hosts, 0, 1, &address)->names, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_names_have_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_could_not_be_added, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
