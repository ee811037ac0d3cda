#include "h2_frames.h"

#include <string.h>

#include "base/mem.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME_MIN_MAX 16384 /* RFC 9113, 6.5.2: what a peer must take unasked */

enum setting {
    HEADER_TABLE_SIZE = 1,
    MAX_STREAMS = 3,
    INITIAL_WINDOW = 4,
    MAX_FRAME_SIZE = 5,
    MAX_HEADER_LIST = 6,
    UNKNOWN_SETTING = 0xabc
};

static const uint8_t nothing[70000];

void frames_start(struct frames *f, struct record *r, enum part_kind kind, int steady)
{
    f->record = r;
    f->kind = kind;
    f->max_frame = FRAME_MIN_MAX;
    f->settings = f->unacknowledged = 0;
    hpack_writer_start(&f->hpack, steady);
}

static void add(struct frames *f, const void *data, size_t length)
{
    record_add(f->record, f->kind, data, length);
}

static void put(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (bytes - 1 - i) * 8);
}

static void head(struct frames *f, size_t length, enum frame_type type, int flags, uint32_t stream)
{
    uint8_t bytes[9];

    put(bytes, (uint32_t)length, 3);
    bytes[3] = (uint8_t)type;
    bytes[4] = (uint8_t)flags;
    put(bytes + 5, stream, 4);
    add(f, bytes, sizeof(bytes));
}

/* --- SETTINGS -------------------------------------------------------------------------- */

static uint32_t table_size(struct choices *c, int tables)
{
    static const uint32_t usual[] = {0, 4096, 1, 31, 32, 33, 64, 100, 256, 1000, 4095, 2048};
    static const uint32_t large[] = {65536, 4097, 8192, 16384, 65535, 5000, 40000};
    static const uint32_t beyond[] = {65537, 100000, 131072, 200000};

    if (tables > 1 && chance(c, 40))
        return beyond[choose(c, ARRAY_SIZE(beyond))];
    if (tables && chance(c, 50))
        return large[choose(c, ARRAY_SIZE(large))];
    return usual[choose(c, ARRAY_SIZE(usual))];
}

static void setting(uint8_t *to, enum setting which, uint32_t value)
{
    put(to, which, 2);
    put(to + 2, value, 4);
}

static uint32_t any_setting(struct choices *c, int tables, struct frame_wish *wish, uint8_t *to)
{
    uint32_t value;

    switch (choose(c, tables ? 9 : 6)) {
    case 0:
        setting(to, MAX_STREAMS, 0x7fffffff);
        break;
    case 1:
        setting(to, INITIAL_WINDOW, 65535 + choose(c, 1 << 20));
        break;
    case 2:
        value = FRAME_MIN_MAX + choose(c, 20000);
        wish->max_frame = value;
        setting(to, MAX_FRAME_SIZE, value);
        break;
    case 3:
        setting(to, MAX_HEADER_LIST, 1 << 20);
        break;
    case 4:
    case 5:
        setting(to, UNKNOWN_SETTING, choose(c, 70000));
        break;
    default:
        if (wish->table_count == ARRAY_SIZE(wish->tables))
            return 0;
        value = table_size(c, tables);
        wish->tables[wish->table_count++] = value;
        setting(to, HEADER_TABLE_SIZE, value);
    }
    return 6;
}

void frame_settings(struct frames *f, struct choices *c, int tables)
{
    uint8_t bytes[6 * 6];
    uint32_t count = choose(c, 6), length = 0;
    struct frame_wish *wish;

    if (f->unacknowledged == FRAMES_SETTINGS_MAX)
        return;
    wish = &f->wishes[f->unacknowledged++];
    *wish = (struct frame_wish){.max_frame = 0};
    for (uint32_t i = 0; i < count; i++)
        length += any_setting(c, tables, wish, bytes + length);
    head(f, length, FRAME_SETTINGS, 0, 0);
    add(f, bytes, length);
    f->settings++;
}

void frame_preface(struct frames *f, struct choices *c, int tables)
{
    add(f, PREFACE, sizeof(PREFACE) - 1);
    frame_settings(f, c, tables);
}

void frame_acknowledge(struct frames *f, struct frames *of)
{
    const struct frame_wish *wish = &of->wishes[0];

    for (uint32_t i = 0; i < wish->table_count; i++)
        hpack_writer_limit(&f->hpack, wish->tables[i]);
    if (wish->max_frame)
        f->max_frame = wish->max_frame;
    of->unacknowledged--;
    memmove(&of->wishes[0], &of->wishes[1], of->unacknowledged * sizeof(of->wishes[0]));
    head(f, 0, FRAME_SETTINGS, FRAME_ACK, 0);
}

/* --- blocks, bodies ---------------------------------------------------------------------- */

static uint32_t padding(struct choices *c)
{
    if (!chance(c, 10))
        return UINT32_MAX;
    return chance(c, 50) ? choose(c, 256) : choose(c, 4);
}

/* The first frame's payload up to the block's fragment. */
static size_t prefix(struct choices *c, uint32_t promised, uint32_t pad, int prioritized,
                     uint8_t *to)
{
    size_t length = 0;

    if (pad != UINT32_MAX)
        to[length++] = (uint8_t)pad;
    if (promised) {
        put(to + length, promised, 4);
        length += 4;
    }
    if (prioritized) {
        put(to + length, chance(c, 30) ? 0x80000000u : 0, 4);
        to[length + 4] = (uint8_t)choose(c, 256);
        length += 5;
    }
    return length;
}

static size_t fragment(struct choices *c, size_t left, size_t most)
{
    size_t n = left;

    if (chance(c, 8))
        n = choose(c, (uint32_t)(left < 40 ? left + 1 : 40));
    return n < most ? n : most;
}

void frame_block(struct frames *f, struct choices *c, uint32_t stream, uint32_t promised,
                 const struct bytes *block, int ends)
{
    uint32_t pad = padding(c), padded = pad == UINT32_MAX ? 0 : pad;
    int prioritized = !promised && chance(c, 15);
    uint8_t before[10];
    size_t prefixed = prefix(c, promised, pad, prioritized, before);
    size_t n = fragment(c, block->length, f->max_frame - prefixed - padded), at = n;
    int flags = (ends ? FRAME_END_STREAM : 0) | (n == block->length ? FRAME_END_HEADERS : 0) |
                (pad == UINT32_MAX ? 0 : FRAME_PADDED) | (prioritized ? FRAME_PRIORITIZED : 0);

    head(f, prefixed + n + padded, promised ? FRAME_PUSH_PROMISE : FRAME_HEADERS, flags, stream);
    add(f, before, prefixed);
    add(f, block->data, n);
    add(f, nothing, padded);
    while (!(flags & FRAME_END_HEADERS)) {
        n = fragment(c, block->length - at, f->max_frame);
        flags = at + n == block->length ? FRAME_END_HEADERS : 0;
        head(f, n, FRAME_CONTINUATION, flags, stream);
        add(f, block->data + at, n);
        at += n;
    }
}

void frame_data(struct frames *f, struct choices *c, uint32_t stream, int ends)
{
    uint32_t pad = padding(c), padded = pad == UINT32_MAX ? 0 : pad;
    uint8_t pad_length = (uint8_t)padded;
    size_t length = chance(c, 40) ? choose(c, 10) : choose(c, chance(c, 10) ? 16000 : 300);
    int flags = (ends ? FRAME_END_STREAM : 0) | (pad == UINT32_MAX ? 0 : FRAME_PADDED);

    head(f, length + padded + (pad != UINT32_MAX), FRAME_DATA, flags, stream);
    if (pad != UINT32_MAX)
        add(f, &pad_length, 1);
    add(f, nothing, length + padded);
}

/* --- all else ---------------------------------------------------------------------------- */

void frame_reset(struct frames *f, uint32_t stream, uint32_t code)
{
    uint8_t bytes[4];

    put(bytes, code, 4);
    head(f, sizeof(bytes), FRAME_RST_STREAM, 0, stream);
    add(f, bytes, sizeof(bytes));
}

void frame_goaway(struct frames *f, struct choices *c, uint32_t last)
{
    uint8_t bytes[8];
    size_t debug = chance(c, 30) ? choose(c, 100) : 0;

    put(bytes, last, 4);
    put(bytes + 4, choose(c, 14), 4);
    head(f, sizeof(bytes) + debug, FRAME_GOAWAY, 0, 0);
    add(f, bytes, sizeof(bytes));
    add(f, nothing, debug);
}

static void unknown_frame(struct frames *f, struct choices *c, uint32_t stream)
{
    static const uint8_t types[] = {0xa, 0xb, 0xc, 0xd, 0x10, 0x20, 0x7f, 0xfe, 0xff};
    size_t length = choose(c, 200);

    head(f, length, (enum frame_type)types[choose(c, sizeof(types))], (int)choose(c, 256),
         chance(c, 50) ? stream : 0);
    add(f, nothing, length);
}

void frame_other(struct frames *f, struct choices *c, uint32_t stream)
{
    uint8_t bytes[8] = {0};

    switch (choose(c, 5)) {
    case 0:
        head(f, 8, FRAME_PING, (int)choose(c, 2), 0);
        add(f, bytes, 8);
        break;
    case 1:
        put(bytes, 1 + choose(c, 1000), 4);
        head(f, 4, FRAME_WINDOW_UPDATE, 0, chance(c, 50) ? stream : 0);
        add(f, bytes, 4);
        break;
    case 2:
        if (!stream)
            break;
        put(bytes, choose(c, 2) << 31, 4);
        bytes[4] = (uint8_t)choose(c, 256);
        head(f, 5, FRAME_PRIORITY, 0, stream);
        add(f, bytes, 5);
        break;
    case 3:
        unknown_frame(f, c, stream);
        break;
    default:
        record_part(f->record, f->kind); /* cut here */
    }
}
