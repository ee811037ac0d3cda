/* A configuration file -> tree. */
#pragma once

#include "message/tree.h"

#define CONFIG_SIZE_MAX (256u << 20)

/* A name that ends in .json is read as JSON, everything else as YAML. `path` is borrowed by the
 * tree. 0; -errno where the file cannot be read or is empty; -EINVAL, -ENOMEM as the readers. */
int config_source_read(const char *path, struct tree **out, struct config_error *error);
