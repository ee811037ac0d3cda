/* How HTTP/2 connections begin, are framed and break: each case whole, a few bytes at a time, and cut in
 * two at every byte. */
#include <stddef.h>
#include <stdint.h>

#include "http2_play.h"
#include "kernel/probes.h"

#define ERR "\x8e"

static const struct test_case frame_cases[] = {
    {"padding",
     {START, SENT(H2_HEADERS, BOTH_ENDS | H2_PADDED, 1, "\3" GET_BLOCK "\x8e\x8e\x8e"),
      GOT(H2_HEADERS, H2_END_HEADERS | H2_PADDED, 1, "\2\x88\x8e\x8e"),
      GOT(H2_DATA, H2_PADDED, 1, "\4\0\1\2\3"), GOT(H2_DATA, H2_END_STREAM | H2_PADDED, 1, "\0"),
      THEN('.')},
     ONE(.success = 1)},
    {"padding of no bytes, and of all",
     {START, SENT(H2_HEADERS, BOTH_ENDS | H2_PADDED, 1, "\0" GET_BLOCK),
      GOT(H2_HEADERS, H2_PADDED, 1, "\1\x8e"), GOT(H2_CONTINUATION, H2_END_HEADERS, 1, "\x88"),
      THEN('.')},
     {.issued = 1, .success = 1}},
    {"priority, alone and with padding",
     {START, SENT(H2_HEADERS, BOTH_ENDS | H2_PRIORITIZED, 1, "\x8e\x8e\x8e\x8e\x8e" GET_BLOCK),
      SENT(H2_HEADERS, BOTH_ENDS | H2_PRIORITIZED | H2_PADDED, 3,
           "\2\x80\0\0\1\x10" RPC_BLOCK "\0\0"),
      GOT(H2_HEADERS, BOTH_ENDS | H2_PRIORITIZED, 1, "\0\0\0\0\0\x8d"), TRAILERS(3, "0"),
      SENT(H2_PRIORITY, 0, 7, "\0\0\0\3\x10"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"CONTINUATION, fields cut",
     {START,
      SENT(H2_HEADERS, H2_END_STREAM, 1,
           "\x83\x86\x84\x01\1a\x0f\x10\x10"
           "appli"),
      SENT(H2_CONTINUATION, 0, 1, "cation/g"), SENT(H2_CONTINUATION, 0, 1, ""),
      SENT(H2_CONTINUATION, H2_END_HEADERS, 1, "rpc"), HEAD(1, "\x88"),
      GOT(H2_HEADERS, H2_END_STREAM, 1, "\x00\x0bgrpc-s"),
      GOT(H2_CONTINUATION, H2_END_HEADERS, 1,
          "tatus\1"
          "0"),
      THEN('.')},
     ONE(.success = 1)},
    {"CONTINUATION, the first frame empty, flags that it has not",
     {START, SENT(H2_HEADERS, H2_PADDED, 1, "\0"),
      SENT(H2_CONTINUATION, 0xff & ~H2_END_HEADERS, 1, GET_BLOCK),
      SENT(H2_CONTINUATION, 0xff, 1, ""), GOT(H2_HEADERS, 0, 1, ""),
      GOT(H2_CONTINUATION, 0xff, 1, "\x8e"), THEN('.')},
     {.issued = 1, .error = 1}},
    {"frames of no stream",
     {START, SENT(H2_PING, 0, 0, "\x88\x88\x88\x88\x88\x88\x88\x88"),
      SENT(H2_WINDOW_UPDATE, 0, 0, "\0\0\1\0"), SENT(H2_SETTINGS, H2_ACK, 0, ""), GET(1),
      GOT(H2_WINDOW_UPDATE, 0, 0, "\0\0\1\0"), GOT(H2_SETTINGS, H2_ACK, 0, ""),
      GOT(H2_PING, H2_ACK, 0, "\x8e\x8e\x8e\x8e\x8e\x8e\x8e\x8e"),
      GOT(H2_WINDOW_UPDATE, 0, 1, "\0\0\1\0"), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"unknown frames, with any flags and stream",
     {START, SENT(0x0a, 0xff, 1, GET_BLOCK), SENT(0xfd, 5, 0, ""), GET(1),
      GOT(0x0a, 0xff, 0, "\0\0origin"), GOT(0xff, BOTH_ENDS, 1, "\x8e"), GOT(0x11, 1, 1, ""), OK(1),
      THEN('.')},
     ONE(.success = 1)},
    {"flags that a type has not",
     {START, SENT(H2_HEADERS, 0xff & ~(H2_PADDED | H2_PRIORITIZED), 1, GET_BLOCK), HEAD(1, "\x88"),
      GOT(H2_DATA, 0xff & ~H2_END_STREAM, 1, "\0"), GOT(H2_WINDOW_UPDATE, 0xff, 1, "\0\0\0\1"),
      THEN('.')},
     {.issued = 1, .success = 1}},
    {"the highest bit of a stream is reserved",
     {START, SENT(H2_HEADERS, BOTH_ENDS, 0x80000001, GET_BLOCK),
      GOT(H2_HEADERS, BOTH_ENDS, 0x80000001, "\x88"), THEN('.')},
     ONE(.success = 1)},
    {"promises: their fields answer nothing, but the table has them",
     {START, GET(1), GET(3),
      GOT(H2_PUSH_PROMISE, H2_END_HEADERS, 1,
          "\0\0\0\2\x82\x48\x03"
          "503"),
      GOT(H2_PUSH_PROMISE, H2_PADDED, 1,
          "\1\0\0\0\4\x82\x48\x03"
          "\0"),
      GOT(H2_CONTINUATION, H2_END_HEADERS, 1, "404"), HEAD(2, "\x8e"), BODY_END(2), GOT_RESET(4),
      LAST(3, "\xbf"), LAST(1, "\xbe"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"the same block says another thing once the table changed",
     {START, GET(1), GET(3), GET(5), GET(7),
      LAST(1, "\x48\x03"
              "503"),
      LAST(3, "\xbe"), LAST(5, "\xbe"), GET(9),
      LAST(9, "\x48\x03"
              "204"),
      LAST(7, "\xbe"), THEN('.')},
     {.issued = 5, .success = 2, .error = 3, .finished = 5}},
    {"the same block in the other direction is of another table",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           GET_BLOCK "\x5f\x10"
                     "application/grpc"),
      LAST(1, "\x48\x03"
              "204"),
      SENT(H2_HEADERS, BOTH_ENDS, 3, "\xbe"), LAST(3, "\xbe"),
      SENT(H2_HEADERS, BOTH_ENDS, 5, "\xbe"), LAST(5, "\xbe"), THEN('.')},
     {.issued = 3, .error = 3, .finished = 3}},
    {"a table that is made smaller and larger",
     {START, SENT(H2_HEADERS, BOTH_ENDS, 1, "\x20\x3f\xe1\x1f" GET_BLOCK),
      SENT(H2_HEADERS, BOTH_ENDS, 3,
           "\x3f\xe1\xff\3"
           "\x5f\x10"
           "application/grpc"),
      SENT(H2_HEADERS, BOTH_ENDS, 5, "\xbe"), LAST(1, "\x20\x88"), LAST(3, "\x88"),
      LAST(5, "\x3f\xe1\xff\3\x88"), THEN('C')},
     {.issued = 3, .success = 1, .error = 2, .finished = 3}},
};

#define UPSTREAM_BREAKS(name, ...)                                                                 \
    {                                                                                              \
        "upstream breaks: " name,                                                                  \
            {START, GET(1), GET(3), HEAD(3, "\x88"), __VA_ARGS__, OK(1), GET(5), THEN('C')},       \
        {                                                                                          \
            .issued = 3, .success = 1, .error = 1, .no_result = 1, .finished = 3, .opaque = 1      \
        }                                                                                          \
    }
#define PROXY_BREAKS(name, ...)                                                                    \
    {                                                                                              \
        "the proxy breaks: " name, {START, GET(1), __VA_ARGS__, GET(3), OK(1), THEN('C')},         \
        {                                                                                          \
            .issued = 1, .success = 1, .finished = 1, .opaque = 1                                  \
        }                                                                                          \
    }

static const struct test_case broken_cases[] = {
    UPSTREAM_BREAKS("RST_STREAM too long", GOT(H2_RST_STREAM, 0, 1, "\0\0\0\0\0")),
    UPSTREAM_BREAKS("RST_STREAM too short", GOT(H2_RST_STREAM, 0, 1, "\0\0\0")),
    UPSTREAM_BREAKS("RST_STREAM of no stream", GOT(H2_RST_STREAM, 0, 0, "\0\0\0\0")),
    UPSTREAM_BREAKS("GOAWAY too short", GOT(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0")),
    UPSTREAM_BREAKS("GOAWAY of a stream", GOT(H2_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0")),
    UPSTREAM_BREAKS("HEADERS of no stream", HEAD(0, "\x88")),
    UPSTREAM_BREAKS("DATA of no stream", GOT(H2_DATA, 0, 0, "x")),
    UPSTREAM_BREAKS("PRIORITY of no stream", GOT(H2_PRIORITY, 0, 0, "\0\0\0\0\0")),
    UPSTREAM_BREAKS("a promise of no stream", GOT(H2_PUSH_PROMISE, 4, 0, "\0\0\0\2")),
    UPSTREAM_BREAKS("SETTINGS of a stream", GOT(H2_SETTINGS, 0, 1, "")),
    UPSTREAM_BREAKS("PING of a stream", GOT(H2_PING, 0, 1, "12345678")),
    UPSTREAM_BREAKS("CONTINUATION of nothing", GOT(H2_CONTINUATION, H2_END_HEADERS, 1, "\x88")),
    UPSTREAM_BREAKS("CONTINUATION behind a whole block", HEAD(2, "\x88"),
                    GOT(H2_CONTINUATION, H2_END_HEADERS, 2, "")),
    UPSTREAM_BREAKS("CONTINUATION of another stream", GOT(H2_HEADERS, 0, 1, "\x88"),
                    GOT(H2_CONTINUATION, H2_END_HEADERS, 3, "")),
    UPSTREAM_BREAKS("DATA inside a block", GOT(H2_HEADERS, 0, 1, "\x88"), BODY(1)),
    UPSTREAM_BREAKS("an unknown frame inside a block", GOT(H2_HEADERS, 0, 1, "\x88"),
                    GOT(0xfa, 0, 1, "")),
    UPSTREAM_BREAKS("more padding than there is", GOT(H2_HEADERS, 12, 1, "\2\x88")),
    UPSTREAM_BREAKS("no place for the padding's length", GOT(H2_HEADERS, 12, 1, "")),
    UPSTREAM_BREAKS("no place for a priority", GOT(H2_HEADERS, 0x24, 1, "\0\0\0\1")),
    UPSTREAM_BREAKS("no place for a promised stream", GOT(H2_PUSH_PROMISE, 4, 1, "\0\0\2")),
    UPSTREAM_BREAKS("an index beyond the table", LAST(1, "\xbe")),
    UPSTREAM_BREAKS("index 0", LAST(1, "\x80")),
    UPSTREAM_BREAKS("an integer without end", LAST(1, "\xff\xff\xff\xff\xff\xff\xff")),
    UPSTREAM_BREAKS("a block that ends inside an integer", LAST(1, "\x88\xff")),
    UPSTREAM_BREAKS("a block that ends inside a field", LAST(1, "\x88\x08\x03"
                                                                "50")),
    UPSTREAM_BREAKS("a string longer than its block", LAST(1, "\x08\x04"
                                                              "200")),
    UPSTREAM_BREAKS("a block like one that is remembered, and a zero", HEAD(3, "\x88"),
                    LAST(1, "\x88\0")),
    PROXY_BREAKS("an index beyond the table", SENT(H2_HEADERS, BOTH_ENDS, 3, "\xbe\x84")),
    PROXY_BREAKS("DATA of no stream", SENT(H2_DATA, 0, 0, "")),
    {"the proxy's first frame is not SETTINGS", {PREFACE, GET(1), THEN('C')}, {.opaque = 1}},
    {"the upstream's first frame is not SETTINGS",
     {PREFACE, SENT(H2_SETTINGS, 0, 0, ""), GET(1), OK(1), THEN('F')},
     ONE(.error = 1, .opaque = 1)},
    {"an HTTP/1 answer",
     {PREFACE, SENT(H2_SETTINGS, 0, 0, ""), GET(1),
      GOT(RAW, 0, 0, "HTTP/1.1 400 Bad Request\r\n\r\n"), THEN('F')},
     ONE(.error = 1, .opaque = 1)},
    {"a preface that breaks off",
     {SENT(RAW, 0, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"), GET(1), THEN('C')},
     {.opaque = 1}},
};

#define UPGRADING "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n"
#define SWITCHING "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define PROXY2                                                                                     \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"                                                           \
    "\x7f\0\0\1\x7f\0\0\1\0\x50\0\x51"

static const struct test_case start_cases[] = {
    {"the upstream's SETTINGS come first",
     {GOT(H2_SETTINGS, 0, 0, "\0\3\0\0\0\x64"), GOT(H2_WINDOW_UPDATE, 0, 0, "\0\0\1\0"), PREFACE,
      SENT(H2_SETTINGS, 0, 0, ""), GET(1), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"the upstream speaks first, and not HTTP/2",
     {GOT(RAW, 0, 0, "\0\0\0\x0b\0\0\0\0\0"), THEN('C')},
     {.sessions = 1}},
    {"a PROXY header, version 1",
     {SENT(RAW, 0, 0, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), START, GET(1), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"a PROXY header, version 2",
     {SENT(RAW, 0, 0, PROXY2), START, GET(1), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"h2c: the request goes on as stream 1",
     {SENT(RAW, 0, 0, UPGRADING), GOT(RAW, 0, 0, SWITCHING), GOT(H2_SETTINGS, 0, 0, ""), START,
      OK(1), THEN('.')},
     ONE(.success = 1)},
    {"h2c: the answer comes before the preface",
     {SENT(RAW, 0, 0, UPGRADING), GOT(RAW, 0, 0, SWITCHING), GOT(H2_SETTINGS, 0, 0, ""),
      LAST(1, ERR), PREFACE, SENT(H2_SETTINGS, 0, 0, ""), GET(3), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"h2c: stream 1 is not opened again",
     {SENT(RAW, 0, 0, UPGRADING), GOT(RAW, 0, 0, SWITCHING), START, GET(1), OK(1), THEN('.')},
     ONE(.success = 1)},
    {"h2c: reset",
     {SENT(RAW, 0, 0, UPGRADING), GOT(RAW, 0, 0, SWITCHING), START, GOT_RESET(1), THEN('.')},
     ONE(.error = 1)},
    {"h2c with a body",
     {SENT(RAW, 0, 0, "POST / HTTP/1.1\r\nContent-Length: 4\r\nUpgrade: h2c\r\n\r\nPRI "),
      GOT(RAW, 0, 0, SWITCHING), START, OK(1), GET(3), THEN('C')},
     {.issued = 2, .success = 1, .no_result = 1, .finished = 2}},
    {"h2c refused: HTTP/1",
     {SENT(RAW, 0, 0, UPGRADING), GOT(RAW, 0, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      SENT(RAW, 0, 0, "GET / HTTP/1.1\r\n\r\n"),
      GOT(RAW, 0, 0, "HTTP/1.1 500 OK\r\nContent-Length: 0\r\n\r\n"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2}},
    {"h2c: a health check",
     {SENT(RAW, 0, 0, "GET /healthz HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"), GOT(RAW, 0, 0, SWITCHING),
      START, OK(1), GET(3), OK(3), THEN('.')},
     ONE(.success = 1, .probes = 1)},
    {"the preface behind an HTTP/1 request is none",
     {SENT(RAW, 0, 0, "GET / HTTP/1.1\r\n\r\n"), START, GET(1), THEN('C')},
     ONE(.error = 1, .opaque = 1)},
};

static struct probe_set probes;

static int setup(void **state)
{
    struct health_check checks[] = {{"/healthz", ""}};
    const struct cluster cluster = {.health_checks = checks, .health_check_count = 1};

    (void)state;
    return probes_fill(&cluster, &probes) != 1;
}

CASES(frames, frame_cases)
/* The heads of frames that are not there to their end. */
#define GOT_HEAD(length, type_and_flags, stream)                                                   \
    GOT(RAW, 0, 0, length type_and_flags "\0\0\0" stream)
#define DATA_HEAD(length) GOT_HEAD(length, "\0\0", "\1")
#define ACCEPTS(bytes) SENT(H2_SETTINGS, 0, 0, "\0\3\0\0\0\x64\0\5" bytes "\0\4\0\1\0\0")
#define TWO_ASKED GET(1), GET(3), HEAD(1, "\x88")
#define AS_BROKEN                                                                                  \
    {                                                                                              \
        .issued = 2, .success = 1, .error = 1, .finished = 2, .opaque = 1                          \
    }
#define AS_USUAL                                                                                   \
    {                                                                                              \
        .issued = 2, .success = 1                                                                  \
    }

static const struct test_case length_cases[] = {
    {"a frame of 16,384 bytes", {START, TWO_ASKED, DATA_HEAD("\0\x40\0"), THEN('.')}, AS_USUAL},
    {"a frame of one more", {START, TWO_ASKED, DATA_HEAD("\0\x40\1"), THEN('.')}, AS_BROKEN},
    {"as the very first bytes",
     {PREFACE, SENT(H2_SETTINGS, 0, 0, ""), GET(1), GOT_HEAD("\1\0\0", "\4\0", "\0"), THEN('.')},
     ONE(.error = 1, .opaque = 1)},
    {"a response's head",
     {START, TWO_ASKED, GOT_HEAD("\0\x40\1", "\1\4", "\3"), GOT(RAW, 0, 0, "\x88"), THEN('.')},
     AS_BROKEN},
    {"a GOAWAY",
     {START, TWO_ASKED, GOT_HEAD("\0\x40\1", "\7\0", "\0"), GOT(RAW, 0, 0, "\0\0\0\3\0\0\0\0"),
      THEN('.')},
     AS_BROKEN},
    {"of no known type",
     {START, TWO_ASKED, GOT_HEAD("\0\x40\1", "\xfa\0", "\0"), THEN('.')},
     AS_BROKEN},
    {"the proxy takes more",
     {START, ACCEPTS("\0\0\x50\0"), TWO_ASKED, DATA_HEAD("\0\x50\0"), THEN('.')},
     AS_USUAL},
    {"the proxy takes more, but not so much",
     {START, ACCEPTS("\0\0\x50\0"), TWO_ASKED, DATA_HEAD("\0\x51\1"), THEN('.')},
     AS_BROKEN},
    {"the proxy takes all there is",
     {START, ACCEPTS("\0\xff\xff\xff"), TWO_ASKED, DATA_HEAD("\xff\0\0"), THEN('.')},
     AS_USUAL},
    {"the proxy took more, and takes less: who knows from when on",
     {START, ACCEPTS("\0\0\x50\0"), ACCEPTS("\0\0\x40\0"), TWO_ASKED, DATA_HEAD("\0\x50\0"),
      THEN('.')},
     AS_USUAL},
    {"the proxy acknowledges, which sets nothing",
     {START, SENT(H2_SETTINGS, H2_ACK, 0, "\0\5\0\0\x50\0"), TWO_ASKED, DATA_HEAD("\0\x50\0"),
      THEN('.')},
     AS_BROKEN},
    {"a longer request is for the upstream to refuse",
     {START, TWO_ASKED, SENT(RAW, 0, 0, "\0\x50\0\0\0\0\0\0\3"), THEN('.')},
     AS_USUAL},
};

/* Behind a hole, which a whole segment ends. */
static void settings_may_have_been_missed(void **state)
{
    static const struct test_case test = {"settings may have been missed",
                                          {START, THEN('o'), SENT(H2_SETTINGS, H2_ACK, 0, ""),
                                           TWO_ASKED, DATA_HEAD("\0\x50\0"), THEN('.')},
                                          {.issued = 2, .success = 1, .gap = 46}};
    static struct script script;

    (void)state;
    script_make(&script, &test);
    script_check_windows(&script, NULL);
}

CASES(broken_connections, broken_cases)
CASES(lengths, length_cases)
CASES(beginnings, start_cases)

/* Two connections with the same small blocks and tables of one size, which differ. */
static void what_is_remembered_is_of_one_connection(void **state)
{
    static const struct test_case test = {"other",
                                          {START, GET(1), GET(3),
                                           LAST(1, "\x48\x03"
                                                   "503"),
                                           LAST(3, "\xbe"), THEN('.')},
                                          {.issued = 2, .error = 2, .finished = 2}};
    static const struct test_case another = {"another",
                                             {START, GET(1), GET(3),
                                              LAST(1, "\x48\x03"
                                                      "204"),
                                              LAST(3, "\xbe"), THEN('.')},
                                             {.issued = 2, .success = 2, .finished = 2}};
    static struct script scripts[2];

    (void)state;
    script_make(&scripts[0], &test);
    script_make(&scripts[1], &another);
    for (int i = 0; i < 20; i++)
        script_check(&scripts[i % 2], NULL, 0, WINDOW_SIZE);
}

/* Blocks of one length that differ in any one byte. */
static void every_byte_is_remembered(void **state)
{
    (void)state;
    for (size_t at = 0; at < MEMO_BYTES; at++) {
        char blocks[2][MEMO_BYTES];
        struct test_case test = {"one byte differs",
                                 {START,
                                  GET(1),
                                  GET(3),
                                  GET(5),
                                  {'<', H2_HEADERS, BOTH_ENDS, 1, blocks[0], at + 1},
                                  {'<', H2_HEADERS, BOTH_ENDS, 3, blocks[1], at + 1},
                                  {'<', H2_HEADERS, BOTH_ENDS, 5, blocks[0], at + 1},
                                  THEN('.')},
                                 {.issued = 3, .success = 2, .error = 1, .finished = 3}};

        memset(blocks, 0x82, sizeof(blocks));
        blocks[0][at] = (char)0x88;
        blocks[1][at] = (char)0x8e;
        check_case(&test, NULL);
    }
}

/* A larger table where all annexes are in use: the newest entries are known all the same. */
static void a_larger_table_without_an_annex(void **state)
{
    static const struct test_case test = {"no annex",
                                          {START, GET(1), GET(3),
                                           LAST(1, "\x3f\xe1\xff\3\x48\x03"
                                                   "503"),
                                           LAST(3, "\xbe"), THEN('C')},
                                          {.issued = 2, .error = 2, .finished = 2}};

    (void)state;
    for (int i = 0; i < FEED_ANNEXES; i++)
        feed_annexes[i].taken = 1;
    check_case(&test, NULL);
    for (int i = 0; i < FEED_ANNEXES; i++)
        feed_annexes[i].taken = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(broken_connections),
        cmocka_unit_test(lengths),
        cmocka_unit_test(settings_may_have_been_missed),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(what_is_remembered_is_of_one_connection),
        cmocka_unit_test(every_byte_is_remembered),
        cmocka_unit_test(a_larger_table_without_an_annex),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
