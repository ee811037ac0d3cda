/* Writes one side's HTTP/2 frames (RFC 9113) into a record. */
#pragma once

#include "choices.h"
#include "hpack_writer.h"
#include "record.h"

#define FRAMES_SETTINGS_MAX 8

/* What a SETTINGS frame asks of the other side, once that has acknowledged it. */
struct frame_wish {
    uint32_t tables[2], table_count;
    uint32_t max_frame;
};

struct frames {
    struct record *record;
    enum part_kind kind;
    struct hpack_writer hpack;
    uint32_t max_frame;
    uint32_t settings, unacknowledged; /* SETTINGS frames sent, and those still unanswered */
    struct frame_wish wishes[FRAMES_SETTINGS_MAX];
};

enum frame_type {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_PRIORITY,
    FRAME_RST_STREAM,
    FRAME_SETTINGS,
    FRAME_PUSH_PROMISE,
    FRAME_PING,
    FRAME_GOAWAY,
    FRAME_WINDOW_UPDATE,
    FRAME_CONTINUATION,
};

enum frame_flag {
    FRAME_END_STREAM = 1,
    FRAME_ACK = 1,
    FRAME_END_HEADERS = 4,
    FRAME_PADDED = 8,
    FRAME_PRIORITIZED = 0x20
};

void frames_start(struct frames *f, struct record *r, enum part_kind kind, int steady);

void frame_preface(struct frames *f, struct choices *c, int tables); /* and SETTINGS */
void frame_settings(struct frames *f, struct choices *c, int tables);
void frame_acknowledge(struct frames *f, struct frames *of);

/* A block in HEADERS or, if it promises a stream, PUSH_PROMISE; and CONTINUATION. */
void frame_block(struct frames *f, struct choices *c, uint32_t stream, uint32_t promised,
                 const struct bytes *block, int ends);
void frame_data(struct frames *f, struct choices *c, uint32_t stream, int ends);
void frame_reset(struct frames *f, uint32_t stream, uint32_t code);
void frame_goaway(struct frames *f, struct choices *c, uint32_t last);

/* PING, WINDOW_UPDATE, PRIORITY, frames of no known type. */
void frame_other(struct frames *f, struct choices *c, uint32_t stream);
