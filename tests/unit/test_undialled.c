#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "abi.h"
#include "base/mem.h"
#include "report/undialled.h"

#define AFTER 600

static struct counters rows[8];
static unsigned told;
static const struct host *last;
static size_t last_others;

static void tell(void *arg, const struct host *host, size_t others)
{
    (void)arg;
    told++;
    last = host;
    last_others = others;
}

static struct locality_endpoints group;
static struct cluster items[] = {{.name = "a", .groups = &group, .group_count = 1},
                                 {.name = "b", .groups = &group, .group_count = 1},
                                 {.name = "management", .groups = &group, .group_count = 1}};
static const struct clusters clusters = {items, ARRAY_SIZE(items)};
#define MANAGEMENT 2

static struct hosts *hosts;
static struct undialled *undialled;

static int begin(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    told = 0;
    hosts = hosts_new(&clusters);
    undialled = undialled_new(hosts, AFTER, MANAGEMENT);
    return hosts && undialled ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    undialled_free(undialled);
    hosts_free(hosts);
    return 0;
}

static const struct host *add(uint32_t cluster, uint16_t port)
{
    const struct host *host, *owner, *other;
    struct address address;

    assert_int_equal(address_parse("10.0.0.1", port, &address), 0);
    assert_int_equal(hosts_add(hosts, cluster, 0, &address, &host, &owner, &other), 0);
    return host;
}

static void check(uint64_t now_us)
{
    const struct host *host;

    undialled_begin(undialled, now_us, true, tell, NULL);
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++)
        if ((host = hosts_at(hosts, slot)))
            undialled_see(undialled, host, &rows[slot]);
    undialled_end(undialled);
}

static void check_at(uint64_t now_us, unsigned told_by_then)
{
    assert_int_equal(undialled_reserve(undialled, hosts_count(hosts)), 0);
    check(now_us);
    assert_int_equal(told, told_by_then);
}

static void once_when_the_time_is_up(void **state)
{
    const struct host *host = add(0, 1);

    (void)state;
    check_at(1000, 0);
    check_at(1000 + AFTER - 1, 0);
    assert_false(undialled_is(undialled, host));
    check_at(1000 + AFTER, 1);
    assert_ptr_equal(last, host);
    assert_int_equal(last_others, 0);
    assert_true(undialled_is(undialled, host));
    check_at(1000 + 2 * AFTER, 1);
}

static void any_connection_ends_the_wait(void **state)
{
    const struct host *failed = add(0, 1), *untracked = add(0, 2), *late = add(0, 3);

    (void)state;
    check_at(0, 0);
    rows[0].cx_opened = rows[0].cx_failed = 1;
    rows[1].cx_untracked = 1;
    check_at(AFTER, 1);
    assert_ptr_equal(last, late);
    rows[2].cx_opened = 1;
    check_at(AFTER + 1, 1);
    assert_false(undialled_is(undialled, failed) || undialled_is(undialled, untracked) ||
                 undialled_is(undialled, late));
}

static void a_line_for_each_cluster(void **state)
{
    const struct host *a = add(0, 1);

    (void)state;
    add(0, 2);
    add(0, 3);
    check_at(0, 0);
    check_at(AFTER, 1);
    assert_ptr_equal(last, a);
    assert_int_equal(last_others, 2);
    const struct host *later = add(0, 4), *b = add(1, 5);
    check_at(AFTER + 1, 1);
    check_at(2 * AFTER, 1);
    check_at(2 * AFTER + 1, 3);
    assert_ptr_equal(last, b);
    assert_int_equal(last_others, 0);
    assert_true(undialled_is(undialled, later));
}

/* A round in two checks: what changes between them is seen in the next one. */
static void a_round_may_have_many_checks(void **state)
{
    const struct host *a = add(0, 1), *b = add(0, 2), *heir = add(1, 1);

    (void)state;
    check_at(0, 0);
    undialled_begin(undialled, 1, true, tell, NULL);
    undialled_see(undialled, a, &rows[0]);
    undialled_end(undialled);
    hosts_release(hosts, a->slot);
    hosts_remove(hosts, a->slot);
    undialled_begin(undialled, 2, false, tell, NULL);
    undialled_see(undialled, b, &rows[1]);
    undialled_see(undialled, heir, &rows[2]);
    undialled_end(undialled);
    check_at(3, 0);
    check_at(AFTER, 1);
    assert_ptr_equal(last, b);
    check_at(AFTER + 2, 1);
    check_at(AFTER + 3, 2);
    assert_ptr_equal(last, heir);
}

/* Others that come and go meanwhile are none of its business. */
static void a_wait_goes_on_among_others(void **state)
{
    const struct host *host = add(0, 1);

    (void)state;
    check_at(0, 0);
    const struct host *other = add(1, 2);
    check_at(AFTER / 2, 0);
    hosts_hold(hosts, other->slot);
    check_at(AFTER - 1, 0);
    hosts_release(hosts, other->slot);
    hosts_release(hosts, other->slot);
    hosts_remove(hosts, other->slot);
    check_at(AFTER, 1);
    assert_ptr_equal(last, host);
    rows[1].cx_opened = 1;
    add(1, 3);
    check_at(3 * AFTER, 1);
}

static void who_is_not_awaited(void **state)
{
    (void)state;
    add(MANAGEMENT, 1);
    const struct host *leaving = add(0, 2);
    add(0, 3);
    add(1, 3); /* the address is cluster a's */
    rows[2].cx_opened = 1;
    hosts_release(hosts, leaving->slot);
    check_at(0, 0);
    check_at(AFTER, 0);
    hosts_hold(hosts, leaving->slot);
    check_at(AFTER + 1, 0);
    check_at(2 * AFTER, 0);
    check_at(2 * AFTER + 1, 1);
    assert_ptr_equal(last, leaving);
}

/* An address that another cluster has had waits from when it is its own. */
static void an_heir_waits_from_then(void **state)
{
    const struct host *first = add(0, 1), *heir = add(1, 1);

    (void)state;
    rows[0].cx_opened = 1;
    check_at(0, 0);
    check_at(AFTER - 1, 0);
    hosts_release(hosts, first->slot);
    hosts_remove(hosts, first->slot);
    check_at(AFTER, 0);
    check_at(2 * AFTER - 1, 0);
    check_at(2 * AFTER, 1);
    assert_ptr_equal(last, heir);
}

/* Who is left out may be another one from now on, and how long is waited. */
static void another_wish(void **state)
{
    const struct host *management = add(MANAGEMENT, 1);

    (void)state;
    add(0, 2);
    check_at(0, 0);
    undialled_change(undialled, 2 * AFTER, 0);
    check_at(AFTER, 0);
    check_at(3 * AFTER - 1, 0);
    check_at(3 * AFTER, 1);
    assert_ptr_equal(last, management);
    assert_true(undialled_is(undialled, management));
    undialled_change(undialled, 0, 0); /* not to be waited for any more */
    assert_false(undialled_is(undialled, management));
}

static void another_host_in_the_slot_waits_anew(void **state)
{
    const struct host *first = add(0, 1);

    (void)state;
    check_at(0, 0);
    check_at(AFTER, 1);
    hosts_release(hosts, first->slot);
    hosts_remove(hosts, first->slot);
    const struct host *second = add(0, 2);
    assert_int_equal(second->slot, 0);
    assert_false(undialled_is(undialled, second));
    check_at(AFTER + 1, 1);
    check_at(2 * AFTER, 1);
    check_at(2 * AFTER + 1, 2);
}

static void out_of_memory(void **state)
{
    (void)state;
    add(0, 1);
    if (!MEMORY_CAN_FAIL)
        return;
    memory_left = 0;
    assert_int_equal(undialled_reserve(undialled, hosts_count(hosts)), -ENOMEM);
    memory_left = -1;
    check(0); /* it is passed over */
    check_at(1, 0);
    check_at(AFTER, 0);
    check_at(AFTER + 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(once_when_the_time_is_up, begin, end),
        cmocka_unit_test_setup_teardown(any_connection_ends_the_wait, begin, end),
        cmocka_unit_test_setup_teardown(a_line_for_each_cluster, begin, end),
        cmocka_unit_test_setup_teardown(a_round_may_have_many_checks, begin, end),
        cmocka_unit_test_setup_teardown(a_wait_goes_on_among_others, begin, end),
        cmocka_unit_test_setup_teardown(who_is_not_awaited, begin, end),
        cmocka_unit_test_setup_teardown(an_heir_waits_from_then, begin, end),
        cmocka_unit_test_setup_teardown(another_wish, begin, end),
        cmocka_unit_test_setup_teardown(another_host_in_the_slot_waits_anew, begin, end),
        cmocka_unit_test_setup_teardown(out_of_memory, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
