/* The connections of a server: how many there may be, how long each has, whom one more replaces. For server.c
 * alone. [libevent] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/address.h"

struct bufferevent;
struct event;
struct event_base;
struct evhttp_request;
struct http_server;

struct clients {
    struct http_server *server;
    TAILQ_HEAD(, client) list; /* the oldest first */
    size_t count;
    uint64_t closed; /* by clients_make_room(), a deadline or client_close() */
};

/*   accept -> WAITING --whole request--> answered, deadline running --> closed
 *                                    +-> stream, no deadline       --> closed: by its client,
 *                                                                     stalled, for one more
 *   WAITING, answered --deadline, one client more--> closed
 *
 * evhttp owns the connection, and tells nobody when one without a request ends. The reference to its
 * bufferevent lets us find out later: until then the descriptor stays open, with FIN sent. */
struct client {
    TAILQ_ENTRY(client) link;
    struct clients *owner;
    struct bufferevent *socket; /* a reference */
    struct event *deadline;
    struct evhttp_request *stream; /* NULL: its answer ends */
    unsigned stalled;              /* pushes in a row */
    struct address peer;           /* its IP, zero of a Unix socket's; once knows_peer */
    bool knows_peer;
};

void clients_init(struct clients *clients, struct http_server *server);
/* Takes a reference to the socket. Without memory it is not a client: evhttp's time-out alone is left. */
void clients_add(struct clients *clients, struct event_base *base, struct bufferevent *socket);
/* For one more: forgets those that evhttp has let go of, and closes one where there are HTTP_CLIENTS. */
void clients_make_room(struct clients *clients);
/* For one more stream, of this client: closes the oldest of the address that has most, where that has still
 * as many as this client's then, so that nobody's two pages close each other by turns. One place is the
 * Unix socket's. False: there is no room. */
bool clients_make_stream_room(struct clients *clients, struct client *client);
struct client *clients_find(const struct clients *clients,
                            const struct bufferevent *socket); /* or NULL */

/* Forgets it: evhttp has let go of it, or is about to. */
void client_drop(struct client *client);
/* As if evhttp's own time-out had passed; forgets it too, unless it is a stream, whose end evhttp tells. */
void client_close(struct client *client);
