/* HPACK fields of one direction, cut anywhere (RFC 7541, 6). Pure.
 *
 *   AT_FIELD -> AT_FIELD                                                  indexed, size update
 *   AT_FIELD -> [AT_NAME -> NAME_BYTES] -> AT_VALUE -> VALUE_BYTES -> AT_FIELD
 *
 * `big` is the direction's larger ring, NULL where it has none; `set` the health check patterns of the
 * connection's cluster, NULL for none. */
#pragma once

#include "hpack_words.h"

/* --- health check patterns -------------------------------------------------------------- */

/* The patterns that a path or host of this length can equal. */
pure __u8 hpack_candidates(const struct probe_set *set, __u8 name, __u32 length, int huffman)
{
    __u8 matches = 0;

    if (!set || (name != HPACK_PATH && name != HPACK_HOST))
        return 0;
    opaque_value(set);
    for (int i = 0; i < PROBES_PER_SET; i++) {
        const struct probe *raw = &set->probe[i];
        const struct probe_coded *coded = &set->coded[i];
        __u32 path = huffman ? coded->path_len : raw->path_len;
        __u32 host = huffman ? coded->host_len : raw->host_len;

        if (length && length == (name == HPACK_PATH ? path : host))
            matches |= 1 << i;
    }
    return matches;
}

/* Byte `at` of a pattern's path or host, in the coding that the string has. */
pure __u8 hpack_pattern_byte(const struct probe_set *set, int i, __u32 at, __u8 name, int huffman)
{
    const struct probe *raw = &set->probe[i];
    const struct probe_coded *coded = &set->coded[i];

    opaque_value(at);
    if (name == HPACK_PATH) {
        at &= PROBE_PATH_MAX - 1;
        return huffman ? coded->path[at] : (__u8)raw->path[at];
    }
    at &= PROBE_HOST_MAX - 1;
    return huffman ? coded->host[at] : (__u8)raw->host[at];
}

/* Narrows the patterns by `count` bytes of a string, at most 16, of which `number` are left. */
verified_once int hpack_narrow(struct hpack *p, const struct window *w, const struct probe_set *set,
                               __u32 count)
{
    __u32 at, from;

    if (!p || !w || !set)
        return 0;
    at = p->length - p->number;
    from = w->position;
    for (__u32 i = 0; i < 16; i++) {
        __u8 c;

        if (i >= count)
            break;
        c = window_byte(w, from + i);
        for (int pattern = 0; pattern < PROBES_PER_SET; pattern++)
            if (hpack_pattern_byte(set, pattern, at + i, p->name, p->huffman) != c)
                p->matches &= ~(1 << pattern);
    }
    return 0;
}

/* --- fields ------------------------------------------------------------------------------ */

/* The tag of the static table's paths, / and /index.html. Apart, so that the verifier does not go on
 * with each thing that `set` may be. */
verified_once int hpack_static_path(const struct probe_set *set, __u32 index)
{
    if (!set)
        return HPACK_TAG(HPACK_PATH, 0);
    opaque_value(set); /* else clang reckons with it before it was compared with NULL */
    return HPACK_TAG(HPACK_PATH, (index == 4 ? set->slash : set->index) & HPACK_VALUE_MASK);
}

/* The tag of an indexed field. */
pure __u8 hpack_indexed(const struct hpack *p, const struct hpack_ring *big,
                        const struct probe_set *set, __u32 index)
{
    if (index == 4 || index == 5)
        return (__u8)hpack_static_path(set, index);
    return hpack_tag(p, big, index);
}

/* A whole field with a value of its own was read. */
pure void hpack_field_end(struct hpack *p, struct hpack_ring *big)
{
    __u8 value = p->name == HPACK_PATH || p->name == HPACK_HOST
                     ? p->matches
                     : hpack_value(p->name, p->bytes, p->length, p->huffman);
    __u8 tag = HPACK_TAG(p->name, value);

    hpack_take(&p->fields, tag);
    if (p->form == HPACK_INSERT)
        hpack_insert(p, big, tag);
    p->state = HPACK_AT_FIELD;
}

pure void hpack_string_end(struct hpack *p, struct hpack_ring *big)
{
    if (p->state == HPACK_VALUE_BYTES) {
        hpack_field_end(p, big);
        return;
    }
    p->name =
        p->huffman ? hpack_huffman_name(p->bytes, p->length) : hpack_raw_name(p->bytes, p->length);
    p->state = HPACK_AT_VALUE;
}

/* The integer that begins a field is complete. Not 0: there is no such field. */
pure int hpack_index_end(struct hpack *p, struct hpack_ring *big, const struct probe_set *set)
{
    if (p->form == HPACK_SIZE) {
        if (p->number > HPACK_DEFAULT_SIZE && p->big == HPACK_BIG_NO)
            p->big = HPACK_BIG_WANTED;
        return 0;
    }
    if (p->form == HPACK_INDEXED) {
        if (hpack_index_bad(p, p->number))
            return 1;
        hpack_take(&p->fields, hpack_indexed(p, big, set, p->number));
        return 0;
    }
    p->state = HPACK_AT_NAME;
    if (!p->number)
        return 0;
    if (hpack_index_bad(p, p->number))
        return 1;
    p->name = hpack_tag(p, big, p->number) >> HPACK_VALUE_BITS;
    p->state = HPACK_AT_VALUE;
    return 0;
}

pure int hpack_integer_end(struct hpack *p, struct hpack_ring *big, const struct probe_set *set)
{
    p->more = 0;
    if (p->state == HPACK_AT_FIELD)
        return hpack_index_end(p, big, set);
    p->length = p->number;
    p->held = 0;
    __builtin_memset(p->bytes, 0, sizeof(p->bytes));
    if (p->state == HPACK_AT_VALUE)
        p->matches = hpack_candidates(set, p->name, p->length, p->huffman);
    p->state++; /* to the string's bytes */
    if (!p->length)
        hpack_string_end(p, big);
    return 0;
}

/* The first byte of a field: its form; returns the mask of the prefix. */
pure __u8 hpack_form(struct hpack *p, __u8 c)
{
    if (c & 0x80) {
        p->form = HPACK_INDEXED;
        return 0x7f;
    }
    if (c & 0x40) {
        p->form = HPACK_INSERT;
        return 0x3f;
    }
    p->form = c & 0x20 ? HPACK_SIZE : HPACK_LITERAL;
    return c & 0x20 ? 0x1f : 0x0f;
}

/* One byte of an integer (5.1). Not 0: it is broken, or beyond 2^28. */
pure int hpack_integer(struct hpack *p, struct hpack_ring *big, const struct probe_set *set, __u8 c)
{
    __u8 mask = 0x7f;

    if (p->more) {
        if (p->more > 4)
            return 1;
        p->number += (__u32)(c & 0x7f) << (p->more - 1) * 7;
        p->more++;
        return c & 0x80 ? 0 : hpack_integer_end(p, big, set);
    }
    if (p->state == HPACK_AT_FIELD)
        mask = hpack_form(p, c);
    else
        p->huffman = c >> 7;
    p->number = c & mask;
    if (p->number != mask)
        return hpack_integer_end(p, big, set);
    p->more = 1;
    return 0;
}

/* Keeps the first bytes of a string; a function of its own, so that the verifier walks the copy
 * once. */
verified_once int hpack_hold(struct hpack *p, const struct window *w, __u32 count)
{
    __u32 held, at;

    if (!p || !w)
        return 0;
    held = p->held;
    at = w->position;
    for (__u32 i = 0; i < HPACK_HELD; i++) {
        __u32 to = held + i;

        opaque_value(to); /* else clang drops the test that the verifier wants to see */
        if (i >= count || to >= HPACK_HELD)
            break;
        p->bytes[to] = window_byte(w, at + i);
    }
    p->held = held + count < HPACK_HELD ? held + count : HPACK_HELD;
    return 0;
}

/* Bytes of a string: those that could matter are kept or compared, the others passed. */
pure void hpack_string(struct hpack *p, struct hpack_ring *big, struct window *w,
                       const struct probe_set *set, __u32 count)
{
    int is_name = p->state == HPACK_NAME_BYTES;

    if (count > p->number)
        count = p->number;
    if (!is_name && p->matches) {
        if (count > 16)
            count = 16;
        hpack_narrow(p, w, set, count);
    } else if (is_name || (p->name >= HPACK_STATUS && p->name <= HPACK_USER_AGENT)) {
        hpack_hold(p, w, count);
    }
    w->position += count;
    p->number -= count;
    if (!p->number)
        hpack_string_end(p, big);
}

/* Reads fields from the window, `limit` bytes of it at most, in a bounded number of parts. Not 0:
 * the block is broken. */
verified_once int hpack_step(struct hpack *p, struct hpack_ring *big, struct window *w,
                             const struct probe_set *set, __u32 limit)
{
    __u32 end;

    if (!p || !w)
        return 0;
    end = w->position + limit;
    for (int i = 0; i < 2; i++) {
        if (w->position >= end)
            return 0;
        if (p->state == HPACK_NAME_BYTES || p->state == HPACK_VALUE_BYTES)
            hpack_string(p, big, w, set, end - w->position);
        else if (hpack_integer(p, big, set, window_byte(w, w->position++)))
            return 1;
    }
    return 0;
}
