/* TLS settings -> OpenSSL's context for one connection. */
#pragma once

#include <openssl/ssl.h>

#include "config/tls_settings.h"

/* As tls_new; to be freed with SSL_CTX_free. Verification of names is left to the caller. */
int tls_context_new(const struct tls_settings *settings, SSL_CTX **out, char *error);
