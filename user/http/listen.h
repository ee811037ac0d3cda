/* Listening sockets: TCP, and Unix by a path. [libevent] */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/address.h"

struct evconnlistener;
struct event_base;

/* A Unix socket's file, to be removed at the end if it is still ours. */
struct listen_file {
    const char *path; /* borrowed; NULL: none */
    dev_t device;
    ino_t inode;
};

/* Without a callback. NULL with one line in `error`: "cannot listen on 127.0.0.1:9901: …". */
struct evconnlistener *listen_tcp(struct event_base *base, const struct address *where, char *error,
                                  size_t error_size);

/* The file has mode 0660. One that nobody listens on any more is replaced. */
struct evconnlistener *listen_unix(struct event_base *base, const char *path,
                                   struct listen_file *file, char *error, size_t error_size);
void listen_remove(const struct listen_file *file);
