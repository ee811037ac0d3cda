/* How hosts are let go of, with a kernel side that the test stands in for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/log.h"
#include "daemon/departures.h"
#include "failing_memory.h"

#define IDLE_US 400000

static struct locality_endpoints groups[] = {{.priority = 0}, {.priority = 1}};
static struct cluster cluster = {.name = "c", .groups = groups, .group_count = 2};
static const struct clusters clusters = {&cluster, 1};

static struct event_base *base;
static struct hosts *hosts;
static struct departures *departures;
static struct counters rows[8];
static uint64_t now_us;
static bool owed;

/* --- the kernel side ----------------------------------------------------------------------------
 */

static char did[1000]; /* "forget 1.2.3.4:5", "settle", "clear 0", "observe 1.2.3.4:5" */
static int settle_result;
static int counts_meanwhile = -1; /* the slot of a connection that comes in the grace period */

static void note(const char *what, const struct address *address, int slot)
{
    char text[ADDRESS_TEXT_MAX] = "";
    size_t used = strlen(did);

    if (address)
        address_text(address, text);
    else if (slot >= 0)
        snprintf(text, sizeof(text), "%d", slot);
    snprintf(did + used, sizeof(did) - used, "%s%s%s; ", what, text[0] ? " " : "", text);
}

void tap_read(const struct tap *tap, uint32_t slot, struct counters *out)
{
    (void)tap;
    *out = rows[slot];
}

int tap_forget(struct tap *tap, const struct address *address)
{
    (void)tap;
    note("forget", address, -1);
    return 0;
}

int tap_settle(void)
{
    note("settle", NULL, -1);
    if (counts_meanwhile >= 0)
        rows[counts_meanwhile].cx_opened++;
    return settle_result;
}

int tap_clear(struct tap *tap, uint32_t slot, const struct address *address)
{
    (void)tap, (void)address;
    note("clear", NULL, (int)slot);
    memset(&rows[slot], 0, sizeof(rows[slot]));
    return 0;
}

int tap_observe(struct tap *tap, const struct address *address, uint32_t slot,
                const struct cluster *of)
{
    (void)tap, (void)slot;
    assert_ptr_equal(of, &cluster);
    note("observe", address, -1);
    return 0;
}

int tap_join(struct tap *tap)
{
    (void)tap;
    note("join", NULL, -1);
    return 0;
}

/* --- the test -----------------------------------------------------------------------------------
 */

static uint64_t now(void)
{
    return now_us;
}

static bool owes(void *arg, uint32_t slot)
{
    (void)arg, (void)slot;
    return owed;
}

static int set_up(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    did[0] = '\0';
    settle_result = 0;
    counts_meanwhile = -1;
    now_us = 1000000000;
    owed = false;
    base = event_base_new();
    hosts = hosts_new(&clusters);
    departures = departures_new(&(struct departures_options){.base = base,
                                                             .clusters = &clusters,
                                                             .hosts = hosts,
                                                             .idle_us = IDLE_US,
                                                             .owes = owes,
                                                             .now_us = now});
    return departures ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    departures_free(departures);
    hosts_free(hosts);
    event_base_free(base);
    return 0;
}

/* A host that no name has any more. */
static uint32_t leave(uint32_t group, const char *ip)
{
    const struct host *host, *owner, *other;
    struct address address;

    assert_int_equal(address_parse(ip, 80, &address), 0);
    assert_int_equal(hosts_add(hosts, 0, group, &address, &host, &owner, &other), 0);
    hosts_release(hosts, host->slot);
    departures_add(departures, host->slot);
    return host->slot;
}

/* The next look, so much later. What was done. */
static const char *look(uint64_t later_us)
{
    now_us += later_us;
    did[0] = '\0';
    event_base_loop(base, EVLOOP_ONCE);
    return did;
}

static void one_goes(void **state)
{
    uint32_t slot = leave(0, "10.0.0.1");

    (void)state;
    rows[slot].cx_opened = rows[slot].cx_closed = 1;
    assert_string_equal(look(1), ""); /* sees that it counted since it left */
    assert_string_equal(look(IDLE_US - 1), "");
    assert_string_equal(look(1), "forget 10.0.0.1:80; settle; clear 0; ");
    assert_null(hosts_at(hosts, slot));
    assert_false(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED)); /* no more looks */
}

static void what_comes_in_the_grace_period_keeps_it(void **state)
{
    uint32_t slot = leave(0, "10.0.0.1");

    (void)state;
    counts_meanwhile = (int)slot;
    assert_string_equal(look(IDLE_US), "forget 10.0.0.1:80; settle; observe 10.0.0.1:80; join; ");
    assert_non_null(hosts_at(hosts, slot));
    counts_meanwhile = -1;
    assert_string_equal(look(IDLE_US), ""); /* it is open */
    rows[slot].cx_failed++;
    assert_string_equal(look(1), "");
    assert_string_equal(look(IDLE_US), "forget 10.0.0.1:80; settle; clear 0; ");
}

static void what_it_owes_keeps_it(void **state)
{
    (void)state;
    leave(0, "10.0.0.1");
    owed = true;
    assert_string_equal(look(100 * IDLE_US), "");
    owed = false;
    assert_string_equal(look(1), "forget 10.0.0.1:80; settle; clear 0; ");
}

static void of_one_address_the_owner_goes_last(void **state)
{
    (void)state;
    leave(0, "10.0.0.1");
    leave(1, "10.0.0.1");
    leave(0, "10.0.0.2");
    assert_string_equal(look(IDLE_US), "forget 10.0.0.2:80; settle; clear 0; clear 2; ");
    assert_string_equal(look(1), "forget 10.0.0.1:80; settle; clear 1; ");
}

static void one_that_is_live_again_stays(void **state)
{
    uint32_t slot = leave(0, "10.0.0.1");

    (void)state;
    hosts_hold(hosts, slot);
    departures_remove(departures, slot);
    assert_string_equal(look(IDLE_US), "");
    assert_non_null(hosts_at(hosts, slot));
}

static void without_a_grace_period_all_stay(void **state)
{
    (void)state;
    leave(0, "10.0.0.1");
    settle_result = -EINVAL;
    assert_string_equal(look(IDLE_US), "forget 10.0.0.1:80; settle; observe 10.0.0.1:80; join; ");
    leave(0, "10.0.0.2");
    assert_false(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
    assert_false(departures_make_room(departures));
}

static void room_is_made_of_the_unused(void **state)
{
    uint32_t used = leave(0, "10.0.0.1");

    (void)state;
    rows[used].cx_opened = rows[used].cx_closed = 1;
    look(1);
    assert_false(departures_make_room(departures));
    leave(0, "10.0.0.2");
    assert_false(departures_make_room(departures)); /* not that often */
    now_us += 5000000;
    did[0] = '\0';
    assert_true(departures_make_room(departures));
    assert_string_equal(did, "forget 10.0.0.2:80; settle; clear 1; ");
    assert_non_null(hosts_at(hosts, used));
}

static void without_memory_it_goes_later(void **state)
{
    const struct host *host, *owner, *other;
    struct address address;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    log_set_level(LOG_LEVEL_OFF); /* which takes memory, too */
    assert_int_equal(address_parse("10.0.0.1", 80, &address), 0);
    assert_int_equal(hosts_add(hosts, 0, 0, &address, &host, &owner, &other), 0);
    hosts_release(hosts, host->slot);
    memory_left = 0;
    departures_add(departures, host->slot);
    assert_int_equal(memory_left, -1);
    assert_string_equal(look(IDLE_US), ""); /* has memory again */
    assert_string_equal(look(IDLE_US), "forget 10.0.0.1:80; settle; clear 0; ");
    assert_false(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_goes),
        TEST(what_comes_in_the_grace_period_keeps_it),
        TEST(what_it_owes_keeps_it),
        TEST(of_one_address_the_owner_goes_last),
        TEST(one_that_is_live_again_stays),
        TEST(without_a_grace_period_all_stay),
        TEST(room_is_made_of_the_unused),
        TEST(without_memory_it_goes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
