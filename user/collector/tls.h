/* The server's end of TLS: OpenSSL and libevent's adapter for it are used here alone. TLS 1.2 at least;
 * of what a client offers by ALPN, h2; a client that offers nothing is spoken to all the same. */
#pragma once

#include <stdbool.h>

struct bufferevent;
struct event_base;
struct tls;

#define TLS_ERROR_MAX 512

/* PEM files. */
struct tls_files {
    const char *certificate; /* the server's, and after it those that lead to its authority */
    const char *key;         /* of the first */
    const char *client_ca;   /* whom clients have to show a certificate of; NULL: they need none */
};

/* Reads the files; the names are borrowed. 0; -EINVAL with `error`, which names the file; -ENOMEM. */
int tls_new(const struct tls_files *files, struct tls **out, char *error);
void tls_free(struct tls *tls); /* NULL is fine */

/* Reads the files again, for connections that come later. As tls_new; after an error all is as it
 * was. */
int tls_reload(struct tls *tls, char *error);
/* As tls_reload, where one of the files is another one than when it was last tried. 1: it was, and is
 * in use; 0: none is. */
int tls_refresh(struct tls *tls, char *error);

/* A connection on an accepted socket, which it owns; NULL: no memory, and the socket is still the
 * caller's. It reports BEV_EVENT_CONNECTED after the handshake. */
struct bufferevent *tls_accept(const struct tls *tls, struct event_base *base, int fd);
/* After an error of the connection: why, in `out` of TLS_ERROR_MAX bytes; false: TLS has no part in it,
 * see errno. Also for a connection without TLS. */
bool tls_failure(struct bufferevent *connection, char *out);
/* Says that nothing more is sent, where that can be said at once. Also for one without TLS. */
void tls_say_end(struct bufferevent *connection);
