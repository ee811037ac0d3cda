/* The chunked coding (RFC 9112, 7.1). Pure. */
#pragma once

#include "http1_state.h"

pure void h1_chunk_start(struct http1 *p)
{
    p->state = H1_CHUNK_SIZE;
    p->digits = 0;
    p->number = 0;
}

pure enum http1_event h1_chunk_line_end(struct http1 *p)
{
    p->length = p->number;
    p->state = p->number ? H1_CHUNK_DATA : H1_TRAILER;
    return p->digits ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_chunk_size(struct http1 *p, __u8 c)
{
    __u8 digit = c - '0';

    if (digit > 9)
        digit = h1_lower(c) >= 'a' && h1_lower(c) <= 'f' ? h1_lower(c) - 'a' + 10 : 0xff;
    if (digit != 0xff) {
        if (p->number > H1_NUMBER_MAX / 16)
            return H1_BAD;
        p->number = p->number * 16 + digit;
        p->digits = 1;
        return H1_NONE;
    }
    if (c == '\n')
        return h1_chunk_line_end(p);
    p->state = c == '\r' ? H1_CHUNK_LF : H1_CHUNK_EXTENSION;
    return c == '\r' || c == ';' || c == ' ' || c == '\t' ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_chunk_end(struct http1 *p, __u8 c)
{
    if (c == '\r')
        return H1_NONE;
    h1_chunk_start(p);
    return c == '\n' ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_trailer(struct http1 *p, __u8 c)
{
    p->state = c == '\r' ? H1_TRAILER_LF : H1_TRAILER_LINE;
    return c == '\n' ? H1_END : H1_NONE;
}
