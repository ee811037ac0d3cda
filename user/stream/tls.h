/* TLS on a connected socket: OpenSSL and libevent's adapter for it are used here and in the other
 * tls_*.c alone.
 *
 *   tls_new: reads certificates and keys as they are now --> tls_start: handshake --> bufferevent's
 *   BEV_EVENT_CONNECTED, or an error that tls_failure puts into words
 *
 * TLS 1.2 at least; ALPN offers h2 alone. A server that knows no ALPN is spoken to all the same, as
 * Envoy does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/tls_settings.h"

#define TLS_ERROR_MAX 768

struct bufferevent;
struct event_base;
struct tls;

/* Everything for one connection. Borrows `settings` for its life. 0; -EINVAL with `error`, of
 * TLS_ERROR_MAX bytes, which names the place in the configuration; -ENOMEM. */
int tls_new(const struct tls_settings *settings, struct tls **out, char *error);
/* Begins the handshake. The bufferevent owns the socket. NULL: no memory, and the socket is still
 * the caller's. Once. */
struct bufferevent *tls_start(struct tls *tls, struct event_base *base, int fd);
/* After an error of the connection: why, for a person, in `out` of TLS_ERROR_MAX bytes; false: TLS
 * has no part in it, see errno. */
bool tls_failure(const struct tls *tls, struct bufferevent *connection, char *out);
void tls_free(struct tls *tls); /* after the bufferevent; NULL is fine */
