/* What requests and responses on HTTP/2 connections count: each case whole, a few bytes at a time, and
 * cut in two at every byte. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "http2_play.h"
#include "kernel/probes.h"

#define STATUS(code) "\x08\3" code
#define CONTINUE STATUS("100")
#define HINTS STATUS("103")
#define ERR "\x8e"

static const struct test_case http_cases[] = {
    {"one request", {START, GET(1), OK(1), THEN('.')}, ONE(.success = 1)},
    {"preface and nothing else", {START, THEN('C')}, {0}},
    {"result at the head, active until the end",
     {START, GET(1), HEAD(1, "\x88"), BODY(1), THEN('.')},
     {.issued = 1, .success = 1}},
    {"a head cut inside is not issued", {START, SENT(H2_HEADERS, 0, 1, GET_BLOCK), THEN('.')}, {0}},
    {"4xx, 5xx and beyond",
     {START, GET(1), GET(3), GET(5), GET(7), GET(9), LAST(1, "\x8d"), LAST(3, ERR),
      LAST(9, STATUS("499")), LAST(5, STATUS("599")), LAST(7, STATUS("600")), THEN('.')},
     {.issued = 5, .success = 3, .error = 2, .finished = 5}},
    {"interleaved",
     {START, GET(1), HEAD(1, "\x88"), GET(3), HEAD(3, ERR), BODY(1), BODY_END(3), BODY_END(1),
      THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"request with body and trailers",
     {START, SENT(H2_HEADERS, H2_END_HEADERS, 1, GET_BLOCK), SENT(H2_DATA, 0, 1, "\x88\x88"),
      SENT(H2_HEADERS, BOTH_ENDS, 1, "\x00\1x\1y"), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"response with trailers, which say nothing",
     {START, GET(1), HEAD(1, "\x88"), BODY(1), LAST(1, "\x8e"), THEN('.')},
     ONE(.success = 1)},
    {"early response, then given up",
     {START, SENT(H2_HEADERS, H2_END_HEADERS, 1, GET_BLOCK), LAST(1, ERR), SENT_RESET(1),
      THEN('C')},
     ONE(.error = 1)},
    {"no :status, or none that is one",
     {START, GET(1), GET(3), GET(5), LAST(1, "\x94"), LAST(3, STATUS("2x0")),
      LAST(5, STATUS("101")), THEN('.')},
     {.issued = 3, .error = 3, .finished = 3}},
    {"1xx comes before",
     {START, GET(1), HEAD(1, CONTINUE), HEAD(1, HINTS), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"1xx, then 5xx", {START, GET(1), HEAD(1, HINTS), LAST(1, ERR), THEN('.')}, ONE(.error = 1)},
    {"1xx, then upstream's reset",
     {START, GET(1), HEAD(1, CONTINUE), GOT_RESET(1), THEN('.')},
     ONE(.no_result = 1)},
    {"1xx, then FIN", {START, GET(1), HEAD(1, CONTINUE), THEN('F')}, ONE(.no_result = 1)},
    {"1xx, final head, then FIN",
     {START, RPC(1), HEAD(1, CONTINUE), HEAD(1, "\x88"), THEN('F')},
     ONE(.error = 1)},
    {"1xx that ends the stream", {START, GET(1), LAST(1, HINTS), THEN('.')}, ONE(.error = 1)},
    {"1xx behind the final head means nothing",
     {START, GET(1), HEAD(1, "\x88"), HEAD(1, HINTS), GOT_RESET(1), THEN('.')},
     ONE(.success = 1)},
    {"the proxy closes: what has its result keeps it, what was queued is still issued",
     {START, GET(1), GET(3), GET(5), HEAD(1, "\x88"), LAST(3, ERR), THEN('c'), BODY_END(1), OK(5),
      GET(7), GOT_RESET(7), THEN('C')},
     {.issued = 4, .success = 1, .error = 1, .no_result = 2, .finished = 4}},
    {"the proxy closes after a 1xx",
     {START, GET(1), HEAD(1, CONTINUE), THEN('c'), LAST(1, ERR), THEN('C')},
     ONE(.no_result = 1)},
    {"data without a head", {START, GET(1), BODY_END(1), THEN('.')}, ONE(.error = 1)},
    {"reset before the head",
     {START, GET(1), GOT(H2_RST_STREAM, 0, 1, "\0\0\0\7"), THEN('.')},
     ONE(.error = 1)},
    {"reset after the head: success stays",
     {START, GET(1), HEAD(1, "\x88"), GOT_RESET(1), THEN('.')},
     ONE(.success = 1)},
    {"reset after the whole response, both ways",
     {START, GET(1), OK(1), GOT(H2_RST_STREAM, 0, 1, "\0\0\0\0"), SENT_RESET(1), THEN('.')},
     ONE(.success = 1)},
    {"the proxy gives up before the head",
     {START, GET(1), SENT_RESET(1), LAST(1, "\x88"), THEN('.')},
     ONE(.no_result = 1)},
    {"the proxy gives up after the head",
     {START, GET(1), HEAD(1, "\x88"), SENT_RESET(1), BODY_END(1), THEN('.')},
     ONE(.success = 1)},
    {"the proxy closes",
     {START, GET(1), GET(3), HEAD(1, "\x88"), THEN('C')},
     {.issued = 2, .success = 1, .no_result = 1, .finished = 2}},
    {"upstream's FIN",
     {START, GET(1), GET(3), HEAD(1, "\x88"), THEN('F')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"upstream's reset of the connection",
     {START, GET(1), GET(3), HEAD(1, "\x88"), THEN('R')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"upstream's FIN inside a head",
     {START, GET(1), GOT(RAW, 0, 0, "\0\0\1\1\5"), THEN('F')},
     ONE(.error = 1)},
    {"what answers nothing",
     {START, OK(1), GOT_RESET(3), GET(1), OK(3), OK(1), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"ids of a server, or used before, open nothing",
     {START, GET(3), GET(2), GET(1), GET(3), GET(4), OK(2), OK(3), THEN('.')},
     ONE(.success = 1)},
    {"CONNECT: active until its end",
     {START, SENT(H2_HEADERS, H2_END_HEADERS, 1, "\2\7CONNECT\1\1a"), HEAD(1, "\x88"), BODY(1),
      THEN('.')},
     {.issued = 1, .success = 1}},
};

static const struct test_case grpc_cases[] = {
    {"trailers decide: 0",
     {START, RPC(1), HEAD(1, "\x88"), BODY(1), TRAILERS(1, "0"), THEN('.')},
     ONE(.success = 1)},
    {"trailers decide: 2",
     {START, RPC(1), HEAD(1, "\x88"), BODY(1), TRAILERS(1, "2"), THEN('.')},
     ONE(.error = 1)},
    {"the first headers decide nothing",
     {START, RPC(1),
      HEAD(1, "\x88\x00\x0bgrpc-status\1"
              "0"),
      BODY(1), THEN('.')},
     {.issued = 1}},
    {"grpc-status in the first headers is not that of the trailers",
     {START, RPC(1),
      HEAD(1, "\x88\x00\x0bgrpc-status\1"
              "0"),
      LAST(1, "\x00\1x\1y"), THEN('.')},
     ONE(.error = 1)},
    {"trailers without a status",
     {START, RPC(1), HEAD(1, "\x88"), LAST(1, "\x40\1x\1y"), THEN('.')},
     ONE(.error = 1)},
    {"empty trailers", {START, RPC(1), HEAD(1, "\x88"), LAST(1, ""), THEN('.')}, ONE(.error = 1)},
    {"trailers with two statuses",
     {START, RPC(1), HEAD(1, "\x88"),
      LAST(1, "\x00\x0bgrpc-status\1"
              "0"
              "\x00\x0bgrpc-status\1"
              "0"),
      THEN('.')},
     ONE(.error = 1)},
    {"trailers-only: 0", {START, RPC(1), TRAILERS(1, "0"), THEN('.')}, ONE(.error = 1)},
    {"trailers-only: 200, 0",
     {START, RPC(1),
      LAST(1, "\x88\x00\x0bgrpc-status\1"
              "0"),
      THEN('.')},
     ONE(.success = 1)},
    {"trailers-only: 200, 14",
     {START, RPC(1),
      LAST(1, "\x88\x00\x0bgrpc-status\2"
              "14"),
      THEN('.')},
     ONE(.error = 1)},
    {"trailers-only: 200", {START, RPC(1), LAST(1, "\x88"), THEN('.')}, ONE(.error = 1)},
    {"trailers-only: 404, 5",
     {START, RPC(1),
      LAST(1, "\x8d\x00\x0bgrpc-status\1"
              "5"),
      THEN('.')},
     ONE(.success = 1)},
    {"trailers-only: 503, 0",
     {START, RPC(1),
      LAST(1, "\x8e\x00\x0bgrpc-status\1"
              "0"),
      THEN('.')},
     ONE(.error = 1)},
    {"5xx decides at the head",
     {START, RPC(1), HEAD(1, ERR), THEN('.')},
     {.issued = 1, .error = 1}},
    {"5xx, then trailers, which say nothing",
     {START, RPC(1), HEAD(1, ERR), TRAILERS(1, "0"), THEN('.')},
     ONE(.error = 1)},
    {"5xx, then reset", {START, RPC(1), HEAD(1, ERR), GOT_RESET(1), THEN('.')}, ONE(.error = 1)},
    {"404 with HTML: no trailers",
     {START, RPC(1), HEAD(1, "\x8d"), BODY_END(1), THEN('.')},
     ONE(.error = 1)},
    {"100, then as usual",
     {START, RPC(1), HEAD(1, CONTINUE), HEAD(1, "\x88"), TRAILERS(1, "0"), THEN('.')},
     ONE(.success = 1)},
    {"reset after the head",
     {START, RPC(1), HEAD(1, "\x88"), GOT_RESET(1), THEN('.')},
     ONE(.error = 1)},
    {"FIN after the head", {START, RPC(1), HEAD(1, "\x88"), BODY(1), THEN('F')}, ONE(.error = 1)},
    {"given up after the head",
     {START, RPC(1), HEAD(1, "\x88"), SENT_RESET(1), THEN('.')},
     ONE(.no_result = 1)},
    {"the proxy closes, then trailers and resets come",
     {START, RPC(1), RPC(3), RPC(5), HEAD(1, "\x88"), THEN('c'), TRAILERS(1, "0"), GOT_RESET(3),
      LAST(5, ERR), THEN('C')},
     {.issued = 3, .no_result = 3, .finished = 3}},
    {"closed after the head", {START, RPC(1), HEAD(1, "\x88"), THEN('C')}, ONE(.no_result = 1)},
    {"reset after the trailers",
     {START, RPC(1), HEAD(1, "\x88"), TRAILERS(1, "0"), GOT_RESET(1), SENT_RESET(1), THEN('.')},
     ONE(.success = 1)},
    {"trailers without END_STREAM end nothing",
     {START, RPC(1), HEAD(1, "\x88"),
      HEAD(1, "\x00\x0bgrpc-status\1"
              "0"),
      THEN('C')},
     ONE(.no_result = 1)},
    {"grpc-web is HTTP",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           "\x83\x0f\x10\x14"
           "application/grpc-web"),
      OK(1), THEN('.')},
     ONE(.success = 1)},
    {"a response's content-type means nothing",
     {START, GET(1),
      HEAD(1, "\x88\x0f\x10\x10"
              "application/grpc"),
      TRAILERS(1, "2"), THEN('.')},
     ONE(.success = 1)},
};

static const struct test_case leaving_cases[] = {
    {"none is open", {START, LEAVING("\0\0\0\0"), THEN('F')}, {0}},
    {"those above the last are refused",
     {START, GET(1), GET(3), GET(5), LEAVING("\0\0\0\3"), OK(1), OK(5), HEAD(3, "\x88"), THEN('.')},
     {.issued = 3, .success = 2, .error = 1, .finished = 2}},
    {"all are refused",
     {START, GET(1), GET(3), LEAVING("\0\0\0\0"), THEN('.')},
     {.issued = 2, .error = 2, .finished = 2}},
    {"an announcement only, then the last",
     {START, GET(1), LEAVING("\x7f\xff\xff\xff"), GET(3), GET(5), LEAVING("\0\0\0\3"), OK(1), OK(3),
      THEN('.')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"streams that come after are refused, up to the last are not",
     {START, LEAVING("\0\0\0\3"), GET(1), GET(3), GET(5), OK(1), OK(5), OK(3), THEN('.')},
     {.issued = 3, .success = 2, .error = 1, .finished = 3}},
    {"the last never rises",
     {START, LEAVING("\0\0\0\1"), LEAVING("\0\0\0\5"), GET(1), GET(3), THEN('.')},
     {.issued = 2, .error = 1, .finished = 1}},
    {"the last's highest bit is reserved, debug data follow",
     {START, GET(1), GET(3), GOT(H2_GOAWAY, 0, 0, "\x80\0\0\1\0\0\0\2\x88\x88too busy"), OK(1),
      THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"HTTP after its head keeps its result, gRPC does not",
     {START, GET(1), RPC(3), HEAD(1, "\x88"), HEAD(3, "\x88"), LEAVING("\0\0\0\0"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"only a 1xx came",
     {START, GET(1), HEAD(1, HINTS), LEAVING("\0\0\0\0"), THEN('.')},
     ONE(.no_result = 1)},
    {"the proxy leaves: upstream answers all the same",
     {START, GET(1), SENT(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0"), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"a health check behind it is no request, whole or in two frames",
     {START, LEAVING("\0\0\0\0"),
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           GET_BLOCK "\x0f\x2b\x08"
                     "Envoy/HC"),
      SENT(H2_HEADERS, 0, 3, GET_BLOCK),
      SENT(H2_CONTINUATION, H2_END_HEADERS, 3,
           "\x0f\x2b\x08"
           "Envoy/HC"),
      THEN('C')},
     {.probes = 2}},
};

#define CHECK_BLOCK(path) "\x82\x86\x04" path "\x01\1a"

static const struct test_case probe_cases[] = {
    {"Envoy's",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           GET_BLOCK "\x0f\x2b\x08"
                     "Envoy/HC"),
      LAST(1, ERR), GET(3), OK(3), THEN('.')},
     ONE(.success = 1, .probes = 1)},
    {"Envoy's, from the table",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           GET_BLOCK "\x7a\x08"
                     "Envoy/HC"),
      SENT(H2_HEADERS, BOTH_ENDS, 3, GET_BLOCK "\xbe"), LAST(1, ERR), GOT_RESET(3), THEN('C')},
     {.probes = 2}},
    {"unanswered, given up",
     {START, SENT(H2_HEADERS, BOTH_ENDS, 1, CHECK_BLOCK("\x08/healthz")), SENT_RESET(1),
      SENT(H2_HEADERS, BOTH_ENDS, 3, CHECK_BLOCK("\x08/healthz")), THEN('F')},
     {.probes = 2}},
    {"gRPC's",
     {START, SENT(H2_HEADERS, H2_END_HEADERS, 1, RPC_BLOCK "\x04\x08/healthz"), HEAD(1, "\x88"),
      TRAILERS(1, "2"), THEN('.')},
     {.probes = 1}},
    {"almost",
     {START, SENT(H2_HEADERS, BOTH_ENDS, 1, CHECK_BLOCK("\x09/healthzz")),
      SENT(H2_HEADERS, BOTH_ENDS, 3,
           GET_BLOCK "\x0f\x2b\x09"
                     "Envoy/HCX"),
      THEN('.')},
     {.issued = 2}},
    {"path and host",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           "\x82\x86\x04\2/p\x01\x08"
           "check.me"),
      SENT(H2_HEADERS, BOTH_ENDS, 3,
           "\x82\x86\x04\2/p\x66\x08"
           "check.me"),
      SENT(H2_HEADERS, BOTH_ENDS, 5,
           "\x82\x86\x04\2/p\x0f\x17\x08"
           "check.me"),
      SENT(H2_HEADERS, BOTH_ENDS, 7,
           "\x82\x86\x04\2/p\x01\x08"
           "check.mf"),
      SENT(H2_HEADERS, BOTH_ENDS, 9, "\x82\x86\x04\2/p"),
      SENT(H2_HEADERS, BOTH_ENDS, 11,
           "\x82\x86\x04\2/q\x01\x08"
           "check.me"),
      SENT(H2_HEADERS, BOTH_ENDS, 13,
           "\x82\x86\x04\2/p\x01\x08"
           "Check.me"),
      THEN('.')},
     {.issued = 4, .probes = 3}},
    {"as a static entry, which no other pattern's host makes one",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           "\x82\x86\x85\x01\x08"
           "check.me"),
      SENT(H2_HEADERS, BOTH_ENDS, 3,
           "\x82\x86\x85\x01\x05"
           "index"),
      GET(5), THEN('.')},
     {.issued = 2, .probes = 1}},
    {"in a block of two frames",
     {START, SENT(H2_HEADERS, H2_END_STREAM, 1, "\x82\x86\x04\x08/hea"),
      SENT(H2_CONTINUATION, H2_END_HEADERS, 1, "lthz"), LAST(1, ERR), GET(3), THEN('.')},
     {.issued = 1, .probes = 1}},
};

/* An answer, or an end, where the request's head is not over. */
#define CUT(stream) SENT(H2_HEADERS, 0, stream, "\x83\x86\x84\x01\1a")
#define REST(stream) SENT(H2_CONTINUATION, H2_END_HEADERS, stream, "\x00\1x\1y")
#define REST_RPC(stream)                                                                           \
    SENT(H2_CONTINUATION, H2_END_HEADERS, stream,                                                  \
         "\x0f\x10\x10"                                                                            \
         "application/grpc")

static const struct test_case early_cases[] = {
    {"nothing happens", {START, CUT(1), REST(1), OK(1), THEN('.')}, ONE(.success = 1)},
    {"gRPC, nothing happens",
     {START, CUT(1), REST_RPC(1), HEAD(1, "\x88"), TRAILERS(1, "0"), THEN('.')},
     ONE(.success = 1)},
    {"431: nobody knows what it answers",
     {START, CUT(1), LAST(1, STATUS("431")), REST(1), THEN('.')},
     ONE(.unclassified = 1)},
    {"503 is an error of either",
     {START, CUT(1), LAST(1, ERR), REST_RPC(1), THEN('.')},
     ONE(.error = 1)},
    {"a head, then a body",
     {START, CUT(1), HEAD(1, "\x88"), REST(1), BODY_END(1), THEN('.')},
     ONE(.unclassified = 1)},
    {"a head, then reset",
     {START, CUT(1), HEAD(1, "\x88"), REST(1), GOT_RESET(1), THEN('.')},
     ONE(.unclassified = 1)},
    {"grpc-status 0 is a success of either",
     {START, CUT(1), HEAD(1, "\x88"), REST(1), TRAILERS(1, "0"), THEN('.')},
     ONE(.success = 1)},
    {"grpc-status 2",
     {START, CUT(1), HEAD(1, "\x88"), TRAILERS(1, "2"), REST(1), THEN('.')},
     ONE(.unclassified = 1)},
    {"a 1xx", {START, CUT(1), HEAD(1, HINTS), REST(1), LAST(1, ERR), THEN('.')}, ONE(.error = 1)},
    {"reset",
     {START, CUT(1), GOT_RESET(1), REST(1), GET(3), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"refused by GOAWAY",
     {START, CUT(1), LEAVING("\0\0\0\0"), REST(1), THEN('.')},
     ONE(.error = 1)},
    {"the proxy closes", {START, CUT(1), THEN('C')}, ONE(.no_result = 1)},
    {"FIN", {START, CUT(1), THEN('F')}, ONE(.error = 1)},
    {"FIN behind a cut frame",
     {START, SENT(RAW, 0, 0, "\0\0\x50\1\5\0\0\0\1\x82"), THEN('F')},
     ONE(.error = 1)},
    {"FIN inside a frame's head", {START, SENT(RAW, 0, 0, "\0\0\x50\1\5\0\0\0"), THEN('F')}, {0}},
    {"a health check that is answered before it shows: a request",
     {START, SENT(H2_HEADERS, 0, 1, "\x82\x86"), LAST(1, ERR),
      SENT(H2_CONTINUATION, H2_END_HEADERS, 1, "\x04\x08/healthz"), THEN('.')},
     ONE(.error = 1)},
};

static struct probe_set probes;

static int setup(void **state)
{
    struct health_check checks[] = {{"/healthz", ""}, {"/p", "check.me"}, {"/index.html", "index"}};
    const struct cluster cluster = {.health_checks = checks, .health_check_count = 3};

    (void)state;
    return probes_fill(&cluster, &probes) != 3;
}

CASES(requests_and_responses, http_cases)
CASES(grpc_calls, grpc_cases)
CASES(upstream_leaves, leaving_cases)
CASES(health_checks, probe_cases)
CASES(answers_inside_the_head, early_cases)

/* Each status by trailers, and without a body. */
static void every_grpc_status(void **state)
{
    const char *const names[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8", "9", "10",
                                 "11", "12", "13", "14", "15", "16", "17", "99", "x", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (int only = 0; only < 2; only++) {
            bool success = i < 17 && !(0xf014 >> i & 1);
            char block[30] = "\x88\0\x0bgrpc-status";
            size_t length = strlen(names[i]);
            struct test_case test = {names[i],
                                     {START,
                                      RPC(1),
                                      HEAD(1, "\x88"),
                                      BODY(1),
                                      {'<', H2_HEADERS, BOTH_ENDS, 1, block + 1, 14 + length},
                                      THEN('.')},
                                     ONE(.success = success, .error = !success)};

            block[14] = (char)length;
            memcpy(block + 15, names[i], length);
            if (only)
                memcpy(&test.parts[4],
                       (struct part[]){
                           {'<', H2_HEADERS, BOTH_ENDS, 1, block, 15 + length}, THEN('.'), {0}},
                       3 * sizeof(struct part));
            check_case(&test, &probes);
        }
}

static void every_status(void **state)
{
    (void)state;
    for (int status = 100; status < 1000; status++) {
        char block[6] = "\x08\x03";
        static struct script script;
        bool error = status / 100 == 5 || status == 101, interim = !error && status < 200;
        struct test_case test = {
            "status",
            {START, GET(1), {'<', H2_HEADERS, H2_END_HEADERS, 1, block, 5}, THEN('.')},
            {.issued = 1, .success = !error && !interim, .error = error}};

        snprintf(block + 2, 4, "%d", status);
        script_make(&script, &test);
        script_check(&script, NULL, 0, WINDOW_SIZE);
        script_check(&script, NULL, 0, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_responses),
        cmocka_unit_test(grpc_calls),
        cmocka_unit_test(upstream_leaves),
        cmocka_unit_test(health_checks),
        cmocka_unit_test(answers_inside_the_head),
        cmocka_unit_test(every_grpc_status),
        cmocka_unit_test(every_status),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
