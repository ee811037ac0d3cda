/* A listening TCP socket. [libevent] */
#pragma once

#include <stddef.h>

#include "base/address.h"

struct event_base;
struct listener;

/* Takes over `fd`. `from` is who connects. */
typedef void listener_accept_fn(void *arg, int fd, const struct address *from);

/* NULL with one line in `error`. */
struct listener *listener_new(struct event_base *base, const struct address *where,
                              listener_accept_fn *on_accept, void *arg, char *error,
                              size_t error_size);
/* Where it listens: the port is the real one where 0 was asked for. */
int listener_address(const struct listener *listener, struct address *out); /* 0 or -errno */
void listener_stop(struct listener *listener); /* accepts nothing more */
void listener_free(struct listener *listener); /* NULL is fine */
