/* test: timeout=400
 *
 * Connections that are open before the tap comes. The runner gives each test a network namespace of
 * its own. */
#include <errno.h>
#include <fcntl.h>
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

#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/mem.h"
#include "fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ERR "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

#define assert_counted(c, field, count) assert_int_equal((c).field, count)

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

static void assert_joined(const struct counters *c, uint64_t count)
{
    assert_counted(*c, cx_joined, count);
    assert_counted(*c, cx_opened, count);
    assert_counted(*c, cx_established, count);
}

static void join_now(void)
{
    assert_int_equal(fixture_attach(), 0);
    assert_int_equal(tap_join(fixture_tap()), 0);
}

static void idle_ones_are_seen_at_once(void **state)
{
    struct pair p = pair_on("127.0.0.1"), six = pair_on("::1");
    struct counters c;

    (void)state;
    exchange(&p, GET, OK);
    join_now();
    assert_int_equal(tap_join(fixture_tap()), 0);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_counted(c, cx_closed, 0);
    assert_counted(c, rq_issued, 0);
    c = counted(SLOT_V6);
    assert_joined(&c, 1);
    close_pair(&p);
    close_pair(&six);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
    assert_counted(c, cx_closed, 1);
    c = counted(SLOT_V6);
    assert_counted(c, cx_closed, 1);
}

static void others_at_their_next_packet(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    assert_int_equal(fixture_attach(), 0);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
    exchange(&p, "x", "y");
    exchange(&p, "x", "y");
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_int_equal(tap_join(fixture_tap()), 0);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
    abort_connection(p.upstream);
    close(p.proxy);
    close(p.listener);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_closed, 1);
    assert_counted(c, rq_error, 0);
}

static void sessions_are_in_progress(void **state)
{
    struct pair p = pair_on("127.0.0.2");
    struct counters c;

    (void)state;
    join_now();
    c = counted(SLOT_TCP);
    assert_joined(&c, 1);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_finished, 0);
    close_pair(&p);
    c = counted(SLOT_TCP);
    assert_counted(c, cx_closed, 1);
    assert_counted(c, rq_finished, 1);
}

static void half_closed(void **state)
{
    struct pair by_upstream = pair_on("127.0.0.1"), by_proxy = pair_on("127.0.0.2");
    struct counters c;

    shutdown(by_upstream.upstream, SHUT_WR);
    shutdown(by_proxy.proxy, SHUT_WR);
    (void)state;
    join_now();
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    close_pair(&by_upstream);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_closed, 1);
    say(by_proxy.upstream, "x");
    close_pair(&by_proxy);
    c = counted(SLOT_TCP);
    assert_joined(&c, 0);
    assert_counted(c, cx_closed, 0);
}

/* A full queue of the listener leaves a connection in SYN_SENT. */
static void being_connected(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), waiting[3], late;
    struct pair p = {.listener = -1};
    struct counters c;

    listen(listener, 0);
    waiting[0] = dial("127.0.0.1", FIXTURE_PORT);
    late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_storage name;
    struct address address;

    address_parse("127.0.0.1", FIXTURE_PORT, &address);
    socklen_t length = address_to_sockaddr(&address, &name);

    assert_int_equal(connect(late, (struct sockaddr *)&name, length), -1);
    assert_int_equal(errno, EINPROGRESS);
    (void)state;
    join_now();
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    waiting[1] = accept_one(listener);
    p.upstream = accept_one(listener);
    fcntl(late, F_SETFL, 0);
    p.proxy = late;
    exchange(&p, GET, OK);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_success, 1);
    close_pair(&p);
    close(waiting[0]);
    close(waiting[1]);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_closed, 2);
}

/* Other ports, other cgroups, a server's end. */
static void strangers_do_not_join(void **state)
{
    int listener = listen_on("127.0.0.1", FIXTURE_PORT + 1);
    int fd = dial("127.0.0.1", FIXTURE_PORT + 1);
    struct pair outside;
    struct counters c;

    (void)state;
    fixture_leave();
    outside = pair_on("127.0.0.1");
    join_now();
    exchange(&outside, GET, OK);
    say(fd, GET);
    close(fd);
    close(listener);
    close_pair(&outside);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
    assert_counted(c, cx_closed, 0);
}

/* The child's connection lies in another namespace. Its 127.0.0.1 is another machine's, so to speak;
 * any other address is the endpoint, which the iterator does not see and the hooks do. */
static void other_namespaces(void **state)
{
    int go[2], done[2], status;
    char byte;
    struct counters c;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    child = fork();
    if (!child) {
        struct pair near, far;

        if (unshare(CLONE_NEWNET) || system("ip link set lo up; ip addr add 192.0.2.1/32 dev lo"))
            _exit(1);
        near = pair_on("127.0.0.1");
        far = pair_on("192.0.2.1");
        if (write(done[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(2);
        exchange(&near, GET, OK);
        exchange(&far, GET, OK);
        if (write(done[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(3);
        close_pair(&near);
        close_pair(&far);
        _exit(0);
    }
    assert_int_equal(read(done[0], &byte, 1), 1);
    join_now();
    c = counted(SLOT_FAR);
    assert_joined(&c, 0);
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(read(done[0], &byte, 1), 1);
    c = counted(SLOT_FAR);
    assert_joined(&c, 1);
    assert_int_equal(write(go[1], "", 1), 1);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    c = counted(SLOT_FAR);
    assert_counted(c, cx_closed, 1);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
}

static void own_stream_stays_out(void **state)
{
    struct pair p;
    struct counters c;

    (void)state;
    assert_int_equal(fixture_attach(), 0);
    p = pair_on("127.0.0.1");
    close_pair(&p);
    counted(SLOT_AUTO);
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage name;
    struct address address;

    assert_int_equal(tap_ignore_socket(fixture_tap(), fd), 0);
    address_parse("127.0.0.1", FIXTURE_PORT, &address);
    socklen_t length = address_to_sockaddr(&address, &name);

    assert_int_equal(connect(fd, (struct sockaddr *)&name, length), 0);
    assert_int_equal(tap_join(fixture_tap()), 0);
    say(fd, GET);
    close(fd);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 0);
    assert_counted(c, cx_closed, 0);
}

/* From the first request on, on connections of which nothing but TCP's own numbers is known. */
static void requests_of_an_idle_one(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    for (int i = 0; i < 3; i++)
        exchange(&p, GET, OK);
    join_now();
    exchange(&p, GET, ERR);
    exchange(&p, GET, OK);
    say(p.proxy, GET);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_counted(c, rq_issued, 3);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_error, 1);
    assert_counted(c, rq_finished, 2);
    assert_counted(c, gap_bytes, 0);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_no_result, 1);
    assert_counted(c, rq_finished, 1);
}

static void requests_where_nothing_was_said(void **state)
{
    struct pair p = pair_on("127.0.0.1"), tls = pair_on("::1");
    struct counters c;

    (void)state;
    join_now();
    exchange(&p, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" GET, OK);
    exchange(&tls, "\x16\x03\x01\x02\x01\x01", "\x16\x03\x03");
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_success, 1);
    c = counted(SLOT_V6);
    assert_joined(&c, 1);
    assert_counted(c, cx_opaque, 1);
    close_pair(&p);
    close_pair(&tls);
}

/* What is under way is not seen, neither are its bytes taken for others; then all is. */
static void requests_after_one_under_way(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    say(p.proxy, "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n");
    hear(p.upstream, "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n");
    join_now();
    say(p.proxy, GET);
    hear(p.upstream, GET);
    say(p.proxy, "123456" GET);
    hear(p.upstream, "123456" GET);
    say(p.upstream, "HTTP/1.1 500 No\r\nContent-Length: 80\r\n\r\n");
    hear(p.proxy, "HTTP/1.1 500 No\r\nContent-Length: 80\r\n\r\n");
    say(p.upstream, OK ERR);
    hear(p.proxy, OK ERR);
    c = counted(SLOT_AUTO);
    assert_joined(&c, 1);
    assert_counted(c, rq_issued, 0);
    assert_counted(c, rq_error, 0);
    exchange(&p, GET, OK);
    close_pair(&p);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 1);
    assert_counted(c, rq_success, 1);
    assert_counted(c, gap_bytes, 60);
}

/* A probe's answer is an empty segment: what was said last is known from what was seen. */
static void requests_after_keep_alive_probes(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    exchange(&p, GET, OK);
    setsockopt(p.proxy, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(p.proxy, IPPROTO_TCP, TCP_KEEPIDLE, &(int){1}, sizeof(int));
    setsockopt(p.proxy, IPPROTO_TCP, TCP_KEEPINTVL, &(int){1}, sizeof(int));
    sleep(2);
    join_now();
    exchange(&p, GET, OK);
    sleep(2);
    counted(SLOT_AUTO);
    exchange(&p, GET, OK);
    exchange(&p, GET, ERR);
    c = counted(SLOT_AUTO);
    assert_counted(c, rq_issued, 2);
    assert_counted(c, rq_success, 1);
    assert_counted(c, rq_error, 1);
    close_pair(&p);
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
#define HEADERS(stream) "\0\0\3\1\5\0\0\0" stream "\x82\x86\x84"
#define STATUS(stream) "\0\0\1\1\5\0\0\0" stream "\x88"

static void http2_exchange(const struct pair *p, const char *request, const char *response)
{
    send_bytes(p->proxy, p->upstream, request, sizeof(HEADERS("\1")) - 1);
    send_bytes(p->upstream, p->proxy, response, sizeof(STATUS("\1")) - 1);
}

/* Under way, and with nothing said yet. */
static void http2_is_told_from_its_frames(void **state)
{
    struct pair p = pair_on("127.0.0.1"), fresh = pair_on("::1");
    struct counters c;

    (void)state;
    send_bytes(p.proxy, p.upstream, PREFACE SETTINGS, sizeof(PREFACE SETTINGS) - 1);
    http2_exchange(&p, HEADERS("\1"), STATUS("\1"));
    join_now();
    send_bytes(fresh.proxy, fresh.upstream, PREFACE SETTINGS, sizeof(PREFACE SETTINGS) - 1);
    send_bytes(fresh.upstream, fresh.proxy, SETTINGS, sizeof(SETTINGS) - 1);
    http2_exchange(&fresh, HEADERS("\1"), STATUS("\1"));
    http2_exchange(&p, HEADERS("\3"), STATUS("\3"));
    http2_exchange(&p, HEADERS("\5"), STATUS("\5"));
    for (uint32_t slot = SLOT_AUTO; slot <= SLOT_V6; slot += SLOT_V6 - SLOT_AUTO) {
        c = counted(slot);
        assert_joined(&c, 1);
        assert_counted(c, rq_issued, slot == SLOT_V6 ? 1 : 2);
        assert_counted(c, rq_success, slot == SLOT_V6 ? 1 : 2);
        assert_counted(c, rq_finished, slot == SLOT_V6 ? 1 : 2);
    }
    close_pair(&p);
    close_pair(&fresh);
}

static void turns_of_another_protocol(void **state)
{
    struct pair p = pair_on("127.0.0.1");
    struct counters c;

    (void)state;
    exchange(&p, "+x\r\n", "+y\r\n");
    join_now();
    for (int i = 0; i < 20; i++)
        exchange(&p, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
    c = counted(SLOT_AUTO);
    assert_counted(c, cx_sessions, 1);
    assert_counted(c, rq_issued, 0);
    assert_counted(c, gap_bytes, 0);
    close_pair(&p);
}

#define inside(function) cmocka_unit_test_setup_teardown(function, fixture_enter, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        inside(idle_ones_are_seen_at_once),
        inside(others_at_their_next_packet),
        inside(sessions_are_in_progress),
        inside(half_closed),
        inside(being_connected),
        inside(strangers_do_not_join),
        inside(other_namespaces),
        inside(own_stream_stays_out),
        inside(requests_of_an_idle_one),
        inside(requests_where_nothing_was_said),
        inside(requests_after_one_under_way),
        inside(requests_after_keep_alive_probes),
        inside(http2_is_told_from_its_frames),
        inside(turns_of_another_protocol),
    };

    if (fixture_skips(tap_joins, "this kernel has no BPF socket storage in tracepoints"))
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
