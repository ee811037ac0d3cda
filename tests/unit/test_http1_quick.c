/* The quick reader of whole lines against the machine that it spares: the same state and the same
 * tally, for heads of all sorts, with any byte changed, and cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "../native/live.h"
#include "base/mem.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define TEXT64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD_MAX 3000

static const struct probe_set probes = {
    .probe = {{8, 0, "/healthz", ""}, {2, 8, "/p", "check.me"}},
};

/* With another message behind most of them: what was framed wrongly shows there. */
static const char *const requests[] = {
    GET,
    GET GET,
    "POST /a?b=c HTTP/1.0\r\nContent-Length: 12\r\nX: y\r\n\r\nhello, world" GET,
    "PUT /\x80\xff HTTP/1.1\r\ncontent-length:0\r\n\r\n" GET,
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" GET,
    "POST / HTTP/1.1\r\ntransfer-encoding:CHUNKED\r\nTE: trailers\r\n\r\n2\r\nab\r\n0\r\n\r\n" GET,
    "HEAD / HTTP/1.1\r\nUser-Agent: curl/8.0\r\nCookie: a=b; c=d\r\n\r\n" GET,
    "CONNECT a:1 HTTP/1.1\r\n\r\nabc",
    "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" GET,
    "GET /healthy HTTP/1.1\r\nHost: a\r\n\r\n" GET,
    "GET /q HTTP/1.1\r\nHost: check.me\r\n\r\n" GET,
    "GET /p HTTP/1.1\r\nHost: check.me\r\n\r\n" GET,
    "GET / HTTP/1.1\r\nuser-agent: Envoy/HC\r\n\r\n" GET,
    "GET / HTTP/1.1\r\nUser-Agent: Envoy/1.2\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    "GET / HTTP/1.1\r\nX: " TEXT64 "\tb\r\nUpgrades: h2c\r\nUser-Agents: Envoy/HC\r\n\r\n" GET,
    "OPTIONS * HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1234567\r\n\r\n",
    "DELETE /x HTTP/1.1\r\nContent-Length: 12345678\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" GET,
};
static const char *const responses[] = {
    OK OK,
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 20:00:00 GMT\r\nContent-Type: "
    "text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n" OK,
    "HTTP/1.1 503 Service Temporarily Unavailable\r\nTransfer-Encoding: "
    "chunked\r\n\r\n0\r\n\r\n" OK,
    "HTTP/1.1 200 Reason longer than thirty-two bytes are\r\nTransfer-Encoding: gzip\r\n\r\n" OK,
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n" OK,
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK,
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" OK,
    "HTTP/1.1 101 \r\nUpgrade: h2c\r\n\r\n" OK,
    "HTTP/1.0 200 OK\r\nUpgrade: h2,h2c\r\n\r\n" OK,
    "HTTP/1.1 404\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n" OK,
};

struct outcome {
    struct connection connection;
    struct tally tally;
};

static struct outcome play(int how, bool response, const char *bytes, size_t length, size_t cut,
                           size_t window)
{
    struct outcome o = {0};
    struct connection c;

    feed_quick = how;
    connection_start(&c, 0, PROTOCOL_AUTO, 1);
    if (response)
        feed(&c, 1, GET GET "CONNECT a:1 HTTP/1.1\r\n\r\n", sizeof(GET GET) + 23, WINDOW_SIZE, NULL,
             &o.tally);
    feed(&c, !response, bytes, cut, window, &probes, &o.tally);
    feed(&c, !response, bytes + cut, length - cut, window, &probes, &o.tally);
    o.connection = live_connection(&c);
    return o;
}

static void check(bool response, const char *bytes, size_t length, size_t cut, size_t window)
{
    struct outcome slow = play(0, response, bytes, length, cut, window);
    struct outcome fast = play(1, response, bytes, length, cut, window);

    if (memcmp(&slow, &fast, sizeof(slow)))
        fail_msg("cut at %zu, window %zu: states %d and %d, flags %x and %x: %.*s", cut, window,
                 slow.connection.out.http1.state, fast.connection.out.http1.state,
                 slow.connection.out.http1.flags, fast.connection.out.http1.flags, (int)length,
                 bytes);
}

static void check_cuts(bool response, const char *bytes)
{
    const size_t length = strlen(bytes);

    for (size_t cut = 0; cut < length; cut++)
        check(response, bytes, length, cut, WINDOW_SIZE);
    for (size_t window = 1; window < length; window++)
        check(response, bytes, length, 0, window);
}

/* Each byte in turn: another one, one more, one less. */
static void check_changes(bool response, const char *bytes)
{
    static const char others[] = " \t\r\n:,;0a/E-\0\x01\x0b\x1f\x7f\x80\x8a\x8d\xa0\xff";
    const size_t length = strlen(bytes);
    char changed[HEAD_MAX];

    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < sizeof(others); i++) {
            memcpy(changed, bytes, length);
            changed[at] = others[i];
            check(response, changed, length, 0, WINDOW_SIZE);
            memcpy(changed + at + 1, bytes + at, length - at);
            check(response, changed, length + 1, 0, WINDOW_SIZE);
        }
        memcpy(changed, bytes, length);
        changed[at] ^= 0x20; /* small and capital */
        check(response, changed, length, 0, WINDOW_SIZE);
        memcpy(changed, bytes, at);
        memcpy(changed + at, bytes + at + 1, length - at - 1);
        check(response, changed, length - 1, 0, WINDOW_SIZE);
    }
}

static void the_same_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        check_cuts(false, requests[i]);
    for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
        check_cuts(true, responses[i]);
}

static void the_same_with_any_byte_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        check_changes(false, requests[i]);
    for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
        check_changes(true, responses[i]);
}

/* Heads that cross the window's end, or fill more than one, lines that do; each at every place. */
static void the_same_across_windows(void **state)
{
    char bytes[HEAD_MAX];

    (void)state;
    for (size_t fill = 0; fill < 2200; fill += 7) {
        size_t length = (size_t)sprintf(bytes, "POST / HTTP/1.1\r\nX: ");
        memset(bytes + length, 'x', fill);
        length += fill;
        length += (size_t)sprintf(bytes + length, "\r\nContent-Length: 2\r\n\r\nab" GET GET);
        check(false, bytes, length, 0, WINDOW_SIZE);
        check(false, bytes, length, length / 2, WINDOW_SIZE);
    }
}

/* That it is used at all: what one call reads of a window. */
static size_t read_at_once(struct connection *c, bool response, const char *bytes)
{
    struct window w;
    struct tally t = {0};

    window_fill(&w, (const __u8 *)bytes, strlen(bytes));
    if (response)
        response_quick(c, &w, &t);
    else
        request_quick(c, &w, &probes, &t);
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
    assert_int_equal(response ? t.success : t.issued, 1);
    return w.position;
}

static void usual_heads_are_read_at_once(void **state)
{
    static const char request[] = "GET /shop/1?sort=price HTTP/1.1\r\nHost: shop.example.com\r\n"
                                  "User-Agent: Mozilla/5.0\r\nCookie: " TEXT64 "\r\n\r\n",
                      as_long_as_a_probe[] = "GET /healthy HTTP/1.1\r\nHost: a\r\n\r\n";
    struct connection c;

    (void)state;
    connection_start(&c, 0, PROTOCOL_AUTO, 1);
    assert_int_equal(read_at_once(&c, false, request), sizeof(request) - 1);
    assert_int_equal(read_at_once(&c, true, responses[1]), strlen(responses[1]) - sizeof(OK) + 1);
    assert_int_equal(read_at_once(&c, false, as_long_as_a_probe), sizeof(as_long_as_a_probe) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_cut_anywhere),
        cmocka_unit_test(the_same_with_any_byte_changed),
        cmocka_unit_test(the_same_across_windows),
        cmocka_unit_test(usual_heads_are_read_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
