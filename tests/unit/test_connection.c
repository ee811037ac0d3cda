/* Whole connections through the parsers that the kernel runs: each case whole, byte by byte, and
 * cut in two at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "base/mem.h"

/* '>' the proxy sends, '<' the upstream sends; then the ends: 'F' upstream's FIN and the proxy's
 * close after it, 'R' upstream resets, 'C' the proxy closes, 'L' a hole in the responses is given
 * up and the connection ends; '.' nothing yet: stays open. Not ends: 'J' was open before; 'l' and 'o'
 * a hole in the responses, or in the requests, is given up; 'c' the proxy's close(), before it ends;
 * 'S' the proxy sends, and all before it is settled. */
struct part {
    char who;
    const char *bytes;
    size_t length;
};
#define OUT(text)                                                                                  \
    {                                                                                              \
        '>', text, sizeof(text) - 1                                                                \
    }
#define IN(text)                                                                                   \
    {                                                                                              \
        '<', text, sizeof(text) - 1                                                                \
    }
#define SETTLED(text)                                                                              \
    {                                                                                              \
        'S', text, sizeof(text) - 1                                                                \
    }
#define END(who)                                                                                   \
    {                                                                                              \
        who, "", 0                                                                                 \
    }
#define PARTS_MAX 10

struct test_case {
    const char *name;
    enum protocol protocol;
    struct part parts[PARTS_MAX];
    struct tally expected;
};

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ERR "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
#define LOOKALIKE "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
#define PROXY2                                                                                     \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"                                                           \
    "\x7f\0\0\1\x7f\0\0\1\0\x50\0\x51"

static const struct test_case cases[] = {
    {"keep-alive",
     0,
     {OUT(GET), IN(OK), OUT(GET), IN(ERR), OUT(GET), IN(OK), END('C')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"pipelined",
     0,
     {OUT(GET GET GET), IN(OK ERR OK), END('C')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"no bytes", 0, {END('C')}, {0}},
    {"only an empty line", 0, {OUT("\r\n"), END('C')}, {0}},
    {"status below 500 is success",
     0,
     {OUT(GET), IN("HTTP/1.1 404 \r\nContent-Length:0\r\n\r\n"), END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"status 599 and 600",
     0,
     {OUT(GET GET),
      IN("HTTP/1.1 599 \r\nContent-Length:0\r\n\r\nHTTP/1.1 600\r\nContent-Length:0\r\n\r\n"),
      END('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"result at the head, active until the body's end",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"), END('.')},
     {.issued = 1, .success = 1}},
    {"issued at the head's end, not before",
     0,
     {OUT("GET / HTTP/1.1\r\nHost: a\r\n"), END('.')},
     {0}},
    {"request body by length",
     0,
     {OUT("POST / HTTP/1.1\r\nContent-Length: 28\r\n\r\n" GET GET), IN(OK OK), END('.')},
     {.issued = 2, .success = 2, .finished = 2}},
    {"chunked both ways, with extensions and trailers",
     0,
     {OUT("POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n1a;x=\"y\"\r\nGET / "
          "HTTP/1.1\r\nHost: a\r\n\r\r\n0\r\nT: u\r\n\r\n" GET),
      IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,  chunked\r\n\r\n3  ;e\r\nabc\r\n00\r\nX: "
         "HTTP/1.1 500\r\n\r\n" ERR),
      END('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"chunked wins over length",
     0,
     {OUT(GET GET),
      IN("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n" ERR),
      END('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"until close",
     0,
     {OUT(GET), IN("HTTP/1.0 200 OK\r\n\r\n" LOOKALIKE), END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"other coding last: until close",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n" LOOKALIKE),
      END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"\"chunkedx\" is another coding",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunkedx\r\n\r\n" LOOKALIKE), END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"until close, proxy closes",
     0,
     {OUT(GET), IN("HTTP/1.0 200 OK\r\n\r\nabc"), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"HEAD has no body",
     0,
     {OUT("HEAD / HTTP/1.1\r\n\r\n" GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" ERR),
      END('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"HEADS is no HEAD",
     0,
     {OUT("HEADS / HTTP/1.1\r\n\r\n"), IN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"),
      END('.')},
     {.issued = 1, .success = 1}},
    {"204 and 304 have no body",
     0,
     {OUT(GET GET GET),
      IN("HTTP/1.1 204 No\r\nContent-Length: 7\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: "
         "7\r\n\r\n" ERR),
      END('.')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"1xx comes before",
     0,
     {OUT(GET), IN("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" OK),
      END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"1xx, then reset: no result",
     0,
     {OUT(GET), IN("HTTP/1.1 100 Continue\r\n\r\n"), END('R')},
     {.issued = 1, .no_result = 1, .finished = 1}},
    {"reset before headers", 0, {OUT(GET), END('R')}, {.issued = 1, .error = 1, .finished = 1}},
    {"FIN before headers",
     0,
     {OUT(GET GET), IN(OK), END('F')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"FIN inside the status line",
     0,
     {OUT(GET), IN("HTTP/1.1 2"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"reset after headers: success stays",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), END('R')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"proxy aborts before headers",
     0,
     {OUT(GET), END('C')},
     {.issued = 1, .no_result = 1, .finished = 1}},
    {"proxy closes, then the answer comes",
     0,
     {OUT(GET), END('c'), IN(ERR), END('C')},
     {.issued = 1, .no_result = 1, .finished = 1}},
    {"proxy closes after the first of three, and sends what was queued",
     0,
     {OUT(GET GET), IN(OK), END('c'), OUT(GET), IN(OK OK), END('C')},
     {.issued = 3, .success = 1, .no_result = 2, .finished = 3}},
    {"proxy closes inside the body",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), END('c'), IN("abc" ERR),
      END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"request cut inside its head",
     0,
     {OUT(GET "GET / HTTP/1.1\r\nHo"), IN(OK), END('R')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"431 inside the head: answered early",
     0,
     {OUT("GET / HTTP/1.1\r\nCookie: aaaa"), IN("HTTP/1.1 431 Big\r\nContent-Length: 0\r\n\r\n"),
      OUT("bbb\r\n\r\n"), END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"503 inside the head, its body cut",
     0,
     {OUT("GET / HTTP/1.1\r\nCookie: aaaa"), IN("HTTP/1.1 503 Big\r\nContent-Length: 9\r\n\r\n"),
      END('R')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"early response to an unfinished body",
     0,
     {OUT("POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\nabc"), IN(ERR), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"unprompted 408 answers nothing",
     0,
     {OUT(GET), IN(OK),
      IN("HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"unprompted 408 without length, first of all",
     0,
     {IN("HTTP/1.1 408 Timeout\r\n\r\nbye"), END('F')},
     {0}},
    {"101 stays active until close",
     0,
     {OUT("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
      IN("HTTP/1.1 101 Sw\r\nUpgrade: websocket\r\n\r\n" ERR), OUT(GET), END('.')},
     {.issued = 1, .success = 1}},
    {"101, then closed",
     0,
     {OUT("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), IN("HTTP/1.1 101 Sw\r\n\r\n" ERR),
      OUT(GET), END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"101 to h2c: no HTTP/2 follows",
     0,
     {OUT("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"), IN("HTTP/1.1 101 Sw\r\nUpgrade: h2c\r\n\r\n"),
      END('C')},
     {.issued = 1, .no_result = 1, .finished = 1}},
    {"CONNECT accepted",
     0,
     {OUT("CONNECT a:1 HTTP/1.1\r\n\r\n"), IN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" ERR),
      OUT(GET), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"CONNECT refused, then a request",
     0,
     {OUT("CONNECT a:1 HTTP/1.1\r\n\r\n"), IN(ERR), OUT(GET), IN(OK), END('C')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"CONNECT refused inside its own head, then a request",
     0,
     {OUT("CONNECT a:1 HTTP/1.1\r\nX"), IN("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
      OUT(": y\r\n\r\n" GET), IN(OK), END('C')},
     {.issued = 2, .success = 2, .finished = 2}},
    {"bytes behind CONNECT are never a request",
     0,
     {OUT("CONNECT a:1 HTTP/1.1\r\n\r\n" GET), IN(ERR), OUT(GET), END('C')},
     {.issued = 1, .error = 1, .finished = 1, .opaque = 1}},
    {"garbage instead of a response",
     0,
     {OUT(GET), IN("SSH-2.0\r\n"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"garbage behind a response",
     0,
     {OUT(GET GET), IN(OK "garbage"), OUT(GET), END('F')},
     {.issued = 3, .success = 1, .error = 1, .unclassified = 1, .finished = 3}},
    {"two lengths",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"one length twice",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\nContent-Length:\t1 \r\n\r\nx"),
      END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"white space inside a length",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"folded length",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 1\r\n\r\n"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"other folded field",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nX: 1\r\n Content-Length: 9\r\nContent-Length: 0\r\n\r\n"),
      END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"names that only begin like ours",
     0,
     {OUT(GET),
      IN("HTTP/1.1 200 OK\r\nContent-Length-X: 9\r\nContent-Type: a\r\nC\r\nTransfer-Encodin: "
         "chunked\r\nContent-Length: 0\r\n\r\n"),
      END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"bare line feeds",
     0,
     {OUT("GET / HTTP/1.1\nHost: a\n\n"), IN("HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"length beyond 59 bits",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"chunk size beyond 59 bits",
     0,
     {OUT(GET), IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
      END('F')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"health check of Envoy",
     0,
     {OUT("GET /x HTTP/1.1\r\nUser-Agent: Envoy/HC\r\n\r\n" GET), IN(ERR OK), END('.')},
     {.issued = 1, .success = 1, .finished = 1, .probes = 1}},
    {"health check unanswered",
     0,
     {OUT("GET /x HTTP/1.1\r\nuser-agent:Envoy/HC \r\n\r\n"), END('R')},
     {.probes = 1}},
    {"almost Envoy's health check",
     0,
     {OUT("GET /x HTTP/1.1\r\nUser-Agent: Envoy/HCX\r\n\r\n"), END('.')},
     {.issued = 1}},
    {"health check by path",
     0,
     {OUT("GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n"), IN(ERR), END('.')},
     {.probes = 1}},
    {"path that only begins so",
     0,
     {OUT("GET /healthzz HTTP/1.1\r\nHost: b\r\n\r\n"), END('.')},
     {.issued = 1}},
    {"health check by path and host",
     0,
     {OUT("GET /p HTTP/1.1\r\nHOST: check.me\r\n\r\n"), END('.')},
     {.probes = 1}},
    {"its path with its host in another case",
     0,
     {OUT("GET /p HTTP/1.1\r\nHost: Check.me\r\n\r\n"), END('.')},
     {.issued = 1}},
    {"its path with another host",
     0,
     {OUT("GET /p HTTP/1.1\r\nHost: check.mee\r\n\r\n"), END('.')},
     {.issued = 1}},
    {"its path without a host", 0, {OUT("GET /p HTTP/1.1\r\n\r\n"), END('.')}, {.issued = 1}},
    {"PROXY v1",
     0,
     {OUT("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" GET), IN(OK), END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"PROXY v2",
     0,
     {OUT(PROXY2 GET), IN(OK), END('.')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"TLS", 0, {OUT("\x16\x03\x01\x02\0\1"), IN("\x16\x03\x03"), END('R')}, {.opaque = 1}},
    {"HTTP/2", 0, {OUT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), END('C')}, {0}},
    {"HTTP/2, server first", 0, {IN("\0\0\x12\x04\0\0\0\0\0"), END('C')}, {0}},
    {"server banner: a session",
     0,
     {IN("220 mail ready\r\n"), OUT("HELO x\r\n"), END('F')},
     {.sessions = 1}},
    {"binary: a session",
     0,
     {OUT("\0\1\2"), IN("HTTP/1.1 200 OK\r\n\r\n"), END('F')},
     {.sessions = 1}},
    {"HTTP/0.9 is none", 0, {OUT("GET /\r\n"), IN("hello"), END('F')}, {.sessions = 1}},
    {"text that is no request: a session", 0, {OUT("SELECT\n"), END('F')}, {.sessions = 1}},
    {"a blank in the target: it may be HTTP",
     0,
     {OUT("GET /a b HTTP/1.1\r\n\r\n"), IN(OK), OUT(GET), IN(OK), END('F')},
     {.opaque = 1}},
    {"protocol http1, server garbage first",
     PROTOCOL_HTTP1,
     {IN("220 x\r\n"), OUT(GET), END('F')},
     {.issued = 1, .unclassified = 1, .finished = 1}},
    {"a hole in the responses",
     0,
     {OUT(GET GET), IN(OK "HTTP/1.1 "), END('L')},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 7}},
    {"answered inside its head, then other bytes",
     0,
     {OUT("GET / HTTP/1.1\r\nHost"), IN("HTTP/1.1 100 \r\n\r\n" OK "no"), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"answered inside its head, the answer breaks off",
     0,
     {OUT("GET / HTTP/1.1\r\nHost"), IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
      OUT(": a\r\n\r\n"), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"answered before its head shows a health check: a request",
     0,
     {OUT("GET / HTTP/1.1\r\n"), IN(OK), OUT("User-Agent: Envoy/HC\r\n\r\n" GET), IN(OK), END('.')},
     {.issued = 2, .success = 2, .finished = 2}},
    {"CONNECT where no answer can be paired any more: nobody knows whether requests follow",
     0,
     {OUT(GET), IN("nonsense"), OUT("CONNECT a:1 HTTP/1.1\r\n\r\n"), OUT(GET), END('C')},
     {.issued = 2, .error = 1, .finished = 2, .unclassified = 1}},
    {"joined between messages",
     0,
     {END('J'), SETTLED(GET), IN(OK), SETTLED(GET), IN(ERR), END('C')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"joined inside a response",
     0,
     {END('J'), IN("k" OK), SETTLED(GET), IN(OK), OUT(GET GET), IN(OK ERR), END('C')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"joined, not settled: unseen, and a gap once a place is found",
     0,
     {END('J'), OUT(GET), IN(OK), SETTLED(GET), IN(OK), END('C')},
     {.issued = 1, .success = 1, .finished = 1, .gap = sizeof(GET) - 1}},
    {"joined, never settled", 0, {END('J'), OUT(GET), IN(OK), OUT(GET), END('F')}, {0}},
    {"joined, never settled, known to be HTTP",
     PROTOCOL_HTTP1,
     {END('J'), OUT(GET), IN(OK), END('F')},
     {.gap = sizeof(GET) - 1}},
    {"joined, a body's settled part is no request",
     0,
     {END('J'), SETTLED("a b"), IN(OK), SETTLED("(abc"), IN(OK), SETTLED(GET), IN(OK), END('C')},
     {.issued = 1, .success = 1, .finished = 1, .gap = 3}},
    {"joined, a request line and no head",
     0,
     {END('J'), SETTLED("GET / HTTP/1.1\r\nabc def\r\n"), IN(OK), SETTLED(GET), IN(OK), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"joined, the head goes on in a later segment",
     0,
     {END('J'), SETTLED("GET / HTTP/1.1\r\nHo"), OUT("st: a\r\n\r\n"), IN(ERR), END('C')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"joined, answered before its head's end: not proven",
     0,
     {END('J'), SETTLED("GET / HTTP/1.1\r\nHo"), IN(ERR), OUT("st: a\r\n\r\n"), SETTLED(GET),
      IN(OK), END('C')},
     {.issued = 1, .success = 1, .finished = 1}},
    {"joined, then no response: opaque",
     0,
     {END('J'), SETTLED(GET), IN("garbage"), OUT(GET), END('F')},
     {.issued = 1, .unclassified = 1, .finished = 1, .opaque = 1}},
    {"joined, a health check, then no response",
     0,
     {END('J'), SETTLED("GET /healthz HTTP/1.1\r\n\r\n"), IN("garbage"), END('F')},
     {.probes = 1, .opaque = 1}},
    {"joined, the upstream ends it before the first response",
     0,
     {END('J'), SETTLED(GET), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"joined, closed inside the first head",
     0,
     {END('J'), SETTLED("GET / HTTP/1.1\r\n"), END('R')},
     {0}},
    {"joined, 1xx proves it too",
     0,
     {END('J'), SETTLED(GET), IN("HTTP/1.1 100 C\r\n\r\n"), IN("garbage"), END('F')},
     {.issued = 1, .error = 1, .finished = 1}},
    {"joined, TLS", 0, {END('J'), SETTLED("\x17\x03\x03\0\x20"), END('F')}, {.opaque = 1}},
    {"responses lost, then the next exchange",
     0,
     {OUT(GET), END('l'), SETTLED(GET), IN(ERR), SETTLED(GET), IN(OK), END('C')},
     {.issued = 3, .unclassified = 1, .error = 1, .success = 1, .finished = 3, .gap = 7}},
    {"responses lost, the next head answered before its end: it may be a request",
     0,
     {OUT(GET), END('l'), SETTLED("GET / HTTP/1.1\r\nHo"), IN(ERR), OUT("st: a\r\n\r\n"), END('C')},
     {.issued = 1, .unclassified = 1, .finished = 1, .gap = 8}},
    {"responses lost, closed inside the next head: it may be a request",
     0,
     {OUT(GET), END('l'), SETTLED("GET / HTTP/1.1\r\nHo"), END('C')},
     {.issued = 1, .unclassified = 1, .finished = 1, .gap = 8}},
    {"responses lost, requests not settled",
     0,
     {OUT(GET), END('l'), OUT(GET), IN(OK), SETTLED(GET), IN(OK), END('C')},
     {.issued = 3, .unclassified = 2, .success = 1, .finished = 3, .gap = 7}},
    {"responses lost, the request's body goes on",
     0,
     {OUT("POST / HTTP/1.1\r\nContent-Length: 27\r\n\r\n"), END('l'), SETTLED(GET), IN(OK),
      SETTLED(GET), IN(ERR), END('C')},
     {.issued = 2, .unclassified = 1, .error = 1, .finished = 2, .gap = 7}},
    {"responses lost, then garbage",
     0,
     {OUT(GET), END('l'), SETTLED(GET), IN("garbage"), OUT(GET), END('F')},
     {.issued = 2, .unclassified = 2, .finished = 2, .gap = 7, .opaque = 1}},
    {"requests lost, then found",
     0,
     {OUT(GET), END('o'), IN(OK), OUT(GET), SETTLED(GET), IN(ERR), END('C')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 7 + sizeof(GET) - 1}},
    {"requests lost, what still waits is unclassified",
     0,
     {OUT(GET), END('o'), SETTLED(GET), IN(OK), END('C')},
     {.issued = 2, .unclassified = 1, .success = 1, .finished = 2, .gap = 7}},
    {"pipelined, then lost: never found again",
     0,
     {OUT(GET GET), IN(OK), END('l'), SETTLED(GET), IN(OK), END('C')},
     {.issued = 3, .success = 1, .unclassified = 2, .finished = 3, .gap = 7}},
    {"not chunked, but coded request",
     0,
     {OUT("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n" GET), IN(OK), END('F')},
     {.issued = 1, .success = 1, .finished = 1, .opaque = 1}},
};

static struct probe_set probes = {
    .probe = {{8, 0, "/healthz", ""}, {2, 8, "/p", "check.me"}},
};

static bool happens(struct connection *c, const struct part *part, struct tally *t)
{
    switch (part->who) {
    case 'J':
        c->joined = 1;
        connection_set_adrift(c);
        return true;
    case 'c':
        connection_local_closed(c, 0, t);
        return true;
    case 'l':
        connection_lost(c, &c->in, 7, t);
        return true;
    case 'o':
        connection_lost(c, &c->out, 7, t);
        return true;
    case 'S':
        feed_settled(c, part->bytes, part->length, t);
        return false;
    }
    return false;
}

static void finish(struct connection *c, char how, struct tally *t)
{
    switch (how) {
    case 'F':
        connection_remote_closed(c, 0, t);
        feed_end(c, CAUSE_UPSTREAM, t);
        break;
    case 'R':
        feed_end(c, CAUSE_UPSTREAM, t);
        break;
    case 'C':
        feed_end(c, CAUSE_PROXY, t);
        break;
    case 'L':
        connection_lost(c, &c->in, 7, t);
        feed_end(c, CAUSE_UPSTREAM, t);
        break;
    }
}

/* `cut`: where in all bytes to cut once; `window`: bytes given at a time. */
static struct tally play(const struct test_case *test, size_t cut, size_t window, bool *ended)
{
    struct connection c;
    struct tally t = {0};

    connection_start(&c, 0, test->protocol, 1);
    c.life = LIFE_ESTABLISHED;
    *ended = false;
    for (const struct part *part = test->parts; part->who; part++) {
        size_t first = cut < part->length ? cut : part->length;
        int outgoing = part->who == '>' || part->who == 'S';

        if (happens(&c, part, &t))
            continue;
        if (part->who != '<' && !outgoing) {
            finish(&c, part->who, &t);
            *ended = part->who != '.';
            continue;
        }
        feed(&c, outgoing, part->bytes, first, window, &probes, &t);
        feed(&c, outgoing, part->bytes + first, part->length - first, window, &probes, &t);
        cut -= first;
    }
    return t;
}

static void check(const struct test_case *test, size_t cut, size_t window)
{
    bool ended;
    struct tally t = play(test, cut, window, &ended), expected = test->expected;

    expected.opaque_closed = ended ? expected.opaque : 0;
    if (memcmp(&t, &expected, sizeof(t)))
        fail_msg("%s, cut at %zu, window %zu: issued %u success %u error %u finished %u "
                 "unclassified %u no_result %u probes %u opaque %u sessions %u gap %u",
                 test->name, cut, window, t.issued, t.success, t.error, t.finished, t.unclassified,
                 t.no_result, t.probes, t.opaque, t.sessions, t.gap);
    if (ended && !tally_adds_up(&t))
        fail_msg("%s: the sums do not add up", test->name);
}

static void each_case_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t length = 0;

        for (const struct part *part = cases[i].parts; part->who; part++)
            length += part->length;
        check(&cases[i], 0, WINDOW_SIZE);
        for (size_t window = 1; window < 20; window++)
            check(&cases[i], 0, window);
        for (size_t cut = 1; cut < length; cut++)
            check(&cases[i], cut, WINDOW_SIZE);
    }
}

static struct tally pipeline(size_t requests, size_t responses)
{
    struct connection c;
    struct tally t = {0};

    connection_start(&c, 0, PROTOCOL_AUTO, 0);
    for (size_t i = 0; i < requests; i++)
        feed(&c, 1, GET, sizeof(GET) - 1, WINDOW_SIZE, NULL, &t);
    for (size_t i = 0; i < responses; i++)
        feed(&c, 0, OK, sizeof(OK) - 1, WINDOW_SIZE, NULL, &t);
    feed_end(&c, CAUSE_PROXY, &t);
    return t;
}

static void pipeline_at_its_depth_is_exact(void **state)
{
    struct tally t = pipeline(EXCHANGE_DEPTH, EXCHANGE_DEPTH);

    (void)state;
    assert_int_equal(t.issued, EXCHANGE_DEPTH);
    assert_int_equal(t.success, EXCHANGE_DEPTH);
    assert_int_equal(t.finished, EXCHANGE_DEPTH);
}

static void pipeline_beyond_is_unclassified_not_guessed(void **state)
{
    struct tally t = pipeline(EXCHANGE_DEPTH + 3, EXCHANGE_DEPTH + 3);

    (void)state;
    assert_int_equal(t.issued, EXCHANGE_DEPTH + 3);
    assert_int_equal(t.unclassified, 3);
    assert_int_equal(t.success, EXCHANGE_DEPTH);
    assert_true(tally_adds_up(&t));
}

static void long_lines_and_heads_of_any_size(void **state)
{
    size_t size = 100000;
    autofree char *line = malloc(size);
    struct connection c;
    struct tally t = {0};

    (void)state;
    memset(line, 'x', size);
    connection_start(&c, 0, PROTOCOL_AUTO, 0);
    feed(&c, 1, "GET /", 5, 1024, NULL, &t);
    feed(&c, 1, line, size, 1024, NULL, &t);
    feed(&c, 1, " HTTP/1.1\r\nCookie: ", 19, 1024, NULL, &t);
    feed(&c, 1, line, size, 1024, NULL, &t);
    assert_int_equal(t.issued, 0);
    feed(&c, 1, "\r\n\r\n", 4, 1024, NULL, &t);
    assert_int_equal(t.issued, 1);
}

/* The cursor passes a body without reading it; a hole inside one hides nothing. */
static void bodies_are_skippable(void **state)
{
    struct connection c;
    struct tally t = {0};
    const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";

    (void)state;
    connection_start(&c, 0, PROTOCOL_AUTO, 0);
    feed(&c, 1, GET, sizeof(GET) - 1, 1024, NULL, &t);
    feed(&c, 0, head, sizeof(head) - 1, 1024, NULL, &t);
    assert_int_equal(http1_skippable(&c.in.http1), 100000);
    assert_int_equal(http1_skip(&c.in.http1, 99999), H1_NONE);
    assert_int_equal(http1_skip(&c.in.http1, 1), H1_END);
}

/* Requests behind a hole that nothing fills, at the end. Of a connection that is no HTTP there are none. */
static void what_waited_to_be_sent_is_a_gap_at_the_end(void **state)
{
    struct connection c;
    struct tally t = {0};

    (void)state;
    connection_start(&c, 0, PROTOCOL_AUTO, 0);
    feed(&c, 1, GET, sizeof(GET) - 1, 1024, NULL, &t);
    c.out.missed = 7;
    connection_settle_unseen(&c, 100, &t);
    assert_int_equal(t.gap, 107);
    c.kind = KIND_SESSION;
    connection_settle_unseen(&c, 100, &t);
    assert_int_equal(t.gap, 107);
}

static void a_place_is_settled_by_all_its_numbers(void **state)
{
    const struct place settled = {.sequence = 5,
                                  .sent = 5,
                                  .acknowledged = 5,
                                  .heard = 2,
                                  .consumed = 2,
                                  .heard_before = 0xfffffff0};
    struct place p = settled;

    (void)state;
    assert_true(place_is_settled(&p));
    p.sequence = 4; /* sent again */
    assert_false(place_is_settled(&p));
    p = settled;
    p.acknowledged = 4; /* the upstream may not have it all */
    assert_false(place_is_settled(&p));
    p = settled;
    p.consumed = 1; /* the proxy has not read it all */
    assert_false(place_is_settled(&p));
    p = settled;
    p.heard_before = p.heard; /* an empty segment acknowledged */
    assert_false(place_is_settled(&p));
    p.answered = 5; /* ... but one with bytes did, too */
    assert_true(place_is_settled(&p));
}

/* Each side writes its own mark, so that what both find at once is closed as often as it was counted. */
static void opaque_where_it_was_found(void **state)
{
    struct connection c;
    struct tally t = {0};

    (void)state;
    connection_start(&c, 0, PROTOCOL_HTTP1, 0);
    c.exchange.requests = c.exchange.issued = 1;
    c.exchange.unproven = 1;
    response_unfound(&c, &t);
    assert_int_equal(c.kind, KIND_OPAQUE);
    assert_int_equal(c.in.opaque, 1);
    assert_int_equal(c.out.opaque, 0);
    assert_int_equal(t.opaque, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_cut_everywhere),
        cmocka_unit_test(pipeline_at_its_depth_is_exact),
        cmocka_unit_test(pipeline_beyond_is_unclassified_not_guessed),
        cmocka_unit_test(long_lines_and_heads_of_any_size),
        cmocka_unit_test(bodies_are_skippable),
        cmocka_unit_test(what_waited_to_be_sent_is_a_gap_at_the_end),
        cmocka_unit_test(a_place_is_settled_by_all_its_numbers),
        cmocka_unit_test(opaque_where_it_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
