/* /config_dump and /certs, in the shapes that Envoy's have. No secret is in them: keys, passwords, tokens and
 * the values of initial_metadata are "[redacted]". Pure. [jansson, protobuf-c] */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "config/bootstrap.h"
#include "stream/tls_certificates.h"

/* New references; NULL: no memory. `loaded_us`: when the configuration was read, since 1970. */
json_t *config_dump_json(const struct bootstrap *bootstrap, uint64_t loaded_us);

/* Adds to what begins as certificates_begin(). */
json_t *certificates_begin(void);
void certificates_add(json_t *all, const struct tls_certificate *certificate, int64_t now);
