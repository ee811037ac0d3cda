/* The type of a plain (unquoted) YAML scalar, which Envoy decides before it knows the field. Pure.
 *
 * Source: Envoy 1.40 as measured (configs/README.md has the rule in words). */
#pragma once

#include "message/tree.h"

/* Sets kind, flag and text of `node`. -ENOMEM, else 0. */
int yaml_scalar_set(struct tree *tree, struct tree_node *node, const char *text, size_t size);
