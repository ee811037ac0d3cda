/* HTTP/1 for people, Prometheus and programs, from the loop that has more important things to do: libevent's
 * server, and around it what it lacks. [libevent]
 *
 * - HTTP_CLIENTS connections at once; one more takes the place of the oldest of the IP address with most of
 *   those that wait for their answer, so that a crowd does not keep out others, or the next one.
 * - One request a connection, HTTP_DEADLINE_S for it and its answer, however it trickles.
 * - HTTP_HEAD_MAX bytes of a head, HTTP_BODY_MAX of a body, which is read and thrown away.
 * - HTTP_STREAMS answers that go on (server-sent events), one place of them for Unix sockets; one more of an
 *   address that has few takes the place of the oldest of the one that has most. Who does not take them is
 *   closed.
 *
 * Nothing wakes the loop while no client is connected. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "http/body.h"
#include "http/request.h"

struct event_base;
struct http_server;

#define HTTP_CLIENTS 32
#define HTTP_STREAMS 8 /* of them */
#define HTTP_DEADLINE_S 10
#define HTTP_HEAD_MAX 8192
#define HTTP_BODY_MAX 4096

struct http_answer {
    int status;
    const char *type;       /* Content-Type; static text */
    struct http_body *body; /* held for the server; NULL: none */
    const char *allow;      /* of a 405; static text */
    const char *policy;     /* Content-Security-Policy; static text; NULL: nothing may be loaded */
    bool goes_on;           /* a stream: what it begins with is `body`, more comes by push */
};

struct http_handler {
    /* Fills `out`, which is a 404 without body. Called from the event loop. */
    void (*answer)(void *arg, const struct http_request *request, struct http_answer *out);
    /* There is a first stream, or none any more. May be NULL where nothing goes on. */
    void (*streams)(void *arg, size_t count);
    void *arg;
};

struct http_numbers {
    size_t clients, streams;   /* now */
    uint64_t accepted, closed; /* closed: by a deadline, for one more, or for taking nothing */
    uint64_t answered;         /* requests that the handler has answered */
};

/* Listens nowhere yet. NULL: no memory. */
struct http_server *http_server_new(struct event_base *base, const struct http_handler *handler);
void http_server_free(struct http_server *server); /* NULL is fine */

/* 0, or -EIO with one line in `error`. `path` is borrowed for the server's life. */
int http_server_listen(struct http_server *server, const struct address *where, char *error,
                       size_t error_size);
int http_server_listen_unix(struct http_server *server, const char *path, char *error,
                            size_t error_size);
/* Where the first TCP socket listens: the port is the real one where 0 was asked for. 0 or -errno. */
int http_server_address(const struct http_server *server, struct address *out);

/* More for every stream. */
void http_server_push(struct http_server *server, struct http_body *body);
struct http_numbers http_server_numbers(const struct http_server *server);
