/* HPACK without strings, of one direction (RFC 7541), cut anywhere: what matters of an entry is one
 * small tag, and a ring of tags with an insert count decodes any index. Pure. No product code: see
 * structure_http2.h.
 *
 *   FIELD -> FIELD                                            indexed, size update
 *   FIELD -> [NAME -> NAME_BYTES] -> VALUE -> VALUE_BYTES -> FIELD
 */
#pragma once

#include <linux/types.h>

#include "http1.h"
#include "window.h"

/* What a header field is to us. A dynamic table entry is kept as this, in 16 bits. */
enum hpack_name {
    HPACK_OTHER,
    HPACK_STATUS,       /* value: 100 to 999, 0: not a status */
    HPACK_GRPC_STATUS,  /* value: 0 to 99 or HPACK_INVALID */
    HPACK_CONTENT_TYPE, /* value: 1 if it is gRPC's */
    HPACK_UNKNOWN,      /* an entry older than the ring */
};

#define HPACK_VALUE_BITS 10
#define HPACK_INVALID ((1 << HPACK_VALUE_BITS) - 1)
#define HPACK_TAG(name, value) ((__u16)((name) << HPACK_VALUE_BITS | (value)))

#define HPACK_RING 128 /* entries of 32 bytes or more (RFC 7541, 4.1) in the default 4,096 */
#define HPACK_STATIC 61
#define HPACK_HELD 32

enum hpack_state {
    HPACK_AT_FIELD,
    HPACK_AT_NAME, /* the length of a string, then its bytes */
    HPACK_NAME_BYTES,
    HPACK_AT_VALUE,
    HPACK_VALUE_BYTES,
};

enum hpack_form { HPACK_INDEXED, HPACK_INSERT, HPACK_LITERAL, HPACK_SIZE };

struct hpack {
    __u8 state;   /* enum hpack_state */
    __u8 form;    /* enum hpack_form of this field */
    __u8 more;    /* bytes after the prefix of the integer being read, plus one; 0: not in one */
    __u8 huffman; /* of the string being read */
    __u8 name;    /* enum hpack_name of this field */
    __u8 held;    /* bytes of the string that are in `bytes` */
    __u16 zero;
    __u32 number;  /* being read; then bytes of the string still to come */
    __u32 length;  /* of the string */
    __u32 inserts; /* ever: the newest entry is tags[(inserts - 1) % HPACK_RING] */
    __u32 size;    /* the last size update; the ring needs none, since indices name live entries */
    union {
        __u8 bytes[HPACK_HELD]; /* the string's first, then zeros */
        __u64 words[HPACK_HELD / 8];
    };
    __u16 tags[HPACK_RING];
    /* what the block being read said; the owner clears it at a block's start */
    __u16 status;
    __u16 grpc_status; /* HPACK_INVALID + 1: none */
    __u8 grpc;         /* content-type is gRPC's */
    __u8 unknown;      /* a field that could not be told was among them */
    __u16 zero2;
};

#define HPACK_NO_GRPC_STATUS (HPACK_INVALID + 1)

pure void hpack_block_start(struct hpack *p)
{
    p->status = 0;
    p->grpc_status = HPACK_NO_GRPC_STATUS;
    p->grpc = 0;
    p->unknown = 0;
}

pure __u16 hpack_static(__u32 index)
{
    const __u64 statuses = 200ull | 204ull << 10 | 206ull << 20 | 304ull << 30 | 400ull << 40;

    if (index >= 8 && index <= 12)
        return HPACK_TAG(HPACK_STATUS, statuses >> (index - 8) * 10 & HPACK_INVALID);
    if (index == 13)
        return HPACK_TAG(HPACK_STATUS, 404);
    if (index == 14)
        return HPACK_TAG(HPACK_STATUS, 500);
    return HPACK_TAG(index == 31 ? HPACK_CONTENT_TYPE : HPACK_OTHER, 0);
}

pure __u16 hpack_tag(const struct hpack *p, __u32 index)
{
    __u32 age = index - HPACK_STATIC - 1, at;

    if (index <= HPACK_STATIC)
        return hpack_static(index);
    if (age >= HPACK_RING || age >= p->inserts)
        return HPACK_TAG(HPACK_UNKNOWN, 0);
    at = p->inserts - 1 - age;
    opaque_value(at);
    return p->tags[at & (HPACK_RING - 1)];
}

pure void hpack_insert(struct hpack *p, __u16 tag)
{
    __u32 at = p->inserts++;

    opaque_value(at);
    p->tags[at & (HPACK_RING - 1)] = tag;
}

pure void hpack_take(struct hpack *p, __u16 tag)
{
    __u16 value = tag & HPACK_INVALID;

    switch (tag >> HPACK_VALUE_BITS) {
    case HPACK_STATUS:
        p->status = value;
        break;
    case HPACK_GRPC_STATUS:
        p->grpc_status = value;
        break;
    case HPACK_CONTENT_TYPE:
        p->grpc = (__u8)value;
        break;
    case HPACK_UNKNOWN:
        p->unknown = 1;
        break;
    }
}

pure enum hpack_name hpack_raw_name(const struct hpack *p)
{
    if (p->length == 7 && p->words[0] == H1_LITERAL(':', 's', 't', 'a', 't', 'u', 's', 0))
        return HPACK_STATUS;
    if (p->length == 11 && p->words[0] == H1_LITERAL('g', 'r', 'p', 'c', '-', 's', 't', 'a') &&
        p->words[1] == H1_LITERAL('t', 'u', 's', 0, 0, 0, 0, 0))
        return HPACK_GRPC_STATUS;
    if (p->length == 12 && p->words[0] == H1_LITERAL('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
        p->words[1] == H1_LITERAL('t', 'y', 'p', 'e', 0, 0, 0, 0))
        return HPACK_CONTENT_TYPE;
    return HPACK_OTHER;
}

/* A string has one Huffman coding only: the names are compared as they come. */
pure enum hpack_name hpack_huffman_name(const struct hpack *p)
{
    if (p->length == 5 && p->words[0] == H1_LITERAL(0xb8, 0x84, 0x8d, 0x36, 0xa3, 0, 0, 0))
        return HPACK_STATUS;
    if (p->length == 8 && p->words[0] == H1_LITERAL(0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f))
        return HPACK_GRPC_STATUS;
    if (p->length == 9 &&
        p->words[0] == H1_LITERAL(0x21, 0xea, 0x49, 0x6a, 0x4a, 0xc9, 0xf5, 0x59) &&
        p->words[1] == 0x7f)
        return HPACK_CONTENT_TYPE;
    return HPACK_OTHER;
}

/* "application/grpc", then the end or '+', as Envoy tests it. Its Huffman coding fills 11 bytes
 * exactly; '+' is 11 bits more. */
pure __u16 hpack_is_grpc(const struct hpack *p)
{
    if (!p->huffman)
        return p->words[0] == H1_LITERAL('a', 'p', 'p', 'l', 'i', 'c', 'a', 't') &&
               p->words[1] == H1_LITERAL('i', 'o', 'n', '/', 'g', 'r', 'p', 'c') &&
               (p->length == 16 || p->bytes[16] == '+');
    if (p->words[0] != H1_LITERAL(0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c) ||
        p->bytes[8] != 0x4d || p->bytes[9] != 0x65 || p->bytes[10] != 0x64)
        return 0;
    return p->length == 11 || (p->bytes[11] == 0xff && p->bytes[12] >> 5 == 3);
}

/* The next digit's Huffman code (RFC 7541, appendix B) in the top of 24 bits: '0' to '2' have five
 * bits, '3' to '9' six. Its length; 0: no digit. */
pure __u32 hpack_digit(__u32 bits, __u32 *digit)
{
    __u32 five = bits >> 19 & 0x1f, six = bits >> 18 & 0x3f;

    *digit = five < 3 ? five : six - 0x16;
    if (five < 3)
        return 5;
    return six >= 0x19 && six <= 0x1f ? 6 : 0;
}

/* A number of exactly `digits` digits, 3 at most; HPACK_INVALID: it is none. */
pure __u16 hpack_huffman_number(const struct hpack *p, __u32 digits)
{
    __u32 bits = p->bytes[0] << 16 | p->bytes[1] << 8 | p->bytes[2];
    __u32 left = p->length * 8, number = 0;

    if (p->length > 3)
        return HPACK_INVALID;
    for (__u32 i = 0; i < 3 && i < digits; i++) {
        __u32 digit, used = hpack_digit(bits, &digit);

        if (!used || used > left)
            return HPACK_INVALID;
        number = number * 10 + digit;
        bits = bits << used & 0xffffff;
        left -= used;
    }
    /* RFC 7541, 5.2: less than a byte of ones pads the end. */
    if (left >= 8 || bits >> (24 - left) != (1u << left) - 1)
        return HPACK_INVALID;
    return (__u16)number;
}

pure __u16 hpack_raw_number(const struct hpack *p, __u32 digits)
{
    __u32 number = 0;

    if (p->length != digits)
        return HPACK_INVALID;
    for (__u32 i = 0; i < 3 && i < digits; i++) {
        __u8 digit = p->bytes[i] - '0';

        if (digit > 9)
            return HPACK_INVALID;
        number = number * 10 + digit;
    }
    return (__u16)number;
}

pure __u16 hpack_number(const struct hpack *p, __u32 digits)
{
    return p->huffman ? hpack_huffman_number(p, digits) : hpack_raw_number(p, digits);
}

pure __u16 hpack_value(const struct hpack *p)
{
    __u16 number;

    switch (p->name) {
    case HPACK_STATUS:
        number = hpack_number(p, 3);
        return number >= 100 && number < 1000 ? number : 0;
    case HPACK_GRPC_STATUS:
        number = hpack_number(p, 1);
        return number == HPACK_INVALID ? hpack_number(p, 2) : number;
    case HPACK_CONTENT_TYPE:
        return hpack_is_grpc(p);
    default:
        return 0;
    }
}

/* A whole field with a value of its own was read. */
pure void hpack_field_end(struct hpack *p)
{
    __u16 tag = HPACK_TAG(p->name, hpack_value(p));

    hpack_take(p, tag);
    if (p->form == HPACK_INSERT)
        hpack_insert(p, tag);
    p->state = HPACK_AT_FIELD;
}

pure void hpack_string_end(struct hpack *p)
{
    if (p->state == HPACK_VALUE_BYTES) {
        hpack_field_end(p);
        return;
    }
    p->name = p->huffman ? hpack_huffman_name(p) : hpack_raw_name(p);
    p->state = HPACK_AT_VALUE;
}

/* The integer that begins a field is complete. Not 0: no such field (RFC 7541, 6.1). */
pure int hpack_index_end(struct hpack *p)
{
    switch (p->form) {
    case HPACK_INDEXED:
        hpack_take(p, hpack_tag(p, p->number));
        return !p->number;
    case HPACK_SIZE:
        p->size = p->number;
        return 0;
    }
    p->name = hpack_tag(p, p->number) >> HPACK_VALUE_BITS;
    p->state = p->number ? HPACK_AT_VALUE : HPACK_AT_NAME;
    return 0;
}

pure int hpack_integer_end(struct hpack *p)
{
    p->more = 0;
    if (p->state == HPACK_AT_FIELD)
        return hpack_index_end(p);
    p->length = p->number;
    p->held = 0;
    p->words[0] = p->words[1] = p->words[2] = p->words[3] = 0;
    p->state++; /* to the string's bytes */
    if (!p->length)
        hpack_string_end(p);
    return 0;
}

/* The first byte of a field (RFC 7541, 6): its form; returns the mask of the prefix. */
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

/* One byte of an integer (RFC 7541, 5.1). Not 0: it is broken, or beyond 2^28. */
pure int hpack_integer(struct hpack *p, __u8 c)
{
    __u8 mask = 0x7f;

    if (p->more) {
        if (p->more > 4)
            return 1;
        p->number += (__u32)(c & 0x7f) << (p->more - 1) * 7;
        p->more++;
        return c & 0x80 ? 0 : hpack_integer_end(p);
    }
    if (p->state == HPACK_AT_FIELD)
        mask = hpack_form(p, c);
    else
        p->huffman = c >> 7;
    p->number = c & mask;
    if (p->number != mask)
        return hpack_integer_end(p);
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

        if (i >= count || to >= HPACK_HELD)
            break;
        opaque_value(to);
        p->bytes[to & (HPACK_HELD - 1)] = window_byte(w, at + i);
    }
    p->held = held + count < HPACK_HELD ? held + count : HPACK_HELD;
    return 0;
}

/* Bytes of a string: those that could matter are kept, the others passed. */
pure void hpack_string(struct hpack *p, struct window *w, __u32 count)
{
    if (count > p->number)
        count = p->number;
    if (p->state == HPACK_NAME_BYTES || (p->name != HPACK_OTHER && p->name != HPACK_UNKNOWN))
        hpack_hold(p, w, count);
    w->position += count;
    p->number -= count;
    if (!p->number)
        hpack_string_end(p);
}

/* Reads fields from the window, `limit` bytes of it at most, in a bounded number of parts. Not 0:
 * the block is broken. */
verified_once int hpack_step(struct hpack *p, struct window *w, __u32 limit)
{
    __u32 end;

    if (!p || !w)
        return 0;
    end = w->position + limit;
    for (int i = 0; i < 4; i++) {
        if (w->position >= end)
            return 0;
        if (p->state == HPACK_NAME_BYTES || p->state == HPACK_VALUE_BYTES)
            hpack_string(p, w, end - w->position);
        else if (hpack_integer(p, window_byte(w, w->position++)))
            return 1;
    }
    return 0;
}
