/* Makes one connection: TCP to the first of several addresses that accepts it, and TLS on it where there
 * is any. It has not been used yet when it is handed over. */
#pragma once

#include <stdbool.h>

#include "base/address.h"
#include "config/tls_settings.h"

#define CONNECTOR_REASON_MAX 896

struct bufferevent;
struct connector;
struct event_base;

/* Called from the event loop. Each may free the connector. */
struct connector_events {
    void (*up)(void *arg, struct bufferevent *connection); /* which is the callee's now */
    /* The TLS handshake with one address failed, and the next one is tried. */
    void (*passed_over)(void *arg, const char *reason);
    void (*failed)(void *arg, const char *reason);
    void *arg;
};

struct connector_options {
    struct event_base *base;
    const struct address *addresses; /* tried in turn */
    size_t address_count;
    uint64_t timeout_us;            /* for each address, and for TLS's handshake */
    const struct tls_settings *tls; /* NULL: plain TCP. Borrowed for the connector's life */
    /* Called for each new socket before it connects; 0, or -errno to refuse it. May be NULL. */
    int (*prepare)(void *arg, int fd);
    void *prepare_arg;
    struct connector_events events; /* none before connector_start() has returned */
};

/* Copies the addresses. 0; -EINVAL: no address; -ENOMEM. */
int connector_start(const struct connector_options *options, struct connector **out);
/* The last address that accepted a socket; NULL: none did. */
const struct address *connector_peer(const struct connector *connector);
/* After an error of the connection: what TLS says of it, as in TLS 1.3 a server judges our certificate
 * only behind the handshake. False: TLS has no part in it. */
bool connector_tls_failure(const struct connector *connector, struct bufferevent *connection,
                           char reason[CONNECTOR_REASON_MAX]);
/* After the connection that it made; NULL is fine. */
void connector_free(struct connector *connector);
