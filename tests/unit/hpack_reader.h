/* Reads header blocks for tests: with the quick path or by steps alone, any number of bytes at a
 * time, with or without a larger ring to grow into. */
#pragma once

#include <cmocka.h>

#include "../native/feed.h"

struct hpack_reader {
    struct hpack hpack;
    struct hpack_ring *ring; /* for whoever wants a larger one; NULL: none is to be had */
    const struct probe_set *set;
    bool by_steps; /* the quick path is left out */
    size_t window; /* bytes at a time */
};

static inline struct hpack_ring *reader_ring(struct hpack_reader *r)
{
    struct hpack *p = &r->hpack;

    if (p->big == HPACK_BIG_WANTED && r->ring)
        hpack_grow(p, r->ring);
    else if (p->big == HPACK_BIG_WANTED)
        p->big = HPACK_BIG_DENIED;
    return p->big == HPACK_BIG_USED ? r->ring : NULL;
}

/* Reads a part of a block. False: it is broken. */
static inline bool reader_read(struct hpack_reader *r, const uint8_t *bytes, size_t length)
{
    static struct window w;
    bool fine = true;

    while (length && fine) {
        size_t n = length < r->window ? length : r->window;

        window_fill(&w, bytes, n);
        while (w.position < w.length && fine) {
            struct hpack_ring *ring = reader_ring(r);
            __u32 limit = w.length - w.position;

            if (r->by_steps || !hpack_quick(&r->hpack, ring, &w, r->set, limit))
                fine = !hpack_step(&r->hpack, ring, &w, r->set, limit);
        }
        bytes += n, length -= n;
    }
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
    return fine;
}

static inline bool reader_between_fields(const struct hpack_reader *r)
{
    return r->hpack.state == HPACK_AT_FIELD && !r->hpack.more;
}

/* Reads a whole block. False: it is broken, or ends inside a field. */
static inline bool reader_block(struct hpack_reader *r, const uint8_t *bytes, size_t length)
{
    hpack_block_start(&r->hpack);
    return reader_read(r, bytes, length) && reader_between_fields(r);
}
