/* A StreamLoadStats call over TCP or TLS: dials, then moves bytes between the socket and the protocol core
 * (lrs_stream).
 *
 * Rules for the owner:
 * - Events come from the event loop alone, never from inside a function of this header. So in any
 *   event the owner may send, and may free the client.
 * - `up` comes at most once and before any other event but `passed_over` and `down`; `down` is the last
 *   event.
 * - The program ignores SIGPIPE.
 * - After `down` the socket is closed; the owner frees the client and opens another when it likes.
 *
 * Memory is bounded whatever the server does: what one call sends, one message of at most LRS_MESSAGE_MAX
 * bytes coming in, and a few pieces of 80 KB. So is the time that it takes (budget.h). A server that for
 * stall_timeout takes nothing of a message that waits, and acknowledges no SETTINGS that went out, is
 * given up: its window is closed for good, or its program is frozen. What it takes is told by pieces: fewer
 * than 80 KB in a stall_timeout may look like nothing. */
#pragma once

#include "base/address.h"
#include "config/keepalive_settings.h"
#include "config/tls_settings.h"
#include "stream/lrs_stream.h"

struct event_base;
struct lrs_client;

struct lrs_client_events {
    /* Connected, the request is on its way, and the first message may be sent. The server need not
     * have answered yet. */
    void (*up)(void *arg);
    void (*message)(void *arg, const uint8_t *message, size_t length); /* lives until it returns */
    void (*confirmed)(void *arg); /* as in lrs_stream.h, one for each marked message */
    void (*down)(void *arg, const char *reason);
    /* The TLS handshake with one address failed, and the next one is tried. */
    void (*passed_over)(void *arg, const char *reason);
    void *arg;
};

struct lrs_client_options {
    struct event_base *base;
    const struct address *addresses; /* tried in turn */
    size_t address_count;
    uint64_t connect_timeout_us; /* for each address, and for TLS's handshake; 0: 5 s, as Envoy */
    uint64_t stall_timeout_us;   /* 0: 30 s; see below */
    const struct tls_settings *tls; /* NULL: plain TCP. Borrowed for the client's life */
    struct keepalive_settings keepalive;
    const char *authority;
    const char *user_agent;
    const struct lrs_metadata *metadata; /* initial metadata */
    size_t metadata_count;
    /* Called for each new socket before it connects; 0, or -errno to refuse it. May be NULL. */
    int (*prepare)(void *arg, int fd);
    void *prepare_arg;
    struct lrs_client_events events;
};

/* Copies what the options point to. 0; -EINVAL: no address, or too much metadata; -ENOMEM. */
int lrs_client_open(const struct lrs_client_options *options, struct lrs_client **out);
/* As lrs_stream_send; also -ENOTCONN before `up` and after `down`. "Handed out" there means: taken
 * by the socket, but for one last piece of 80 KB. */
int lrs_client_send(struct lrs_client *client, struct grpc_messages *messages, bool mark);
/* The address whose connection it has, or had; NULL: none accepted one. */
const struct address *lrs_client_peer(const struct lrs_client *client);
/* As lrs_stream_pinged_too_often. */
bool lrs_client_pinged_too_often(const struct lrs_client *client);
/* Closes the connection. No event comes any more. */
void lrs_client_free(struct lrs_client *client);
