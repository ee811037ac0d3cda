/* A stream with the management server, as the daemon opens it: TCP, TLS, HTTP/2, StreamLoadStats, the node;
 * until its first answer. */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"
#include "doctor/names.h"

/* `addresses`: of all clusters. */
void handshake_check(struct findings *findings, const struct bootstrap *bootstrap,
                     const struct named_addresses *addresses);
