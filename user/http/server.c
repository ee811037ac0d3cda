#include "http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/clients.h"
#include "http/listen.h"
#include "http/listeners.h"

#define PENDING_MAX (1u << 20) /* bytes that a stream's client has not taken .. */
#define STALLED_PUSHES 15      /* .. or pushes in a row with something left of those before */

#define NOTHING_LOADED "default-src 'none'; frame-ancestors 'none'"

struct http_server {
    struct event_base *base;
    struct http_handler handler;
    struct evhttp *http;
    struct clients clients;
    struct http_numbers numbers; /* but what the clients have */
};

/* --- clients --------------------------------------------------------------------------------- */

static void tell_streams(struct http_server *server, int change)
{
    server->numbers.streams += (size_t)change;
    if (server->handler.streams)
        server->handler.streams(server->handler.arg, server->numbers.streams);
}

/* Called by evhttp for each connection. NULL: it makes a bufferevent itself, which only has its time-out. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct http_server *server = arg;
    struct bufferevent *socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

    clients_make_room(&server->clients);
    server->numbers.accepted++;
    if (socket)
        clients_add(&server->clients, base, socket);
    return socket;
}

/* --- streams ------------------------------------------------------------------------------- */

/* The request is ours alone where evhttp has parted it from its connection. */
static void on_stream_closed(struct evhttp_connection *connection, void *arg)
{
    struct client *client = arg;
    struct http_server *server = client->owner->server;
    struct evhttp_request *request = client->stream;

    (void)connection;
    client_drop(client);
    if (!evhttp_request_get_connection(request))
        evhttp_request_free(request);
    tell_streams(server, -1);
}

static void on_body_written(const void *text, size_t length, void *arg)
{
    (void)text, (void)length;
    http_body_drop(arg);
}

static void add_body(struct evbuffer *out, struct http_body *body)
{
    if (body && evbuffer_add_reference(out, body->text, body->length, on_body_written,
                                       http_body_hold(body)))
        http_body_drop(body);
}

static void send_chunk(struct evhttp_request *request, struct http_body *body)
{
    struct evbuffer *chunk = evbuffer_new();

    if (!chunk)
        return;
    add_body(chunk, body);
    evhttp_send_reply_chunk(request, chunk);
    evbuffer_free(chunk);
}

static void begin_stream(struct client *client, struct evhttp_request *request,
                         const struct http_answer *answer)
{
    event_del(client->deadline);
    bufferevent_set_timeouts(client->socket, NULL, NULL);
    client->stream = request;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_stream_closed, client);
    evhttp_send_reply_start(request, answer->status, NULL);
    send_chunk(request, answer->body);
    tell_streams(client->owner->server, 1);
}

void http_server_push(struct http_server *server, struct http_body *body)
{
    struct client *client, *next;

    for (client = TAILQ_FIRST(&server->clients.list); client; client = next) {
        size_t left = evbuffer_get_length(bufferevent_get_output(client->socket));

        next = TAILQ_NEXT(client, link);
        if (!client->stream)
            continue;
        client->stalled = left ? client->stalled + 1 : 0;
        if (left > PENDING_MAX || client->stalled > STALLED_PUSHES)
            client_close(client);
        else
            send_chunk(client->stream, body);
    }
}

/* --- requests ------------------------------------------------------------------------------ */

static enum http_way way_of(struct evhttp_request *from)
{
    const struct sockaddr *peer = evhttp_connection_get_addr(evhttp_request_get_connection(from));
    struct address address;

    if (peer && peer->sa_family == AF_UNIX)
        return HTTP_WAY_UNIX;
    if (!peer || address_from_sockaddr(peer, &address))
        return HTTP_WAY_NETWORK;
    return address_is_loopback(&address) ? HTTP_WAY_LOOPBACK : HTTP_WAY_NETWORK;
}

static enum http_method method_of(struct evhttp_request *from)
{
    switch (evhttp_request_get_command(from)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return HTTP_METHOD_GET;
    case EVHTTP_REQ_POST:
        return HTTP_METHOD_POST;
    default:
        return HTTP_METHOD_OTHER;
    }
}

static bool wants_head(const struct evhttp_request *from)
{
    return evhttp_request_get_command(from) == EVHTTP_REQ_HEAD;
}

static struct http_request request_of(struct evhttp_request *from)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(from);
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(from);
    const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);

    return (struct http_request){
        .method = method_of(from),
        .way = way_of(from),
        .path = path && *path ? path : "/",
        .query = query ? query : "",
        .host = evhttp_find_header(headers, "Host"),
        .origin = evhttp_find_header(headers, "Origin"),
        .fetch_site = evhttp_find_header(headers, "Sec-Fetch-Site"),
        .language = evhttp_find_header(headers, "Accept-Language"),
    };
}

static void add_headers(struct evhttp_request *request, const struct http_answer *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    const struct {
        const char *name, *value;
    } all[] = {
        {"Content-Type", answer->type},
        {"Allow", answer->allow},
        {"Content-Security-Policy", answer->policy ? answer->policy : NOTHING_LOADED},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-cache, no-store"},
        {"Connection", "close"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].value)
            evhttp_add_header(headers, all[i].name, all[i].value);
}

/* The last byte is on its way; evhttp closes behind this. */
static void on_complete(struct evhttp_request *request, void *arg)
{
    (void)request;
    client_drop(arg);
}

/* And the head of a stream, where no more than that is asked for. */
static void send_whole(struct client *client, struct evhttp_request *request,
                       const struct http_answer *answer)
{
    bool is_head = wants_head(request);
    struct evbuffer *out = evbuffer_new();
    char length[24];

    snprintf(length, sizeof(length), "%zu", answer->body ? answer->body->length : 0);
    if (!answer->goes_on)
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Length", length);
    if (client)
        evhttp_request_set_on_complete_cb(request, on_complete, client);
    if (out && !is_head)
        add_body(out, answer->body);
    evhttp_send_reply(request, answer->status, NULL, is_head ? NULL : out);
    if (out)
        evbuffer_free(out);
}

static void on_request(struct evhttp_request *from, void *arg)
{
    struct http_server *server = arg;
    struct client *client = clients_find(
        &server->clients, evhttp_connection_get_bufferevent(evhttp_request_get_connection(from)));
    const struct http_request request = request_of(from);
    struct http_answer answer = {.status = 404};
    bool begins;

    server->handler.answer(server->handler.arg, &request, &answer);
    server->numbers.answered++;
    begins = answer.goes_on && !wants_head(from);
    if (begins && (!client || !clients_make_stream_room(&server->clients, client))) {
        begins = false;
        answer.goes_on = false;
        answer.status = 503;
        http_body_drop(TAKE(answer.body));
    }
    add_headers(from, &answer);
    if (begins)
        begin_stream(client, from, &answer);
    else
        send_whole(client, from, &answer);
    http_body_drop(answer.body);
}

/* --- listening ------------------------------------------------------------------------------- */

int http_server_listen(struct http_server *server, const struct address *where, char *error,
                       size_t error_size)
{
    static const struct listen_file no_file = {0};
    struct evconnlistener *socket = listen_tcp(server->base, where, error, error_size);

    return socket ? listeners_add(server->http, server->base, socket, &no_file, error, error_size)
                  : -EIO;
}

int http_server_listen_unix(struct http_server *server, const char *path, char *error,
                            size_t error_size)
{
    struct listen_file file = {0};
    struct evconnlistener *socket = listen_unix(server->base, path, &file, error, error_size);

    return socket ? listeners_add(server->http, server->base, socket, &file, error, error_size)
                  : -EIO;
}

int http_server_address(const struct http_server *server, struct address *out)
{
    return listeners_address(server->http, out);
}

/* --- the whole ------------------------------------------------------------------------------- */

#define ALL_METHODS                                                                                \
    (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |     \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH)

/* What libevent has to say goes where all else goes. */
static void libevent_says(int severity, const char *text)
{
    log_write(severity >= EVENT_LOG_ERR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "libevent: %s",
              text);
}

struct http_server *http_server_new(struct event_base *base, const struct http_handler *handler)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (!server)
        return NULL;
    *server = (struct http_server){.base = base, .handler = *handler, .http = evhttp_new(base)};
    clients_init(&server->clients, server);
    if (!server->http) {
        free(server);
        return NULL;
    }
    event_set_log_callback(libevent_says);
    evhttp_set_max_headers_size(server->http, HTTP_HEAD_MAX);
    evhttp_set_max_body_size(server->http, HTTP_BODY_MAX);
    evhttp_set_timeout(server->http, HTTP_DEADLINE_S);
    evhttp_set_allowed_methods(server->http, ALL_METHODS);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_bevcb(server->http, on_accept, server);
    evhttp_set_gencb(server->http, on_request, server);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    server->handler.streams = NULL;
    listeners_drop(server->http);
    evhttp_free(server->http);
    while (!TAILQ_EMPTY(&server->clients.list))
        client_drop(TAILQ_FIRST(&server->clients.list));
    free(server);
}

struct http_numbers http_server_numbers(const struct http_server *server)
{
    struct http_numbers numbers = server->numbers;

    numbers.clients = server->clients.count;
    numbers.closed = server->clients.closed;
    return numbers;
}
