#include "collector/server.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/connection.h"
#include "collector/listener.h"
#include "collector/tls.h"

struct server {
    struct listener *listener;
    struct tls *tls;
    struct connection_owner owner;
    struct connection *connections[SERVER_CONNECTIONS]; /* the first numbers.connections */
    struct server_numbers numbers;
    bool full_said; /* said once each time that it becomes full */
    bool ending;
};

static void on_closed(void *arg, struct connection *connection)
{
    struct server *server = arg;

    for (size_t i = 0; i < server->numbers.connections; i++) {
        if (server->connections[i] != connection)
            continue;
        server->connections[i] = server->connections[--server->numbers.connections];
        break;
    }
    server->full_said = false;
    if (server->ending && server->numbers.connections == 0)
        event_base_loopbreak(server->owner.base);
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

/* Files that were replaced are of use from the next connection on, without a word from anybody. */
static void refresh_tls(struct server *server)
{
    char error[TLS_ERROR_MAX] = "out of memory";
    int changed = tls_refresh(server->tls, error);

    if (changed < 0)
        log_error("%s; what was read before stays in use", error);
    else if (changed)
        log_info("TLS: files were replaced, and are in use");
}

static void on_accept(void *arg, int fd, const struct address *from)
{
    struct server *server = arg;
    char text[ADDRESS_TEXT_MAX];
    struct connection *connection;

    address_text(from, text);
    if (server->numbers.connections == SERVER_CONNECTIONS) {
        evutil_closesocket(fd);
        server->numbers.refused++;
        if (!server->full_said)
            log_warning("%s: closed, as are all that follow: %d connections are open", text,
                        SERVER_CONNECTIONS);
        server->full_said = true;
        return;
    }
    set_socket_options(fd);
    if (server->tls)
        refresh_tls(server);
    connection = connection_new(&server->owner, fd, text);
    if (!connection) {
        log_warning("%s: closed: out of memory", text);
        return;
    }
    log_debug("%s: connected", text);
    server->connections[server->numbers.connections++] = connection;
    server->numbers.accepted++;
}

struct server *server_new(struct event_base *base, const struct address *listen,
                          struct service *service, struct tls *tls, char *error, size_t error_size)
{
    struct server *server = calloc(1, sizeof(*server));

    if (!server) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    server->tls = tls;
    server->owner = (struct connection_owner){base, tls, service, on_closed, server};
    server->listener = listener_new(base, listen, on_accept, server, error, error_size);
    if (!server->listener) {
        free(server);
        return NULL;
    }
    return server;
}

int server_address(const struct server *server, struct address *out)
{
    return listener_address(server->listener, out);
}

void server_ask_again(struct server *server)
{
    for (size_t i = server->numbers.connections;
         i-- > 0;) /* backwards: one that closes is replaced by the last */
        connection_ask_again(server->connections[i]);
}

void server_end(struct server *server)
{
    static const struct timeval patience = {.tv_sec = SERVER_END_S};

    if (server->ending)
        return;
    server->ending = true;
    listener_stop(server->listener);
    for (size_t i = server->numbers.connections; i-- > 0;) /* backwards, as above */
        connection_end(server->connections[i]);
    if (server->numbers.connections == 0)
        event_base_loopbreak(server->owner.base);
    else
        event_base_loopexit(server->owner.base, &patience);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    while (server->numbers.connections > 0)
        connection_free(server->connections[--server->numbers.connections]);
    listener_free(server->listener);
    free(server);
}

struct server_numbers server_numbers(const struct server *server)
{
    return server->numbers;
}
