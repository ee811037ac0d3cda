/* The names in a server's certificate (RFC 5280, 4.2.1.6), and whether one is wanted. */
#pragma once

#include <openssl/x509.h>

#include "config/tls_settings.h"

/* Is one of its names as one of `settings->names` says? Where there are none, any will do. DNS names
 * that have to be exact are matched as Envoy does: whatever the case, and "*." stands for one label.
 */
bool tls_names_match(const struct tls_settings *settings, const X509 *certificate);

/* "DNS a.example, IP 10.0.0.1"; "no name at all". Cut to `size`. */
void tls_names_found(const X509 *certificate, char *out, size_t size);
/* `exact DNS "a.example" or prefix "b"`. Cut to `size`. */
void tls_names_wanted(const struct tls_settings *settings, char *out, size_t size);
