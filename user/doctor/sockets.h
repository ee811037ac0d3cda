/* Lines of the kernel's tables of connections. Pure. */
#pragma once

#include <stdbool.h>

#include "base/address.h"

/* A line of /proc/net/tcp or tcp6: the peer of a connection that is open or begins, by its state (the numbers
 * of the kernel's tcp_states.h). False: it is none (a listener, one that has ended, the heading). */
bool sockets_peer(const char *line, struct address *out);

/* A line of /proc/net/nf_conntrack: a TCP connection whose destination is translated. `*dialled`: what the
 * socket has as its peer, `*real`: who answers. False: it is none. */
bool sockets_translation(const char *line, struct address *dialled, struct address *real);
