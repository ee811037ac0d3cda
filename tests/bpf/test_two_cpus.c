/* Two CPUs in one connection: the proxy closes on one while its answer is being looked at on another;
 * one is away in the midst of a look while segments come. */
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../native/feed.h"
#include "fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define CONNECTIONS 6000
#define ANSWERS 100
#define WAITING 200 /* segments, more than there are berths */

static char answers[1 << 16];
static size_t answers_size;

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Answers each connection with many small chunked responses: much to look at in one packet. */
static void *serve(void *arg)
{
    int listener = *(int *)arg;

    stay_on(1);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = accept_one(listener);
        char heard[4096];

        if (recv(fd, heard, sizeof(heard), 0) > 0)
            send(fd, answers, answers_size, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void prepare_answers(void)
{
    const char *answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";

    for (int i = 0; i < ANSWERS; i++) {
        memcpy(answers + answers_size, answer, strlen(answer));
        answers_size += strlen(answer);
    }
}

static void each_request_ends_once(void **state)
{
    static char requests[ANSWERS * sizeof(GET)];
    int listener = listen_on("127.0.0.1", FIXTURE_PORT);
    struct counters c;
    pthread_t server;

    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    prepare_answers();
    for (int i = 0; i < ANSWERS; i++)
        memcpy(requests + i * strlen(GET), GET, strlen(GET));
    assert_int_equal(pthread_create(&server, NULL, serve, &listener), 0);
    stay_on(0);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = dial("127.0.0.1", FIXTURE_PORT);
        char byte;

        assert_true(fd >= 0);
        assert_int_equal(send(fd, requests, ANSWERS * strlen(GET), MSG_NOSIGNAL),
                         ANSWERS * strlen(GET));
        if (i % 3) /* sometimes at the first byte, sometimes a little before or after it */
            assert_int_equal(recv(fd, &byte, 1, 0), 1);
        for (volatile int spin = i % 1000; spin > 0; spin--)
            ;
        close(fd);
    }
    pthread_join(server, NULL);
    close(listener);
    usleep(100000);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_closed, CONNECTIONS);
    assert_int_equal(c.rq_issued, CONNECTIONS * ANSWERS);
    assert_int_equal(c.rq_finished, CONNECTIONS * ANSWERS);
    assert_true(adds_up(&c, 0));
    assert_int_equal(c.rq_unclassified, 0);
    assert_int_equal(c.rq_error, 0);
}

/* The map of this name, among this process's files; -1: not there. */
static int map_named(const char *name, struct bpf_map_info *info)
{
    DIR *files = opendir("/proc/self/fd");
    int found = -1;

    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry && found < 0; entry = readdir(files)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        __u32 length = sizeof(*info);

        memset(info, 0, sizeof(*info));
        if (!bpf_obj_get_info_by_fd(fd, info, &length) && !strcmp(info->name, name))
            found = fd;
    }
    closedir(files);
    return found;
}

/* What lies in a socket's storage; the lock is the early object's alone. */
struct stored {
    struct connection connection;
    __u64 lock;
};

static void connection_read(int fd, struct stored *s)
{
    struct bpf_map_info info;

    assert_int_equal(bpf_map_lookup_elem(map_named("connections", &info), &fd, s), 0);
    assert_true(info.value_size <= sizeof(*s));
}

static void connection_write(int fd, const struct stored *s)
{
    struct bpf_map_info info;

    assert_int_equal(bpf_map_update_elem(map_named("connections", &info), &fd, s, BPF_ANY), 0);
}

/* As if a CPU came to hold the direction, or left it, and `missing` bytes before those that wait were
 * still to come; while no packet passes. */
static void hold_incoming(int fd, int claimed, __u32 missing)
{
    struct stored s;

    connection_read(fd, &s);
    s.connection.in.claimed = (__u32)claimed;
    s.connection.in.next -= missing;
    connection_write(fd, &s);
}

/* As if looks that were interrupted had each working memory there is; while no packet passes. It is a
 * per-CPU map, or the desks of the early object; in both, each value begins with its claim. */
static void hold_scratches(__u32 claimed)
{
    struct bpf_map_info info;
    int map = map_named("scratches", &info), copies = libbpf_num_possible_cpus();
    size_t size;
    char *values;

    if (map < 0) {
        map = map_named("desks", &info);
        copies = 1;
    }
    assert_true(map >= 0 && copies > 0);
    size = (info.value_size + 7u) & ~7u;
    values = malloc(size * (size_t)copies);
    assert_non_null(values);
    for (__u32 key = 0; key < info.max_entries; key++) {
        assert_int_equal(bpf_map_lookup_elem(map, &key, values), 0);
        for (int i = 0; i < copies; i++)
            memcpy(values + size * (size_t)i, &claimed, sizeof(claimed));
        assert_int_equal(bpf_map_update_elem(map, &key, values, BPF_ANY), 0);
    }
    free(values);
}

static void say_apart(int fd, const char *text, int times)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (int i = 0; i < times; i++)
        say(fd, text);
}

static void hear_bytes(int fd, size_t count)
{
    static char heard[1 << 20];

    assert_true(count <= sizeof(heard));
    assert_int_equal(recv(fd, heard, count, MSG_WAITALL), count);
}

/* A virtual CPU that is not scheduled can be away for the time of many segments. */
static void segments_wait_for_a_cpu_that_is_away(void **state)
{
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), upstream;
    int proxy = dial("127.0.0.1", FIXTURE_PORT);
    struct counters c;

    (void)state;
    assert_true(proxy >= 0);
    upstream = accept_one(listener);
    counted(SLOT_AUTO);
    for (int round = 0; round < 10; round++) {
        say_apart(proxy, GET, WAITING + 1);
        hear_bytes(upstream, (WAITING + 1) * strlen(GET));
        hold_incoming(proxy, 1, 0);
        say_apart(upstream, answer, WAITING);
        hear_bytes(proxy, WAITING * strlen(answer));
        c = counted(SLOT_AUTO);
        assert_int_equal(c.rq_success, 0);
        hold_incoming(proxy, 0, 0);
        say(upstream, answer);
        hear_bytes(proxy, strlen(answer));
        c = counted(SLOT_AUTO);
        assert_int_equal(c.rq_success, WAITING + 1);
        assert_int_equal(c.gap_bytes, 0);
    }
    close(proxy);
    close(upstream);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_finished, 0);
}

/* A CPU holds the direction and cannot look; meanwhile the end comes, and is left to it. */
static void an_end_is_settled_by_who_cannot_look(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), upstream;
    int proxy = dial("127.0.0.1", FIXTURE_PORT);
    struct stored s;
    struct counters c;

    (void)state;
    assert_true(proxy >= 0);
    upstream = accept_one(listener);
    counted(SLOT_AUTO);
    say(proxy, GET);
    hear(upstream, GET);
    connection_read(proxy, &s);
    s.connection.ending = 1 + CAUSE_PROXY;
    connection_write(proxy, &s);
    hold_scratches(1);
    say(upstream, "HTTP/1.1 200 OK\r\n");
    hear_bytes(proxy, strlen("HTTP/1.1 200 OK\r\n"));
    hold_scratches(0);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 1);
    assert_int_equal(c.rq_finished, 1);
    assert_int_equal(c.rq_unclassified, 1); /* there was an answer */
    connection_read(proxy, &s);
    assert_int_equal(s.connection.ending, 0);
    assert_int_equal(s.connection.in.claimed, 0);
    close(proxy);
    close(upstream);
    close(listener);
    counted(SLOT_AUTO);
}

/* A connection's last request goes by unseen, or waits behind one that did: both are in the gap. */
static void what_was_sent_unseen_is_a_gap_at_the_end(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), upstream;
    int proxy = dial("127.0.0.1", FIXTURE_PORT);
    struct stored s;
    struct counters c;

    (void)state;
    assert_true(proxy >= 0);
    upstream = accept_one(listener);
    counted(SLOT_AUTO);
    say(proxy, GET);
    hear(upstream, GET);
    connection_read(proxy, &s);
    s.connection.out.next -= 1; /* a hole */
    connection_write(proxy, &s);
    say_apart(proxy, GET, 2);
    hear_bytes(upstream, 2 * strlen(GET));
    hold_scratches(1);
    say(proxy, GET);
    hear_bytes(upstream, strlen(GET));
    hold_scratches(0);
    close(proxy);
    close(upstream);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 1);
    assert_int_equal(c.rq_finished, 1);
    assert_int_equal(c.gap_bytes, 3 * strlen(GET));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The shortest of a few, of a field of a response each. */
static double send_time(int upstream)
{
    double began, best = 1;

    for (int i = 0; i < 8; i++) { /* as many as TCP sends at once */
        began = seconds();
        say(upstream, "a: b\r\n");
        if (seconds() - began < best)
            best = seconds() - began;
    }
    return best;
}

/* Segments that wait for earlier bytes, left by another CPU, are not asked for again and again: that
 * would be thousands of looks, and some thirty times as long. */
static void waiting_costs_nothing(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), upstream;
    int proxy = dial("127.0.0.1", FIXTURE_PORT);
    double usual, waiting;

    (void)state;
    assert_true(proxy >= 0);
    upstream = accept_one(listener);
    say(proxy, GET);
    hear(upstream, GET);
    say(upstream, "HTTP/1.1 200 OK\r\n");
    usual = send_time(upstream);
    hold_incoming(proxy, 1, 0);
    say_apart(upstream, "b: c\r\n", 1);
    hold_incoming(proxy, 0, 1);
    waiting = send_time(upstream);
    close(proxy);
    close(upstream);
    close(listener);
    counted(SLOT_AUTO);
    print_message("%.1f us a segment, %.1f where it waits\n", usual * 1e6, waiting * 1e6);
    assert_true(waiting < 12 * usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_wait_for_a_cpu_that_is_away),
        cmocka_unit_test(an_end_is_settled_by_who_cannot_look),
        cmocka_unit_test(what_was_sent_unseen_is_a_gap_at_the_end),
        cmocka_unit_test(waiting_costs_nothing),
        cmocka_unit_test(each_request_ends_once),
    };

    return fixture_run_with_each_object(tests);
}
