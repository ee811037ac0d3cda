/* The way the kernel programs drive the parsers, in user space: for unit tests, fuzzers,
 * benchmarks. They are all in line and long to compile: feed.c does it once. */
#pragma once

#include <stddef.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "http2_bodies.h"
#include "http2_quick.h"
#include "seek.h"

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

/* Annexes, as the kernel has them: few, so that tests meet the want of them. */
#define FEED_ANNEXES 2

extern struct annex feed_annexes[FEED_ANNEXES];

static struct annex *annex_of(const struct connection *c)
{
    return c->annex ? &feed_annexes[c->annex - 1] : NULL;
}

static struct annex *annex_claim(struct connection *c)
{
    for (__u32 i = 0; i < FEED_ANNEXES && !c->annex; i++) {
        struct annex *a = &feed_annexes[i];

        if (__sync_lock_test_and_set(&a->taken, 1))
            continue;
        memset(a->rings, 0, sizeof(a->rings));
        memset(a->streams, 0, sizeof(a->streams));
        if (__sync_val_compare_and_swap(&c->annex, 0, i + 1))
            a->taken = 0; /* the other direction was first */
    }
    return annex_of(c);
}

extern int feed_quick; /* whole lines and frames in place; 0: all by the machines */

/* Gives a segment. */
void feed(struct connection *c, int outgoing, const void *data, size_t length, size_t window,
          const struct probe_set *set, struct tally *t);

/* A segment begins: what is done once for each. */
void feed_begin(struct connection *c, int outgoing, const void *data, size_t length,
                struct tally *t);

/* Gives bytes of one direction, of a segment that began, at most `window` of them at a time. */
void feed_on(struct connection *c, int outgoing, const void *data, size_t length, size_t window,
             const struct probe_set *set, struct tally *t);

/* Before an outgoing segment of which TCP's numbers say that all before it is settled. */
void feed_settled(struct connection *c, const void *data, size_t length, struct tally *t);

/* The end of the connection, as the kernel's close does it. */
void feed_end(struct connection *c, enum cause cause, struct tally *t);

/* What must hold at the end of every connection, whatever was on it. */
static inline int tally_adds_up(const struct tally *t)
{
    return t->issued == t->finished && t->opaque == t->opaque_closed &&
           t->issued == t->success + t->error + t->unclassified + t->no_result;
}
