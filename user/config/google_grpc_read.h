/* google_grpc, gRPC's own way to name a server -> where and how reports are sent. */
#pragma once

#include "config/bootstrap.h"
#include "envoy/config/core/v3/grpc_service.pb-c.h"
#include "message/check.h"

/* Sets the lrs_ members of `out` but for the metadata, to which it only adds; there is room for one
 * more. `path` is that of `from`. 0, -EINVAL, -ENOMEM; on failure `out` holds what was read so far.
 */
int google_grpc_read(struct check *check,
                     const Envoy__Config__Core__V3__GrpcService__GoogleGrpc *from,
                     const struct tree_path *path, struct bootstrap *out);
