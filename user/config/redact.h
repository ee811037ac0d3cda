/* Takes the secrets out of a configuration that was read: what is shown later cannot have them. Each field
 * that holds a DataSource or a header has a rule in redact.c, and so has each that is a credential itself; a
 * test looks for fields without one. [protobuf-c] */
#pragma once

#include <stdbool.h>

#include "message/message_fill.h"

#define REDACTED "[redacted]"

enum redact_rule {
    REDACT_NONE, /* there is no rule: REDACT_SECRET of a DataSource or a header, else REDACT_SHOWN */
    REDACT_SHOWN,
    REDACT_SECRET, /* all text and bytes in it, but the names of files, variables and headers */
};

enum redact_rule redact_rule_of(const ProtobufCMessageDescriptor *of,
                                const ProtobufCFieldDescriptor *field);
/* Is it one of those that need a rule? */
bool redact_wants_rule(const ProtobufCFieldDescriptor *field);

/* Overwrites them, in the messages of Any fields too: with REDACTED, or its bytes. The message was unpacked
 * or filled. 0; -ENOMEM, and then it may still have some. */
int redact(ProtobufCMessage *message, const struct message_types *types);
