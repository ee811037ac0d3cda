/* The way the kernel programs drive the parsers, in user space: for unit tests, fuzzers,
 * benchmarks. */
#pragma once

#include <stddef.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "connection.h"

/* Under ASan what lies behind is forbidden, but for the 7 bytes that a word reaches beyond the last
 * byte. */
static inline void window_fill(struct window *w, const __u8 *bytes, size_t length)
{
    const size_t reach = length + WINDOW_SLACK - 1;

    ASAN_UNPOISON_MEMORY_REGION(w->bytes, sizeof(w->bytes));
    memcpy(w->bytes, bytes, length);
    memset(w->bytes + length, 0xa5, WINDOW_SLACK - 1); /* what lies behind must not matter */
    ASAN_POISON_MEMORY_REGION(w->bytes + reach, sizeof(w->bytes) - reach);
    w->length = (__u32)length;
    w->position = 0;
}

/* Gives bytes of one direction to the connection, at most `window` of them at a time. */
static inline void feed(struct connection *c, int outgoing, const void *data, size_t length,
                        size_t window, const struct probe_set *set, struct tally *t)
{
    const __u8 *bytes = data;
    struct http1 *p = outgoing ? &c->out.http1 : &c->in.http1;
    struct window w;

    if (window > WINDOW_SIZE)
        window = WINDOW_SIZE;
    if (outgoing && c->exchange.tunnel)
        return;
    if (outgoing)
        t->opaque += request_resume(c);
    while (length && c->kind < KIND_SESSION) {
        size_t n = length < window ? length : window;

        if (http1_skippable(p)) {
            n = http1_skippable(p) < length ? (size_t)http1_skippable(p) : length;
            enum http1_event event = http1_skip(p, n);

            if (event != H1_NONE && outgoing)
                request_event(c, event, set, t);
            else if (event != H1_NONE)
                response_event(c, event, t);
            bytes += n, length -= n;
            continue;
        }
        window_fill(&w, bytes, n);
        if (outgoing)
            request_read(c, &w, set, t);
        else
            response_read(c, &w, t);
        bytes += w.position, length -= w.position;
    }
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
}

/* The end of the connection, as the kernel's close does it. */
static inline void feed_end(struct connection *c, enum cause cause, struct tally *t)
{
    connection_settle(c, cause, t);
    connection_settle_head(c, cause, t);
    c->life = LIFE_ENDED;
}

/* What must hold at the end of every connection, whatever was on it. */
static inline int tally_adds_up(const struct tally *t)
{
    return t->issued == t->finished &&
           t->issued == t->success + t->error + t->unclassified + t->no_result;
}
