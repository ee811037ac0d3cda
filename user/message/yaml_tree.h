/* YAML text -> tree. The only user of libyaml. */
#pragma once

#include "message/tree.h"

/* Anchors, aliases, merge keys (<<) and the tag !ignore (a key so tagged is dropped; Envoy's files
 * keep anchors under such keys) are resolved. Exactly one document. `file` is borrowed by the tree
 * and only used for messages. 0; -EINVAL, -ENOMEM with the reason in `error`. */
int yaml_tree_read(const char *file, const char *text, size_t size, struct tree **out,
                   struct config_error *error);
