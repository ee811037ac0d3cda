#include "upstream/ares_loop.h"

#include <stdlib.h>

#include <ares.h>
#include <event2/event.h>

#include "base/mem.h"

/* One socket of c-ares, watched for as long as c-ares wants to hear of it. */
struct watch {
    struct watch *next;
    struct event *event;
    evutil_socket_t fd;
};

struct ares_loop {
    struct event_base *base;
    ares_channel channel;
    struct event *timer;
    struct watch *watches;
};

static void process(struct ares_loop *loop, ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(loop->channel, readable, writable);
    ares_loop_rearm(loop);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    process(arg, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void unwatch(struct ares_loop *loop, evutil_socket_t fd)
{
    for (struct watch **at = &loop->watches; *at; at = &(*at)->next) {
        struct watch *found = *at;

        if (found->fd != fd)
            continue;
        *at = found->next;
        event_free(found->event);
        free(found);
        return;
    }
}

/* Without memory the socket stays unwatched, and the query ends by c-ares' timeout. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct ares_loop *loop = arg;
    short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    autofree struct watch *watch = NULL;

    unwatch(loop, fd);
    if (!what)
        return;
    watch = calloc(1, sizeof(*watch));
    if (!watch)
        return;
    watch->fd = fd;
    watch->event = event_new(loop->base, fd, (short)(what | EV_PERSIST), on_socket, loop);
    if (!watch->event)
        return;
    event_add(watch->event, NULL);
    watch->next = loop->watches;
    loop->watches = TAKE(watch);
}

void ares_loop_rearm(struct ares_loop *loop)
{
    struct timeval left;

    if (ares_timeout(loop->channel, NULL, &left))
        event_add(loop->timer, &left);
    else
        event_del(loop->timer);
}

struct ares_loop *ares_loop_new(struct event_base *base)
{
    static char lookups[] = "fb"; /* hosts file, then DNS, whatever nsswitch.conf says */
    struct ares_loop *loop = calloc(1, sizeof(*loop));
    struct ares_options options = {
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = loop,
        .lookups = lookups,
    };

    if (!loop)
        return NULL;
    loop->base = base;
    loop->timer = event_new(base, -1, 0, on_timer, loop);
    if (!loop->timer ||
        ares_init_options(&loop->channel, &options, ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS)) {
        loop->channel = NULL;
        ares_loop_free(loop);
        return NULL;
    }
    return loop;
}

void ares_loop_free(struct ares_loop *loop)
{
    if (!loop)
        return;
    if (loop->channel)
        ares_destroy(loop->channel);
    while (loop->watches)
        unwatch(loop, loop->watches->fd);
    if (loop->timer)
        event_free(loop->timer);
    free(loop);
}

struct ares_channeldata *ares_loop_channel(struct ares_loop *loop)
{
    return loop->channel;
}
