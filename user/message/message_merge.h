/* protobuf's MergeFrom, by descriptor: what a later text says on top of an earlier one. Messages
 * merge, lists append, map entries of the same key and scalars that are not the type's default
 * replace. */
#pragma once

#include <protobuf-c/protobuf-c.h>

/* Moves the content of `from` into `into`, both of one type and freed by
 * protobuf_c_message_free_unpacked afterwards as before. 0; -ENOMEM, with both still to be freed
 * and what was not moved yet in `from`. */
int message_merge(ProtobufCMessage *into, ProtobufCMessage *from);
