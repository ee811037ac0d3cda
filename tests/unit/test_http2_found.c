/* HTTP/2 connections that the differential proof (make prove) found to be counted wrong, by hand: each
 * whole, byte by byte, and cut in two at every byte. */
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
#include "kernel/probes.h"

/* '>' the proxy sends, '<' the upstream sends; '(' and ')' the same, but the bytes are lost. At the end
 * the proxy closes. */
struct part {
    char who;
    const char *bytes;
    size_t length;
};
#define PART(who, text)                                                                            \
    {                                                                                              \
        who, text, sizeof(text) - 1                                                                \
    }
#define OUT(text) PART('>', text)
#define IN(text) PART('<', text)
#define OUT_LOST(text) PART('(', text)
#define IN_LOST(text) PART(')', text)
#define PARTS_MAX 8

struct found {
    const char *name;
    struct part parts[PARTS_MAX];
    struct tally expected;
};

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define GET(id) "\0\0\4\1\5\0\0\0" id "\x82\x86\x87\x84" /* :method GET .. :path / */
#define OK(id) "\0\0\1\1\5\0\0\0" id "\x88"
#define BUSY(id)                                                                                   \
    "\0\0\5\1\5\0\0\0" id "\x08\x03"                                                               \
    "503"
#define RESET(id) "\0\0\4\3\0\0\0\0" id "\0\0\0\x08"
#define GOAWAY(id) "\0\0\x08\7\0\0\0\0\0\0\0\0" id "\0\0\0\0"
#define CHECK(id) "\0\0\x0b\1\5\0\0\0" id "\x82\x04\x08/healthz" /* the cluster's health check */

static const struct found cases[] = {
    {"frames of a promised stream answer no request",
     {OUT(PREFACE GET("\1") GET("\3")),
      IN(SETTINGS "\0\0\6\5\4\0\0\0\1\0\0\0\2\x82\x84" BUSY("\2") RESET("\2") OK("\3"))},
     {.issued = 2, .success = 1, .no_result = 1, .finished = 2}},
    {"a GOAWAY may come before the proxy's first byte",
     {IN(SETTINGS GOAWAY("\0")), OUT(PREFACE GET("\1"))},
     {.issued = 1, .error = 1, .finished = 1}},
    {"a server of HTTP/2 that speaks first, to a client of HTTP/1",
     {IN(SETTINGS), OUT("CONNECT a:1 HTTP/1.1\r\n\r\n"), IN(GOAWAY("\0"))},
     {.issued = 1, .error = 1, .finished = 1}},
    {"a health check that crosses the GOAWAY is none of the refused",
     {OUT(PREFACE GET("\1")), IN(SETTINGS OK("\1") GOAWAY("\1")), OUT(CHECK("\3") GET("\5"))},
     {.issued = 2, .success = 1, .error = 1, .finished = 2, .probes = 1}},
    {"a stream that the proxy gives up before the GOAWAY that refuses it is whole",
     {OUT(PREFACE GET("\1") GET("\3")), IN(SETTINGS "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0"),
      OUT(RESET("\3")), IN("\0\0\0" OK("\1"))},
     {.issued = 2, .success = 1, .no_result = 1, .finished = 2}},
    {"a stream that the proxy gives up before the padding of its head is whole",
     {OUT(PREFACE GET("\1") GET("\3")),
      IN(SETTINGS "\0\0\4\1\xd\0\0\0\1\2\x88\0\0"
                  "\0\0\4\1\xd\0\0\0\3\2\x88\0"),
      OUT(RESET("\3")), IN("\0")},
     {.issued = 2, .success = 1, .no_result = 1, .finished = 2}},
    {"a block that goes on in a frame that does not come",
     {OUT(PREFACE "\0\0\2\1\1\0\0\0\1\x82\x86")},
     {.issued = 1, .no_result = 1, .finished = 1}},
    {"what is sent after a hole in the responses was not answered in it",
     {OUT(PREFACE GET("\1")), IN(SETTINGS), IN_LOST("\0\0\1\1\5\0\0\0\1"),
      OUT(GET("\3") RESET("\3")), OUT(GET("\5"))},
     {.issued = 3, .unclassified = 1, .no_result = 2, .finished = 3, .gap = 9}},
    {"a hole where the responses begin",
     {OUT(PREFACE GET("\1")), IN_LOST(SETTINGS), IN(OK("\1")), OUT(GET("\3")), IN(OK("\3"))},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 29}},
    {"after a hole, a stream far above all is no frame's",
     {OUT(PREFACE GET("\1")), IN(SETTINGS), IN_LOST("\0"), IN("\0\0\0\0\1\1\0\0\3"), IN(OK("\1")),
      OUT(GET("\3")), IN(OK("\3"))},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 30}},
    {"after a hole, an empty frame alone proves nothing",
     {OUT(PREFACE GET("\1")), IN(SETTINGS), IN_LOST("\0"), IN("\0\0\0\0\1\0\0\0\3"), IN(OK("\1")),
      OUT(GET("\3")), IN(OK("\3"))},
     {.issued = 2, .success = 1, .unclassified = 1, .finished = 2, .gap = 30}},
};

static const struct probe_set *checks(void)
{
    static struct health_check check = {"/healthz", ""};
    static const struct cluster cluster = {.health_checks = &check, .health_check_count = 1};
    static struct probe_set set;

    probes_fill(&cluster, &set);
    return &set;
}

static void lose(struct connection *c, const struct part *part, struct tally *t)
{
    connection_lost(c, part->who == '(' ? &c->out : &c->in, (__u32)part->length, t);
}

/* Cut at `cut`, of all bytes; 0: each alone. */
static struct tally play(const struct found *f, size_t cut)
{
    static __u64 id;
    struct connection c;
    struct tally t = {0};
    size_t at = 0;

    connection_start(&c, 0, PROTOCOL_AUTO, 1);
    c.id = ++id;
    c.life = LIFE_ESTABLISHED;
    for (size_t i = 0; i < PARTS_MAX && f->parts[i].bytes; i++) {
        const struct part *part = &f->parts[i];
        const char *bytes = part->bytes;

        if (part->who == '(' || part->who == ')') {
            lose(&c, part, &t);
            continue;
        }
        for (size_t left = part->length, n; left; left -= n, bytes += n, at += n) {
            n = left;
            if (!cut)
                n = 1;
            else if (cut > at && cut - at < left)
                n = cut - at;
            feed(&c, part->who == '>', bytes, n, WINDOW_SIZE, checks(), &t);
        }
    }
    feed_end(&c, CAUSE_PROXY, &t);
    return t;
}

static bool has_gap(const struct found *f)
{
    for (size_t i = 0; i < PARTS_MAX; i++)
        if (f->parts[i].who == '(' || f->parts[i].who == ')')
            return true;
    return false;
}

static void found_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        /* After a hole it matters where segments begin. */
        size_t first = has_gap(&cases[i]) ? 1000 : 0;

        for (size_t cut = first; cut <= 1000; cut++) {
            struct tally t = play(&cases[i], cut), expected = cases[i].expected;

            if (memcmp(&t, &expected, sizeof(t)))
                fail_msg("%s, cut at %zu: issued %u success %u error %u finished %u unclassified "
                         "%u no_result %u probes %u opaque %u gap %u",
                         cases[i].name, cut, t.issued, t.success, t.error, t.finished,
                         t.unclassified, t.no_result, t.probes, t.opaque, t.gap);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_cases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
