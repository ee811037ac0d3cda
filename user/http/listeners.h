/* The listening sockets of the HTTP servers: while accept() fails they pause, and at the end their files go.
 * For server.c alone. It logs. [libevent] */
#pragma once

#include <stddef.h>

#include "base/address.h"
#include "http/listen.h"

struct evhttp;

/* Takes over the socket, which evhttp_free() closes. 0, or -EIO with one line in `error`. */
int listeners_add(struct evhttp *http, struct event_base *base, struct evconnlistener *socket,
                  const struct listen_file *file, char *error, size_t error_size);
/* Where the first TCP socket listens. 0 or -errno. */
int listeners_address(const struct evhttp *http, struct address *out);
/* Before evhttp_free(), which closes them. */
void listeners_drop(const struct evhttp *http);
