#include "http/clients.h"

#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "http/server.h"

void client_drop(struct client *client)
{
    TAILQ_REMOVE(&client->owner->list, client, link);
    client->owner->count--;
    event_free(client->deadline);
    bufferevent_decref(client->socket);
    free(client);
}

/* Has evhttp the connection still? */
static bool client_lives(const struct client *client)
{
    bufferevent_event_cb on_event = NULL;

    bufferevent_getcb(client->socket, NULL, NULL, &on_event, NULL);
    return on_event;
}

void client_close(struct client *client)
{
    bool is_stream = client->stream; /* which on_stream_closed() drops */

    if (client_lives(client)) {
        client->owner->closed++;
        bufferevent_trigger_event(client->socket, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
    }
    if (!is_stream)
        client_drop(client);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    client_close(arg);
}

/* --- room for one more ------------------------------------------------------------------------- */

/* evhttp has no descriptor yet when it asks for the bufferevent. That of a Unix socket stays zero. */
static void learn_peer(struct client *client)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);

    if (client->knows_peer)
        return;
    client->knows_peer = true;
    if (!getpeername(bufferevent_getfd(client->socket), (struct sockaddr *)&peer, &length))
        address_from_sockaddr((struct sockaddr *)&peer, &client->peer);
}

/* Clients of the address of `one`: those with a stream, or the others. */
static size_t count_of_peer(const struct clients *clients, const struct client *one, bool streams)
{
    const struct client *client;
    size_t count = 0;

    TAILQ_FOREACH(client, &clients->list, link)
    count +=
        !client->stream != streams && !memcmp(client->peer.ip, one->peer.ip, sizeof(one->peer.ip));
    return count;
}

/* The oldest of the address with most of them; *most is how many. NULL: there is none. */
static struct client *dearest(const struct clients *clients, bool streams, size_t *most)
{
    struct client *client, *found = NULL;

    *most = 0;
    TAILQ_FOREACH(client, &clients->list, link)
    {
        size_t count = !client->stream == streams ? 0 : count_of_peer(clients, client, streams);

        if (count > *most) {
            *most = count;
            found = client;
        }
    }
    return found;
}

void clients_make_room(struct clients *clients)
{
    struct client *client, *next;
    size_t most;

    for (client = TAILQ_FIRST(&clients->list); client; client = next) {
        next = TAILQ_NEXT(client, link);
        if (client_lives(client))
            learn_peer(client);
        else
            client_drop(client);
    }
    client = clients->count >= HTTP_CLIENTS ? dearest(clients, false, &most) : NULL;
    if (client)
        client_close(client);
}

static bool is_unix(const struct client *client)
{
    static const struct address none;

    return !memcmp(client->peer.ip, none.ip, sizeof(none.ip));
}

/* All, and those that did not come by a Unix socket. */
static void count_streams(const struct clients *clients, size_t *all, size_t *tcp)
{
    struct client *client;

    *all = *tcp = 0;
    TAILQ_FOREACH(client, &clients->list, link)
    {
        learn_peer(client);
        *all += client->stream != NULL;
        *tcp += client->stream && !is_unix(client);
    }
}

bool clients_make_stream_room(struct clients *clients, struct client *client)
{
    size_t all, tcp, most;
    struct client *last;

    count_streams(clients, &all, &tcp);
    if (all < HTTP_STREAMS && (is_unix(client) || tcp < HTTP_STREAMS - 1))
        return true;
    last = dearest(clients, true, &most);
    if (!last || (is_unix(last) && !is_unix(client)) ||
        count_of_peer(clients, client, true) + 1 >= most)
        return false;
    client_close(last);
    return true;
}

/* --- the list ---------------------------------------------------------------------------------- */

void clients_init(struct clients *clients, struct http_server *server)
{
    *clients = (struct clients){.server = server};
    TAILQ_INIT(&clients->list);
}

void clients_add(struct clients *clients, struct event_base *base, struct bufferevent *socket)
{
    static const struct timeval deadline = {.tv_sec = HTTP_DEADLINE_S};
    struct client *client = calloc(1, sizeof(*client));
    struct event *timer = client ? evtimer_new(base, on_deadline, client) : NULL;

    if (!timer) {
        free(client);
        return;
    }
    *client = (struct client){.owner = clients, .socket = socket, .deadline = timer};
    bufferevent_incref(socket);
    bufferevent_setwatermark(socket, EV_READ, 0, HTTP_HEAD_MAX + HTTP_BODY_MAX);
    TAILQ_INSERT_TAIL(&clients->list, client, link);
    clients->count++;
    event_add(timer, &deadline);
}

struct client *clients_find(const struct clients *clients, const struct bufferevent *socket)
{
    struct client *client;

    TAILQ_FOREACH(client, &clients->list, link)
    if (client->socket == socket)
        return client;
    return NULL;
}
