#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/accuracy.h"

static struct counters rows[3];
static unsigned told;
static uint32_t last_slot;
static const char *last_what;

static void tell(void *arg, const struct host *host, const char *what)
{
    (void)arg;
    told++;
    last_slot = host->slot;
    last_what = what;
}

static struct locality_endpoints group;
static struct cluster cluster = {.name = "c", .groups = &group, .group_count = 1};
static const struct clusters clusters = {&cluster, 1};

static void add(struct hosts *hosts, uint16_t port)
{
    const struct host *host, *owner, *other;
    struct address address;

    assert_int_equal(address_parse("10.0.0.1", port, &address), 0);
    assert_int_equal(hosts_add(hosts, 0, 0, &address, &host, &owner, &other), 0);
}

static void check(struct accuracy *accuracy, const struct hosts *hosts)
{
    const struct host *host;

    assert_int_equal(accuracy_reserve(accuracy, hosts_count(hosts)), 0);
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++)
        if ((host = hosts_at(hosts, slot)))
            accuracy_see(accuracy, host, &rows[slot], tell, NULL);
}

static void each_kind_is_told_once_for_each_host(void **state)
{
    struct hosts *hosts = hosts_new(&clusters);
    struct accuracy *accuracy = accuracy_new();

    (void)state;
    memset(rows, 0, sizeof(rows));
    told = 0;
    add(hosts, 1);
    rows[0].rq_issued = rows[0].rq_error = rows[0].rq_no_result = 7;
    check(accuracy, hosts);
    assert_int_equal(told, 0); /* exact: nothing to tell */
    rows[0].cx_opaque = 1;
    check(accuracy, hosts);
    rows[0].cx_opaque = 2;
    check(accuracy, hosts);
    assert_int_equal(told, 1);
    assert_non_null(strstr(last_what, "opaque"));
    rows[0].gap_bytes = 1;
    rows[0].rq_unclassified = 1;
    check(accuracy, hosts);
    assert_int_equal(told, 3);
    rows[0].cx_joined = 1;
    rows[0].overruns = 1;
    rows[0].rq_untracked = 1;
    check(accuracy, hosts);
    check(accuracy, hosts);
    assert_int_equal(told, 6);
    accuracy_free(accuracy);
    hosts_free(hosts);
}

/* Alone, each on a host of its own. */
static void each_kind_is_told(void **state)
{
    static const size_t kinds[] = {
        offsetof(struct counters, cx_opaque),    offsetof(struct counters, cx_sessions),
        offsetof(struct counters, gap_bytes),    offsetof(struct counters, rq_unclassified),
        offsetof(struct counters, cx_untracked), offsetof(struct counters, cx_joined),
        offsetof(struct counters, rq_untracked), offsetof(struct counters, overruns)};
    const uint64_t one = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct hosts *hosts = hosts_new(&clusters);
        struct accuracy *accuracy = accuracy_new();

        memset(rows, 0, sizeof(rows));
        told = 0;
        add(hosts, 1);
        memcpy((char *)&rows[0] + kinds[i], &one, sizeof(one));
        check(accuracy, hosts);
        assert_int_equal(told, 1);
        accuracy_free(accuracy);
        hosts_free(hosts);
    }
}

static void hosts_that_come_later_are_seen(void **state)
{
    struct hosts *hosts = hosts_new(&clusters);
    struct accuracy *accuracy = accuracy_new();

    (void)state;
    memset(rows, 0, sizeof(rows));
    told = 0;
    add(hosts, 1);
    check(accuracy, hosts);
    add(hosts, 2);
    add(hosts, 3);
    rows[2].cx_sessions = 1;
    check(accuracy, hosts);
    assert_int_equal(told, 1);
    assert_int_equal(last_slot, 2);
    rows[1].cx_untracked = 1;
    check(accuracy, hosts);
    assert_int_equal(told, 2);
    assert_int_equal(last_slot, 1);
    accuracy_free(accuracy);
    hosts_free(hosts);
}

static void a_slot_used_again_is_another_host(void **state)
{
    struct hosts *hosts = hosts_new(&clusters);
    struct accuracy *accuracy = accuracy_new();

    (void)state;
    memset(rows, 0, sizeof(rows));
    told = 0;
    add(hosts, 1);
    add(hosts, 2);
    rows[0].gap_bytes = 1;
    check(accuracy, hosts);
    assert_int_equal(told, 1);
    hosts_release(hosts, 0);
    hosts_remove(hosts, 0);
    check(accuracy, hosts); /* a free slot is passed over */
    assert_int_equal(told, 1);
    add(hosts, 3);
    check(accuracy, hosts);
    assert_int_equal(told, 2);
    assert_int_equal(last_slot, 0);
    accuracy_free(accuracy);
    hosts_free(hosts);
}

static void bound_in_numbers(void **state)
{
    char text[BOUND_TEXT_MAX] = "as it was";
    struct counters row = {.rq_issued = 5, .rq_success = 4, .rq_no_result = 1, .cx_sessions = 1};

    (void)state;
    assert_false(accuracy_bound_text(&row, text));
    assert_string_equal(text, "as it was");
    row.rq_unclassified = 3;
    row.cx_joined = 1;
    assert_true(accuracy_bound_text(&row, text));
    assert_string_equal(text, "unclassified_requests=3 joined_connections=1");
    memset(&row, 0xff, sizeof(row)); /* the longest there is */
    assert_true(accuracy_bound_text(&row, text));
    assert_in_range(strlen(text), 200, BOUND_TEXT_MAX - 1);
    assert_non_null(strstr(text, " joined_connections=18446744073709551615"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_told_once_for_each_host),
        cmocka_unit_test(each_kind_is_told),
        cmocka_unit_test(hosts_that_come_later_are_seen),
        cmocka_unit_test(a_slot_used_again_is_another_host),
        cmocka_unit_test(bound_in_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
