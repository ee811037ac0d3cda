/* What foreign bytes must satisfy before protobuf-c decodes them. protobuf-c recurses as deep as
 * the bytes nest, cuts strings at a NUL, takes any bytes for text, and makes structs fifty times
 * larger than an empty submessage's bytes. [protobuf-c: descriptors only] Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct message_limits {
    unsigned depth;  /* messages inside messages; the outermost has depth 1 */
    uint64_t fields; /* in the whole message; a packed field counts as its bytes */
};

/* 0; -EPROTO: not the wire format; -ELOOP: nests too deep; -E2BIG: too many fields; -EILSEQ: a
 * string field that is not UTF-8 (which proto3 requires) or has a NUL (which a C string cannot
 * hold). */
int message_check(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length,
                  const struct message_limits *limits);
