#include "record.h"

#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *b, const void *data, size_t length)
{
    if (b->length + length > b->room) {
        b->room = (b->length + length) * 2;
        b->data = realloc(b->data, b->room);
        if (!b->data)
            abort();
    }
    if (length)
        memcpy(b->data + b->length, data, length);
    b->length += length;
}

void record_clear(struct record *r)
{
    r->bytes.length = 0;
    r->count = 0;
    r->http1[PART_SENT] = r->http1[PART_RECEIVED] = 0;
    r->end = END_UPSTREAM;
}

void record_free(struct record *r)
{
    free(r->bytes.data);
    free(r->parts);
    *r = (struct record){0};
}

void record_part(struct record *r, enum part_kind kind)
{
    if (r->count == r->room) {
        r->room = r->room * 2 + 16;
        r->parts = realloc(r->parts, r->room * sizeof(*r->parts));
        if (!r->parts)
            abort();
    }
    r->parts[r->count++] = (struct part){kind, r->bytes.length, 0};
}

void record_add(struct record *r, enum part_kind kind, const void *data, size_t length)
{
    if (!r->count || r->parts[r->count - 1].kind != kind)
        record_part(r, kind);
    bytes_add(&r->bytes, data, length);
    r->parts[r->count - 1].length += length;
}
