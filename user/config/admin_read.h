/* Where the admin interface is. */
#pragma once

#include "config/bootstrap.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "message/check.h"

/* The bootstrap's `admin`. 0 or -EINVAL, -ENOMEM. */
int admin_read(struct check *check, const Envoy__Config__Bootstrap__V3__Bootstrap *from,
               struct bootstrap *out);

/* The path of its Unix socket, or "none", at `field` of what is at `path`. Empty: what is there stays. */
int admin_socket_read(const struct check *check, const char *from, const struct tree_path *path,
                      const char *field, struct bootstrap *out);
