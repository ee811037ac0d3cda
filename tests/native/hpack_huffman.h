/* The Huffman code of HPACK (RFC 7541, appendix B), learned from nghttp2's encoder. */
#pragma once

#include "record.h"

/* Adds the code of `text`, padded to whole bytes. */
void huffman_write(const char *text, size_t length, struct bytes *to);
