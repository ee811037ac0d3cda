#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/mem.h"
#include "stream/keepalive.h"

static struct event_base *base;
static struct keepalive *keepalive;
static unsigned pings, deaths;
static enum { SILENT, ANSWERS, TALKS, FREES } peer;
static uint64_t started_us, pinged_us, died_us;

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_ping(void *arg)
{
    (void)arg;
    pings++;
    pinged_us = now_us();
    if (peer == ANSWERS)
        keepalive_heard(keepalive, false);
    if (peer == FREES)
        keepalive_free(TAKE(keepalive));
}

static void on_dead(void *arg)
{
    (void)arg;
    deaths++;
    died_us = now_us();
    keepalive_free(TAKE(keepalive));
}

static void on_talk(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    if (keepalive && peer == TALKS)
        keepalive_heard(keepalive, true);
}

/* Begins to rest, and runs for a time. */
static void run(struct keepalive_settings settings, unsigned ms)
{
    const struct keepalive_ops ops = {on_ping, on_dead, NULL};
    const struct timeval limit = {.tv_usec = ms * 1000}, often = {.tv_usec = 5000};
    struct event *talk = event_new(base, -1, EV_PERSIST, on_talk, NULL);

    started_us = now_us();
    keepalive = keepalive_new(base, &settings, &ops);
    assert_non_null(keepalive);
    event_add(talk, &often);
    event_base_loopexit(base, &limit);
    event_base_dispatch(base);
    event_free(talk);
    keepalive_free(TAKE(keepalive));
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    pings = deaths = 0;
    peer = SILENT;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    return 0;
}

static void test_silent_peer_is_dead(void **state)
{
    (void)state;
    run((struct keepalive_settings){40000, 60000, 0}, 400);
    assert_int_equal(pings, 1);
    assert_int_equal(deaths, 1);
    assert_true(pinged_us - started_us >= 30000);
    assert_true(died_us - pinged_us >= 50000);
}

static void test_peer_that_answers_is_asked_again(void **state)
{
    (void)state;
    peer = ANSWERS;
    run((struct keepalive_settings){20000, 30000, 0}, 400);
    assert_in_range(pings, 2, 20);
    assert_int_equal(deaths, 0);
}

/* No answer, but other things come: a PING may wait behind them. */
static void test_peer_that_talks_lives(void **state)
{
    (void)state;
    peer = TALKS;
    run((struct keepalive_settings){20000, 200000, 0}, 700);
    assert_int_equal(pings, 1);
    assert_int_equal(deaths, 0);
}

static void test_what_comes_at_rest_changes_nothing(void **state)
{
    (void)state;
    peer = TALKS;
    run((struct keepalive_settings){100000, 1000000, 0}, 300);
    assert_int_equal(pings, 1);
}

static void test_jitter_is_added(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    peer = FREES;
    for (int i = 0; i < 10; i++) {
        run((struct keepalive_settings){10000, 1000, 1}, 30);
        least = pinged_us - started_us < least ? pinged_us - started_us : least;
        most = pinged_us - started_us > most ? pinged_us - started_us : most;
    }
    assert_int_equal(deaths, 0);
    assert_true(least >= 4000);
    assert_true(most - least > 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_silent_peer_is_dead),   TEST(test_peer_that_answers_is_asked_again),
        TEST(test_peer_that_talks_lives), TEST(test_what_comes_at_rest_changes_nothing),
        TEST(test_jitter_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
