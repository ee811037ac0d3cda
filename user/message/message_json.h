/* Any protobuf-c message as protobuf's JSON mapping, without code per field. [protobuf-c, jansson]
 *
 * Field names are those of the .proto file. 64-bit integers are strings; Duration is "1.5s" (as
 * plain fields where it is out of range and has no such form); Struct, Value, ListValue and the
 * wrappers are what they stand for; maps are objects; bytes are base64; enums are names, or the
 * number where it has none; NaN and the infinities are strings. A field is left out exactly where
 * protobuf has no presence for it (unset, or zero outside a oneof), so the same message can be
 * read back. An Any is its two fields or, where `types` are given, the fields of its message with
 * "@type"; of a type that is not among them the name alone. Proto3 only, without `optional`, as proto/
 * has it. */
#pragma once

#include <stddef.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "message/message_fill.h"

/* A new reference, or NULL (out of memory, or a string that is not UTF-8). *unknown is raised by
 * the number of fields, at any depth, that the descriptors do not know. Recurses as deep as the
 * message nests, which message_check bounds. */
json_t *message_json(const ProtobufCMessage *message, const struct message_types *types,
                     size_t *unknown);
