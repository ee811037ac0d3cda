/* Tree -> protobuf message, by the message's descriptor alone. protobuf's JSON mapping, read
 * strictly, with the scalar typing of YAML that yaml_scalar gives. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "message/tree.h"

/* The messages that may stand in a google.protobuf.Any and are read there. Any other type is kept
 * by name with an empty value. */
struct message_types {
    const ProtobufCMessageDescriptor *const *items;
    size_t count;
};

/* Makes the message that the root of `tree` describes; where the tree has an environment, variables in
 * the values of known fields are replaced. 0 and `*out`, to be freed with
 * protobuf_c_message_free_unpacked; -EINVAL, -ENOMEM with the reason in `error`. */
int message_fill(const struct tree *tree, const ProtobufCMessageDescriptor *type,
                 const struct message_types *types, ProtobufCMessage **out,
                 struct config_error *error);
