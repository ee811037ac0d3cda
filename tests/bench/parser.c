/* parser ROUNDS: nanoseconds of the parsers alone, natively, through the loop that the unit tests
 * use (with its copy into the window). One line of JSON per case: what it is, and per round the
 * nanoseconds of one request and its response. The cases take turns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../native/feed.h"
#include "base/mem.h"

#define ROUND_NS 20000000ull
#define ROUNDS_MAX 100
#define PIPELINE 16

#define GET "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
#define OK                                                                                         \
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 20:00:00 GMT\r\nContent-Type: "    \
    "text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n"
#define TIMES4(text) text text text text
#define TIMES16(text) TIMES4(text) TIMES4(text) TIMES4(text) TIMES4(text)
#define TEXT64 TIMES16("abc,")

/* What a browser sends and an application answers, after a proxy added its own. */
#define TYPICAL_GET                                                                                \
    "GET /shop/articles/1234567?sort=price&page=2 HTTP/1.1\r\nHost: shop.example.com\r\n"          \
    "X-Real-IP: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"       \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"       \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"                  \
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"                    \
    "Referer: https://shop.example.com/shop/articles?page=1\r\nCookie: session=" TEXT64 TEXT64     \
    "\r\n\r\n"
#define TYPICAL_HEAD                                                                               \
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 20:00:00 GMT\r\nContent-Type: "    \
    "text/html; charset=utf-8\r\nCache-Control: private, max-age=0\r\nVary: Accept-Encoding\r\n"   \
    "ETag: \"" TEXT64 "\"\r\nX-Request-Id: 0123456789abcdef\r\nSet-Cookie: session=" TEXT64        \
    "; Path=/; HttpOnly\r\n"
#define KIB TIMES16(TEXT64)
#define TYPICAL_OK TYPICAL_HEAD "Content-Length: 1024\r\n\r\n" KIB
#define CHUNK "400\r\n" KIB "\r\n"
#define CHUNKED TYPICAL_HEAD "Transfer-Encoding: chunked\r\n\r\n" TIMES16(CHUNK) "0\r\n\r\n"

struct bench_case {
    const char *name;
    const char *request, *response;
    size_t request_length, response_length;
    unsigned requests; /* in one turn */
};
#define CASE(name, request, response, requests)                                                    \
    {                                                                                              \
        name, request, response, sizeof(request) - 1, sizeof(response) - 1, requests               \
    }

static const struct bench_case cases[] = {
    CASE("small heads", GET, OK, 1),
    CASE("typical heads, 1 KiB body", TYPICAL_GET, TYPICAL_OK, 1),
    CASE("typical heads, 16 chunks of 1 KiB", TYPICAL_GET, CHUNKED, 1),
    CASE("small heads, 16 in a packet", TIMES16(GET), TIMES16(OK), PIPELINE),
    CASE("typical heads, 16 in a packet", TIMES16(TYPICAL_GET), TIMES16(TYPICAL_OK), PIPELINE),
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double round_ns(const struct bench_case *b)
{
    const uint64_t begin = now_ns();
    struct connection c;
    struct tally t = {0};
    uint64_t taken;

    connection_start(&c, 0, PROTOCOL_AUTO, 0);
    do {
        for (int i = 0; i < 64; i++) {
            feed(&c, 1, b->request, b->request_length, WINDOW_SIZE, NULL, &t);
            feed(&c, 0, b->response, b->response_length, WINDOW_SIZE, NULL, &t);
        }
        taken = now_ns() - begin;
    } while (taken < ROUND_NS);
    if (t.success != t.issued || t.finished != t.issued || t.issued % (64 * b->requests))
        abort();
    return (double)taken / t.issued;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 8;
    double ns[ARRAY_SIZE(cases)][ROUNDS_MAX];

    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 1;
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
            ns[i][round] = round_ns(&cases[i]);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        printf("{\"case\": \"%s\", \"bytes\": %zu, \"ns\": [", cases[i].name,
               (cases[i].request_length + cases[i].response_length) / cases[i].requests);
        for (int round = 0; round < rounds; round++)
            printf("%s%.1f", round ? ", " : "", ns[i][round]);
        printf("]}\n");
    }
    return 0;
}
