#include "stream/piece.h"

#include <string.h>

void piece_begin(struct piece *piece, const uint8_t head[PIECE_HEAD], const uint8_t *content,
                 size_t length)
{
    *piece = (struct piece){.state = PIECE_IN_HEAD, .content = content, .length = length};
    memcpy(piece->head, head, PIECE_HEAD);
}

size_t piece_next(struct piece *piece, const uint8_t **bytes)
{
    switch (piece->state) {
    case PIECE_IN_HEAD:
        piece->state = PIECE_IN_CONTENT;
        *bytes = piece->head;
        return PIECE_HEAD;
    case PIECE_IN_CONTENT:
        piece->state = PIECE_HANDED_OUT;
        *bytes = piece->content;
        return piece->length;
    default:
        return 0;
    }
}

bool piece_finish(struct piece *piece)
{
    bool is_handed_out = piece->state == PIECE_HANDED_OUT;

    if (is_handed_out)
        *piece = (struct piece){.state = PIECE_NONE};
    return is_handed_out;
}
