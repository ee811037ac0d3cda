/* The certificates that a configuration names, as a person wants to see them. [OpenSSL] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/tls_settings.h"

struct tls_certificate { /* lives as long as the call */
    bool is_ca; /* of those that a server's certificate is verified with; else the client's own */
    const char *place;  /* the file, or where it stands in the configuration */
    const char *serial; /* hexadecimal */
    const char *subject;
    const char *const *dns_names;
    size_t dns_name_count;
    int64_t valid_from, expires; /* seconds since 1970 */
};

typedef void tls_certificate_fn(void *arg, const struct tls_certificate *certificate);

/* Reads the files anew. 0, or -errno, -EINVAL of the first that cannot be read; the others are told. */
int tls_certificates(const struct tls_settings *settings, tls_certificate_fn *each, void *arg);
