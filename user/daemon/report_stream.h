/* The stream of load reports: tells the reporter what becomes of the connection to the management server, and
 * the log what is news of it. */
#pragma once

#include "config/bootstrap.h"
#include "kernel/tap.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

struct event_base;
struct report_stream;

struct report_stream_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct bootstrap *bootstrap; /* its content may change: report_stream_renew() */
    const struct hosts *hosts;
    struct tap *tap; /* our own stream is not traffic of the node */
    struct reporter *reporter;
    uint64_t (*now_us)(void);
    /* From the event loop, behind what the reporter was told: its deadline may be another one. */
    void (*told)(void *arg);
    void *arg;
};

/* NULL: no memory. */
struct report_stream *report_stream_new(const struct report_stream_options *options);
void report_stream_free(struct report_stream *stream); /* NULL is fine */

/* For the reporter's ops. Where it cannot be opened at once, the reporter is told so from within. */
void report_stream_open(struct report_stream *stream, const struct delivery *delivery);
/* As management_send. */
int report_stream_send(struct report_stream *stream, struct grpc_messages *messages, bool mark);
/* The bootstrap has another management server, or another way there: closes, without a word to the reporter.
 * Outages and silence of the one before are forgotten. */
void report_stream_renew(struct report_stream *stream);
