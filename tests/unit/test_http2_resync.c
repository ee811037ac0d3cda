/* HTTP/2 connections with holes, or seen from their middle: where reading goes on, and what is not known
 * any more. */
#include <stddef.h>
#include <stdint.h>

#include "http2_play.h"
#include "kernel/probes.h"

#define ERR "\x8e"
#define CUT THEN('|')

static const struct test_case received_cases[] = {
    {"open ones are unclassified, what was decided stays",
     {START, GET(1), GET(3), RPC(5), RPC(7), HEAD(3, "\x88"), HEAD(5, "\x88"), HEAD(7, ERR),
      THEN('i'), THEN('.')},
     {.issued = 4, .success = 1, .error = 1, .unclassified = 2, .finished = 4, .gap = 7}},
    {"reading goes on with the next segment",
     {START, GET(1), THEN('i'), GET(3), OK(1), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 53}},
    {"a segment in the middle of a frame is passed: who waits then may be answered in it",
     {START, THEN('i'), GET(1), GOT(RAW, 0, 0, "the rest of some DATA"), CUT, GET(3), OK(3), GET(5),
      OK(5), THEN('.')},
     {.issued = 3, .success = 1, .unclassified = 2, .finished = 3, .gap = 74}},
    {"never found again, FIN: nobody knows whether they were answered",
     {START, THEN('i'), GET(1), GOT(RAW, 0, 0, "DATA"), THEN('F')},
     {.issued = 1, .unclassified = 1, .finished = 1, .gap = 11}},
    {"never found again, the proxy closes",
     {START, THEN('i'), GET(1), GOT(RAW, 0, 0, "DATA"), THEN('C')},
     {.issued = 1, .unclassified = 1, .finished = 1, .gap = 11}},
    {"never found again, the proxy gives up",
     {START, THEN('i'), GET(1), GOT(RAW, 0, 0, "DATA"), SENT_RESET(1), THEN('.')},
     {.issued = 1, .unclassified = 1, .finished = 1, .gap = 11}},
    {"found again: all is as before",
     {START, THEN('i'), GET(1), OK(1), GET(3), GET(5), SENT_RESET(5), THEN('F')},
     {.issued = 3, .success = 1, .error = 1, .no_result = 1, .finished = 3, .gap = 30}},
    {"found again, in a frame that never ends: it may have been none, and hide the answers",
     {START, THEN('i'), GET(1), GET(3), GOT(H2_PING, 0, 0, "12345678"),
      GOT(RAW, 0, 0, "\0\x40\0\0\0\0\0\0\1"), CUT, SENT_RESET(3), THEN('F')},
     {.issued = 2, .unclassified = 2, .finished = 2, .gap = 33}},
    {"a hole before the upstream's SETTINGS",
     {PREFACE, SENT(H2_SETTINGS, 0, 0, ""), GOT(RAW, 0, 0, "\0"), THEN('i'), GET(1), OK(1),
      THEN('.')},
     ONE(.success = 1, .gap = 30)},
    {"inside a block of several frames",
     {START, GET(1),
      GOT(H2_HEADERS, 0, 1,
          "\x08\x03"
          "50"),
      THEN('i'), GET(3), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 30}},
    {"entries from before are unknown, and so is what refers to them",
     {START, GET(1),
      LAST(1, "\x48\x03"
              "503"),
      THEN('i'), GET(3), GET(5), LAST(3, "\xbe"), OK(5), THEN('.')},
     {.issued = 3, .success = 1, .error = 1, .unclassified = 1, .finished = 3, .gap = 40}},
    {"what was remembered of the old table is void",
     {START, GET(1), GET(3),
      LAST(1, "\x48\x03"
              "503"),
      LAST(3, "\xbe"), THEN('i'), GET(5), LAST(5, "\xbe"), THEN('.')},
     {.issued = 3, .error = 2, .unclassified = 1, .finished = 3, .gap = 17}},
    {"what is inserted from then on is known",
     {START, GET(1),
      LAST(1, "\x48\x03"
              "503"),
      THEN('i'), GET(3),
      LAST(3, "\x48\x03"
              "404"),
      GET(5), LAST(5, "\xbe"), GET(7), LAST(7, "\xbf"), THEN('.')},
     {.issued = 4, .success = 2, .error = 1, .unclassified = 1, .finished = 4, .gap = 41}},
    {"an unknown head of a call: trailers can be an error only",
     {START, THEN('i'), RPC(1), RPC(3), RPC(5), RPC(7), HEAD(1, "\xbe"), HEAD(3, "\xbe"),
      HEAD(5, "\xbe"), HEAD(7, "\xbe"), TRAILERS(1, "0"), TRAILERS(3, "2"), BODY_END(5),
      LAST(7, "\xbf"), THEN('.')},
     {.issued = 4, .error = 2, .unclassified = 2, .finished = 4, .gap = 118}},
    {"unknown fields beside what decides",
     {START, THEN('i'), RPC(1), RPC(3), GET(5), HEAD(1, "\x88\xbe"),
      LAST(1, "\xbe\x00\x0bgrpc-status\1"
              "0"),
      HEAD(3, "\x88"), LAST(3, "\xbe"), LAST(5, "\x88\xbe"), THEN('.')},
     {.issued = 3, .success = 2, .unclassified = 1, .finished = 3, .gap = 74}},
    {"trailers-only, unknown",
     {START, THEN('i'), RPC(1), RPC(3), RPC(5), LAST(1, "\x88\xbe"), LAST(3, "\xbe"),
      LAST(5, "\xbe\x00\x0bgrpc-status\1"
              "2"),
      THEN('.')},
     {.issued = 3, .error = 1, .unclassified = 2, .finished = 3, .gap = 53}},
    {"a head that was cut before the hole is issued once",
     {START, SENT(H2_HEADERS, 0, 1, GET_BLOCK), THEN('i'),
      SENT(H2_CONTINUATION, H2_END_HEADERS, 1, ""), OK(1), THEN('.')},
     ONE(.unclassified = 1, .gap = 30)},
    {"GOAWAY is not forgotten",
     {START, LEAVING("\0\0\0\1"), THEN('i'), GET(1), GET(3), OK(1), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 30}},
    {"what cannot be framed after that never was frames: lost again, and no error",
     {START, THEN('i'), GET(1), GOT(H2_PING, 0, 0, "12345678"), CUT, GOT(H2_DATA, 0, 0, "x"), CUT,
      GOT(H2_PING, 0, 0, "12345678"), GET(3), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 83}},
    {"a name that refers to an entry from before is unknown, whatever the value; a literal one is "
     "not",
     {START, THEN('i'), RPC(1), RPC(3), RPC(5), HEAD(1, "\x88"),
      LAST(1, "\x7e\1"
              "0"),
      HEAD(3, "\x88"), LAST(3, "\xbe"), HEAD(5, "\x88"),
      LAST(5, "\x40\x0bgrpc-status\1"
              "2"),
      RPC(7), HEAD(7, "\x88"), LAST(7, "\xbe"), THEN('.')},
     {.issued = 4, .error = 2, .unclassified = 2, .finished = 4, .gap = 103}},
    {"two holes",
     {START, GET(1), THEN('i'), GET(3), THEN('i'), GET(5), OK(5), THEN('.')},
     {.issued = 3, .success = 1, .unclassified = 2, .finished = 3, .gap = 37}},
};

#define UNTOLD(stream, flags) SENT(H2_HEADERS, flags, stream, "\x82\x86\x84\xbe")

static const struct test_case sent_cases[] = {
    {"ids tell how many were hidden",
     {START, GET(1), THEN('o'), GET(9), OK(1), OK(3), OK(9), THEN('.')},
     {.issued = 5, .success = 2, .unclassified = 3, .finished = 5, .gap = 22}},
    {"none was hidden", {START, GET(1), THEN('o'), GET(3), THEN('.')}, {.issued = 2, .gap = 22}},
    {"ids are only so explained behind a hole, once",
     {START, GET(1), GET(5), THEN('o'), GET(7), GET(13), THEN('.')},
     {.issued = 4, .gap = 37}},
    {"the head that tells it is in two frames",
     {START, GET(1), THEN('o'), SENT(H2_HEADERS, 0, 5, "\x82"), CUT,
      SENT(H2_CONTINUATION, H2_END_HEADERS, 5, "\x84"), OK(5), THEN('.')},
     {.issued = 3, .success = 1, .unclassified = 1, .finished = 2, .gap = 27}},
    {"a health check tells it too",
     {START, GET(1), THEN('o'), SENT(H2_HEADERS, BOTH_ENDS, 5, "\x82\x86\x04\x08/healthz"),
      THEN('.')},
     {.issued = 2, .unclassified = 1, .finished = 1, .probes = 1, .gap = 28}},
    {"the middle of a frame is passed",
     {START, GET(1), THEN('o'), SENT(RAW, 0, 0, "the rest of some DATA"), CUT, CUT, GET(5), OK(5),
      THEN('.')},
     {.issued = 3, .success = 1, .unclassified = 1, .finished = 2, .gap = 43}},
    {"answers go on being read",
     {START, GET(1), RPC(3), THEN('o'), OK(1), HEAD(3, "\x88"), TRAILERS(3, "2"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 7}},
    {"FIN: the hole may have hidden that the proxy gave up",
     {START, GET(1), GET(3), THEN('o'), GOT_RESET(3), THEN('F')},
     {.issued = 2, .error = 1, .unclassified = 1, .finished = 2, .gap = 7}},
    {"FIN: what was sent after the hole was not in it",
     {START, GET(1), THEN('o'), GET(3), GET(5), OK(5), GET(7), THEN('F')},
     {.issued = 4, .success = 1, .error = 2, .unclassified = 1, .finished = 4, .gap = 52}},
    {"the proxy closes: what was sent after the last of two holes was not in them",
     {START, GET(1), THEN('o'), GET(3), THEN('o'), GET(5), THEN('C')},
     {.issued = 3, .no_result = 1, .unclassified = 2, .finished = 3, .gap = 44}},
    {"whether it is gRPC is unknown",
     {START, THEN('o'), UNTOLD(1, BOTH_ENDS), UNTOLD(3, BOTH_ENDS), UNTOLD(5, BOTH_ENDS),
      UNTOLD(7, BOTH_ENDS), OK(1), LAST(3, "\x88"), LAST(5, ERR), HEAD(7, "\x88"), TRAILERS(7, "0"),
      THEN('.')},
     {.issued = 4, .success = 1, .error = 1, .unclassified = 2, .finished = 4, .gap = 59}},
    {"whether it is gRPC is unknown, and it fails",
     {START, THEN('o'), UNTOLD(1, BOTH_ENDS), UNTOLD(3, BOTH_ENDS), UNTOLD(5, BOTH_ENDS),
      UNTOLD(7, BOTH_ENDS), HEAD(1, "\x88"), TRAILERS(1, "2"), GOT_RESET(3), SENT_RESET(5),
      HEAD(7, "\x88"), GOT_RESET(7), THEN('.')},
     {.issued = 4, .error = 1, .no_result = 1, .unclassified = 2, .finished = 4, .gap = 72}},
    {"a content-type that is known tells it",
     {START, THEN('o'), SENT(H2_HEADERS, BOTH_ENDS, 1, "\x83\xbe\x0f\x10\4text"),
      SENT(H2_HEADERS, BOTH_ENDS, 3,
           "\xbe\x0f\x10\x10"
           "application/grpc"),
      OK(1), HEAD(3, "\x88"), TRAILERS(3, "2"), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 54}},
    {"inside a head, which is answered",
     {START, SENT(H2_HEADERS, 0, 1, GET_BLOCK), THEN('o'), GET(3), LAST(1, ERR), OK(3), THEN('.')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 22}},
    {"inside the preface",
     {SENT(RAW, 0, 0, "PRI * HTTP/2.0\r\n"), THEN('o'), GOT(H2_SETTINGS, 0, 0, ""), GET(1), OK(1),
      THEN('.')},
     ONE(.success = 1, .gap = 22)},
    {"what was remembered of the old table is void",
     {START,
      SENT(H2_HEADERS, BOTH_ENDS, 1,
           "\x83\x5f\x10"
           "application/grpc"),
      SENT(H2_HEADERS, BOTH_ENDS, 3, "\x83\xbe"), THEN('o'),
      SENT(H2_HEADERS, BOTH_ENDS, 5, "\x83\xbe"), LAST(1, "\x88"), LAST(3, "\x88"), LAST(5, "\x88"),
      THEN('.')},
     {.issued = 3, .error = 2, .unclassified = 1, .finished = 3, .gap = 18}},
    {"before the first request: nothing tells how many, a client may begin with any stream",
     {START, THEN('o'), GET(5), OK(1), OK(5), THEN('.')},
     ONE(.success = 1, .gap = 22)},
    {"a stream of what were no frames does not hide the lower ones that follow",
     {START, GET(1), THEN('o'), GET(2001), CUT, SENT(H2_PING, 0, 1, "12345678"), CUT, GET(5), OK(5),
      THEN('.')},
     {.issued = 1003, .success = 1, .unclassified = 1000, .finished = 1001, .gap = 63}},
    {"both directions",
     {START, GET(1), THEN('o'), THEN('i'), GET(5), OK(5), THEN('F')},
     {.issued = 3, .success = 1, .unclassified = 2, .finished = 3, .gap = 52}},
};

static const struct test_case joined_cases[] = {
    {"nothing is known of what went before",
     {THEN('J'), OK(7), GET(101), OK(99), OK(101), GOT_RESET(5), THEN('C')},
     ONE(.success = 1, .gap = 97)},
    {"found at a segment's beginning only",
     {THEN('J'), SENT(RAW, 0, 0, "x"), GET(9), CUT, CUT, GET(11), OK(11), THEN('.')},
     ONE(.success = 1, .gap = 38)},
    {"an answer in what was passed",
     {THEN('J'), GET(11), GOT(RAW, 0, 0, "x"), OK(11), CUT, CUT, OK(9), THEN('.')},
     ONE(.unclassified = 1, .gap = 38)},
    {"entries are unknown",
     {THEN('J'), GET(1), LAST(1, "\xbe"), UNTOLD(3, BOTH_ENDS), LAST(3, "\x88"), THEN('.')},
     {.issued = 2, .unclassified = 2, .finished = 2, .gap = 48}},
    {"trailers of a request from before are none",
     {THEN('J'), SENT(H2_HEADERS, BOTH_ENDS, 5, "\x00\1a\1b"), LAST(5, "\x88"), GET(9), OK(9),
      SENT(H2_HEADERS, BOTH_ENDS, 7, "\x00\1a\1b"), THEN('.')},
     ONE(.success = 1, .gap = 76)},
    {"a hole after the first request: what passes unread is a gap",
     {THEN('J'), GET(9), OK(9), THEN('o'), SENT(RAW, 0, 0, "the rest of some DATA"), CUT, CUT,
      GET(13), OK(13), THEN('.')},
     {.issued = 3, .success = 2, .unclassified = 1, .finished = 3, .gap = 104}},
    {"a hole before the first request",
     {THEN('J'), SENT(H2_PING, 0, 0, "12345678"), THEN('o'),
      SENT(RAW, 0, 0, "the rest of some DATA"), CUT, CUT, GET(13), OK(13), THEN('.')},
     ONE(.success = 1, .gap = 83)},
    {"a first stream of what were no frames does not hide the lower ones that follow",
     {THEN('J'), GET(2000001), CUT, SENT(H2_PING, 0, 1, "12345678"), CUT, GET(100005), OK(100005),
      THEN('.')},
     {.issued = 2, .success = 1, .finished = 1, .gap = 79}},
    {"it closes",
     {THEN('J'), GET(1), GET(3), OK(3), THEN('F')},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .gap = 53}},
};

/* --- the chain of heads ------------------------------------------------------------------------ */

struct chain {
    const char *name;
    struct part parts[10];
    size_t cut; /* bytes that are left out at the end */
    int found;
};

#define SOME(type, flags, stream, payload)                                                         \
    {                                                                                              \
        GOT(type, flags, stream, payload)                                                          \
    }
#define NINE "123456789"

static const struct chain chains[] = {
    {"nothing", {{0}}, 0, 0},
    {"one frame that ends it", {HEAD(1, "\x88")}, 0, 1},
    {"one frame, cut", {HEAD(1, "\x88")}, 1, 0},
    {"one frame and a byte", {HEAD(1, "\x88"), GOT(RAW, 0, 0, "\0")}, 0, 0},
    {"two frames that end it", {HEAD(1, "\x88"), BODY(1)}, 0, 1},
    {"two frames, cut in the payload", {HEAD(1, "\x88"), BODY(1)}, 1, 1},
    {"two frames, cut before the payload", {HEAD(1, "\x88"), BODY(1)}, 4, 1},
    {"two frames, cut in the head", {HEAD(1, "\x88"), BODY(1)}, 5, 0},
    {"two frames, cut before the head", {HEAD(1, "\x88"), BODY(1)}, 13, 1},
    {"two frames and a piece of a head", {HEAD(1, "\x88"), BODY(1), HEAD(1, "")}, 1, 1},
    {"two frames and other bytes", {HEAD(1, "\x88"), BODY(1), GOT(RAW, 0, 0, NINE)}, 0, 0},
    {"eight frames and other bytes",
     {BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), GOT(RAW, 0, 0, NINE)},
     0,
     1},
    {"seven frames and other bytes",
     {BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), BODY(1), GOT(RAW, 0, 0, NINE)},
     0,
     0},
    {"zeros", SOME(RAW, 0, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0, 0},
    {"text", SOME(RAW, 0, 0, "the quick brown fox jumps over"), 0, 0},
    {"DATA", SOME(H2_DATA, H2_END_STREAM | H2_PADDED, 1, "\0"), 0, 1},
    {"DATA, no such flag", SOME(H2_DATA, H2_END_HEADERS, 1, ""), 0, 0},
    {"DATA of no stream", SOME(H2_DATA, 0, 0, ""), 0, 0},
    {"DATA of a server's stream", SOME(H2_DATA, 0, 2, ""), 0, 0},
    {"DATA, the reserved bit", SOME(H2_DATA, 0, 0x80000001, ""), 0, 0},
    {"HEADERS, all flags", SOME(H2_HEADERS, 0x2d, 0x7fffffff, ""), 0, 1},
    {"HEADERS, no such flag", SOME(H2_HEADERS, 2, 1, ""), 0, 0},
    {"PRIORITY", SOME(H2_PRIORITY, 0, 1, "\0\0\0\0\0"), 0, 1},
    {"PRIORITY, a byte less", SOME(H2_PRIORITY, 0, 1, "\0\0\0\0"), 0, 0},
    {"PRIORITY, a flag", SOME(H2_PRIORITY, 1, 1, "\0\0\0\0\0"), 0, 0},
    {"RST_STREAM", SOME(H2_RST_STREAM, 0, 1, "\0\0\0\0"), 0, 1},
    {"RST_STREAM, a byte more", SOME(H2_RST_STREAM, 0, 1, "\0\0\0\0\0"), 0, 0},
    {"SETTINGS", SOME(H2_SETTINGS, 0, 0, "\0\3\0\0\0\x64"), 0, 1},
    {"SETTINGS, acknowledged", SOME(H2_SETTINGS, H2_ACK, 0, ""), 0, 1},
    {"SETTINGS, five bytes", SOME(H2_SETTINGS, 0, 0, "\0\3\0\0\0"), 0, 0},
    {"SETTINGS of a stream", SOME(H2_SETTINGS, 0, 1, ""), 0, 0},
    {"a promise", SOME(H2_PUSH_PROMISE, 4, 1, "\0\0\0\2"), 0, 0},
    {"PING", SOME(H2_PING, H2_ACK, 0, "12345678"), 0, 1},
    {"PING, seven bytes", SOME(H2_PING, 0, 0, "1234567"), 0, 0},
    {"PING of a stream", SOME(H2_PING, 0, 1, "12345678"), 0, 0},
    {"GOAWAY", SOME(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0why"), 0, 1},
    {"GOAWAY, seven bytes", SOME(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0"), 0, 0},
    {"GOAWAY of a stream", SOME(H2_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0"), 0, 0},
    {"WINDOW_UPDATE", SOME(H2_WINDOW_UPDATE, 0, 0, "\0\0\0\1"), 0, 1},
    {"WINDOW_UPDATE of a stream", SOME(H2_WINDOW_UPDATE, 0, 1, "\0\0\0\1"), 0, 1},
    {"WINDOW_UPDATE of a server's", SOME(H2_WINDOW_UPDATE, 0, 2, "\0\0\0\1"), 0, 0},
    {"WINDOW_UPDATE, a byte less", SOME(H2_WINDOW_UPDATE, 0, 1, "\0\0\1"), 0, 0},
    {"the middle of a block", SOME(H2_CONTINUATION, 4, 1, ""), 0, 0},
    {"an unknown frame", SOME(0x0a, 0, 1, ""), 0, 0},
};

static int chain_found(const struct bytes *b, size_t total)
{
    static struct window w;
    int found;

    window_fill(&w, b->data, total < WINDOW_SIZE ? total : WINDOW_SIZE);
    found = http2_chain(&w, (__u32)total, H2_STREAM_MASK);
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
    return found;
}

static void what_begins_with_a_frame(void **state)
{
    static struct bytes b;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
        b.length = 0;
        for (const struct part *part = chains[i].parts; part->who; part++) {
            if (part->type == RAW)
                bytes_add(&b, part->payload, part->length);
            else
                frame_add(&b, part->type, part->flags, part->stream, part->payload, part->length);
        }
        if (chain_found(&b, b.length - chains[i].cut) != chains[i].found)
            fail_msg("%s", chains[i].name);
    }
}

/* Frames as long as they may be, in segments longer than a window. */
static void long_frames(void **state)
{
    static struct bytes b;
    static const char body[CHAIN_FRAME_MAX + 1];

    (void)state;
    for (size_t length = CHAIN_FRAME_MAX - 1; length <= sizeof(body); length++) {
        b.length = 0;
        frame_add(&b, H2_HEADERS, H2_END_HEADERS, 1, "\x88", 1);
        frame_add(&b, H2_DATA, 0, 1, body, length);
        assert_int_equal(chain_found(&b, b.length), length <= CHAIN_FRAME_MAX);
        assert_int_equal(chain_found(&b, 100), length <= CHAIN_FRAME_MAX);
        frame_add(&b, H2_HEADERS, H2_END_HEADERS, 3, "\x88", 1);
        assert_int_equal(chain_found(&b, b.length), length <= CHAIN_FRAME_MAX);
    }
    b.length = 0;
    frame_add(&b, H2_DATA, 0, 1, body, WINDOW_SIZE); /* what follows it is beyond the window */
    frame_add(&b, H2_DATA, H2_END_STREAM, 1, body, 10);
    assert_int_equal(chain_found(&b, b.length), 0);
}

static struct probe_set probes;

static int setup(void **state)
{
    struct health_check checks[] = {{"/healthz", ""}};
    const struct cluster cluster = {.health_checks = checks, .health_check_count = 1};

    (void)state;
    return probes_fill(&cluster, &probes) != 1;
}

/* Where a segment begins matters here: none is cut, but read a few bytes at a time. */
static void check_whole(const struct test_case *test)
{
    static struct script script;

    script_make(&script, test);
    script_check_windows(&script, &probes);
}

#define SEGMENTS(test, cases)                                                                      \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)                                             \
            check_whole(&(cases)[i]);                                                              \
    }

SEGMENTS(holes_in_what_is_received, received_cases)
SEGMENTS(holes_in_what_is_sent, sent_cases)
SEGMENTS(connections_that_were_open_before, joined_cases)

/* A hole in a stream of many: all that were open are over, the annex too, and new ones are exact. */
static void thousands_are_open(void **state)
{
    static struct bytes b;
    struct connection c;
    struct tally t = {0};

    (void)state;
    connection_begin(&c, PROTOCOL_AUTO);
    b.length = 0;
    bytes_add(&b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame_add(&b, H2_SETTINGS, 0, 0, "", 0);
    for (uint32_t id = 1; id < 6000; id += 2)
        frame_add(&b, H2_HEADERS, BOTH_ENDS, id, GET_BLOCK, sizeof(GET_BLOCK) - 1);
    feed(&c, 1, b.data, b.length, WINDOW_SIZE, NULL, &t);
    feed(&c, 0, "\0\0\0\4\0\0\0\0\0", 9, WINDOW_SIZE, NULL, &t);
    connection_lost(&c, &c.in, 1, &t);
    assert_int_equal(t.issued, 3000);
    assert_int_equal(t.unclassified, 3000);
    assert_int_equal(t.finished, 3000);
    feed_end(&c, CAUSE_UPSTREAM, &t);
    assert_true(tally_adds_up(&t));
}

/* What is counted of one request, when the upstream breaks framing `frames` frames behind a hole. */
static struct tally broken_after(int frames)
{
    static struct bytes b;
    struct connection c;
    struct tally t = {0};

    connection_begin(&c, PROTOCOL_AUTO);
    feed(&c, 0, "\0\0\0\4\0\0\0\0\0", 9, WINDOW_SIZE, NULL, &t);
    b.length = 0;
    bytes_add(&b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame_add(&b, H2_SETTINGS, 0, 0, "", 0);
    feed(&c, 1, b.data, b.length, WINDOW_SIZE, NULL, &t);
    connection_lost(&c, &c.in, 1, &t);
    b.length = 0;
    frame_add(&b, H2_HEADERS, BOTH_ENDS, 1, GET_BLOCK, sizeof(GET_BLOCK) - 1);
    feed(&c, 1, b.data, b.length, WINDOW_SIZE, NULL, &t);
    b.length = 0;
    for (int i = 0; i < frames; i++)
        frame_add(&b, H2_PING, H2_ACK, 0, "12345678", 8);
    frame_add(&b, H2_PING, 0, 1, "12345678", 8);
    feed(&c, 0, b.data, b.length, WINDOW_SIZE, NULL, &t);
    feed_end(&c, CAUSE_UPSTREAM, &t);
    return t;
}

/* Frames in a row prove that they are some. After that, a broken one is the upstream's error. */
static void frames_prove_themselves(void **state)
{
    struct tally t = broken_after(H2_PROOF - 1);

    (void)state;
    assert_int_equal(t.unclassified, 1);
    assert_int_equal(t.opaque, 0);
    t = broken_after(H2_PROOF);
    assert_int_equal(t.error, 1);
    assert_int_equal(t.unclassified, 0);
    assert_int_equal(t.opaque, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_in_what_is_received),
        cmocka_unit_test(holes_in_what_is_sent),
        cmocka_unit_test(connections_that_were_open_before),
        cmocka_unit_test(what_begins_with_a_frame),
        cmocka_unit_test(long_frames),
        cmocka_unit_test(thousands_are_open),
        cmocka_unit_test(frames_prove_themselves),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
