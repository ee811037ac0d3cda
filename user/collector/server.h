/* The listening socket and the connections that came from it. [libevent] */
#pragma once

#include <stddef.h>

#include "base/address.h"
#include "collector/service.h"

struct event_base;
struct server;

#define SERVER_CONNECTIONS 1000 /* at once; further ones are closed as they come */
#define SERVER_END_S 1          /* how long clients have to take the end of their streams */

/* Listens and serves from `base`. NULL with one line in `error`. `service` must outlive it. */
struct server *server_new(struct event_base *base, const struct address *listen,
                          struct service *service, char *error, size_t error_size);
/* Where it listens: the port is the real one where 0 was asked for. */
int server_address(const struct server *server, struct address *out); /* 0 or -errno */
/* Stops accepting, ends all streams, and leaves the event loop once every connection has closed, or
 * SERVER_END_S later. */
void server_end(struct server *server);
void server_free(struct server *server);
