/* How a connection of our own is encrypted, as the configuration says it: pure data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/data_source.h"

/* One name that a server's certificate may have. */
struct tls_name {
    enum { NAME_ANY, NAME_DNS, NAME_EMAIL, NAME_URI, NAME_IP } kind;
    enum { NAME_EXACT, NAME_PREFIX, NAME_SUFFIX, NAME_CONTAINS } match;
    bool ignore_case;
    char *text;
};

/* A certificate by its SHA-256: in hexadecimal and lower case, or of its public key and in base64. */
struct tls_pin {
    bool is_of_key;
    char text[65];
};

struct tls_settings {
    struct data_source trusted_ca;
    bool system_roots;  /* in place of trusted_ca. Neither, and no pin: it is not verified */
    bool allow_expired; /* a certificate whose time is over, or has not come */
    struct tls_name *names;
    size_t name_count; /* 0: any name will do */
    struct tls_pin *pins;
    size_t pin_count;                            /* 0: none is asked for; else one of them */
    char *server_name;                           /* SNI; NULL: none is sent */
    struct data_source certificate, private_key; /* of the client; DATA_NONE: it has none */
    struct data_source password;                 /* of the private key */
    bool no_tls12, no_tls13;                     /* older ones never */
};

/* Do both say the same? NULL: plain TCP. */
bool tls_settings_equal(const struct tls_settings *a, const struct tls_settings *b);
void tls_settings_free(struct tls_settings *settings); /* NULL is fine */
