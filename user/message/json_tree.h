/* JSON text (RFC 8259) -> tree, with the place of every value. */
#pragma once

#include "message/tree.h"

/* As yaml_tree_read. */
int json_tree_read(const char *file, const char *text, size_t size, struct tree **out,
                   struct config_error *error);
