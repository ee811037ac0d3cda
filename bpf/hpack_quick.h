/* HPACK fields that are whole in the window, each read at once. Pure.
 *
 * What is odd or cut is left to hpack.h, which reads the same by the byte: neither knows which of them
 * read a field. */
#pragma once

#include "hpack.h"

#define HPACK_QUICK_FIELDS 8

/* A field being read: where it goes on, and what came of it. */
struct hpack_place {
    __u32 at, end;
    __u32 length; /* of the string that begins at `at` */
    int huffman;
};

/* The length of a string, in one byte or two; leaves `at` behind them. 0: it is longer or cut, or the
 * string is. */
pure int quick_length(const struct window *w, struct hpack_place *place)
{
    __u32 c = window_byte(w, place->at++);

    place->huffman = c >> 7;
    place->length = c & 0x7f;
    if (place->length == 0x7f) {
        c = window_byte(w, place->at++);
        if (c & 0x80)
            return 0;
        place->length += c;
    }
    return place->at + place->length <= place->end;
}

pure const __u8 *window_string(const struct window *w, __u32 position)
{
    opaque_value(position);
    position &= WINDOW_SIZE - 1;
    return &w->bytes[position];
}

/* The name of a literal field, which is in the table or follows. 0: not to be read here. */
pure int quick_name(struct hpack *p, const struct hpack_ring *big, const struct window *w,
                    struct hpack_place *place, __u32 index)
{
    const __u8 *s;

    if (index) {
        if (hpack_index_bad(p, index))
            return 0;
        p->name = hpack_tag(p, big, index) >> HPACK_VALUE_BITS;
        return 1;
    }
    if (!quick_length(w, place))
        return 0;
    s = window_string(w, place->at);
    p->name =
        place->huffman ? hpack_huffman_name(s, place->length) : hpack_raw_name(s, place->length);
    place->at += place->length;
    return place->at < place->end;
}

/* A literal field, the window's bytes up to `end`. 0: not to be read here. */
verified_once int quick_literal(struct hpack *p, struct hpack_ring *big, struct window *w,
                                const struct probe_set *set, __u32 end)
{
    struct hpack_place place = {.end = end};
    __u32 first, prefix, index;
    __u8 tag;

    if (!p || !w)
        return 0;
    place.at = w->position;
    first = window_byte(w, place.at++);
    prefix = first & 0x40 ? 0x3f : 0x0f;
    index = first & prefix;
    if (index == prefix) {
        index += window_byte(w, place.at++);
        if (index >= prefix + 0x80)
            return 0;
    }
    if (place.at >= end || !quick_name(p, big, w, &place, index) || !quick_length(w, &place))
        return 0;
    if (hpack_candidates(set, p->name, place.length, place.huffman))
        return 0;
    tag = HPACK_TAG(p->name,
                    hpack_value(p->name, window_string(w, place.at), place.length, place.huffman));
    hpack_take(&p->fields, tag);
    if (first & 0x40)
        hpack_insert(p, big, tag);
    w->position = place.at + place.length;
    return 1;
}

pure int quick_indexed(struct hpack *p, const struct hpack_ring *big, struct window *w,
                       const struct probe_set *set, __u8 c)
{
    __u32 index = c & 0x7f;

    if (index == 0x7f || hpack_index_bad(p, index))
        return 0;
    hpack_take(&p->fields, hpack_indexed(p, big, set, index));
    w->position++;
    return 1;
}

/* Reads whole fields up to `end`, as many as `most`. Returns how many; what stops it is left
 * untouched. */
pure int quick_fields(struct hpack *p, struct hpack_ring *big, struct window *w,
                      const struct probe_set *set, __u32 end, int most)
{
    int done = 0;

    for (int i = 0; i < most; i++) {
        __u8 c;

        opaque_value(p); /* else clang keeps sums of it on the stack */
        c = window_byte(w, w->position);

        if (w->position >= end || (c & 0xe0) == 0x20) /* the end, or a size update */
            break;
        if (!(c & 0x80 ? quick_indexed(p, big, w, set, c) : quick_literal(p, big, w, set, end)))
            break;
        done++;
    }
    return done;
}

/* The same of the window's next `limit` bytes at most, wherever reading stands. */
verified_once int hpack_quick(struct hpack *p, struct hpack_ring *big, struct window *w,
                              const struct probe_set *set, __u32 limit)
{
    if (!p || !w || p->state != HPACK_AT_FIELD || p->more)
        return 0;
    return quick_fields(p, big, w, set, w->position + limit, HPACK_QUICK_FIELDS);
}
