#include "stream/connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "stream/dial.h"
#include "stream/tls.h"

/* start --> DIALLING --connected--> (SECURING, where it has TLS) --> up()
 *              |   ^                    |
 *              |   +---passed_over()----+ handshake fails or takes too long, another address is left
 *              +--no address accepts----+ none is left --> failed()
 */
struct connector {
    struct connector_options options; /* without the addresses, which the dial has */
    struct dial *dial;
    struct tls *tls;                /* from SECURING on */
    struct bufferevent *connection; /* SECURING */
    struct event *timer;            /* pending while SECURING */
    struct address peer;
    bool has_peer;
};

static void fail(struct connector *connector, const char *reason)
{
    connector->options.events.failed(connector->options.events.arg, reason);
}

static void fail_without_memory(struct connector *connector)
{
    fail(connector, "no memory for the connection to the management server");
}

static void hand_over(struct connector *connector, struct bufferevent *connection)
{
    connector->options.events.up(connector->options.events.arg, connection);
}

/* --- TLS -------------------------------------------------------------------------------- */

/* "TLS with 10.0.0.1:443: why" */
static void name_peer(const struct connector *connector, const char *why, char *reason)
{
    char address[ADDRESS_TEXT_MAX];

    snprintf(reason, CONNECTOR_REASON_MAX, "TLS with %s: %s",
             address_text(&connector->peer, address), why);
}

static void handshake_failed(struct connector *connector, const char *why)
{
    char reason[CONNECTOR_REASON_MAX];

    name_peer(connector, why, reason);
    event_del(connector->timer);
    bufferevent_free(TAKE(connector->connection));
    tls_free(TAKE(connector->tls));
    if (dial_go_on(connector->dial))
        connector->options.events.passed_over(connector->options.events.arg, reason);
    else
        fail(connector, reason);
}

static void on_changed(struct bufferevent *connection, short what, void *arg)
{
    struct connector *connector = arg;
    const char *error = strerror(EVUTIL_SOCKET_ERROR());
    char why[TLS_ERROR_MAX];

    if (what & BEV_EVENT_CONNECTED) {
        event_del(connector->timer);
        hand_over(connector, TAKE(connector->connection));
    } else if (what & BEV_EVENT_EOF) {
        handshake_failed(connector, "the server closed the connection during the handshake");
    } else {
        handshake_failed(connector, tls_failure(connector->tls, connection, why) ? why : error);
    }
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    handshake_failed(arg, "the handshake takes longer than connect_timeout");
}

static int start_timer(struct connector *connector)
{
    const struct timeval timeout = clock_interval(connector->options.timeout_us);

    return event_add(connector->timer, &timeout) ? -ENOMEM : 0;
}

/* Where it fails, the socket is still the caller's. */
static int secure(struct connector *connector, int fd, char *error)
{
    int err = start_timer(connector);

    if (!err)
        err = tls_new(connector->options.tls, &connector->tls, error);
    if (err)
        return err;
    connector->connection = tls_start(connector->tls, connector->options.base, fd);
    if (!connector->connection)
        return -ENOMEM;
    bufferevent_setcb(connector->connection, NULL, NULL, on_changed, connector);
    return 0;
}

/* Certificates are read for each connection, so that new ones take effect. */
static void begin_handshake(struct connector *connector, int fd)
{
    char error[TLS_ERROR_MAX];
    int err = secure(connector, fd, error);

    if (!err)
        return;
    close(fd);
    event_del(connector->timer);
    if (err == -EINVAL)
        fail(connector, error);
    else
        fail_without_memory(connector);
}

bool connector_tls_failure(const struct connector *connector, struct bufferevent *connection,
                           char reason[CONNECTOR_REASON_MAX])
{
    char why[TLS_ERROR_MAX];

    if (!connector->tls || !tls_failure(connector->tls, connection, why))
        return false;
    name_peer(connector, why, reason);
    return true;
}

/* --- TCP -------------------------------------------------------------------------------- */

static void begin_plain(struct connector *connector, int fd)
{
    struct bufferevent *connection =
        bufferevent_socket_new(connector->options.base, fd, BEV_OPT_CLOSE_ON_FREE);

    if (connection) {
        hand_over(connector, connection);
        return;
    }
    close(fd);
    fail_without_memory(connector);
}

static void on_dialled(void *arg, int fd, const char *error)
{
    struct connector *connector = arg;

    if (fd < 0) {
        fail(connector, error);
        return;
    }
    connector->peer = *dial_address(connector->dial);
    connector->has_peer = true;
    if (connector->options.tls)
        begin_handshake(connector, fd);
    else
        begin_plain(connector, fd);
}

static int start_dialling(struct connector *connector, const struct connector_options *options)
{
    const struct dial_options dial = {
        .base = options->base,
        .addresses = options->addresses,
        .address_count = options->address_count,
        .timeout_us = options->timeout_us,
        .prepare = options->prepare,
        .prepare_arg = options->prepare_arg,
        .done = on_dialled,
        .arg = connector,
    };

    return dial_start(&dial, &connector->dial);
}

int connector_start(const struct connector_options *options, struct connector **out)
{
    struct connector *connector = calloc(1, sizeof(*connector));
    int err;

    if (!connector)
        return -ENOMEM;
    connector->options = *options;
    connector->options.addresses = NULL; /* the caller's; the dial has copies */
    connector->timer = evtimer_new(options->base, on_timeout, connector);
    err = connector->timer ? start_dialling(connector, options) : -ENOMEM;
    if (err)
        connector_free(connector);
    else
        *out = connector;
    return err;
}

const struct address *connector_peer(const struct connector *connector)
{
    return connector->has_peer ? &connector->peer : NULL;
}

void connector_free(struct connector *connector)
{
    if (!connector)
        return;
    if (connector->connection)
        bufferevent_free(connector->connection); /* closes the socket */
    if (connector->timer)
        event_free(connector->timer);
    tls_free(connector->tls);
    dial_free(connector->dial);
    free(connector);
}
