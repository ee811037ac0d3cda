/* A c-ares channel that lives on a libevent loop: its sockets and its timer. */
#pragma once

struct ares_channeldata;
struct ares_loop;
struct event_base;

/* Reads the system's configuration of the moment (resolv.conf). NULL: no memory, or c-ares found
 * nothing it can work with. */
struct ares_loop *ares_loop_new(struct event_base *base);
/* Queries under way end with ARES_EDESTRUCTION, before it returns. Not from within a query's
 * callback. */
void ares_loop_free(struct ares_loop *loop);

struct ares_channeldata *ares_loop_channel(struct ares_loop *loop);
/* To be called after each query that was started: c-ares has a new deadline then. */
void ares_loop_rearm(struct ares_loop *loop);
