/* The LRS client over TCP on loopback, against a small nghttp2 server on the same event loop. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "stream/budget.h"
#include "stream/transport.h"

enum server_mode {
    SERVE,
    SAY_HTTP1,
    RESET,
    HANG_UP,
    NEVER_READ,
    WIDE_WINDOW,
    FLOOD,
    SHUT_WINDOW,
    READ_ONLY
};

static struct event_base *base;
static struct event *acceptor;
static int listener;
static struct address addresses[2];

static struct {
    enum server_mode mode;
    struct bufferevent *connection;
    nghttp2_session *session;
    size_t data_length, body_sent;
    unsigned pings;
} server;

static struct {
    struct lrs_client *client;
    char log[1024];
    const char *free_at; /* the event in which the client is freed */
    const struct tls_settings *tls;
    struct keepalive_settings keepalive;
    uint64_t stall_us;
    unsigned prepared;
    int prepare_answer;
    bool stop;
} owner;

/* --- the server ---------------------------------------------------------------------------------
 */

static ssize_t server_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)session, (void)id, (void)room, (void)flags, (void)source, (void)arg;
    if (server.body_sent == 7)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(out, "\0\0\0\0\2ok", 7);
    server.body_sent = 7;
    return 7;
}

static int server_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    static const nghttp2_data_provider body = {.read_callback = server_read};
    char status[] = ":status", ok[] = "200", type[] = "content-type", grpc[] = "application/grpc";
    const nghttp2_nv fields[] = {{(uint8_t *)status, (uint8_t *)ok, 7, 3, 0},
                                 {(uint8_t *)type, (uint8_t *)grpc, 12, 16, 0}};

    (void)arg;
    server.pings += frame->hd.type == NGHTTP2_PING;
    if (frame->hd.type == NGHTTP2_HEADERS)
        nghttp2_submit_response(session, frame->hd.stream_id, fields, 2, &body);
    return 0;
}

static int server_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                       size_t count, void *arg)
{
    (void)session, (void)flags, (void)id, (void)bytes, (void)arg;
    server.data_length += count;
    return 0;
}

/* Closes the connection, by RST where the mode says so. */
static void hang_up(void)
{
    const struct linger linger = {.l_onoff = server.mode == RESET};

    setsockopt(bufferevent_getfd(server.connection), SOL_SOCKET, SO_LINGER, &linger,
               sizeof(linger));
    bufferevent_free(TAKE(server.connection));
}

static void server_readable(struct bufferevent *connection, void *arg)
{
    struct evbuffer *input = bufferevent_get_input(connection);
    size_t length = evbuffer_get_length(input);
    const uint8_t *out;
    ssize_t count;

    (void)arg;
    if (server.mode != SERVE && server.mode != SHUT_WINDOW) {
        evbuffer_drain(input, length);
        if (server.mode != SAY_HTTP1 && server.mode != FLOOD && server.mode != READ_ONLY)
            hang_up();
        return;
    }
    assert_int_equal(nghttp2_session_mem_recv(server.session, evbuffer_pullup(input, -1), length),
                     length);
    evbuffer_drain(input, length);
    while ((count = nghttp2_session_mem_send(server.session, &out)) > 0)
        bufferevent_write(connection, out, (size_t)count);
}

static void start_session(void)
{
    const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                           server.mode == SHUT_WINDOW ? 0 : 1 << 30};
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
    nghttp2_session_server_new(&server.session, callbacks, NULL);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(server.session, 0, &window, 1);
}

/* SETTINGS, then more PRIORITY than the budget has room for. */
static void flood(void)
{
    static const uint8_t settings[9] = {[3] = 4};
    static const uint8_t priority[14] = {[2] = 5, [3] = 2, [8] = 1, [13] = 15};

    bufferevent_write(server.connection, settings, sizeof(settings));
    for (unsigned i = 0; i < BUDGET_FULL; i++)
        bufferevent_write(server.connection, priority, sizeof(priority));
}

/* SETTINGS and WINDOW_UPDATE with the widest windows there are, for all that will never be read. */
static void widen(void)
{
    static const uint8_t settings[15] = {[2] = 6, [3] = 4, [10] = 4, 0x7f, 0xff, 0xff, 0xff};
    static const uint8_t update[13] = {[2] = 4, [3] = 8, [9] = 0x7f, 0xff, 0, 0};

    bufferevent_write(server.connection, settings, sizeof(settings));
    bufferevent_write(server.connection, update, sizeof(update));
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

    (void)what, (void)arg;
    assert_true(accepted >= 0);
    server.connection = bufferevent_socket_new(base, accepted, BEV_OPT_CLOSE_ON_FREE);
    if (server.mode == SAY_HTTP1)
        bufferevent_write(server.connection, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    if (server.mode == SERVE || server.mode == SHUT_WINDOW)
        start_session();
    if (server.mode == FLOOD)
        flood();
    if (server.mode == WIDE_WINDOW)
        widen();
    bufferevent_setcb(server.connection, server_readable, NULL, NULL, NULL);
    if (server.mode != NEVER_READ && server.mode != WIDE_WINDOW)
        bufferevent_enable(server.connection, EV_READ);
}

/* --- the owner ----------------------------------------------------------------------------------
 */

static void happened(const char *event, const char *detail)
{
    size_t used = strlen(owner.log);

    snprintf(owner.log + used, sizeof(owner.log) - used, "%s%s;", event, detail);
    if (owner.free_at && !strcmp(owner.free_at, event)) {
        lrs_client_free(TAKE(owner.client));
        owner.stop = true;
    }
}

static int send_bytes(const uint8_t *bytes, size_t length, bool mark)
{
    struct grpc_messages messages = {0};
    int error;

    assert_int_equal(grpc_messages_add(&messages, bytes, length), 0);
    error = lrs_client_send(owner.client, &messages, mark);
    grpc_messages_clear(&messages);
    return error;
}

static int send_text(const char *text, bool mark)
{
    return send_bytes((const uint8_t *)text, strlen(text), mark);
}

static void on_up(void *arg)
{
    (void)arg;
    happened("up", "");
    if (owner.client)
        assert_int_equal(send_text("node", true), 0);
}

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    (void)arg;
    assert_int_equal(length, 2);
    assert_memory_equal(message, "ok", 2);
    happened("message", "");
}

static void on_confirmed(void *arg)
{
    (void)arg;
    happened("confirmed", "");
}

static void on_down(void *arg, const char *reason)
{
    (void)arg;
    happened("down: ", reason);
    if (owner.client)
        assert_int_equal(send_text("x", true), -ENOTCONN);
    owner.stop = true;
}

static int prepare(void *arg, int fd)
{
    (void)arg;
    assert_true(fd >= 0);
    owner.prepared++;
    return owner.prepare_answer;
}

static void open_client(const struct address *to, size_t count)
{
    const struct lrs_client_options options = {
        .base = base,
        .addresses = to,
        .address_count = count,
        .connect_timeout_us = 100000,
        .stall_timeout_us = owner.stall_us,
        .tls = owner.tls,
        .keepalive = owner.keepalive,
        .authority = "lrs",
        .user_agent = "test",
        .prepare = prepare,
        .events = {.up = on_up, .message = on_message, .confirmed = on_confirmed, .down = on_down},
    };

    assert_int_equal(lrs_client_open(&options, &owner.client), 0);
    assert_int_equal(send_text("x", true), -ENOTCONN);
    assert_string_equal(owner.log, ""); /* nothing from inside */
}

/* Until the owner wants to stop, or its log is `wanted`. */
static void run(const char *wanted)
{
    const struct timeval limit = {.tv_sec = 5};

    event_base_loopexit(base, &limit);
    while (!owner.stop && strcmp(owner.log, wanted) != 0 && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    assert_string_equal(owner.log, wanted);
}

/* --- set up -------------------------------------------------------------------------------------
 */

static uint16_t local_port(int fd)
{
    struct sockaddr_in local;
    socklen_t length = sizeof(local);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &length), 0);
    return ntohs(local.sin_port);
}

static int listen_on_loopback(int backlog)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static int unused; /* bound, so that nobody else listens on its port: connections are refused */

static int open_before; /* descriptors */

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    open_before = open_descriptors();
    signal(SIGPIPE, SIG_IGN);
    memset(&server, 0, sizeof(server));
    memset(&owner, 0, sizeof(owner));
    base = event_base_new();
    listener = listen_on_loopback(5);
    unused = listen_on_loopback(-1);
    acceptor = event_new(base, listener, EV_READ | EV_PERSIST, on_accept, NULL);
    event_add(acceptor, NULL);
    address_parse("127.0.0.1", local_port(unused), &addresses[0]);
    address_parse("127.0.0.1", local_port(listener), &addresses[1]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lrs_client_free(owner.client);
    if (server.connection)
        bufferevent_free(server.connection);
    nghttp2_session_del(server.session);
    event_free(acceptor);
    close(listener);
    close(unused);
    event_base_free(base);
    return open_descriptors() == open_before ? 0 : -1;
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void assert_down_of(const struct address *address, const char *format)
{
    char wanted[256], text[ADDRESS_TEXT_MAX];

    snprintf(wanted, sizeof(wanted), format, address_text(address, text));
    run(wanted);
}

static void assert_down(const char *format)
{
    assert_down_of(&addresses[0], format);
}

static void test_conversation(void **state)
{
    (void)state;
    open_client(&addresses[1], 1);
    run("up;message;confirmed;");
    assert_int_equal(server.data_length, 9);
    assert_int_equal(send_text("report", true), 0);
    assert_int_equal(send_text("report", true), -EAGAIN);
    run("up;message;confirmed;confirmed;");
    assert_int_equal(server.data_length, 20);
    bufferevent_free(TAKE(server.connection));
    run("up;message;confirmed;confirmed;down: management server closed the connection;");
}

static void test_refused(void **state)
{
    (void)state;
    open_client(addresses, 1);
    assert_down("down: cannot connect to %s: Connection refused;");
    assert_null(lrs_client_peer(owner.client));
    assert_int_equal(owner.prepared, 1);
}

static void test_next_address(void **state)
{
    (void)state;
    open_client(addresses, 2);
    assert_null(lrs_client_peer(owner.client));
    run("up;message;confirmed;");
    assert_int_equal(owner.prepared, 2);
    assert_true(address_equal(lrs_client_peer(owner.client), &addresses[1]));
}

static void test_prepare_refuses(void **state)
{
    (void)state;
    owner.prepare_answer = -EPERM;
    open_client(addresses, 1);
    assert_down("down: cannot connect to %s: Operation not permitted;");
}

static void test_connect_fails_at_once(void **state)
{
    (void)state;
    address_parse("255.255.255.255", 1, &addresses[0]); /* Linux: no TCP to a broadcast address */
    open_client(addresses, 1);
    assert_down("down: cannot connect to %s: Network is unreachable;");
    tear_down(state);
    set_up(state);
    address_parse("255.255.255.255", 1, &addresses[0]);
    open_client(addresses, 2);
    run("up;message;confirmed;");
}

static void test_connect_timeout(void **state)
{
    int full = listen_on_loopback(0), fillers[4];
    struct sockaddr_storage to;

    (void)state;
    address_parse("127.0.0.1", local_port(full), &addresses[0]);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&to, address_to_sockaddr(&addresses[0], &to));
    }
    open_client(addresses, 1);
    assert_down("down: cannot connect to %s: Connection timed out;");
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        close(fillers[i]);
    close(full);
}

static void test_not_http2(void **state)
{
    int descriptors;

    (void)state;
    server.mode = SAY_HTTP1;
    open_client(&addresses[1], 1);
    run("up;down: management server does not speak HTTP/2;");
    descriptors = open_descriptors();
    lrs_client_free(TAKE(owner.client));
    assert_int_equal(open_descriptors(), descriptors); /* the socket was closed before */
}

static void test_hung_up(void **state)
{
    (void)state;
    server.mode = HANG_UP;
    open_client(&addresses[1], 1);
    run("up;down: management server closed the connection;");
}

/* --- a server without TLS, though the client speaks it --- */

static const struct tls_settings tls;

static void test_tls_server_speaks_something_else(void **state)
{
    (void)state;
    owner.tls = &tls;
    server.mode = SAY_HTTP1;
    open_client(&addresses[1], 1);
    assert_down_of(&addresses[1],
                   "down: TLS with %s: wrong version number: it does not speak TLS there;");
}

static void test_tls_server_hangs_up(void **state)
{
    (void)state;
    owner.tls = &tls;
    server.mode = HANG_UP;
    open_client(&addresses[1], 1);
    assert_down_of(&addresses[1],
                   "down: TLS with %s: the server closed the connection during the handshake;");
    tear_down(state);
    set_up(state);
    owner.tls = &tls;
    server.mode = RESET;
    open_client(&addresses[1], 1);
    assert_down_of(&addresses[1], "down: TLS with %s: Connection reset by peer;");
}

static void test_tls_server_is_silent(void **state)
{
    (void)state;
    owner.tls = &tls;
    server.mode = NEVER_READ;
    open_client(&addresses[1], 1);
    assert_down_of(&addresses[1],
                   "down: TLS with %s: the handshake takes longer than connect_timeout;");
}

static void test_tls_certificate_that_cannot_be_read(void **state)
{
    static char place[] = "here", file[] = "/nowhere";
    static const struct tls_settings unreadable = {
        .trusted_ca = {.kind = DATA_FILE, .file = file, .place = place}};

    (void)state;
    owner.tls = &unreadable;
    open_client(&addresses[1], 1);
    run("down: here: the file /nowhere: found no file that can be read: No such file or "
        "directory;");
}

static void test_tls_freed_while_securing(void **state)
{
    (void)state;
    owner.tls = &tls;
    server.mode = NEVER_READ;
    open_client(&addresses[1], 1);
    for (int i = 0; i < 5; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    lrs_client_free(TAKE(owner.client));
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_string_equal(owner.log, "");
}

static void test_connection_reset(void **state)
{
    (void)state;
    server.mode = RESET;
    open_client(&addresses[1], 1);
    run("up;down: connection to the management server failed: Connection reset by peer;");
}

static void test_freed_in_each_event(void **state)
{
    static const struct {
        enum server_mode mode;
        const char *event, *log;
    } cases[] = {
        {SERVE, "up", "up;"},
        {SERVE, "message", "up;message;"},
        {SERVE, "confirmed", "up;message;confirmed;"},
        {HANG_UP, "down: ", "up;down: management server closed the connection;"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        server.mode = cases[i].mode;
        owner.free_at = cases[i].event;
        open_client(&addresses[1], 1);
        run(cases[i].log);
        assert_null(owner.client);
        event_base_loop(base, EVLOOP_NONBLOCK);
        assert_string_equal(owner.log, cases[i].log);
        assert_int_equal(tear_down(state), 0);
        set_up(state);
    }
    owner.free_at = "down: ";
    open_client(addresses, 1);
    assert_down("down: cannot connect to %s: Connection refused;");
    assert_null(owner.client);
}

static void test_freed_while_dialling(void **state)
{
    (void)state;
    open_client(addresses, 2);
    lrs_client_free(TAKE(owner.client));
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_string_equal(owner.log, "");
}

static void test_server_that_never_reads(void **state)
{
    static uint8_t large[60000];
    int taken = 0, err;

    (void)state;
    server.mode = NEVER_READ;
    open_client(&addresses[1], 1);
    run("up;");
    for (int i = 0; i < 200; i++) {
        err = send_bytes(large, sizeof(large), false);
        taken += err == 0;
        assert_true(err == 0 || err == -EAGAIN);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    assert_true(taken <= 2); /* the first windows of HTTP/2 hold 65,535 bytes */
    assert_int_equal(err, -EAGAIN);
    assert_string_equal(owner.log, "up;");
}

/* Then it is the socket's buffers that are full; what they have no room for stays with the stream, once. */
static void test_server_with_a_wide_window_that_never_reads(void **state)
{
    static uint8_t large[64 << 20];

    (void)state;
    server.mode = WIDE_WINDOW;
    open_client(&addresses[1], 1);
    run("up;");
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(send_bytes(large, sizeof(large), false), 0);
    for (int i = 0; i < 200; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(send_text("x", false), -EAGAIN);
    assert_string_equal(owner.log, "up;");
}

static void assert_stuck(const char *before)
{
    char wanted[256];

    snprintf(wanted, sizeof(wanted),
             "%sdown: management server is stuck: for 100 ms it took nothing of a report and "
             "acknowledged no SETTINGS;",
             before);
    run(wanted);
}

static void test_silent_server_is_given_up(void **state)
{
    (void)state;
    server.mode = NEVER_READ;
    owner.stall_us = 100000;
    open_client(&addresses[1], 1);
    assert_stuck("up;");
}

/* The first message was faster than the SETTINGS; the next one never gets out. All else is answered. */
static void test_shut_window_is_given_up(void **state)
{
    (void)state;
    server.mode = SHUT_WINDOW;
    owner.stall_us = 100000;
    open_client(&addresses[1], 1);
    run("up;message;confirmed;");
    assert_int_equal(send_text("x", true), 0);
    assert_stuck("up;message;confirmed;");
}

/* Its windows have room for many small messages: that they leave does not show that it lives. */
static void test_server_that_acknowledges_nothing_is_given_up(void **state)
{
    const struct timeval some = {.tv_usec = 20000};

    (void)state;
    server.mode = READ_ONLY;
    owner.stall_us = 100000;
    open_client(&addresses[1], 1);
    run("up;");
    for (unsigned i = 0; i < 50 && !owner.stop; i++) {
        send_text("x", false);
        event_base_loopexit(base, &some);
        event_base_dispatch(base);
    }
    assert_stuck("up;");
}

static void test_owed_nothing_it_waits_for_ever(void **state)
{
    const struct timeval some = {.tv_usec = 400000};

    (void)state;
    owner.stall_us = 100000;
    open_client(&addresses[1], 1);
    run("up;message;confirmed;");
    event_base_loopexit(base, &some);
    event_base_dispatch(base);
    assert_string_equal(owner.log, "up;message;confirmed;");
}

static void test_flood_is_given_up(void **state)
{
    (void)state;
    server.mode = FLOOD;
    open_client(&addresses[1], 1);
    run("up;down: management server sends more than a client has to put up with;");
}

static void test_keepalive(void **state)
{
    const struct timeval some = {.tv_usec = 400000};

    (void)state;
    owner.keepalive = (struct keepalive_settings){.interval_us = 10000, .timeout_us = 2000000};
    open_client(&addresses[1], 1);
    run("up;message;confirmed;");
    event_base_loopexit(base, &some);
    event_base_dispatch(base);
    assert_true(server.pings > 2); /* each of which was answered */
    assert_string_equal(owner.log, "up;message;confirmed;");
    assert_false(lrs_client_pinged_too_often(owner.client));
    tear_down(state);
    set_up(state);
    owner.keepalive = (struct keepalive_settings){.interval_us = 10000, .timeout_us = 20000};
    server.mode = NEVER_READ;
    open_client(&addresses[1], 1);
    run("up;down: management server is silent: no answer to a PING (connection_keepalive) in 20 "
        "ms;");
}

static void test_no_address(void **state)
{
    const struct lrs_client_options options = {.base = base, .authority = "a", .user_agent = "u"};

    (void)state;
    assert_int_equal(lrs_client_open(&options, &owner.client), -EINVAL);
    assert_null(owner.client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conversation),
        TEST(test_refused),
        TEST(test_next_address),
        TEST(test_prepare_refuses),
        TEST(test_connect_fails_at_once),
        TEST(test_connect_timeout),
        TEST(test_not_http2),
        TEST(test_hung_up),
        TEST(test_connection_reset),
        TEST(test_tls_server_speaks_something_else),
        TEST(test_tls_server_hangs_up),
        TEST(test_tls_server_is_silent),
        TEST(test_tls_certificate_that_cannot_be_read),
        TEST(test_tls_freed_while_securing),
        TEST(test_freed_in_each_event),
        TEST(test_freed_while_dialling),
        TEST(test_server_that_never_reads),
        TEST(test_server_with_a_wide_window_that_never_reads),
        TEST(test_silent_server_is_given_up),
        TEST(test_shut_window_is_given_up),
        TEST(test_server_that_acknowledges_nothing_is_given_up),
        TEST(test_owed_nothing_it_waits_for_ever),
        TEST(test_flood_is_given_up),
        TEST(test_keepalive),
        TEST(test_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
