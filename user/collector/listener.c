#include "collector/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/log.h"
#include "http/listen.h"

struct listener {
    struct evconnlistener *socket;
    struct event *pause;
    listener_accept_fn *on_accept;
    void *arg;
};

static void on_connection(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *from,
                          int length, void *arg)
{
    const struct listener *listener = arg;
    struct address address = {0};

    (void)socket;
    (void)length;
    address_from_sockaddr(from, &address);
    listener->on_accept(listener->arg, fd, &address);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    const struct listener *listener = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(listener->socket);
}

/* accept() fails without taking the connection, so at once again: wait a little. */
static void on_error(struct evconnlistener *socket, void *arg)
{
    static const struct timeval pause = {.tv_sec = 1};
    const struct listener *listener = arg;

    log_warning("accept: %s; trying again in 1 s", strerror(errno));
    evconnlistener_disable(socket);
    event_add(listener->pause, &pause);
}

struct listener *listener_new(struct event_base *base, const struct address *where,
                              listener_accept_fn *on_accept, void *arg, char *error,
                              size_t error_size)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    if (listener)
        listener->pause = evtimer_new(base, on_pause_over, listener);
    if (!listener || !listener->pause) {
        snprintf(error, error_size, "out of memory");
        listener_free(listener);
        return NULL;
    }
    listener->on_accept = on_accept;
    listener->arg = arg;
    listener->socket = listen_tcp(base, where, error, error_size);
    if (!listener->socket) {
        listener_free(listener);
        return NULL;
    }
    evconnlistener_set_cb(listener->socket, on_connection, listener);
    evconnlistener_set_error_cb(listener->socket, on_error);
    return listener;
}

int listener_address(const struct listener *listener, struct address *out)
{
    struct sockaddr_storage where;
    socklen_t length = sizeof(where);

    if (getsockname(evconnlistener_get_fd(listener->socket), (struct sockaddr *)&where, &length))
        return -errno;
    return address_from_sockaddr((struct sockaddr *)&where, out);
}

void listener_stop(struct listener *listener)
{
    event_del(listener->pause);
    evconnlistener_disable(listener->socket);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    if (listener->socket)
        evconnlistener_free(listener->socket);
    if (listener->pause)
        event_free(listener->pause);
    free(listener);
}
