/* The connection to the management server: to which of its addresses, and with which headers. One
 * at a time; the reporter decides when. */
#pragma once

#include "config/bootstrap.h"
#include "kernel/tap.h"
#include "report/delivery.h"
#include "stream/transport.h"
#include "upstream/hosts.h"

struct management;

struct management_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct bootstrap *bootstrap; /* its content may change: management_renew() */
    const struct hosts *hosts;
    struct tap *tap;                 /* our own stream is not traffic of the node */
    struct lrs_client_events events; /* as of an lrs_client; `down` is answered by closing */
};

/* NULL: no memory. */
struct management *management_new(const struct management_options *options);
/* Starts to connect: to the addresses of the LRS cluster in turn, by priority, or to those of a host
 * that is no cluster. The round begins
 * behind an address whose last connection ended before any message came from there. The headers of its
 * request tell `delivery`. 0; -EHOSTUNREACH: there is no address yet; -EINVAL: too much metadata;
 * -ENOMEM. */
int management_open(struct management *management, const struct delivery *delivery);
/* As lrs_client_send. */
int management_send(struct management *management, struct grpc_messages *messages, bool mark);
void management_close(struct management *management); /* no event comes any more */
/* What the bootstrap says of the management server is another thing: closes, and forgets what was known of
 * the one before. */
void management_renew(struct management *management);
void management_free(struct management *management); /* NULL is fine */
