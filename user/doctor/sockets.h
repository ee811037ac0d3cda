/* Lines of the kernel's tables of connections. Pure. */
#pragma once

#include <stdbool.h>

#include "base/address.h"

/* A line of /proc/net/tcp or tcp6: the peer of a connection. False: it is none (a listener, the heading). */
bool sockets_peer(const char *line, struct address *out);

/* A line of /proc/net/nf_conntrack: a TCP connection whose destination is translated. `*dialled`: what the
 * socket has as its peer, `*real`: who answers. False: it is none. */
bool sockets_translation(const char *line, struct address *dialled, struct address *real);
