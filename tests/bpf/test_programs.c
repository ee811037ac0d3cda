/* The loaded programs on real sockets. The runner gives each test a network namespace of its own.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/mem.h"
#include "fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ERR "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

/* One connection: both its ends are this process's. */
struct pair {
    int listener, proxy, upstream;
};

static struct pair pair_on(const char *ip)
{
    struct pair p = {.listener = listen_on(ip, FIXTURE_PORT)};

    p.proxy = dial(ip, FIXTURE_PORT);
    assert_true(p.proxy >= 0);
    p.upstream = accept_one(p.listener);
    return p;
}

/* Another connection to the same listener. */
static struct pair pair_on_next(const struct pair *first)
{
    struct pair p = {.listener = first->listener, .proxy = dial("127.0.0.1", FIXTURE_PORT)};

    assert_true(p.proxy >= 0);
    p.upstream = accept_one(p.listener);
    return p;
}

static void exchange(const struct pair *p, const char *request, const char *response)
{
    say(p->proxy, request);
    hear(p->upstream, request);
    say(p->upstream, response);
    hear(p->proxy, response);
}

static void close_pair(const struct pair *p)
{
    close(p->proxy);
    close(p->upstream);
    close(p->listener);
}

#define assert_counted(c, field, count) assert_int_equal((c).field, count)

static void keep_alive_counts_once(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    exchange(&p, GET, OK);
    exchange(&p, GET, ERR);
    say(p.proxy, GET);
    hear(p.upstream, GET);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_opened, 1);
    assert_counted(c, cx_established, 1);
    assert_counted(c, cx_closed, 0);
    assert_counted(c, rq_issued, 3);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_error, 1);
    assert_counted(c, rq_finished, 2);
    assert_true(adds_up(&c, 1));
    say(p.upstream, OK);
    hear(p.proxy, OK);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_closed, 1);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_finished, 1);
    assert_counted(c, rq_no_result, 0);
}

static void ends_of_an_unanswered_request(void **state)
{
    struct counters c;

    (void)state;
    for (int who = 0; who < 4; who++) {
        struct pair p = pair_on("127.0.0.1");

        say(p.proxy, GET);
        hear(p.upstream, GET);
        switch (who) {
        case 0: /* the upstream's FIN */
            close(p.upstream);
            close(p.proxy);
            break;
        case 1: /* the upstream's RST */
            abort_connection(p.upstream);
            close(p.proxy);
            break;
        case 2: /* the proxy's FIN */
            close(p.proxy);
            close(p.upstream);
            break;
        case 3: /* the proxy's RST */
            abort_connection(p.proxy);
            close(p.upstream);
            break;
        }
        close(p.listener);
        c = counted(SLOT_AUTO);
        assert_counted(c, rq_issued, 1);
        assert_counted(c, rq_finished, 1);
        assert_counted(c, rq_error, who < 2 ? 1 : 0);
        assert_counted(c, rq_no_result, who < 2 ? 0 : 1);
        assert_counted(c, cx_closed, 1);
    }
}

static void say_bytes(int fd, const void *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

#define SAY(fd, bytes) say_bytes(fd, bytes, sizeof(bytes) - 1)

/* A gRPC call, with a head and no more as its answer so far. */
static void call_begun(const struct pair *p)
{
    char heard[200];

    SAY(p->proxy, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                  "\0\0\x19\1\4\0\0\0\1\x83\x86\x84\x01\1a\x0f\x10\x10"
                  "application/grpc");
    assert_true(recv(p->upstream, heard, sizeof(heard), 0) > 0);
    SAY(p->upstream, "\0\0\0\4\0\0\0\0\0\0\0\1\1\4\0\0\0\1\x88");
    assert_int_equal(recv(p->proxy, heard, 19, MSG_WAITALL), 19);
}

/* An answer behind close() is read by nobody; behind a half close it is. */
static void answers_behind_the_proxys_close(void **state)
{
    unsigned calls = tap_reads_http2(fixture_tap()) ? 2 : 1; /* one is gRPC */
    struct counters c;

    (void)state;
    for (int half = 0; half < 2; half++) {
        struct pair p = pair_on("127.0.0.1"), q = pair_on_next(&p);

        call_begun(&p);
        say(q.proxy, GET);
        hear(q.upstream, GET);
        half ? shutdown(p.proxy, SHUT_WR) : close(p.proxy);
        half ? shutdown(q.proxy, SHUT_WR) : close(q.proxy);
        c = counted(SLOT_AUTO);
        assert_counted(c, rq_issued, calls);
        assert_counted(c, rq_finished, half ? 0 : calls);
        assert_counted(c, rq_no_result, half ? 0 : calls);
        SAY(p.upstream, "\0\0\x0f\1\5\0\0\0\1\0\x0bgrpc-status\x01"
                        "0");
        SAY(q.upstream, OK);
        c = counted(SLOT_AUTO);
        assert_counted(c, rq_success, half ? calls : 0);
        assert_counted(c, rq_error, 0);
        if (half) {
            close(p.proxy);
            close(q.proxy);
        }
        close(p.upstream);
        close(q.upstream);
        close(p.listener);
    }
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_finished, 0);
    assert_counted(c, cx_closed, 2);
}

/* close() with unread bytes sends RST where a FIN would have been. */
static void proxy_closes_with_unread_bytes(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    exchange(&p, GET, OK);
    say(p.proxy, GET);
    say(p.upstream, "HTTP/1.1 ");
    usleep(50000);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 2);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_no_result, 1);
}

static void refused_is_an_error_without_request(void **state)
{
    struct counters c;

    (void)state;
    assert_int_equal(dial("127.0.0.4", FIXTURE_PORT), -ECONNREFUSED);
    c = counted(SLOT_REFUSED);
    assert_counted(c, cx_opened, 1);
    assert_counted(c, cx_failed, 1);
    assert_counted(c, rq_error, 1);
    assert_counted(c, cx_failed_error, 1);
    assert_counted(c, rq_issued, 0);
    assert_counted(c, cx_closed, 0);
    assert_true(adds_up(&c, 0));
}

static void tcp_session_is_one_request(void **state)
{
    struct pair p;
    struct counters c;

    (void)state;
    assert_int_equal(dial("127.0.0.2", FIXTURE_PORT), -ECONNREFUSED);
    c = counted(SLOT_TCP);
    assert_counted(c, cx_failed, 1);
    assert_counted(c, rq_error, 0);
    p = pair_on("127.0.0.2");
    exchange(&p, GET, ERR);
    c = counted(SLOT_TCP);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_finished, 0);
    close_pair(&p);
    c = counted(SLOT_TCP);
    assert_counted(c, rq_finished, 1);
    assert_counted(c, rq_success, 0);
    assert_counted(c, rq_error, 0);
}

/* What goes over it is of no interest, but that it is a connection. */
static void opaque_connections_are_doubts(void **state)
{
    struct pair p = pair_on("127.0.0.5");
    struct counters c;

    (void)state;
    exchange(&p, GET, OK);
    c = counted(SLOT_OPAQUE);
    assert_counted(c, cx_established, 1);
    assert_counted(c, cx_opaque, 1);
    assert_counted(c, cx_opaque_closed, 0);
    assert_counted(c, rq_issued, 0);
    close_pair(&p);
    c = counted(SLOT_OPAQUE);
    assert_counted(c, cx_closed, 1);
    assert_counted(c, cx_opaque, 0);
    assert_counted(c, cx_opaque_closed, 1);
}

static void ipv6_and_mapped_ipv4(void **state)
{
    struct pair p = pair_on("::1");
    struct counters c;
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(FIXTURE_PORT)};
    int listener, fd;

    (void)state;
    exchange(&p, GET, OK);
    c = counted(SLOT_V6);
    assert_counted(c, rq_success, 1);
    close_pair(&p);

    listener = listen_on("127.0.0.1", FIXTURE_PORT);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)), 0);
    say(fd, GET);
    close(fd);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_established, 1);
    assert_counted(c, rq_issued, 1);
}

static void a_socket_connected_anew_starts_anew(void **state)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct pair p = pair_on("127.0.0.1");
    struct sockaddr_storage name;
    struct address address;
    struct counters c;

    (void)state;
    say(p.proxy, GET);
    hear(p.upstream, GET);
    assert_int_equal(connect(p.proxy, &nobody, sizeof(nobody)), 0);
    address_parse("127.0.0.1", FIXTURE_PORT, &address);
    socklen_t length = address_to_sockaddr(&address, &name);

    close(p.upstream);
    assert_int_equal(connect(p.proxy, (struct sockaddr *)&name, length), 0);
    p.upstream = accept_one(p.listener);
    exchange(&p, GET, OK);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_established, 2);
    assert_counted(c, cx_closed, 2);
    assert_counted(c, rq_issued, 2);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_no_result, 1);
}

static void a_socket_shared_by_forks_is_one(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;
    pid_t child = fork();

    (void)state;
    if (!child) {
        if (send(p.proxy, GET, sizeof(GET) - 1, 0) < 0)
            _exit(1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    hear(p.upstream, GET);
    say(p.upstream, OK);
    hear(p.proxy, OK);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_established, 1);
    assert_counted(c, cx_closed, 1);
    assert_counted(c, rq_success, 1);
}

static void own_socket_is_not_counted(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage name;
    struct address address;
    struct counters c;

    (void)state;
    assert_int_equal(tap_ignore_socket(fixture_tap(), fd), 0);
    address_parse("127.0.0.1", FIXTURE_PORT, &address);
    socklen_t length = address_to_sockaddr(&address, &name);

    assert_int_equal(connect(fd, (struct sockaddr *)&name, length), 0);
    say(fd, GET);
    close(fd);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_opened, 0);
    assert_counted(c, rq_issued, 0);
}

static void other_ports_are_not_counted(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT + 1);
    int fd = dial("127.0.0.1", FIXTURE_PORT + 1);
    struct counters c;

    (void)state;
    say(fd, GET);
    close(fd);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_opened, 0);
}

/* 127.0.0.1 in another network namespace is another machine's, so to speak. */
static void loopback_of_another_namespace_is_not_counted(void **state)
{
    struct counters c;
    pid_t child;
    int status;

    (void)state;
    if (!tap_knows_namespaces(fixture_tap())) {
        print_message("# this kernel has no network namespace cookies for BPF\n");
        skip();
    }
    child = fork();
    if (!child) {
        if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
            _exit(1);
        _exit(dial("127.0.0.1", FIXTURE_PORT) == -ECONNREFUSED ? 0 : 2);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_opened, 0);
}

static void send_bytes(int from, int to, const void *bytes, size_t length)
{
    char heard[128];

    assert_int_equal(send(from, bytes, length, MSG_NOSIGNAL), length);
    assert_int_equal(recv(to, heard, length, MSG_WAITALL), length);
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* GET http /, and 200: of the static table. */
#define HEADERS "\0\0\3\1\5\0\0\0\1\x82\x86\x84"
#define STATUS "\0\0\1\1\5\0\0\0\1\x88"
#define send_string(from, to, string) send_bytes(from, to, string, sizeof(string) - 1)

/* ... and says so. */
static void http2_is_read_or_opaque(void **state)
{
    int read = tap_reads_http2(fixture_tap());
    struct counters c;

    (void)state;
    for (int server_first = 0; server_first < 2; server_first++) {
        struct pair p = pair_on("127.0.0.1");

        if (server_first)
            send_string(p.upstream, p.proxy, SETTINGS);
        send_string(p.proxy, p.upstream, PREFACE SETTINGS HEADERS);
        if (!server_first)
            send_string(p.upstream, p.proxy, SETTINGS);
        send_string(p.upstream, p.proxy, STATUS);
        close_pair(&p);
        c = counted(SLOT_AUTO);
        assert_counted(c, cx_closed, 1);
        assert_counted(c, rq_issued, read);
        assert_counted(c, rq_success, read);
        assert_counted(c, cx_opaque, !read);
        assert_counted(c, cx_opaque_closed, !read);
        assert_true(adds_up(&c, 0));
    }
}

#define UPGRADE "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

static void an_upgraded_request_is_read_or_unclassified(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    int read = tap_reads_http2(fixture_tap());
    struct counters c;

    (void)state;
    exchange(&p, UPGRADE, SWITCH);
    send_string(p.upstream, p.proxy, SETTINGS STATUS);
    send_string(p.proxy, p.upstream, PREFACE SETTINGS);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_success, read);
    assert_counted(c, rq_unclassified, !read);
    assert_counted(c, rq_finished, 1);
    assert_counted(c, cx_opaque, !read);
    assert_counted(c, cx_opaque_closed, !read);
    assert_true(adds_up(&c, 0));
}

static void health_checks_are_no_requests(void **state)
{
    struct pair p = pair_on("127.0.0.3");
    struct counters c;

    (void)state;
    exchange(&p, "GET /healthz HTTP/1.0\r\n\r\n", OK);
    exchange(&p, "GET / HTTP/1.1\r\nUser-Agent: Envoy/HC\r\n\r\n", ERR);
    exchange(&p, GET, OK);
    close_pair(&p);
    c = counted(SLOT_CHECKED);
    assert_counted(c, rq_probes, 2);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_error, 0);
    assert_counted(c, rq_finished, 1);
}

/* Many messages in one packet of 64 KB, both ways. */
static void super_packets(void **state)
{
    enum { BATCH = 200 };
    struct pair p = pair_on("127.0.0.1");
    size_t request = BATCH * strlen(GET), response = BATCH * strlen(OK);
    autofree char *requests = malloc(request + 1), *responses = malloc(response + 1);
    struct counters c;

    (void)state;
    for (size_t i = 0; i < BATCH; i++) {
        memcpy(requests + i * strlen(GET), GET, sizeof(GET));
        memcpy(responses + i * strlen(OK), OK, sizeof(OK));
    }
    for (int i = 0; i < 50; i++)
        exchange(&p, requests, responses);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 50 * BATCH);
    assert_counted(c, rq_success, 50 * BATCH);
    assert_counted(c, rq_finished, 50 * BATCH);
    assert_counted(c, gap_bytes, 0);
}

/* A body of many super-packets that is full of what looks like responses. */
static void large_bodies_are_passed_unread(void **state)
{
    size_t size = 20u << 20;
    autofree char *body = malloc(size), *heard = malloc(size);
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    for (size_t i = 0; i + sizeof(ERR) - 1 <= size; i += sizeof(ERR) - 1)
        memcpy(body + i, ERR, sizeof(ERR) - 1);
    exchange(&p, GET, "HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n");
    if (!fork()) {
        send(p.upstream, body, size, 0);
        _exit(0);
    }
    assert_int_equal(recv(p.proxy, heard, size, MSG_WAITALL), size);
    wait(NULL);
    exchange(&p, GET, ERR);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 2);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_error, 1);
    assert_counted(c, rq_finished, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_alive_counts_once),
        cmocka_unit_test(ends_of_an_unanswered_request),
        cmocka_unit_test(proxy_closes_with_unread_bytes),
        cmocka_unit_test(answers_behind_the_proxys_close),
        cmocka_unit_test(refused_is_an_error_without_request),
        cmocka_unit_test(tcp_session_is_one_request),
        cmocka_unit_test(opaque_connections_are_doubts),
        cmocka_unit_test(ipv6_and_mapped_ipv4),
        cmocka_unit_test(a_socket_connected_anew_starts_anew),
        cmocka_unit_test(a_socket_shared_by_forks_is_one),
        cmocka_unit_test(own_socket_is_not_counted),
        cmocka_unit_test(other_ports_are_not_counted),
        cmocka_unit_test(loopback_of_another_namespace_is_not_counted),
        cmocka_unit_test(http2_is_read_or_opaque),
        cmocka_unit_test(an_upgraded_request_is_read_or_unclassified),
        cmocka_unit_test(health_checks_are_no_requests),
        cmocka_unit_test(super_packets),
        cmocka_unit_test(large_bodies_are_passed_unread),
    };

    return fixture_run_with_each_object(tests);
}
