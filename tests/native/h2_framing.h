/* Where the frames of one direction end. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMING_HEAD 9
#define FRAMING_ANY (-1)

struct framing {
    uint8_t head[FRAMING_HEAD]; /* of the frame being read, or of the last one */
    size_t have, left; /* bytes of the head that were there; of what follows, still to come */
};

/* Goes through bytes of the direction, and stops behind a frame of this type; returns how far it went. */
static inline size_t framing_pass(struct framing *f, const uint8_t *data, size_t length, int until)
{
    for (size_t at = 0; at < length;) {
        size_t n = f->left < length - at ? f->left : length - at;

        if (!n) {
            f->head[f->have++] = data[at];
            n = 1;
        } else {
            f->left -= n;
        }
        at += n;
        if (f->have == FRAMING_HEAD) {
            f->left = (size_t)f->head[0] << 16 | f->head[1] << 8 | f->head[2];
            f->have = 0;
        }
        if (!f->have && !f->left && (until == FRAMING_ANY || f->head[3] == until))
            return at;
    }
    return length;
}

/* The last frame is complete, and so is the header block that it may have begun. */
static inline int framing_rests(const struct framing *f)
{
    uint8_t type = f->head[3], flags = f->head[4];
    int block =
        type == NGHTTP2_HEADERS || type == NGHTTP2_PUSH_PROMISE || type == NGHTTP2_CONTINUATION;

    return !f->have && !f->left && (!block || flags & NGHTTP2_FLAG_END_HEADERS);
}
