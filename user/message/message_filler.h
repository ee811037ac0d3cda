/* What the parts of the message loader share: message_fill.c walks messages, message_scalar.c reads
 * scalars, message_known.c reads the well-known types that JSON writes in their own way,
 * message_variable.c replaces variables. */
#pragma once

#include "message/message_fill.h"
#include "message/tree_path.h"

struct filler {
    const struct tree *tree;
    const struct message_types *types;
    struct config_error *error;
    struct tree *expanded; /* memory of nodes whose variables were replaced */
};

/* Where in the tree, and by which way. */
struct filler_place {
    const struct tree_node *node;
    const struct tree_path *path;
};

/* Each returns 0, -EINVAL or -ENOMEM, with the reason in the filler's error. On failure `message`
 * and `member` hold what was read so far and can be freed. */

/* "found NODE, expected WHAT" */
int filler_expected(const struct filler *filler, struct filler_place at, const char *what);
/* A sentence of one's own about the place. */
int filler_wrong(const struct filler *filler, struct filler_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All keys of the mapping; `skip` (may be NULL) is left out. */
int filler_fields(const struct filler *filler, struct filler_place at, const char *skip,
                  ProtobufCMessage *message);
/* One field of `message`, lists and maps included. Variables are replaced in values, never in keys. */
int filler_field(const struct filler *filler, struct filler_place at, ProtobufCMessage *message,
                 const ProtobufCFieldDescriptor *field);
/* A new message of the field's type. */
int filler_message(const struct filler *filler, struct filler_place at,
                   const ProtobufCMessageDescriptor *type, ProtobufCMessage **out);
/* A scalar, string, bytes or enum into `member`, which has the field's C type. */
int filler_scalar(const struct filler *filler, struct filler_place at,
                  const ProtobufCFieldDescriptor *field, void *member);

/* Where the text at a place has variables that are to be replaced, `at` gets a node with their values. */
int filler_variables(const struct filler *filler, struct filler_place *at);

/* A reader of a well-known type; NULL where the type is an ordinary message. */
typedef int filler_known(const struct filler *filler, struct filler_place at,
                         ProtobufCMessage *message);
filler_known *filler_known_type(const ProtobufCMessageDescriptor *type);
