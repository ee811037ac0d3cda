#include "collector/message_check.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct reader {
    const uint8_t *at, *end;
};

struct walk {
    const struct message_limits *limits;
    uint64_t fields;
};

static int walk_message(struct walk *walk, const ProtobufCMessageDescriptor *type,
                        struct reader reader, unsigned depth);

static bool take_varint(struct reader *reader, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;

        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct reader *reader, uint64_t count)
{
    if (count > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += count;
    return true;
}

/* The length of the code point at `at` (RFC 3629, section 4), 0 where there is none. */
static size_t code_point(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = *at, low = 0x80, high = 0xbf;
    size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4 || (size_t)(end - at) <= more)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return more + 1;
}

static int check_text(struct reader text)
{
    while (text.at < text.end) {
        size_t length = *text.at ? code_point(text.at, text.end) : 0;

        if (length == 0)
            return -EILSEQ;
        text.at += length;
    }
    return 0;
}

static int walk_content(struct walk *walk, const ProtobufCFieldDescriptor *field,
                        struct reader content, unsigned depth)
{
    if (!field)
        return 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return walk_message(walk, field->descriptor, content, depth + 1);
    case PROTOBUF_C_TYPE_STRING:
        return check_text(content);
    case PROTOBUF_C_TYPE_BYTES:
        return 0;
    default:
        walk->fields += (uint64_t)(content.end - content.at);
        return 0;
    }
}

static int walk_field(struct walk *walk, const ProtobufCMessageDescriptor *type,
                      struct reader *reader, unsigned depth)
{
    uint64_t key, value;
    struct reader content;

    if (!take_varint(reader, &key) || key > UINT32_MAX || key >> 3 == 0)
        return -EPROTO;
    switch (key & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return take_varint(reader, &value) ? 0 : -EPROTO;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(reader, 8) ? 0 : -EPROTO;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(reader, 4) ? 0 : -EPROTO;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!take_varint(reader, &value))
            return -EPROTO;
        content.at = reader->at;
        if (!skip(reader, value))
            return -EPROTO;
        content.end = reader->at;
        return walk_content(walk,
                            protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3)),
                            content, depth);
    default: /* groups, which proto3 does not have */
        return -EPROTO;
    }
}

/* Recursion is bounded by limits->depth. */
static int walk_message(struct walk *walk, const ProtobufCMessageDescriptor *type,
                        struct reader reader, unsigned depth)
{
    if (depth > walk->limits->depth)
        return -ELOOP;
    while (reader.at < reader.end) {
        int err = walk_field(walk, type, &reader, depth);

        if (err)
            return err;
        if (++walk->fields > walk->limits->fields)
            return -E2BIG;
    }
    return 0;
}

int message_check(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length,
                  const struct message_limits *limits)
{
    struct walk walk = {.limits = limits};

    if (length == 0)
        return 0;
    return walk_message(&walk, type, (struct reader){bytes, bytes + length}, 1);
}
