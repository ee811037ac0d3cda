/* The listening socket and the connections that came from it. [libevent] */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "collector/service.h"

struct event_base;
struct server;
struct tls;

#define SERVER_CONNECTIONS 4096 /* at once; further ones are closed as they come */
#define SERVER_END_S 1          /* how long clients have to take the end of their streams */

/* Listens and serves from `base`. NULL with one line in `error`. `service` and `tls` (NULL: plain TCP)
 * must outlive it. */
struct server *server_new(struct event_base *base, const struct address *listen,
                          struct service *service, struct tls *tls, char *error, size_t error_size);
/* Where it listens: the port is the real one where 0 was asked for. */
int server_address(const struct server *server, struct address *out); /* 0 or -errno */
/* The service's settings are other ones: clients that were asked for something else are asked anew. */
void server_ask_again(struct server *server);
/* Stops accepting, ends all streams, and leaves the event loop once every connection has closed, or
 * SERVER_END_S later. */
void server_end(struct server *server);
void server_free(struct server *server);

struct server_numbers {
    size_t connections;         /* now */
    uint64_t accepted, refused; /* refused: beyond SERVER_CONNECTIONS */
};
struct server_numbers server_numbers(const struct server *server);
