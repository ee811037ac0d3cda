/* A recorded connection: what both sides said, in the order in which it passed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t length, room;
};

void bytes_add(struct bytes *b, const void *data, size_t length);

enum part_kind { PART_SENT, PART_RECEIVED };

struct part {
    enum part_kind kind;
    size_t from, length; /* in `record.bytes` */
};

/* How it ends; the first three as enum cause of bpf/connection.h. */
enum record_end { END_UPSTREAM, END_PROXY, END_LOST, END_FIN, RECORD_ENDS };

struct record {
    struct bytes bytes;
    struct part *parts;
    size_t count, room;
    size_t http1[2]; /* bytes of the first part of each kind: `Upgrade: h2c` and its answer */
    enum record_end end;
};

void record_clear(struct record *r); /* keeps the memory */
void record_free(struct record *r);

/* Bytes of one side; they join the part before if that is the same side's. */
void record_add(struct record *r, enum part_kind kind, const void *data, size_t length);

/* What comes next begins a part of its own. */
void record_part(struct record *r, enum part_kind kind);
