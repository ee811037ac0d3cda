/* A configuration file -> tree. */
#pragma once

#include <stdint.h>

#include "message/tree.h"

#define CONFIG_SIZE_MAX_MIB 64 /* of a file, and not reached; 100,000 endpoints are 9.4 MB */
#define CONFIG_SIZE_MAX (CONFIG_SIZE_MAX_MIB << 20)

/* A name that ends in .json is read as JSON, everything else as YAML. `path` is borrowed by the
 * tree; `hash`, unless NULL, gets that of the content. 0; -errno where the file cannot be read, is
 * empty or larger; -EINVAL, -ENOMEM as the readers. */
int config_source_read(const char *path, struct tree **out, uint64_t *hash,
                       struct config_error *error);
/* The hash alone, of a file as it is now: another one is another content. 0 or as above. */
int config_source_hash(const char *path, uint64_t *hash, struct config_error *error);
