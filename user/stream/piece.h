/* A DATA frame on its way out whose content stays where it is: a report's megabytes are not copied into
 * nghttp2's frame first. Pure.
 *
 *   none --begin--> head --next--> content --next--> handed out --finish--> none */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE_HEAD 9 /* of a frame without padding (RFC 9113, 4.1) */

struct piece { /* all zero: none */
    enum { PIECE_NONE, PIECE_IN_HEAD, PIECE_IN_CONTENT, PIECE_HANDED_OUT } state;
    uint8_t head[PIECE_HEAD];
    const uint8_t *content; /* borrowed */
    size_t length;
};

/* Of none. Borrows the content until piece_finish(). */
void piece_begin(struct piece *piece, const uint8_t head[PIECE_HEAD], const uint8_t *content,
                 size_t length);
/* The next bytes of it; they live as long as the piece. Returns their count, 0 for none. */
size_t piece_next(struct piece *piece, const uint8_t **bytes);
/* True: all of it was handed out, and it is none again. */
bool piece_finish(struct piece *piece);
