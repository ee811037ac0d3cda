/* An HPACK encoder that writes each field in any of the ways in which it may be written. */
#pragma once

#include "choices.h"
#include "h2_fields.h"
#include "record.h"

#define HPACK_WRITER_ENTRIES 8192 /* more than a table of 256 KiB holds */

struct hpack_entry {
    struct h2_field field;
    uint32_t size;
};

struct hpack_writer {
    struct hpack_entry entries[HPACK_WRITER_ENTRIES]; /* by number of insertion */
    uint32_t inserts, count;
    uint32_t size, max;     /* of the table, and what it may grow to */
    uint32_t limit, lowest; /* the peer's setting; the lowest one since the last block */
    int steady;             /* writes most fields as common encoders do: blocks repeat */
};

void hpack_writer_start(struct hpack_writer *w, int steady);

/* The setting of the peer holds from here on. */
void hpack_writer_limit(struct hpack_writer *w, uint32_t limit);

/* Before the first field of a block: size updates, due or not. */
void hpack_write_sizes(struct hpack_writer *w, struct choices *c, struct bytes *to);
void hpack_write(struct hpack_writer *w, struct choices *c, struct h2_field f, struct bytes *to);
