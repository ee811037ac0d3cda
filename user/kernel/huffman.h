/* HPACK's Huffman coding (RFC 7541, 5.2) of printable ASCII. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes written to `out`; 0: a character that is not printable, or no room. */
size_t huffman_encode(const char *text, size_t length, uint8_t *out, size_t room);
