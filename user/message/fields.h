/* What the keys of a message are called: its fields, and the names that Envoy's API has for the
 * message beside them, which a configuration may set and loadtap does not read. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Is `key` the field name (snake_case), as it stands or in lowerCamelCase? */
bool fields_is_named(const char *name, const char *key);
/* The field of that name, in snake_case or lowerCamelCase; NULL where it has none. */
const ProtobufCFieldDescriptor *fields_find(const ProtobufCMessageDescriptor *message,
                                            const char *key);
/* Does Envoy's message have a field of that name (either case) that ours leaves out? */
bool fields_is_unread(const ProtobufCMessageDescriptor *message, const char *key);

/* protoc makes of `map<K, V> some_name` a list of messages SomeNameEntry {key = 1; value = 2}. */
bool fields_is_map(const ProtobufCFieldDescriptor *field);
/* Bytes of one value of the field in its message, or of one element of a list. */
size_t fields_size(const ProtobufCFieldDescriptor *field);

/* The known name nearest to `key`, NULL where none is near. A value is near only with the same digits.
 * Static text. */
const char *fields_nearest(const ProtobufCMessageDescriptor *message, const char *key);
const char *fields_nearest_value(const ProtobufCEnumDescriptor *type, const char *name);

/* Number of single-character edits (insert, delete, replace, swap neighbours) from a to b, or
 * something larger than `limit` once it exceeds that. */
unsigned fields_distance(const char *a, const char *b, unsigned limit);
