/* The steps of a look (look.bpf.h): each in a global function, which the verifier walks once, alone.
 * Kernel only. */
#pragma once

#include "http2_quick.h"
#include "maps.bpf.h"
#include "seek.bpf.h"

#define STEPS_PER_WINDOW 24
#define FRAMES_PER_WINDOW 64 /* calls for some; what is left then is loaded again */

__noinline int request_step(struct connection *c, struct scratch *s, struct probe_set *set)
{
    if (!c || !s)
        return 0;
    request_read(c, &s->window, set, &s->tally);
    return 0;
}

__noinline int response_step(struct connection *c, struct scratch *s)
{
    if (!c || !s)
        return 0;
    response_read(c, &s->window, &s->tally);
    return 0;
}

__noinline int request_quick_step(struct connection *c, struct scratch *s, struct probe_set *set)
{
    return c && s ? request_quick(c, &s->window, set, &s->tally) : 0;
}

__noinline int response_quick_step(struct connection *c, struct scratch *s)
{
    return c && s ? response_quick(c, &s->window, &s->tally) : 0;
}

__noinline int frame_event(struct connection *c, struct scratch *s, struct probe_set *set,
                           __u32 event, __u32 outgoing)
{
    if (!c || !s)
        return 0;
    http2_event(c, event, set, &s->tally, outgoing);
    return 0;
}

/* The choice between the protocols is made outside of these loops: inside, the verifier walks every
 * order of choices. */
__noinline int requests_read(struct connection *c, struct scratch *s, struct probe_set *set)
{
    if (!c || !s)
        return 0;
    for (int i = 0; i < STEPS_PER_WINDOW; i++) {
        if (s->window.position >= s->window.length || c->out.is_http2)
            break;
        if (!request_quick_step(c, s, set))
            request_step(c, s, set);
    }
    return 0;
}

__noinline int responses_read(struct connection *c, struct scratch *s)
{
    if (!c || !s)
        return 0;
    for (int i = 0; i < STEPS_PER_WINDOW; i++) {
        if (s->window.position >= s->window.length || c->in.is_http2)
            break;
        if (!response_quick_step(c, s))
            response_step(c, s);
    }
    return 0;
}

__noinline int frames_read(struct connection *c, struct scratch *s, struct probe_set *set,
                           __u32 outgoing)
{
    if (!c || !s)
        return 0;
    for (int i = 0; i < FRAMES_PER_WINDOW; i++) {
        enum quick quick = outgoing ? http2_quick_requests(c, s, set) : http2_quick_responses(c, s);
        enum http2_event event;

        if (quick == QUICK_CUT)
            break;
        if (quick == QUICK_MORE)
            continue;
        if (s->window.position >= s->window.length)
            break;
        event = http2_parse(c, s, set, outgoing);
        if (event != H2_NONE)
            frame_event(c, s, set, event, outgoing);
    }
    return 0;
}

/* 1: this direction is HTTP/2. */
__noinline int turn_step(struct connection *c, struct scratch *s, __u32 outgoing)
{
    if (!c || !s)
        return 0;
    connection_turn(c, &s->window, outgoing, &s->tally);
    return outgoing ? c->out.is_http2 : c->in.is_http2;
}

/* Passes bytes that need not be read. */
__noinline int bytes_skip(struct connection *c, struct scratch *s, __u32 count, __u32 outgoing)
{
    if (!c || !s)
        return 0;
    connection_skip(c, count, outgoing, &s->tally);
    return 0;
}

__noinline int direction_lost(struct connection *c, struct scratch *s, __u32 bytes, __u32 outgoing)
{
    if (!c || !s)
        return 0;
    connection_lost(c, outgoing ? &c->out : &c->in, bytes, &s->tally);
    return 0;
}

__noinline int direction_resync(struct connection *c, struct scratch *s, __u32 total,
                                __u32 outgoing)
{
    if (!c || !s)
        return 0;
    http2_direction_resync(c, outgoing ? &c->out : &c->in, &s->window, total, &s->tally);
    return 0;
}
