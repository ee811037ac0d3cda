#include "collector/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/address.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/http2.h"
#include "collector/tls.h"

/*        first request           nothing more to read or send
 *   FRESH ──────────► SERVING ─────────────────────────────────► LINGERING
 *     │ 10 s             │ client takes no byte for 30 s             │ client has closed
 *     │ garbage, EOF, error (also from here)                         │ too, 10 s
 *     └──────────────────┴─────────────► closed: on_closed, free ◄───┘
 *
 * While more than CONNECTION_OUTPUT bytes wait for the client nothing is read from it, so a client
 * that never reads costs a bounded amount. LINGERING has sent FIN and throws away what comes: a
 * close with unread bytes would reset the connection, and the last frames could be lost. */
enum connection_state {
    FRESH,
    SERVING,
    LINGERING,
};

struct connection {
    enum connection_state state;
    const struct connection_owner *owner;
    struct bufferevent *socket;
    struct event *deadline; /* of FRESH and LINGERING: no byte puts it off */
    struct http2 *http2;
    char address[ADDRESS_TEXT_MAX];
};

static const struct timeval first_request = {.tv_sec = CONNECTION_FIRST_REQUEST_S};
static const struct timeval last_bytes = {.tv_sec = CONNECTION_LINGER_S};
static const struct timeval stuck = {.tv_sec = CONNECTION_STUCK_S};

static void close_now(struct connection *connection, const char *why)
{
    const char *error = http2_error(connection->http2);

    if (*error)
        log_info("%s: connection closed: %s: %s", connection->address, why, error);
    else
        log_debug("%s: connection closed: %s", connection->address, why);
    connection->owner->on_closed(connection->owner->arg, connection);
    connection_free(connection);
}

static void linger(struct connection *connection)
{
    connection->state = LINGERING;
    event_add(connection->deadline, &last_bytes);
    tls_say_end(connection->socket);
    shutdown(bufferevent_getfd(connection->socket), SHUT_WR);
}

/* Sends what may be sent. May close, and so free, the connection: nothing touches it after. */
static void flush(struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->socket);
    const uint8_t *bytes;
    ssize_t count = 0;

    while (evbuffer_get_length(output) < CONNECTION_OUTPUT) {
        count = http2_send(connection->http2, &bytes);
        if (count <= 0)
            break;
        if (bufferevent_write(connection->socket, bytes, (size_t)count))
            count = -ENOMEM;
    }
    if (count < 0)
        close_now(connection, strerror((int)-count));
    else if (evbuffer_get_length(output) >= CONNECTION_OUTPUT)
        bufferevent_disable(connection->socket, EV_READ);
    else if (evbuffer_get_length(output) == 0 && http2_is_done(connection->http2))
        linger(connection);
}

static void on_readable(struct bufferevent *socket, void *arg)
{
    struct connection *connection = arg;
    struct evbuffer *input = bufferevent_get_input(socket);
    size_t count;
    int err;

    if (connection->state == LINGERING) {
        evbuffer_drain(input, evbuffer_get_length(input));
        return;
    }
    while ((count = evbuffer_get_contiguous_space(input)) > 0) {
        err = http2_receive(connection->http2, evbuffer_pullup(input, (ssize_t)count), count);
        if (err) {
            close_now(connection, strerror(-err));
            return;
        }
        evbuffer_drain(input, count);
    }
    if (connection->state == FRESH && http2_had_request(connection->http2)) {
        connection->state = SERVING;
        event_del(connection->deadline);
    }
    flush(connection);
}

static void on_drained(struct bufferevent *socket, void *arg)
{
    struct connection *connection = arg;

    bufferevent_enable(socket, EV_READ);
    if (connection->state != LINGERING)
        flush(connection);
}

static void on_socket_event(struct bufferevent *socket, short what, void *arg)
{
    struct connection *connection = arg;
    const int error = EVUTIL_SOCKET_ERROR(); /* first, as all that is called may change it */
    char failure[TLS_ERROR_MAX];
    bool is_tls = tls_failure(socket, failure);

    if (what & BEV_EVENT_CONNECTED) /* the handshake is done */
        return;
    if (is_tls)
        log_info("%s: %s", connection->address, failure);
    if (what & BEV_EVENT_EOF)
        close_now(connection, "by the client");
    else if (what & BEV_EVENT_TIMEOUT)
        close_now(connection, "the client does not read");
    else
        close_now(connection, is_tls ? "TLS" : evutil_socket_error_to_string(error));
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd;
    (void)what;
    close_now(connection, connection->state == FRESH ? "no request came" : "client lingers");
}

static struct bufferevent *open_socket(const struct connection_owner *owner, int fd)
{
    struct bufferevent *socket =
        owner->tls ? tls_accept(owner->tls, owner->base, fd)
                   : bufferevent_socket_new(owner->base, fd, BEV_OPT_CLOSE_ON_FREE);

    if (!socket)
        evutil_closesocket(fd);
    return socket;
}

struct connection *connection_new(const struct connection_owner *owner, int fd, const char *address)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct bufferevent *socket = open_socket(owner, fd);

    if (!connection) {
        if (socket)
            bufferevent_free(socket);
        return NULL;
    }
    connection->owner = owner;
    connection->socket = socket;
    connection->http2 = http2_new(owner->service, address);
    connection->deadline = evtimer_new(owner->base, on_deadline, connection);
    if (!socket || !connection->http2 || !connection->deadline) {
        connection_free(connection);
        return NULL;
    }
    snprintf(connection->address, sizeof(connection->address), "%s", address);
    bufferevent_setcb(socket, on_readable, on_drained, on_socket_event, connection);
    bufferevent_set_timeouts(socket, NULL, &stuck);
    bufferevent_enable(socket, EV_READ | EV_WRITE);
    event_add(connection->deadline, &first_request);
    return connection;
}

void connection_ask_again(struct connection *connection)
{
    if (connection->state == LINGERING)
        return;
    http2_ask_again(connection->http2);
    flush(connection);
}

void connection_end(struct connection *connection)
{
    if (connection->state == LINGERING)
        return;
    http2_end(connection->http2);
    flush(connection);
}

void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    http2_free(connection->http2);
    if (connection->socket)
        bufferevent_free(connection->socket);
    if (connection->deadline)
        event_free(connection->deadline);
    free(connection);
}
