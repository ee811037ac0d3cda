/* The open streams of an HTTP/2 connection: which await what. Pure.
 *
 *   (none) --HEADERS sent--> OPEN --final head--> OPEN|ANSWERED[|DECIDED] --end--> (none)
 *   (none) --HEADERS cut---> OPEN|IN_HEAD --the rest of it--> OPEN
 *
 * Where a stream stands follows from its id: streams of a client are odd, k = id / 2 counts them, and
 * slot k % 64 of the connection holds 32 bits: what k has above those six, and the flags. Where an older
 * stream has the slot, the newer one goes to the annex: four ways of 1,024 sets, the same 32 bits. Where
 * all four are taken, it is known to be issued, and that is all (`untracked`).
 *
 * Egress opens; either direction ends, and the end of the connection does. So a slot changes by
 * compare-and-swap only, and who takes a stream out counts its end. */
#pragma once

#include "connection_state.h"

enum stream_flag {
    STREAM_OPEN = 1,
    STREAM_GRPC = 2,
    STREAM_DOUBT = 4,    /* a field that could not be told hid whether it is gRPC */
    STREAM_ANSWERED = 8, /* its final head came */
    STREAM_DECIDED = 16, /* its result was counted */
    STREAM_INTERIM = 32, /* a 1xx came, and no final head so far */
    STREAM_IN_HEAD = 64, /* its header block was cut: not issued so far */
};

#define STREAM_KEY(id) ((id) >> 1 >> 6 << 8)
#define STREAM_KEY_MASK 0xffffff00u
#define STREAM_TRIES 4
#define ANNEX_PARTS (ANNEX_WAYS * ANNEX_SETS / STREAM_SLOTS)

/* The id of a word that is in slot `place`, whatever of it lies above the lowest six bits. */
pure __u32 stream_id(__u32 word, __u32 place)
{
    return ((word >> 8 << 6 | (place & (STREAM_SLOTS - 1))) << 1) | 1;
}

pure __u32 *stream_slot(struct connection *c, __u32 id)
{
    __u32 place = id >> 1;

    opaque_value(place);
    return &c->exchange.streams[place & (STREAM_SLOTS - 1)];
}

pure __u32 *annex_slot(struct annex *a, __u32 way, __u32 id)
{
    __u32 set = id >> 1;

    opaque_value(set);
    opaque_value(a);
    return &a->streams[way & (ANNEX_WAYS - 1)][set & (ANNEX_SETS - 1)];
}

pure __u32 slot_read(const __u32 *slot)
{
    return *(const volatile __u32 *)slot;
}

pure int slot_swap(__u32 *slot, __u32 from, __u32 to)
{
    return __sync_val_compare_and_swap(slot, from, to) == from;
}

pure int stream_is(__u32 word, __u32 id)
{
    return word && (word & STREAM_KEY_MASK) == STREAM_KEY(id);
}

/* The annex's slot that holds the stream; NULL: none. */
pure __u32 *annex_find(struct connection *c, __u32 id)
{
    struct annex *a = c->annex ? annex_of(c) : NULL;

    if (!a)
        return NULL;
    for (__u32 way = 0; way < ANNEX_WAYS; way++) {
        __u32 *slot = annex_slot(a, way, id);

        if (stream_is(slot_read(slot), id))
            return slot;
    }
    return NULL;
}

/* The slot that holds an open stream; NULL: there is none. Even ids are the server's own. */
pure __u32 *stream_find(struct connection *c, __u32 id)
{
    __u32 *slot = stream_slot(c, id);

    if (!(id & 1))
        return NULL;
    return stream_is(slot_read(slot), id) ? slot : annex_find(c, id);
}

/* Opens a stream, in the annex where its slot is taken. 0: there is no room. */
verified_once int stream_open(struct connection *c, __u32 id, __u32 flags)
{
    __u32 *slot, word;
    struct annex *a;

    if (!c)
        return 0;
    slot = stream_slot(c, id);
    word = STREAM_KEY(id) | flags | STREAM_OPEN;
    if (!slot_read(slot) && slot_swap(slot, 0, word))
        return 1;
    a = annex_claim(c);
    if (!a)
        return 0;
    for (__u32 way = 0; way < ANNEX_WAYS; way++) {
        slot = annex_slot(a, way, id);
        if (!slot_read(slot) && slot_swap(slot, 0, word))
            return 1;
    }
    return 0;
}

/* The stream was told how it ends, or its connection was, and not by a response's end. */
pure void stream_settle(__u32 flags, enum cause cause, struct tally *t)
{
    if (flags & STREAM_IN_HEAD)
        t->issued++;
    t->finished++;
    if (flags & STREAM_DECIDED)
        return;
    if (flags & STREAM_ANSWERED && flags & STREAM_DOUBT)
        cause =
            CAUSE_LOST; /* HTTP keeps the head's result, gRPC does not; a 1xx would be no head */
    else if (flags & STREAM_INTERIM && cause == CAUSE_UPSTREAM)
        cause = CAUSE_PROXY; /* only a 1xx came: Envoy counts neither */
    settle_result(t, 1, cause);
}

/* Takes the stream out of its slot, which holds `word`, and settles it. 0: the slot changed meanwhile. */
verified_once int slot_settle(__u32 *slot, __u32 word, enum cause cause, struct tally *t)
{
    if (!slot || !t || !slot_swap(slot, word, 0))
        return 0;
    stream_settle(word, cause, t);
    return 1;
}

/* May responses have gone by unread? They do until a segment begins with a frame; and where one only seemed
 * to, in what was taken for the rest of it. */
pure int responses_are_lost(const struct connection *c)
{
    const struct http2 *p = &c->in.http2;

    if (!c->in.is_http2)
        return 0;
    return p->state == H2_LOST ? p->passed : p->believed && !http2_between(p);
}

/* Ends one stream. */
verified_once int stream_end(struct connection *c, __u32 id, enum cause cause, struct tally *t)
{
    if (!c || !t)
        return 0;
    unrolled for (int i = 0; i < STREAM_TRIES; i++)
    {
        __u32 *slot = stream_find(c, id), word;

        if (!slot)
            return 0;
        word = slot_read(slot);
        if (stream_is(word, id) && slot_settle(slot, word, cause, t))
            return 1;
    }
    return 0;
}

/* Takes what is in the slot out of it if it is a stream above `last`, whatever egress makes of it meanwhile:
 * a head that was cut may be completed just now. */
verified_once int slot_clear(__u32 *slot, __u32 place, __u32 last, enum cause cause,
                             struct tally *t)
{
    if (!slot || !t)
        return 0;
    unrolled for (int i = 0; i < STREAM_TRIES; i++)
    {
        __u32 word = slot_read(slot);

        if (!word || stream_id(word, place) <= last)
            return 0;
        if (!slot_swap(slot, word, 0))
            continue;
        stream_settle(word, cause, t);
        return 1;
    }
    return 0;
}

/* Ends the streams above `last` among 64 of them: the connection's own, or a part of the annex. */
verified_once int streams_settle_part(struct connection *c, __u32 part, __u32 last,
                                      enum cause cause, struct tally *t)
{
    __u32 *slots, first = part - 1;

    if (!c || !t)
        return 0;
    slots = c->exchange.streams;
    if (part) {
        struct annex *a = annex_of(c);

        if (!a)
            return 0;
        opaque_value(a);
        opaque_value(first);
        slots = &a->streams[0][0] + (first & (ANNEX_PARTS - 1)) * STREAM_SLOTS;
    }
    for (__u32 i = 0; i < STREAM_SLOTS; i++)
        if (slot_read(&slots[i]))
            slot_clear(&slots[i], i, last, cause, t);
    return 0;
}

/* Ends all streams above `last`. */
verified_once int streams_settle(struct connection *c, __u32 last, enum cause cause,
                                 struct tally *t)
{
    __u32 parts;

    if (!c || !t)
        return 0;
    parts = c->annex ? 1 + ANNEX_PARTS : 1;
    for (__u32 part = 0; part < 1 + ANNEX_PARTS; part++) {
        if (part >= parts)
            break;
        streams_settle_part(c, part, last, cause, t);
    }
    return 0;
}

/* The connection ends. What was open when a hole hid requests may have been given up in it. */
pure void streams_end(struct connection *c, enum cause cause, struct tally *t)
{
    __u32 lost_to = *(volatile __u32 *)&c->exchange.lost_to;

    streams_settle(c, lost_to, cause, t);
    if (lost_to)
        streams_settle(c, 0, CAUSE_LOST, t);
}
