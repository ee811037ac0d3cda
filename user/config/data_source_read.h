/* A DataSource message -> a data source, checked: its bytes can be had now. */
#pragma once

#include "config/data_source.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "message/check.h"

/* Reads the source at `path`; NULL: `*out` stays as it is, which is DATA_NONE. 0, -EINVAL, -ENOMEM;
 * on failure `*out` holds what was read so far. */
int data_source_read(const struct check *check, const Envoy__Config__Core__V3__DataSource *from,
                     const struct tree_path *path, struct data_source *out);
