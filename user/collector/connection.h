/* One client's connection: a socket's bytes, with TLS or without, to HTTP/2 and back. [libevent] */
#pragma once

#include "collector/service.h"

struct event_base;
struct connection;
struct tls;

#define CONNECTION_OUTPUT (64 << 10) /* bytes waiting for the client; beyond, it is not read from */
#define CONNECTION_FIRST_REQUEST_S 10 /* without a request by then it is closed, TLS included */
#define CONNECTION_LINGER_S 10        /* how long the client has to close in its turn */
#define CONNECTION_STUCK_S 30         /* the client takes no byte for so long: closed */

/* Called once, from the event loop or connection_end, when the connection closes of itself; it is
 * freed after the call. */
typedef void connection_closed_fn(void *arg, struct connection *connection);

/* What all connections of a server have in common. */
struct connection_owner {
    struct event_base *base;
    const struct tls *tls; /* NULL: plain TCP */
    struct service *service;
    connection_closed_fn *on_closed;
    void *arg;
};

/* Takes over `fd`, also on failure. `address` is copied, `owner` borrowed. NULL: out of memory. */
struct connection *connection_new(const struct connection_owner *owner, int fd,
                                  const char *address);
/* The settings are other ones. May close the connection. */
void connection_ask_again(struct connection *connection);
/* Ends all streams as UNAVAILABLE, says GOAWAY, and closes once the client has closed. */
void connection_end(struct connection *connection);
/* At once, without a word and without `on_closed`. */
void connection_free(struct connection *connection);
