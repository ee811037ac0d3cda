/* Any connection, through the parsers that the kernel runs. However its segments are cut, the tally
 * is the same; with the quick readers and without, the state is as well; at every segment's end no
 * result outnumbers the requests; after the connection's end every request has ended and has exactly
 * one result. (After a gap, HTTP/2 depends on the cuts.)
 *
 * The input: protocol and health checks, how it ends, a seed for the cuts; then per segment two
 * bytes (what it is, its length) and its bytes, as far as there are any. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../native/feed.h"
#include "../native/live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 3
#define PROTOCOLS 5
#define CAUSES 3

/* The first byte holds the protocol, whether there are health checks, and whether the connection was
 * open before. Low three bits of a segment's first byte; the other five are the upper bits of its length. */
enum what {
    SENT,
    RECEIVED,
    SENT_SETTLED,
    RECEIVED_TOO,
    LOST_SENT,
    LOST_RECEIVED,
    REMOTE_FIN,
    NOTHING
};

struct cutter {
    enum { WHOLE, BYTES, RANDOM } how;
    int quick;
    uint32_t random;
};

static const struct probe_set probes = {
    .probe = {{8, 0, "/healthz", ""}, {2, 8, "/p", "check.me"}},
};

static size_t next_cut(struct cutter *cutter, size_t left)
{
    size_t n = 1;

    if (cutter->how == WHOLE)
        return left;
    if (cutter->how == RANDOM) {
        cutter->random = cutter->random * 1664525 + 1013904223;
        n += (cutter->random >> 16) % ((cutter->random >> 30) ? 24 : 600);
    }
    return n < left ? n : left;
}

static void give(struct connection *c, int outgoing, const uint8_t *bytes, size_t length,
                 struct cutter *cutter, const struct probe_set *set, struct tally *t)
{
    feed_begin(c, outgoing, bytes, length, t);
    while (length) {
        size_t n = next_cut(cutter, length);

        feed_on(c, outgoing, bytes, n, WINDOW_SIZE, set, t);
        bytes += n;
        length -= n;
    }
}

static void remote_fin(struct connection *c, struct tally *t)
{
    if (c->life != LIFE_ESTABLISHED)
        return;
    connection_remote_closed(c, 0, t);
    c->life = LIFE_REMOTE_CLOSED;
}

static void print_tally(const char *what, const struct tally *t)
{
    fprintf(stderr,
            "%s: issued %u success %u error %u finished %u unclassified %u no_result %u probes %u "
            "opaque %u sessions %u gap %u\n",
            what, t->issued, t->success, t->error, t->finished, t->unclassified, t->no_result,
            t->probes, t->opaque, t->sessions, t->gap);
}

static void must(int holds, const char *what, const struct tally *t)
{
    if (holds)
        return;
    print_tally(what, t);
    abort();
}

static void check_so_far(const struct tally *t)
{
    must(t->finished <= t->issued, "more ended than were issued", t);
    must(t->success + t->error + t->unclassified + t->no_result <= t->issued,
         "more results than requests", t);
}

struct outcome {
    struct connection connection; /* before its end */
    struct tally tally;
};

static struct outcome play(const uint8_t *data, size_t size, struct cutter cutter)
{
    static __u64 connections;
    const struct probe_set *set = data[0] / PROTOCOLS % 2 ? &probes : NULL;
    struct outcome o = {0};
    struct connection c;
    struct tally t = {0};

    feed_quick = cutter.quick;
    connection_start(&c, 0, data[0] % PROTOCOLS, set != NULL);
    c.id = ++connections;
    c.life = LIFE_ESTABLISHED;
    if (data[0] / PROTOCOLS / 2 % 2 && c.kind < KIND_SESSION) {
        c.joined = 1;
        connection_set_adrift(&c);
    }
    for (size_t at = HEADER; at + 2 <= size;) {
        enum what what = data[at] & 7;
        size_t length = (size_t)(data[at] >> 3) << 8 | data[at + 1];
        size_t there = what < LOST_SENT ? size - at - 2 : 0;

        at += 2;
        if (there > length)
            there = length;
        if (what == SENT_SETTLED)
            feed_settled(&c, data + at, there, &t);
        if (what < LOST_SENT)
            give(&c, !(what & 1), data + at, there, &cutter, set, &t);
        else if (what == REMOTE_FIN)
            remote_fin(&c, &t);
        else if (what != NOTHING && c.kind < KIND_SESSION)
            connection_lost(&c, what == LOST_SENT ? &c.out : &c.in, (__u32)length + 1, &t);
        at += there;
        check_so_far(&t);
    }
    o.connection = live_connection(&c);
    feed_end(&c, c.life == LIFE_REMOTE_CLOSED ? CAUSE_UPSTREAM : data[1] % CAUSES, &t);
    must(tally_adds_up(&t), "does not add up", &t);
    o.tally = t;
    return o;
}

/* The quick readers leave behind what the machines do. */
static void check_quick(const uint8_t *data, size_t size, struct cutter cutter,
                        const struct outcome *quick)
{
    struct outcome slow;

    cutter.quick = 0;
    slow = play(data, size, cutter);
    if (!memcmp(&slow, quick, sizeof(slow)))
        return;
    print_tally("slowly", &slow.tally);
    must(0, "but quickly", &quick->tally);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;

    if (size < HEADER)
        return 0;
    for (int how = WHOLE; how <= RANDOM; how++) {
        struct cutter cutter = {how, 1, data[2] * 2654435761u};

        cut = play(data, size, cutter);
        if (how == WHOLE)
            whole = cut;
        if (how != BYTES) /* they hold no whole line or frame */
            check_quick(data, size, cutter, &cut);
        if (!memcmp(&whole.tally, &cut.tally, sizeof(cut.tally)))
            continue;
        if (whole.tally.gap || cut.tally.gap)
            continue; /* HTTP/2 finds its way back where a segment begins with a frame */
        print_tally("whole", &whole.tally);
        must(0, "but cut", &cut.tally);
    }
    return 0;
}
