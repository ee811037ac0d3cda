/* The server with real sockets on loopback: clients that behave badly, and the end. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/log.h"
#include "collector/server.h"

/* A client's first bytes: the preface and empty SETTINGS (RFC 9113, 3.4). */
#define HELLO "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define PING                                                                                       \
    "\0\0\x08\6\0\0\0\0\0"                                                                         \
    "12345678"

struct fixture {
    struct event_base *base;
    struct settings *settings;
    struct service service;
    struct server *server;
    struct sockaddr_storage where;
    socklen_t length;
};

static int start(void **state)
{
    static const struct ask ask = {.interval_us = 1000000};
    static const struct rlimit both_ends = {2 * SERVER_CONNECTIONS + 64,
                                            2 * SERVER_CONNECTIONS + 64};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct config_error settings_error;
    struct address address;
    char error[200];

    setrlimit(RLIMIT_NOFILE, &both_ends);
    fixture->base = event_base_new();
    assert_int_equal(settings_new(NULL, &ask, &fixture->settings, &settings_error), 0);
    assert_int_equal(service_init(&fixture->service, stderr, fixture->settings), 0);
    address_parse("127.0.0.1", 0, &address);
    fixture->server =
        server_new(fixture->base, &address, &fixture->service, NULL, error, sizeof(error));
    assert_non_null(fixture->server);
    assert_int_equal(server_address(fixture->server, &address), 0);
    assert_int_not_equal(address.port, 0);
    fixture->length = address_to_sockaddr(&address, &fixture->where);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;

    server_free(fixture->server);
    service_clear(&fixture->service);
    settings_free(fixture->settings);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

static int dial(const struct fixture *fixture)
{
    static const struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->where, fixture->length), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

/* Lets the server do what is to be done, and some 20 ms more for what is under way. */
static void turn(struct fixture *fixture)
{
    static const struct timeval moment = {.tv_usec = 20000};

    event_base_loopexit(fixture->base, &moment);
    event_base_dispatch(fixture->base);
}

/* Serves until the peer of `fd` has closed; the bytes read before. */
static size_t read_until_closed(struct fixture *fixture, int fd)
{
    char bytes[4096];
    size_t total = 0;

    for (int i = 0; i < 200; i++) {
        ssize_t count = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (count == 0 || (count < 0 && errno == ECONNRESET))
            return total;
        if (count > 0)
            total += (size_t)count;
        else
            turn(fixture);
    }
    fail_msg("not closed");
    return 0;
}

static void garbage_is_closed(void **state)
{
    struct fixture *fixture = *state;
    int garbage = dial(fixture), good = dial(fixture);
    char bytes[64];

    assert_int_equal(write(garbage, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_int_equal(write(good, HELLO PING, sizeof(HELLO PING) - 1), sizeof(HELLO PING) - 1);
    read_until_closed(fixture, garbage);
    turn(fixture);
    assert_true(recv(good, bytes, sizeof(bytes), MSG_DONTWAIT) > 9); /* the other one lives */
    close(garbage);
    close(good);
}

/* A client that floods with PINGs and takes no answer is not read from without end. */
static void a_client_that_never_reads(void **state)
{
    static char pings[17 * 4096];
    struct fixture *fixture = *state;
    int fd = dial(fixture), small = 4096;
    size_t sent = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (size_t i = 0; i < sizeof(pings); i += 17)
        memcpy(pings + i, PING, 17);
    assert_int_equal(write(fd, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
    for (int idle = 0; idle < 5 && sent < (256u << 20); turn(fixture)) {
        ssize_t count = send(fd, pings, sizeof(pings), MSG_DONTWAIT | MSG_NOSIGNAL);

        idle = count > 0 ? 0 : idle + 1;
        sent += count > 0 ? (size_t)count : 0;
    }
    assert_true(sent < (64u << 20)); /* socket buffers, not our memory */
    close(fd);
    turn(fixture);
}

static void too_many_connections(void **state)
{
    static int fds[SERVER_CONNECTIONS];
    struct fixture *fixture = *state;
    int one_more;

    for (size_t i = 0; i < SERVER_CONNECTIONS; i++) {
        fds[i] = dial(fixture);
        if (i % 50 == 49)
            turn(fixture);
    }
    one_more = dial(fixture);
    assert_int_equal(read_until_closed(fixture, one_more), 0);
    close(one_more);
    close(fds[0]);
    turn(fixture);
    fds[0] = dial(fixture); /* room again */
    assert_int_equal(write(fds[0], HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
    turn(fixture);
    assert_true(recv(fds[0], (char[64]){0}, 64, MSG_DONTWAIT) > 9);
    for (size_t i = 0; i < SERVER_CONNECTIONS; i++)
        close(fds[i]);
}

static void end_without_clients(void **state)
{
    struct fixture *fixture = *state;

    server_end(fixture->server);
    server_end(fixture->server);                          /* a second signal changes nothing */
    assert_true(event_base_dispatch(fixture->base) >= 0); /* returns */
}

static void end_with_clients(void **state)
{
    struct fixture *fixture = *state;
    int polite = dial(fixture), silent = dial(fixture);
    char bytes[256];
    ssize_t count;

    assert_int_equal(write(polite, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
    turn(fixture);
    recv(polite, bytes, sizeof(bytes), MSG_DONTWAIT);
    server_end(fixture->server);
    close(silent);
    turn(fixture);
    count = recv(polite, bytes, sizeof(bytes), MSG_DONTWAIT);
    assert_true(count >= 17);
    assert_int_equal(bytes[3], 7); /* GOAWAY, then FIN */
    assert_int_equal(recv(polite, bytes, sizeof(bytes), MSG_DONTWAIT), 0);
    close(polite);
    event_base_dispatch(fixture->base); /* ends, as nobody is left */
}

/* One that does not close in its turn is not waited for longer than SERVER_END_S. */
static void end_with_a_client_that_stays(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    turn(fixture);
    server_end(fixture->server);
    event_base_dispatch(fixture->base);
    close(fd);
}

static void port_in_use(void **state)
{
    struct fixture *fixture = *state;
    struct address address;
    char error[200] = "";

    assert_int_equal(server_address(fixture->server, &address), 0);
    assert_null(server_new(fixture->base, &address, &fixture->service, NULL, error, sizeof(error)));
    assert_non_null(strstr(error, "cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(error, "in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(garbage_is_closed, start, stop),
        cmocka_unit_test_setup_teardown(a_client_that_never_reads, start, stop),
        cmocka_unit_test_setup_teardown(too_many_connections, start, stop),
        cmocka_unit_test_setup_teardown(end_without_clients, start, stop),
        cmocka_unit_test_setup_teardown(end_with_clients, start, stop),
        cmocka_unit_test_setup_teardown(end_with_a_client_that_stays, start, stop),
        cmocka_unit_test_setup_teardown(port_in_use, start, stop),
    };

    log_set_level(LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
