/* Plays conversations on an HTTP/2 connection to the parsers that the kernel runs, for tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "base/mem.h"
#include "http2_wire.h"

/* '>' the proxy sends a frame, '<' the upstream does; '|' a segment ends here, else frames of one
 * direction are one segment. Then holes: 'i' in what is received, 'o' in what is sent; 'J' the
 * connection was open before; 'c' the proxy's close(); and ends: 'F' upstream's FIN and the proxy's
 * close after it, 'R' upstream resets, 'C' the proxy closes; '.' nothing yet: stays open. */
struct part {
    char who;
    uint8_t type, flags;
    uint32_t stream;
    const char *payload;
    size_t length;
};

#define RAW 0xfe /* as a type: bytes that are no frame */
#define SENT(type, flags, stream, payload)                                                         \
    {                                                                                              \
        '>', type, flags, stream, payload, sizeof(payload) - 1                                     \
    }
#define GOT(type, flags, stream, payload)                                                          \
    {                                                                                              \
        '<', type, flags, stream, payload, sizeof(payload) - 1                                     \
    }
#define THEN(who)                                                                                  \
    {                                                                                              \
        who, 0, 0, 0, "", 0                                                                        \
    }
#define PREFACE SENT(RAW, 0, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
#define START PREFACE, SENT(H2_SETTINGS, 0, 0, "\0\3\0\0\0\x64"), GOT(H2_SETTINGS, 0, 0, "")

#define BOTH_ENDS (H2_END_STREAM | H2_END_HEADERS)
#define GET_BLOCK "\x82\x86\x84\x01\1a"
#define RPC_BLOCK                                                                                  \
    "\x83\x86\x84\x01\1a\x0f\x10\x10"                                                              \
    "application/grpc"
#define GET(stream) SENT(H2_HEADERS, BOTH_ENDS, stream, GET_BLOCK)
#define RPC(stream) SENT(H2_HEADERS, H2_END_HEADERS, stream, RPC_BLOCK)
#define HEAD(stream, block) GOT(H2_HEADERS, H2_END_HEADERS, stream, block)
#define LAST(stream, block) GOT(H2_HEADERS, BOTH_ENDS, stream, block) /* all of it, or trailers */
#define BODY(stream) GOT(H2_DATA, 0, stream, "body")
#define BODY_END(stream) GOT(H2_DATA, H2_END_STREAM, stream, "body")
#define OK(stream) HEAD(stream, "\x88"), BODY_END(stream)
#define TRAILERS(stream, status)                                                                   \
    LAST(stream, "\x00\x0bgrpc-status"                                                             \
                 "\x01" status)
#define GOT_RESET(stream) GOT(H2_RST_STREAM, 0, stream, "\0\0\0\2")
#define SENT_RESET(stream) SENT(H2_RST_STREAM, 0, stream, "\0\0\0\x8")
#define LEAVING(last) GOT(H2_GOAWAY, 0, 0, last "\0\0\0\0")

/* What one request counts that is over. */
#define ONE(...)                                                                                   \
    {                                                                                              \
        .issued = 1, .finished = 1, __VA_ARGS__                                                    \
    }

#define PARTS_MAX 24

struct test_case {
    const char *name;
    struct part parts[PARTS_MAX];
    struct tally
        expected; /* in its gap is also what is read behind a hole before the place is proven */
};

/* A case as bytes: segments, and what happens between them. */
struct script {
    const struct test_case *test;
    size_t count;
    struct {
        char who;
        size_t from, length;
    } step[PARTS_MAX];
    struct bytes bytes;
};

static inline void script_make(struct script *s, const struct test_case *test)
{
    s->test = test;
    s->count = s->bytes.length = 0;
    for (const struct part *part = test->parts; part->who; part++) {
        size_t from = s->bytes.length;

        if (part->type == RAW)
            bytes_add(&s->bytes, part->payload, part->length);
        else if (part->who == '<' || part->who == '>')
            frame_add(&s->bytes, part->type, part->flags, part->stream, part->payload,
                      part->length);
        if (from == s->bytes.length || !s->count || s->step[s->count - 1].who != part->who) {
            s->step[s->count].who = part->who;
            s->step[s->count].from = from;
            s->step[s->count++].length = 0;
        }
        s->step[s->count - 1].length += s->bytes.length - from;
    }
}

static __u64 connections; /* of which each has an id */

static inline void connection_begin(struct connection *c, enum protocol protocol)
{
    connection_start(c, 0, protocol, 1);
    c->id = ++connections;
    c->life = LIFE_ESTABLISHED;
}

static inline void script_event(struct connection *c, char who, struct tally *t)
{
    switch (who) {
    case 'i':
        connection_lost(c, &c->in, 7, t);
        break;
    case 'o':
        connection_lost(c, &c->out, 7, t);
        break;
    case 'J':
        connection_join_http2(c);
        break;
    case 'c':
        connection_local_closed(c, 0, t);
        break;
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
    }
}

/* `cut`: where in all bytes to cut once; `window`: bytes given at a time. */
static inline struct tally script_play(const struct script *s, const struct probe_set *set,
                                       size_t cut, size_t window)
{
    struct connection c;
    struct tally t = {0};

    connection_begin(&c, PROTOCOL_AUTO);
    for (size_t i = 0; i < s->count; i++) {
        const uint8_t *bytes = s->bytes.data + s->step[i].from;
        size_t length = s->step[i].length, first = cut < length ? cut : length;
        int outgoing = s->step[i].who == '>';

        if (outgoing || s->step[i].who == '<') {
            feed(&c, outgoing, bytes, first, window, set, &t);
            feed(&c, outgoing, bytes + first, length - first, window, set, &t);
            cut -= first;
        } else {
            script_event(&c, s->step[i].who, &t);
        }
    }
    if (c.life == LIFE_ENDED && !tally_adds_up(&t))
        fail_msg("%s: the sums do not add up", s->test->name);
    if (c.life != LIFE_ENDED && c.annex)
        annex_of(&c)->taken = 0;
    return t;
}

static inline void script_check_way(const struct script *s, const struct probe_set *set, size_t cut,
                                    size_t window, const char *way)
{
    struct tally t = script_play(s, set, cut, window), expected = s->test->expected;

    /* What became opaque is closed with its connection. */
    expected.opaque_closed = t.opaque_closed ? expected.opaque : 0;
    if (memcmp(&t, &expected, sizeof(t)))
        fail_msg("%s, cut at %zu, window %zu, %s: issued %u success %u error %u finished %u "
                 "unclassified %u no_result %u probes %u opaque %u sessions %u gap %u untracked %u",
                 s->test->name, cut, window, way, t.issued, t.success, t.error, t.finished,
                 t.unclassified, t.no_result, t.probes, t.opaque, t.sessions, t.gap, t.untracked);
}

/* Whole frames are read by the machine, or in place; that only where their blocks are remembered, so
 * the same connection once more. */
static inline void script_check(const struct script *s, const struct probe_set *set, size_t cut,
                                size_t window)
{
    feed_quick = 0;
    script_check_way(s, set, cut, window, "by the machine");
    feed_quick = 1;
    script_check_way(s, set, cut, window, "in place");
    connections--;
    script_check_way(s, set, cut, window, "in place, remembered");
}

/* Whole segments, a few bytes at a time. */
static inline void script_check_windows(const struct script *s, const struct probe_set *set)
{
    script_check(s, set, 0, WINDOW_SIZE);
    for (size_t window = 1; window < 40; window++)
        script_check(s, set, 0, window);
}

static inline void check_case(const struct test_case *test, const struct probe_set *set)
{
    static struct script script;

    script_make(&script, test);
    script_check_windows(&script, set);
    for (size_t cut = 1; cut < script.bytes.length; cut++)
        script_check(&script, set, cut, WINDOW_SIZE);
}

/* A test of its cases, with the health checks of its file. */
#define CASES(test, cases)                                                                         \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)                                             \
            check_case(&(cases)[i], &probes);                                                      \
    }
