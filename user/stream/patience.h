/* When a connected management server is given up although its connection stands:
 *
 *   stuck   it owes something (lrs_stream_is_owed), and for stall_us it did nothing of that: its window
 *           is closed for good, or its program is frozen
 *   silent  it answers no PING within the keepalive's timeout, where the keepalive is on
 */
#pragma once

#include "config/keepalive_settings.h"

struct event_base;
struct lrs_stream;
struct patience;

struct patience_options {
    struct event_base *base;
    struct lrs_stream *stream; /* borrowed for its life */
    uint64_t stall_us;
    struct keepalive_settings keepalive;
    /* Called from the event loop; each may free the patience. */
    void (*pinged)(void *arg); /* the stream has a PING to be written */
    void (*exhausted)(void *arg, const char *reason);
    void *arg;
};

/* It watches from now on. NULL: no memory. */
struct patience *patience_new(const struct patience_options *options);
/* Something came from the server. */
void patience_heard(struct patience *patience);
/* The stream has taken or given bytes, or a message waits. 0, -ENOMEM. */
int patience_look(struct patience *patience);
void patience_free(struct patience *patience); /* NULL is fine */
