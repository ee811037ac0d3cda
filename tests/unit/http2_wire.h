/* HTTP/2 as bytes, for tests: frames (RFC 9113, 4.1) and header fields (RFC 7541, 6) in any coding
 * that a peer may choose. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/huffman.h"

#define BYTES_MAX (1 << 18)

struct bytes {
    size_t length;
    uint8_t data[BYTES_MAX];
};

static inline void bytes_add(struct bytes *b, const void *data, size_t length)
{
    if (length > BYTES_MAX - b->length)
        abort();
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

static inline void bytes_add_byte(struct bytes *b, unsigned int byte)
{
    bytes_add(b, &(uint8_t){(uint8_t)byte}, 1);
}

/* --- frames ------------------------------------------------------------------------------ */

static inline void frame_add(struct bytes *b, uint8_t type, uint8_t flags, uint32_t stream,
                             const void *payload, size_t length)
{
    const uint32_t words[3] = {(uint32_t)length << 8 | type, flags, stream};

    for (int shift = 24; shift >= 0; shift -= 8)
        bytes_add_byte(b, words[0] >> shift & 0xff);
    bytes_add_byte(b, words[1]);
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes_add_byte(b, words[2] >> shift & 0xff);
    bytes_add(b, payload, length);
}

/* --- header fields ----------------------------------------------------------------------- */

enum field_form {
    FORM_INDEXED = 0x80,
    FORM_INSERT = 0x40,
    FORM_SIZE = 0x20,
    FORM_NEVER = 0x10,
    FORM_WITHOUT = 0
};

static inline void integer_add(struct bytes *b, unsigned int first, unsigned int mask,
                               uint32_t value)
{
    if (value < mask) {
        bytes_add_byte(b, first | value);
        return;
    }
    bytes_add_byte(b, first | mask);
    for (value -= mask; value >= 0x80; value >>= 7)
        bytes_add_byte(b, 0x80 | (value & 0x7f));
    bytes_add_byte(b, value);
}

static inline void string_add(struct bytes *b, const char *text, int huffman)
{
    uint8_t coded[1000];
    size_t length = strlen(text);

    if (huffman && length) {
        length = huffman_encode(text, length, coded, sizeof(coded));
        if (!length)
            abort();
        integer_add(b, 0x80, 0x7f, (uint32_t)length);
        bytes_add(b, coded, length);
        return;
    }
    integer_add(b, huffman ? 0x80 : 0, 0x7f, (uint32_t)length);
    bytes_add(b, text, length);
}

/* An indexed field, or a size update. */
static inline void index_add(struct bytes *b, enum field_form form, uint32_t value)
{
    integer_add(b, form, form == FORM_INDEXED ? 0x7f : 0x1f, value);
}

/* A literal field whose name is in the table, `index`, or 0 and given. */
struct literal {
    enum field_form form;
    uint32_t index;
    const char *name, *value;
    int huffman_name, huffman_value;
};

static inline void literal_add(struct bytes *b, const struct literal *l)
{
    integer_add(b, l->form, l->form == FORM_INSERT ? 0x3f : 0x0f, l->index);
    if (!l->index)
        string_add(b, l->name, l->huffman_name);
    string_add(b, l->value, l->huffman_value);
}
