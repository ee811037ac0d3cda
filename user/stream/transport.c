#include "stream/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/mem.h"
#include "stream/dial.h"

#define CONNECT_TIMEOUT_US 5000000
#define OUTPUT_PIECE 16384 /* what is handed to the socket in one go */
#define INPUT_PIECE 65536

/* open --> DIALLING --connected--> CONNECTED --end of stream or connection--> DOWN
 *              +--no address accepts---------------------------------------------^
 *
 * Each function that the event loop calls stands between enter() and leave(). A client freed in an
 * event inside is only marked, and leave() destroys it: the library whose callback led to the event
 * still uses it. */
enum state { DIALLING, CONNECTED, DOWN };

struct lrs_client {
    struct lrs_client_events events;
    enum state state;
    struct event_base *base;
    struct lrs_stream *stream;
    struct dial *dial;              /* not CONNECTED */
    struct bufferevent *connection; /* CONNECTED */
    struct event *flush;            /* active where a message waits to be written */
    struct address peer;            /* once a socket was connected */
    bool has_peer;
    bool entered, freed;
};

static void destroy(struct lrs_client *client)
{
    if (client->connection)
        bufferevent_free(client->connection); /* closes the socket */
    if (client->flush)
        event_free(client->flush);
    dial_free(client->dial);
    lrs_stream_free(client->stream);
    free(client);
}

static void enter(struct lrs_client *client)
{
    client->entered = true;
}

static void leave(struct lrs_client *client)
{
    client->entered = false;
    if (client->freed)
        destroy(client);
}

static void go_down(struct lrs_client *client, const char *reason)
{
    if (client->state == DOWN || client->freed)
        return;
    client->state = DOWN;
    if (client->connection)
        bufferevent_free(TAKE(client->connection));
    client->events.down(client->events.arg, reason);
}

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    struct lrs_client *client = arg;

    if (!client->freed)
        client->events.message(client->events.arg, message, length);
}

static void on_confirmed(void *arg)
{
    struct lrs_client *client = arg;

    if (!client->freed)
        client->events.confirmed(client->events.arg);
}

/* Fills the socket's output once it has taken all of the last piece. */
static void write_piece(struct lrs_client *client)
{
    struct evbuffer *output = bufferevent_get_output(client->connection);
    const uint8_t *bytes;
    size_t count;

    if (evbuffer_get_length(output) > 0)
        return;
    while (evbuffer_get_length(output) < OUTPUT_PIECE) {
        count = lrs_stream_output(client->stream, &bytes);
        if (count == 0)
            return;
        if (evbuffer_add(output, bytes, count)) {
            go_down(client, "no memory for the connection to the management server");
            return;
        }
    }
}

/* Writes what there is, then sees whether the stream lives on. */
static void proceed(struct lrs_client *client)
{
    if (client->state != CONNECTED || client->freed)
        return;
    write_piece(client);
    if (lrs_stream_end(client->stream))
        go_down(client, lrs_stream_end(client->stream));
}

static void on_readable(struct bufferevent *connection, void *arg)
{
    struct lrs_client *client = arg;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer_iovec piece;

    enter(client);
    while (!client->freed && evbuffer_peek(input, -1, NULL, &piece, 1) > 0) {
        lrs_stream_receive(client->stream, piece.iov_base, piece.iov_len);
        evbuffer_drain(input, piece.iov_len);
    }
    proceed(client);
    leave(client);
}

static void on_drained(struct bufferevent *connection, void *arg)
{
    struct lrs_client *client = arg;

    (void)connection;
    enter(client);
    proceed(client);
    leave(client);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    on_drained(NULL, arg);
}

static void on_ended(struct bufferevent *connection, short what, void *arg)
{
    struct lrs_client *client = arg;
    char reason[128];

    (void)connection;
    enter(client);
    if (what & BEV_EVENT_EOF) {
        lrs_stream_receive_eof(client->stream);
        proceed(client);
    } else {
        snprintf(reason, sizeof(reason), "connection to the management server failed: %s",
                 strerror(EVUTIL_SOCKET_ERROR()));
        go_down(client, reason);
    }
    leave(client);
}

/* Here a TLS connection would begin (bufferevent_openssl_socket_new on the connected socket). */
static int start_moving(struct lrs_client *client, int fd)
{
    struct bufferevent *connection =
        bufferevent_socket_new(client->base, fd, BEV_OPT_CLOSE_ON_FREE);

    if (!connection) {
        close(fd);
        return -ENOMEM;
    }
    client->connection = connection;
    bufferevent_setcb(connection, on_readable, on_drained, on_ended, client);
    bufferevent_setwatermark(connection, EV_READ, 0, INPUT_PIECE);
    return bufferevent_enable(connection, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

static void on_dialled(void *arg, int fd, const char *error)
{
    struct lrs_client *client = arg;

    enter(client);
    if (fd >= 0) {
        client->peer = *dial_address(client->dial);
        client->has_peer = true;
    }
    if (fd < 0) {
        go_down(client, error); /* the dial's text */
    } else if (start_moving(client, fd)) {
        go_down(client, "no memory for the connection to the management server");
    } else {
        dial_free(TAKE(client->dial));
        client->state = CONNECTED;
        client->events.up(client->events.arg);
        proceed(client);
    }
    leave(client);
}

static int start_dialling(struct lrs_client *client, const struct lrs_client_options *options)
{
    const struct dial_options dial = {
        .base = options->base,
        .addresses = options->addresses,
        .address_count = options->address_count,
        .timeout_us =
            options->connect_timeout_us ? options->connect_timeout_us : CONNECT_TIMEOUT_US,
        .prepare = options->prepare,
        .prepare_arg = options->prepare_arg,
        .done = on_dialled,
        .arg = client,
    };

    return dial_start(&dial, &client->dial);
}

int lrs_client_open(const struct lrs_client_options *options, struct lrs_client **out)
{
    struct lrs_client *client = calloc(1, sizeof(*client));
    const struct lrs_stream_options stream = {
        .authority = options->authority,
        .user_agent = options->user_agent,
        .metadata = options->metadata,
        .metadata_count = options->metadata_count,
        .events = {.message = on_message, .confirmed = on_confirmed, .arg = client},
    };
    int err;

    if (!client)
        return -ENOMEM;
    client->base = options->base;
    client->events = options->events;
    client->flush = event_new(options->base, -1, 0, on_flush, client);
    err = client->flush ? lrs_stream_new(&stream, &client->stream) : -ENOMEM;
    if (!err)
        err = start_dialling(client, options);
    if (err)
        destroy(client);
    else
        *out = client;
    return err;
}

int lrs_client_send(struct lrs_client *client, const uint8_t *message, size_t length, bool mark)
{
    int err;

    if (client->state != CONNECTED)
        return -ENOTCONN;
    err = lrs_stream_send(client->stream, message, length, mark);
    if (!err)
        event_active(client->flush, EV_TIMEOUT, 0);
    return err;
}

const struct address *lrs_client_peer(const struct lrs_client *client)
{
    return client->has_peer ? &client->peer : NULL;
}

void lrs_client_free(struct lrs_client *client)
{
    if (!client)
        return;
    client->freed = true;
    if (!client->entered)
        destroy(client);
}
