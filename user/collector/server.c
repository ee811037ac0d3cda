#include "collector/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/connection.h"

struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    struct service *service;
    struct connection *connections[SERVER_CONNECTIONS]; /* the first `count` are in use */
    size_t count;
    bool full_said; /* said once each time that it becomes full */
    bool ending;
};

static void on_closed(void *arg, struct connection *connection)
{
    struct server *server = arg;

    for (size_t i = 0; i < server->count; i++) {
        if (server->connections[i] != connection)
            continue;
        server->connections[i] = server->connections[--server->count];
        break;
    }
    server->full_said = false;
    if (server->ending && server->count == 0)
        event_base_loopbreak(server->base);
}

/* A peer that has vanished is found by keep-alive: a stream may be silent for as long as its
 * interval, so no timeout can tell. */
static void set_socket_options(int fd)
{
    static const int on = 1, idle_s = 60, every_s = 20, tries = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg)
{
    struct server *server = arg;
    struct address address = {0};
    char text[ADDRESS_TEXT_MAX];
    struct connection *connection;

    (void)listener;
    (void)length;
    address_from_sockaddr(from, &address);
    address_text(&address, text);
    if (server->count == SERVER_CONNECTIONS) {
        evutil_closesocket(fd);
        if (!server->full_said)
            log_warning("%s: closed, as are all that follow: %d connections are open", text,
                        SERVER_CONNECTIONS);
        server->full_said = true;
        return;
    }
    set_socket_options(fd);
    connection = connection_new(server->base, fd, text, server->service, on_closed, server);
    if (!connection) {
        log_warning("%s: closed: out of memory", text);
        return;
    }
    log_debug("%s: connected", text);
    server->connections[server->count++] = connection;
}

/* accept() fails without taking the connection, so at once again: wait a little. */
static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;

    (void)fd;
    (void)what;
    if (!server->ending)
        evconnlistener_enable(server->listener);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    static const struct timeval pause = {.tv_sec = 1};
    struct server *server = arg;

    log_warning("accept: %s; trying again in 1 s", strerror(errno));
    evconnlistener_disable(listener);
    event_base_once(server->base, -1, EV_TIMEOUT, on_resume, server, &pause);
}

struct server *server_new(struct event_base *base, const struct address *listen,
                          struct service *service, char *error, size_t error_size)
{
    autofree struct server *server = calloc(1, sizeof(*server));
    struct sockaddr_storage where;
    socklen_t length = address_to_sockaddr(listen, &where);
    char text[ADDRESS_TEXT_MAX];

    if (!server) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    server->base = base;
    server->service = service;
    server->listener = evconnlistener_new_bind(
        base, on_accept, server, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        -1, (struct sockaddr *)&where, (int)length);
    if (!server->listener) {
        snprintf(error, error_size, "cannot listen on %s: %s", address_text(listen, text),
                 strerror(errno));
        return NULL;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    return TAKE(server);
}

int server_address(const struct server *server, struct address *out)
{
    struct sockaddr_storage where;
    socklen_t length = sizeof(where);

    if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&where, &length))
        return -errno;
    return address_from_sockaddr((struct sockaddr *)&where, out);
}

void server_end(struct server *server)
{
    static const struct timeval patience = {.tv_sec = SERVER_END_S};

    if (server->ending)
        return;
    server->ending = true;
    evconnlistener_disable(server->listener);
    for (size_t i = server->count;
         i-- > 0;) /* backwards: one that closes is replaced by the last */
        connection_end(server->connections[i]);
    if (server->count == 0)
        event_base_loopbreak(server->base);
    else
        event_base_loopexit(server->base, &patience);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    while (server->count > 0)
        connection_free(server->connections[--server->count]);
    evconnlistener_free(server->listener);
    free(server);
}
