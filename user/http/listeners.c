#include "http/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/log.h"

/* Beside what evhttp has, which frees the listener. */
struct listening {
    LIST_ENTRY(listening) link;
    const struct evhttp *http;
    struct evconnlistener *socket;
    struct event *pause;
    struct listen_file file;
};

/* evhttp keeps the argument of a listener's callbacks for itself, so this is how they find who it is. */
static LIST_HEAD(, listening) all = LIST_HEAD_INITIALIZER(all);

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    const struct listening *listening = arg;

    (void)fd, (void)what;
    evconnlistener_enable(listening->socket);
}

/* accept() fails without taking the connection, so at once again: wait a little. */
static void on_accept_error(struct evconnlistener *socket, void *arg)
{
    static const struct timeval pause = {.tv_sec = 1};
    struct listening *listening;

    (void)arg;
    log_warning("accept: %s; trying again in 1 s", strerror(errno));
    LIST_FOREACH(listening, &all, link)
    {
        if (listening->socket != socket)
            continue;
        evconnlistener_disable(socket);
        event_add(listening->pause, &pause);
    }
}

static void stop(struct listening *listening)
{
    if (listening->pause)
        event_free(listening->pause);
    listen_remove(&listening->file);
    free(listening);
}

int listeners_add(struct evhttp *http, struct event_base *base, struct evconnlistener *socket,
                  const struct listen_file *file, char *error, size_t error_size)
{
    struct listening *listening = calloc(1, sizeof(*listening));

    if (listening) {
        *listening = (struct listening){.http = http, .socket = socket, .file = *file};
        listening->pause = evtimer_new(base, on_pause_over, listening);
    }
    if (listening && listening->pause && evhttp_bind_listener(http, socket)) {
        evconnlistener_set_error_cb(socket, on_accept_error);
        LIST_INSERT_HEAD(&all, listening, link);
        return 0;
    }
    if (listening)
        stop(listening);
    evconnlistener_free(socket);
    snprintf(error, error_size, "out of memory");
    return -EIO;
}

int listeners_address(const struct evhttp *http, struct address *out)
{
    struct sockaddr_storage where;
    socklen_t length = sizeof(where);
    struct listening *listening;

    LIST_FOREACH(listening, &all, link)
    {
        if (listening->http != http || listening->file.path)
            continue;
        if (getsockname(evconnlistener_get_fd(listening->socket), (struct sockaddr *)&where,
                        &length))
            return -errno;
        return address_from_sockaddr((struct sockaddr *)&where, out);
    }
    return -ENOTCONN;
}

void listeners_drop(const struct evhttp *http)
{
    struct listening *listening, *next;

    for (listening = LIST_FIRST(&all); listening; listening = next) {
        next = LIST_NEXT(listening, link);
        if (listening->http != http)
            continue;
        LIST_REMOVE(listening, link);
        stop(listening);
    }
}
