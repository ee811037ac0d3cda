/* Asks the daemon's admin interface: one request, one connection, in this thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <jansson.h>

struct admin_target {
    char text[128]; /* "unix:/run/loadtap/admin.sock", "127.0.0.1:9901": for people */
    struct sockaddr_storage address;
    socklen_t size;
};

#define ADMIN_ERROR_MAX 2048 /* one of the configuration, and more */

/* What the command line says of where the daemon is asked. */
struct admin_where {
    const char
        *admin; /* a socket's path, IP:PORT or localhost:PORT; it comes first. NULL: not given */
    const char
        *config;     /* the file of the daemon's bootstrap; NULL: not given, the default socket */
    bool expand_env; /* variables in its values are replaced */
};

/* 0; or -EINVAL with a sentence in `error`, ADMIN_ERROR_MAX bytes, as below. */
int admin_target_find(const struct admin_where *where, struct admin_target *out, char *error);

/* The JSON that GET `path` answers with; a new reference in `*out`. 0; or -errno with a sentence in `error`:
 * -ENOENT where the page says that there is no such thing (404), and the sentence is its own. Waits for
 * `timeout_ms` at most. */
int admin_get(const struct admin_target *target, const char *path, unsigned timeout_ms,
              json_t **out, char *error);

/* `name` as a value in a query. NULL: no memory. To be freed. */
char *admin_escape(const char *name);
