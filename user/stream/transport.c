#include "stream/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "stream/budget.h"
#include "stream/connector.h"
#include "stream/patience.h"

#define CONNECT_TIMEOUT_US 5000000
#define STALL_TIMEOUT_US 30000000
#define OUTPUT_PIECE 65536 /* what is handed to the socket in one go, and less than a frame more */
#define INPUT_PIECE 65536

/* open --> CONNECTING --connector's up--> CONNECTED --stream's end, budget or patience spent--> DOWN
 *              |                                                                                 ^
 *              +--connector's failed-------------------------------------------------------------+
 *
 * Each function that the event loop calls stands between enter() and leave(). A client freed in an
 * event inside is only marked, and leave() destroys it: the library whose callback led to the event
 * still uses it. */
enum state { CONNECTING, CONNECTED, DOWN };

struct lrs_client {
    struct lrs_client_events events;
    enum state state;
    struct event_base *base;
    struct lrs_stream *stream;
    struct connector *connector;
    struct bufferevent *connection; /* CONNECTED */
    struct event *flush;            /* active where a message waits to be written */
    struct budget budget;           /* CONNECTED */
    uint64_t frames;                /* paid for */
    unsigned messages;              /* came in the bytes at hand */
    struct keepalive_settings keepalive;
    uint64_t stall_us;
    struct patience *patience; /* CONNECTED */
    bool entered, freed;
};

static void destroy(struct lrs_client *client)
{
    patience_free(client->patience);
    if (client->connection)
        bufferevent_free(client->connection); /* closes the socket */
    connector_free(client->connector);
    if (client->flush)
        event_free(client->flush);
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
    patience_free(TAKE(client->patience));
    client->events.down(client->events.arg, reason);
}

static void go_down_without_memory(struct lrs_client *client)
{
    go_down(client, "no memory for the connection to the management server");
}

/* --- bytes and messages --------------------------------------------------------------------- */

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    struct lrs_client *client = arg;

    client->messages++;
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
            go_down_without_memory(client);
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
    if (client->state != CONNECTED)
        return;
    if (lrs_stream_end(client->stream))
        go_down(client, lrs_stream_end(client->stream));
    else if (patience_look(client->patience))
        go_down_without_memory(client);
}

static void receive(struct lrs_client *client, const uint8_t *bytes, size_t count)
{
    uint64_t frames = client->frames;

    client->messages = 0;
    lrs_stream_receive(client->stream, bytes, count);
    client->frames = lrs_stream_frames(client->stream);
    if (!lrs_stream_end(client->stream) && !budget_spend(&client->budget, client->frames - frames,
                                                         count, client->messages, clock_us()))
        go_down(client, "management server sends more than a client has to put up with");
}

static void on_readable(struct bufferevent *connection, void *arg)
{
    struct lrs_client *client = arg;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer_iovec piece;

    enter(client);
    while (client->state == CONNECTED && !client->freed &&
           evbuffer_peek(input, -1, NULL, &piece, 1) > 0) {
        receive(client, piece.iov_base, piece.iov_len);
        if (client->state == CONNECTED)
            evbuffer_drain(input, piece.iov_len);
    }
    if (client->patience)
        patience_heard(client->patience);
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

static void fail(struct lrs_client *client)
{
    const char *error = strerror(EVUTIL_SOCKET_ERROR());
    char reason[CONNECTOR_REASON_MAX];

    if (!connector_tls_failure(client->connector, client->connection, reason))
        snprintf(reason, sizeof(reason), "connection to the management server failed: %s", error);
    go_down(client, reason);
}

static void on_changed(struct bufferevent *connection, short what, void *arg)
{
    struct lrs_client *client = arg;

    (void)connection;
    enter(client);
    if (what & BEV_EVENT_EOF) {
        lrs_stream_receive_eof(client->stream);
        proceed(client);
    } else {
        fail(client);
    }
    leave(client);
}

/* --- up and down ---------------------------------------------------------------------------- */

static void on_pinged(void *arg)
{
    on_drained(NULL, arg);
}

static void on_exhausted(void *arg, const char *reason)
{
    struct lrs_client *client = arg;

    enter(client);
    go_down(client, reason);
    leave(client);
}

static int start_moving(struct lrs_client *client)
{
    const struct patience_options patience = {
        .base = client->base,
        .stream = client->stream,
        .stall_us = client->stall_us,
        .keepalive = client->keepalive,
        .pinged = on_pinged,
        .exhausted = on_exhausted,
        .arg = client,
    };

    client->patience = patience_new(&patience);
    if (!client->patience)
        return -ENOMEM;
    budget_start(&client->budget, clock_us());
    bufferevent_setcb(client->connection, on_readable, on_drained, on_changed, client);
    bufferevent_setwatermark(client->connection, EV_READ, 0, INPUT_PIECE);
    bufferevent_set_max_single_write(client->connection, 2 * OUTPUT_PIECE); /* all of a piece */
    return bufferevent_enable(client->connection, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

static void on_up(void *arg, struct bufferevent *connection)
{
    struct lrs_client *client = arg;

    enter(client);
    client->connection = connection;
    if (start_moving(client)) {
        go_down_without_memory(client);
    } else {
        client->state = CONNECTED;
        client->events.up(client->events.arg);
        proceed(client);
    }
    leave(client);
}

static void on_passed_over(void *arg, const char *reason)
{
    struct lrs_client *client = arg;

    enter(client);
    client->events.passed_over(client->events.arg, reason);
    leave(client);
}

static void on_failed(void *arg, const char *reason)
{
    on_exhausted(arg, reason);
}

/* --- the owner's -------------------------------------------------------------------------------- */

static int start_connecting(struct lrs_client *client, const struct lrs_client_options *options)
{
    const struct connector_options connector = {
        .base = options->base,
        .addresses = options->addresses,
        .address_count = options->address_count,
        .timeout_us =
            options->connect_timeout_us ? options->connect_timeout_us : CONNECT_TIMEOUT_US,
        .tls = options->tls,
        .prepare = options->prepare,
        .prepare_arg = options->prepare_arg,
        .events = {on_up, on_passed_over, on_failed, client},
    };

    return connector_start(&connector, &client->connector);
}

static int make_stream(struct lrs_client *client, const struct lrs_client_options *options)
{
    const struct lrs_stream_options stream = {
        .authority = options->authority,
        .is_encrypted = options->tls != NULL,
        .user_agent = options->user_agent,
        .metadata = options->metadata,
        .metadata_count = options->metadata_count,
        .events = {.message = on_message, .confirmed = on_confirmed, .arg = client},
    };

    return lrs_stream_new(&stream, &client->stream);
}

int lrs_client_open(const struct lrs_client_options *options, struct lrs_client **out)
{
    struct lrs_client *client = calloc(1, sizeof(*client));
    int err;

    if (!client)
        return -ENOMEM;
    client->base = options->base;
    client->events = options->events;
    client->keepalive = options->keepalive;
    client->stall_us = options->stall_timeout_us ? options->stall_timeout_us : STALL_TIMEOUT_US;
    client->flush = event_new(options->base, -1, 0, on_flush, client);
    err = client->flush ? make_stream(client, options) : -ENOMEM;
    if (!err)
        err = start_connecting(client, options);
    if (err)
        destroy(client);
    else
        *out = client;
    return err;
}

int lrs_client_send(struct lrs_client *client, struct grpc_messages *messages, bool mark)
{
    int err;

    if (client->state != CONNECTED)
        return -ENOTCONN;
    err = lrs_stream_send(client->stream, messages, mark);
    if (!err)
        event_active(client->flush, EV_TIMEOUT, 0);
    return err;
}

const struct address *lrs_client_peer(const struct lrs_client *client)
{
    return connector_peer(client->connector);
}

bool lrs_client_pinged_too_often(const struct lrs_client *client)
{
    return lrs_stream_pinged_too_often(client->stream);
}

void lrs_client_free(struct lrs_client *client)
{
    if (!client)
        return;
    client->freed = true;
    if (!client->entered)
        destroy(client);
}
