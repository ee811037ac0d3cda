/* When to send a PING, and when to give the peer up.
 *
 *   RESTING --interval--> ping() --> ASKING --pong--> RESTING
 *                                       +--timeout, which all that comes extends--> dead()
 */
#pragma once

#include <stdbool.h>

#include "config/keepalive_settings.h"

struct event_base;
struct keepalive;

struct keepalive_ops { /* called from the event loop; each may free the keepalive */
    void (*ping)(void *arg);
    void (*dead)(void *arg);
    void *arg;
};

/* It rests at first. NULL: no memory. */
struct keepalive *keepalive_new(struct event_base *base, const struct keepalive_settings *settings,
                                const struct keepalive_ops *ops);
/* Something came from the peer. `asking`: an answer to a PING is still awaited. */
void keepalive_heard(struct keepalive *keepalive, bool asking);
void keepalive_free(struct keepalive *keepalive); /* NULL is fine */
