/* Loss before the ingress hook: holes, retransmissions, reordering. The runner gives the test a
 * network namespace of its own, in which an nftables rule drops packets by number, so it repeats
 * exactly. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fixture.h"

#define DEPTH 16
#define BODY 3000 /* responses of several segments; heads fall anywhere in them */

static void drop_every(unsigned every)
{
    char command[512];

    if (system("nft delete table inet loss 2>/dev/null"))
        print_message("# no rule yet\n");
    if (!every)
        return;
    snprintf(command, sizeof(command),
             "nft 'table inet loss { chain in { type filter hook input priority 0\n"
             "tcp sport %d numgen inc mod %u == 3 drop\n"
             "tcp dport %d numgen inc mod %u == 5 drop\n"
             "} ; }'",
             FIXTURE_PORT, every, FIXTURE_PORT, every);
    assert_int_equal(system(command), 0);
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

        assert_true(sent > 0);
        bytes += sent, size -= (size_t)sent;
    }
}

/* Answers until the proxy closes; every third response is a 503. */
static void *serve(void *arg)
{
    char body[BODY], head[128], byte;
    unsigned answered = 0, lines = 0;
    int fd = *(int *)arg;

    memset(body, 'H', sizeof(body));
    while (recv(fd, &byte, 1, 0) == 1) {
        lines = byte == '\n' ? lines + 1 : lines;
        if (lines < 3) /* request line, one field, the empty line */
            continue;
        lines = 0;
        snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n",
                 ++answered % 3 ? 200 : 503, BODY);
        send_all(fd, head, strlen(head));
        send_all(fd, body, sizeof(body));
    }
    return NULL;
}

static void exact_with_loss(unsigned every, int rounds)
{
    static char answer[DEPTH * (BODY + 60)];
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), proxy, upstream;
    size_t size = DEPTH * (BODY + strlen("HTTP/1.1 200 X\r\nContent-Length: 3000\r\n\r\n"));
    struct counters c;
    pthread_t server;

    drop_every(0);
    proxy = dial("127.0.0.1", FIXTURE_PORT);
    upstream = accept_one(listener);
    drop_every(every);
    assert_int_equal(pthread_create(&server, NULL, serve, &upstream), 0);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < DEPTH; i++)
            say(proxy, "GET /some/where HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(recv(proxy, answer, size, MSG_WAITALL), size);
    }
    drop_every(0);
    shutdown(proxy, SHUT_RDWR);
    pthread_join(server, NULL);
    close(proxy);
    close(upstream);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, DEPTH * rounds);
    assert_int_equal(c.rq_success, DEPTH * rounds * 2 / 3);
    assert_int_equal(c.rq_error, DEPTH * rounds / 3);
    assert_int_equal(c.rq_finished, DEPTH * rounds);
    assert_int_equal(c.gap_bytes, 0);
    assert_int_equal(c.rq_unclassified, 0);
}

/* Drops the upstream's longer packets, retransmissions too. */
static void drop_long_answers(void)
{
    char command[512];

    drop_every(0);
    snprintf(command, sizeof(command),
             "nft 'table inet loss { chain in { type filter hook input priority 0\n"
             "tcp sport %d ip length > 100 drop\n"
             "} ; }'",
             FIXTURE_PORT);
    assert_int_equal(system(command), 0);
}

/* Connections that end while a hole keeps bytes waiting: more of them than the kernel has berths. Then
 * a last one needs a berth to be exact. */
static void ends_with_a_hole_give_their_berths_back(void **state)
{
    const char *first = "HTTP/1.1 200 X\r\nServer: the first part is lost on its way\r\n",
               *second = "Content-Length: 2\r\n\r\nok";
    int listener = listen_on("127.0.0.1", FIXTURE_PORT);
    struct counters c;

    (void)state;
    counted(SLOT_AUTO);
    for (int i = 0; i < 80; i++) {
        int proxy = dial("127.0.0.1", FIXTURE_PORT), upstream = accept_one(listener);

        say(proxy, "GET / HTTP/1.1\r\n\r\n");
        hear(upstream, "GET / HTTP/1.1\r\n\r\n");
        drop_long_answers();
        setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        say(upstream, first);
        say(upstream, second);
        usleep(10000); /* until both have come, on a slow machine too */
        if (i == 79) { /* this one is repaired by a retransmission */
            drop_every(0);
            hear(proxy, first);
            hear(proxy, second);
        }
        abort_connection(proxy);
        close(upstream);
    }
    drop_every(0);
    close(listener);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 80);
    assert_int_equal(c.rq_unclassified, 79);
    assert_int_equal(c.rq_success, 1);
    assert_int_equal(c.gap_bytes, 0);
}

/* More holes at once than the store has berths: the last connection's response is given up. With the
 * next exchange it is in step again. */
static void in_step_again_after_a_gap(void **state)
{
    enum { HOLDERS = 64 };
    const char *first = "HTTP/1.1 200 X\r\nServer: the first part is lost on its way\r\n",
               *second = "Content-Length: 2\r\n\r\nok";
    int listener = listen_on("127.0.0.1", FIXTURE_PORT), proxy[HOLDERS + 1], upstream[HOLDERS + 1];
    struct counters c;

    (void)state;
    counted(SLOT_AUTO);
    for (int i = 0; i <= HOLDERS; i++) {
        proxy[i] = dial("127.0.0.1", FIXTURE_PORT);
        upstream[i] = accept_one(listener);
        setsockopt(upstream[i], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        say(proxy[i], "GET / HTTP/1.1\r\n\r\n");
        hear(upstream[i], "GET / HTTP/1.1\r\n\r\n");
    }
    drop_long_answers();
    for (int i = 0; i <= HOLDERS; i++) {
        say(upstream[i], first);
        say(upstream[i], second);
    }
    usleep(50000); /* until all have come, on a slow machine too */
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, HOLDERS + 1);
    assert_int_equal(c.rq_unclassified, 1);
    assert_int_equal(c.gap_bytes, strlen(first) + strlen(second)); /* the hole is one, too */
    drop_every(0);
    hear(proxy[HOLDERS], first);
    hear(proxy[HOLDERS], second);
    for (int i = 0; i < 3; i++) {
        say(proxy[HOLDERS], "GET / HTTP/1.1\r\n\r\n");
        hear(upstream[HOLDERS], "GET / HTTP/1.1\r\n\r\n");
        say(upstream[HOLDERS], "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n");
        hear(proxy[HOLDERS], "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n");
    }
    for (int i = 0; i <= HOLDERS; i++) {
        abort_connection(proxy[i]);
        close(upstream[i]);
    }
    close(listener);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.rq_issued, 3);
    assert_true(c.rq_success >= 3);
    assert_int_equal(c.rq_success + c.rq_unclassified, 3 + HOLDERS);
    assert_int_equal(c.gap_bytes, 0);
    assert_int_equal(c.cx_opaque, 0);
}

static void one_in_fifty(void **state)
{
    (void)state;
    exact_with_loss(50, 99);
}

static void one_in_ten(void **state)
{
    (void)state;
    exact_with_loss(10, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_in_fifty),
        cmocka_unit_test(one_in_ten),
        cmocka_unit_test(ends_with_a_hole_give_their_berths_back),
        cmocka_unit_test(in_step_again_after_a_gap),
    };

    return fixture_run_with_each_object(tests);
}
