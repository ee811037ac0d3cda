#include "stream/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/mem.h"
#include "stream/budget.h"
#include "stream/dial.h"
#include "stream/keepalive.h"
#include "stream/tls.h"

#define CONNECT_TIMEOUT_US 5000000
#define STALL_TIMEOUT_US 30000000
#define OUTPUT_PIECE 16384 /* what is handed to the socket in one go */
#define INPUT_PIECE 65536

/* open --> DIALLING --connected--> (SECURING, where it has TLS) --> CONNECTED --end--> DOWN
 *              |                        |                                          ^
 *              +--no address accepts----+--handshake fails, takes too long----------+
 *              ^                        |                          with the last address
 *              +------------------------+ with another one
 *
 * Each function that the event loop calls stands between enter() and leave(). A client freed in an
 * event inside is only marked, and leave() destroys it: the library whose callback led to the event
 * still uses it. */
enum state { DIALLING, SECURING, CONNECTED, DOWN };

struct lrs_client {
    struct lrs_client_events events;
    enum state state;
    struct event_base *base;
    struct lrs_stream *stream;
    struct dial *dial; /* until CONNECTED */
    const struct tls_settings *tls_settings;
    struct tls *tls;        /* from SECURING on, where there is TLS */
    struct event *patience; /* pending while SECURING; CONNECTED: while the server owes something */
    uint64_t progress;      /* of the stream when `patience` was looked at last */
    struct budget budget;   /* CONNECTED */
    uint64_t frames;        /* paid for */
    unsigned messages;      /* came in the bytes at hand */
    struct keepalive_settings keepalive_settings;
    struct keepalive *keepalive; /* CONNECTED, where it has PINGs */
    uint64_t timeout_us, stall_us;
    struct bufferevent *connection; /* SECURING, CONNECTED */
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
    if (client->patience)
        event_free(client->patience);
    keepalive_free(client->keepalive);
    tls_free(client->tls);
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
    event_del(client->patience);
    keepalive_free(TAKE(client->keepalive));
    client->events.down(client->events.arg, reason);
}

static void go_down_without_memory(struct lrs_client *client)
{
    go_down(client, "no memory for the connection to the management server");
}

static void pass_over(struct lrs_client *client, const char *reason)
{
    client->state = DIALLING;
    bufferevent_free(TAKE(client->connection));
    event_del(client->patience);
    tls_free(TAKE(client->tls));
    client->events.passed_over(client->events.arg, reason);
}

/* "TLS with 10.0.0.1:443: why" */
static void go_down_securing(struct lrs_client *client, const char *why)
{
    char address[ADDRESS_TEXT_MAX], reason[TLS_ERROR_MAX + ADDRESS_TEXT_MAX + 16];

    snprintf(reason, sizeof(reason), "TLS with %s: %s", address_text(&client->peer, address), why);
    if (client->state == SECURING && dial_go_on(client->dial))
        pass_over(client, reason);
    else
        go_down(client, reason);
}

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

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void wait_at_most(struct lrs_client *client, uint64_t us)
{
    const struct timeval time = {.tv_sec = (time_t)(us / 1000000),
                                 .tv_usec = (suseconds_t)(us % 1000000)};

    if (event_add(client->patience, &time))
        go_down_without_memory(client);
}

/* RFC 9113, 6.5.3: SETTINGS have to be acknowledged within a reasonable time. */
static void be_patient(struct lrs_client *client)
{
    uint64_t progress = lrs_stream_progress(client->stream);

    if (!lrs_stream_is_owed(client->stream))
        event_del(client->patience);
    else if (progress != client->progress || !event_pending(client->patience, EV_TIMEOUT, NULL))
        wait_at_most(client, client->stall_us);
    client->progress = progress;
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
    else
        be_patient(client);
}

static void receive(struct lrs_client *client, const uint8_t *bytes, size_t count)
{
    uint64_t frames = client->frames;

    client->messages = 0;
    lrs_stream_receive(client->stream, bytes, count);
    client->frames = lrs_stream_frames(client->stream);
    if (!lrs_stream_end(client->stream) &&
        !budget_spend(&client->budget, client->frames - frames, count, client->messages, now_us()))
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
    if (client->keepalive)
        keepalive_heard(client->keepalive, lrs_stream_awaits_pong(client->stream));
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

static void ping(void *arg)
{
    struct lrs_client *client = arg;

    enter(client);
    if (lrs_stream_ping(client->stream))
        go_down_without_memory(client);
    else
        proceed(client);
    leave(client);
}

static void give_up(void *arg)
{
    struct lrs_client *client = arg;
    char reason[128];

    enter(client);
    snprintf(reason, sizeof(reason),
             "management server is silent: no answer to a PING (connection_keepalive) in %llu ms",
             (unsigned long long)client->keepalive_settings.timeout_us / 1000);
    go_down(client, reason);
    leave(client);
}

static int start_keepalive(struct lrs_client *client)
{
    const struct keepalive_ops ops = {ping, give_up, client};

    if (client->keepalive_settings.interval_us == 0)
        return 0;
    client->keepalive = keepalive_new(client->base, &client->keepalive_settings, &ops);
    return client->keepalive ? 0 : -ENOMEM;
}

static void come_up(struct lrs_client *client)
{
    event_del(client->patience);
    if (start_keepalive(client)) {
        go_down_without_memory(client);
        return;
    }
    client->state = CONNECTED;
    dial_free(TAKE(client->dial));
    budget_start(&client->budget, now_us());
    client->events.up(client->events.arg);
    proceed(client);
}

/* Also after the handshake: in TLS 1.3 a server judges our certificate behind it. */
static void fail(struct lrs_client *client)
{
    const char *error = strerror(EVUTIL_SOCKET_ERROR());
    char why[TLS_ERROR_MAX], reason[128];

    if (client->tls && tls_failure(client->tls, client->connection, why)) {
        go_down_securing(client, why);
    } else if (client->state == SECURING) {
        go_down_securing(client, error);
    } else {
        snprintf(reason, sizeof(reason), "connection to the management server failed: %s", error);
        go_down(client, reason);
    }
}

static void on_changed(struct bufferevent *connection, short what, void *arg)
{
    struct lrs_client *client = arg;

    (void)connection;
    enter(client);
    if (what & BEV_EVENT_CONNECTED) {
        come_up(client);
    } else if (!(what & BEV_EVENT_EOF)) {
        fail(client);
    } else if (client->state == SECURING) {
        go_down_securing(client, "the server closed the connection during the handshake");
    } else {
        lrs_stream_receive_eof(client->stream);
        proceed(client);
    }
    leave(client);
}

static void give_up_stalled(struct lrs_client *client)
{
    char reason[128];

    snprintf(reason, sizeof(reason),
             "management server is stuck: for %llu ms it took nothing of a report and acknowledged "
             "no SETTINGS",
             (unsigned long long)client->stall_us / 1000);
    go_down(client, reason);
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
    struct lrs_client *client = arg;

    (void)fd, (void)what;
    enter(client);
    if (client->state == CONNECTED)
        give_up_stalled(client);
    else
        go_down_securing(client, "the handshake takes longer than connect_timeout");
    leave(client);
}

/* NULL: no memory. */
static struct bufferevent *make_connection(struct lrs_client *client, int fd)
{
    if (client->tls)
        return tls_start(client->tls, client->base, fd);
    return bufferevent_socket_new(client->base, fd, BEV_OPT_CLOSE_ON_FREE);
}

/* The socket is the client's, whatever comes. */
static int start_moving(struct lrs_client *client, int fd)
{
    struct bufferevent *connection = make_connection(client, fd);

    if (!connection) {
        close(fd);
        return -ENOMEM;
    }
    client->connection = connection;
    bufferevent_setcb(connection, on_readable, on_drained, on_changed, client);
    bufferevent_setwatermark(connection, EV_READ, 0, INPUT_PIECE);
    return bufferevent_enable(connection, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

/* Certificates are read for each connection, so that new ones take effect. */
static void connected(struct lrs_client *client, int fd)
{
    char error[TLS_ERROR_MAX];
    int err = client->tls_settings ? tls_new(client->tls_settings, &client->tls, error) : 0;

    if (err)
        close(fd);
    else
        err = start_moving(client, fd);
    if (err == -EINVAL) {
        go_down(client, error);
    } else if (err) {
        go_down_without_memory(client);
    } else if (client->tls) {
        client->state = SECURING;
        wait_at_most(client, client->timeout_us);
    } else {
        come_up(client);
    }
}

static void on_dialled(void *arg, int fd, const char *error)
{
    struct lrs_client *client = arg;

    enter(client);
    if (fd < 0) {
        go_down(client, error); /* the dial's text */
    } else {
        client->peer = *dial_address(client->dial);
        client->has_peer = true;
        connected(client, fd);
    }
    leave(client);
}

static int start_dialling(struct lrs_client *client, const struct lrs_client_options *options)
{
    const struct dial_options dial = {
        .base = options->base,
        .addresses = options->addresses,
        .address_count = options->address_count,
        .timeout_us = client->timeout_us,
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
        .is_encrypted = options->tls != NULL,
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
    client->tls_settings = options->tls;
    client->keepalive_settings = options->keepalive;
    client->timeout_us =
        options->connect_timeout_us ? options->connect_timeout_us : CONNECT_TIMEOUT_US;
    client->stall_us = options->stall_timeout_us ? options->stall_timeout_us : STALL_TIMEOUT_US;
    client->flush = event_new(options->base, -1, 0, on_flush, client);
    client->patience = evtimer_new(options->base, on_impatient, client);
    err = client->flush && client->patience ? lrs_stream_new(&stream, &client->stream) : -ENOMEM;
    if (!err)
        err = start_dialling(client, options);
    if (err)
        destroy(client);
    else
        *out = client;
    return err;
}

int lrs_client_send(struct lrs_client *client, const uint8_t *messages, const size_t *ends,
                    size_t count, bool mark)
{
    int err;

    if (client->state != CONNECTED)
        return -ENOTCONN;
    err = lrs_stream_send(client->stream, messages, ends, count, mark);
    if (!err)
        event_active(client->flush, EV_TIMEOUT, 0);
    return err;
}

const struct address *lrs_client_peer(const struct lrs_client *client)
{
    return client->has_peer ? &client->peer : NULL;
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
