/* Endpoints that come and go while connections are open, as DNS makes them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct cluster cluster = {.name = "changing"};

struct pair {
    int listener, proxy, upstream;
};

static struct pair open_pair(const char *ip)
{
    struct pair p = {.listener = listen_on(ip, FIXTURE_PORT)};

    p.proxy = dial(ip, FIXTURE_PORT);
    assert_true(p.proxy >= 0);
    p.upstream = accept_one(p.listener);
    return p;
}

static void exchange(const struct pair *p)
{
    say(p->proxy, GET);
    hear(p->upstream, GET);
    say(p->upstream, OK);
    hear(p->proxy, OK);
}

static void close_pair(const struct pair *p)
{
    close(p->proxy);
    close(p->upstream);
    close(p->listener);
}

static struct address address_of(const char *ip)
{
    struct address address;

    assert_int_equal(address_parse(ip, FIXTURE_PORT, &address), 0);
    return address;
}

static void observe(const char *ip, uint32_t slot)
{
    const struct address address = address_of(ip);

    assert_int_equal(tap_observe(fixture_tap(), &address, slot, &cluster), 0);
}

static void forget(const char *ip)
{
    const struct address address = address_of(ip);

    assert_int_equal(tap_forget(fixture_tap(), &address), 0);
    assert_int_equal(tap_settle(), 0);
}

static void an_open_connection_stays_with_its_row(void **state)
{
    struct pair old = open_pair("127.0.0.1"), new;
    struct counters c;

    (void)state;
    exchange(&old);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_success, 1);
    forget("127.0.0.1");
    exchange(&old);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_success, 1);
    close(old.listener);
    new = open_pair("127.0.0.1");
    exchange(&new);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_opened, 0); /* it is no endpoint any more */
    assert_int_equal(c.rq_issued, 0);
    close_pair(&new);

    observe("127.0.0.1", SLOT_TCP); /* back again, in another row */
    new = open_pair("127.0.0.1");
    exchange(&old);
    exchange(&new);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_success, 1);
    c = counted(SLOT_TCP);
    assert_int_equal(c.rq_success, 1);
    close_pair(&new);
    close(old.proxy);
    close(old.upstream);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_closed, 1);
    c = counted(SLOT_TCP);
    assert_int_equal(c.cx_closed, 1);
    observe("127.0.0.1", SLOT_AUTO);
}

static struct health_check live_check = {.path = (char *)"/live", .host = (char *)""};
static struct health_check ready_check = {.path = (char *)"/ready", .host = (char *)""};

static void observe_as(const char *ip, struct health_check *check, enum protocol protocol)
{
    const struct cluster changed = {.name = (char *)"changed",
                                    .protocol = protocol,
                                    .health_checks = check,
                                    .health_check_count = check ? 1 : 0};
    const struct address address = address_of(ip);

    assert_int_equal(tap_observe(fixture_tap(), &address, SLOT_AUTO, &changed), 0);
}

static void get(const struct pair *p, const char *path)
{
    char head[128];

    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    say(p->proxy, head);
    hear(p->upstream, head);
    say(p->upstream, OK);
    hear(p->proxy, OK);
}

/* A configuration with other health checks, then with another protocol, is loaded. */
static void new_connections_are_read_by_what_is_new(void **state)
{
    uint32_t room = tap_checks_room(fixture_tap());
    struct pair old, new;
    struct counters c = counted(SLOT_AUTO);

    (void)state;
    assert_in_range(room, 1, 100);
    observe_as("127.0.0.1", &live_check, PROTOCOL_AUTO);
    assert_int_equal(tap_checks_room(fixture_tap()), room - 1);
    old = open_pair("127.0.0.1");
    observe_as("127.0.0.1", &ready_check, PROTOCOL_AUTO);
    assert_int_equal(tap_checks_room(fixture_tap()), room - 1);
    close(old.listener);
    new = open_pair("127.0.0.1");
    get(&old, "/live");
    get(&new, "/ready");
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_probes, 2); /* of each in its own way */
    assert_int_equal(c.rq_issued, 0);
    get(&new, "/live");
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 1);
    close_pair(&new);

    observe_as("127.0.0.1", NULL, PROTOCOL_TCP);
    assert_int_equal(tap_checks_room(fixture_tap()), room);
    new = open_pair("127.0.0.1");
    get(&new, "/live");
    get(&old, "/ready");
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 2); /* the session, the old one's request */
    assert_int_equal(c.rq_probes, 0);
    close_pair(&new);
    close(old.proxy);
    close(old.upstream);
    observe("127.0.0.1", SLOT_AUTO);
}

/* Of the fixture's, that have none. */
static const char *const unchecked[] = {"127.0.0.1", "127.0.0.2", "127.0.0.4", "192.0.2.1"};

static int observe_checked(const char *ip, unsigned number)
{
    const struct address address = address_of(ip);
    char path[16];
    struct health_check check = {.path = path, .host = (char *)""};
    const struct cluster checked = {
        .name = (char *)"checked", .health_checks = &check, .health_check_count = 1};

    snprintf(path, sizeof(path), "/%u", number);
    return tap_observe(fixture_tap(), &address, SLOT_AUTO, &checked);
}

static void as_many_lists_of_checks_as_there_is_room_for(void **state)
{
    uint32_t room = tap_checks_room(fixture_tap());

    (void)state;
    assert_int_equal(room, ARRAY_SIZE(unchecked) - 1);
    for (unsigned i = 0; i < room; i++)
        assert_int_equal(observe_checked(unchecked[i], i), 0);
    assert_int_equal(observe_checked(unchecked[room], room), -ENOSPC);
    assert_int_equal(observe_checked(unchecked[room], 0), 0); /* one that is there needs no room */
    assert_int_equal(tap_checks_room(fixture_tap()), 0);
    observe(unchecked[0], SLOT_AUTO);
    assert_int_equal(tap_checks_room(fixture_tap()), 0); /* another has it */
    for (unsigned i = 1; i <= room; i++)
        observe(unchecked[i], SLOT_REFUSED);
    assert_int_equal(tap_checks_room(fixture_tap()), room);
}

static void who_is_open_joins_an_endpoint_that_comes(void **state)
{
    struct pair p;
    struct counters c;

    (void)state;
    if (!tap_joins(fixture_tap()))
        skip();
    forget("127.0.0.1");
    p = open_pair("127.0.0.1");
    exchange(&p);
    observe("127.0.0.1", SLOT_AUTO);
    assert_int_equal(tap_join(fixture_tap()), 0);
    exchange(&p);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_joined, 1);
    assert_int_equal(c.rq_success, 1);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_closed, 1);
}

static void a_row_is_used_again(void **state)
{
    static const struct counters nothing;
    struct pair p = open_pair("127.0.0.4");
    struct counters c;

    (void)state;
    exchange(&p);
    say(p.proxy, GET);
    hear(p.upstream, GET);
    close_pair(&p);
    c = counted(SLOT_REFUSED);
    assert_int_equal(c.cx_closed, 1);
    assert_int_equal(c.rq_success, 1);
    assert_int_equal(c.rq_no_result, 1);
    forget("127.0.0.4");
    const struct address was = address_of("127.0.0.4");
    assert_int_equal(tap_clear(fixture_tap(), SLOT_REFUSED, &was), 0);
    memset(&c, 0xff, sizeof(c)); /* so each counter is one that was read */
    tap_read(fixture_tap(), SLOT_REFUSED, &c);
    assert_memory_equal(&c, &nothing, sizeof(c));
    observe("127.0.0.5", SLOT_REFUSED);
    p = open_pair("127.0.0.5");
    exchange(&p);
    close_pair(&p);
    usleep(50000);
    tap_read(fixture_tap(), SLOT_REFUSED, &c);
    assert_int_equal(c.cx_opened, 1);
    assert_int_equal(c.rq_success, 1);
}

static uint64_t opened_at(const char *ip, uint32_t slot)
{
    struct pair p = open_pair(ip);
    struct counters before, after;

    close_pair(&p);
    tap_read(fixture_tap(), slot, &before);
    p = open_pair(ip);
    close_pair(&p);
    tap_read(fixture_tap(), slot, &after);
    return after.cx_opened - before.cx_opened;
}

static __u32 bit_of(const char *ip)
{
    const struct address address = address_of(ip);
    __u32 word;

    memcpy(&word, address.ip + 12, sizeof(word));
    return endpoint_bit(word, FIXTURE_PORT);
}

/* The filter before the map has one bit for many addresses. */
static void addresses_that_share_a_bit(void **state)
{
    const char *one = "127.0.9.1";
    const struct address address = address_of(one);
    char two[20] = "";

    (void)state;
    for (unsigned i = 0; i < 1u << 22; i++) {
        snprintf(two, sizeof(two), "127.%u.%u.%u", 10 + (i >> 16), i >> 8 & 255, i & 255);
        if (bit_of(two) == bit_of(one))
            break;
    }
    assert_int_equal(bit_of(two), bit_of(one));
    forget("127.0.0.2"); /* the map has room for as many as there are rows */
    forget("127.0.0.3");
    observe(one, SLOT_FAR);
    observe(two, SLOT_REFUSED);
    observe(two, SLOT_REFUSED); /* is not one more */
    assert_int_equal(opened_at(one, SLOT_FAR), 1);
    forget(one);
    assert_int_equal(tap_clear(fixture_tap(), SLOT_FAR, &address), 0);
    assert_int_equal(opened_at(one, SLOT_FAR), 0);
    assert_int_equal(opened_at(two, SLOT_REFUSED), 1);
    forget(two);
    const struct address other = address_of(two);
    assert_int_equal(tap_clear(fixture_tap(), SLOT_REFUSED, &other), 0);
    assert_int_equal(opened_at(two, SLOT_REFUSED), 0);
    observe(one, SLOT_FAR); /* its bit is set again */
    assert_int_equal(opened_at(one, SLOT_FAR), 1);
}

static void forgetting_what_is_not_there(void **state)
{
    const struct address address = address_of("127.0.0.77");

    (void)state;
    assert_int_equal(tap_forget(fixture_tap(), &address), -ENOENT);
}

static void a_grace_period_is_short(void **state)
{
    struct timespec from, to;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(tap_settle(), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_message("a grace period: %ld us\n",
                  (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_connection_stays_with_its_row),
        cmocka_unit_test(new_connections_are_read_by_what_is_new),
        cmocka_unit_test(as_many_lists_of_checks_as_there_is_room_for),
        cmocka_unit_test(who_is_open_joins_an_endpoint_that_comes),
        cmocka_unit_test(a_row_is_used_again),
        cmocka_unit_test(addresses_that_share_a_bit),
        cmocka_unit_test(forgetting_what_is_not_there),
        cmocka_unit_test(a_grace_period_is_short),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
