#include "collector/metrics_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "collector/http_request.h"
#include "collector/listener.h"
#include "collector/metrics_page.h"

/* Shared by the answers that show it, however slowly they are taken. */
struct shared_page {
    size_t holders;
    size_t length;
    char *text;
};

/*          whole head           all written
 *   READING ─────────► ANSWERING ──────────► LINGERING ─► closed: the client has closed
 *   └──────────────────────┴─────────────────────┴──────► closed: deadline, error, one client more
 */
enum client_state {
    READING,
    ANSWERING,
    LINGERING, /* FIN is sent: with bytes unread, close() would reset what is under way */
};

struct client {
    TAILQ_ENTRY(client) link;
    enum client_state state;
    struct metrics_server *metrics;
    struct bufferevent *socket;
    struct event *deadline;
};

struct metrics_server {
    struct event_base *base;
    struct listener *listener;
    const struct service *service;
    const struct server *server;
    TAILQ_HEAD(clients, client) clients; /* the oldest first */
    size_t count;
    struct shared_page *page; /* NULL: none yet */
    int64_t page_ms;          /* when it was made */
};

/* --- the page ------------------------------------------------------------------------------ */

static void page_drop(struct shared_page *page)
{
    if (!page || --page->holders > 0)
        return;
    free(page->text);
    free(page);
}

static void on_page_written(const void *text, size_t length, void *arg)
{
    (void)text;
    (void)length;
    page_drop(arg);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL: out of memory. */
static struct shared_page *current_page(struct metrics_server *metrics)
{
    const struct server_numbers numbers = server_numbers(metrics->server);
    int64_t now = now_ms();
    struct shared_page *page;

    if (metrics->page && now - metrics->page_ms < METRICS_PAGE_MS)
        return metrics->page;
    page = calloc(1, sizeof(*page));
    if (page)
        page->text = metrics_page(metrics->service, &numbers, &page->length);
    if (!page || !page->text) {
        free(page);
        return NULL;
    }
    page->holders = 1;
    page_drop(metrics->page);
    metrics->page = page;
    metrics->page_ms = now;
    return page;
}

/* --- one client ------------------------------------------------------------------------------ */

static void client_free(struct client *client)
{
    TAILQ_REMOVE(&client->metrics->clients, client, link);
    client->metrics->count--;
    if (client->socket)
        bufferevent_free(client->socket);
    if (client->deadline)
        event_free(client->deadline);
    free(client);
}

static int write_page(struct evbuffer *output, struct shared_page *page)
{
    evbuffer_add_printf(output,
                        "HTTP/1.1 200 OK\r\nContent-Type: " METRICS_PAGE_TYPE
                        "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                        page->length);
    page->holders++;
    if (evbuffer_add_reference(output, page->text, page->length, on_page_written, page) == 0)
        return 0;
    page->holders--;
    return -ENOMEM;
}

static void answer(struct client *client, int status)
{
    struct evbuffer *output = bufferevent_get_output(client->socket);
    struct shared_page *page = status == 200 ? current_page(client->metrics) : NULL;

    client->state = ANSWERING;
    if (page && write_page(output, page) == 0)
        return;
    if (status == 200) { /* out of memory */
        client_free(client);
        return;
    }
    evbuffer_add_printf(output,
                        "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%sConnection: close\r\n\r\n",
                        status, http_status_text(status), status == 405 ? "Allow: GET\r\n" : "");
}

static void on_readable(struct bufferevent *socket, void *arg)
{
    struct client *client = arg;
    struct evbuffer *input = bufferevent_get_input(socket);
    size_t length = evbuffer_get_length(input);
    int status;

    if (client->state != READING) {
        evbuffer_drain(input, length);
        return;
    }
    status = http_request_status((const char *)evbuffer_pullup(input, -1), length);
    if (status == 0)
        return;
    evbuffer_drain(input, length);
    answer(client, status);
}

static void on_written(struct bufferevent *socket, void *arg)
{
    struct client *client = arg;

    if (client->state != ANSWERING)
        return;
    client->state = LINGERING;
    shutdown(bufferevent_getfd(socket), SHUT_WR);
}

static void on_socket_event(struct bufferevent *socket, short what, void *arg)
{
    (void)socket;
    (void)what;
    client_free(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    client_free(arg);
}

static void client_new(struct metrics_server *metrics, int fd)
{
    static const struct timeval deadline = {.tv_sec = METRICS_DEADLINE_S};
    struct client *client = calloc(1, sizeof(*client));

    if (!client) {
        evutil_closesocket(fd);
        return;
    }
    client->metrics = metrics;
    client->socket = bufferevent_socket_new(metrics->base, fd, BEV_OPT_CLOSE_ON_FREE);
    client->deadline = evtimer_new(metrics->base, on_deadline, client);
    TAILQ_INSERT_TAIL(&metrics->clients, client, link);
    metrics->count++;
    if (!client->socket)
        evutil_closesocket(fd);
    if (!client->socket || !client->deadline) {
        client_free(client);
        return;
    }
    event_add(client->deadline, &deadline);
    bufferevent_setwatermark(client->socket, EV_READ, 0, HTTP_REQUEST_MAX);
    bufferevent_setcb(client->socket, on_readable, on_written, on_socket_event, client);
    bufferevent_enable(client->socket, EV_READ | EV_WRITE);
}

/* --- all of them ------------------------------------------------------------------------------ */

static void on_accept(void *arg, int fd, const struct address *from)
{
    struct metrics_server *metrics = arg;

    (void)from;
    if (metrics->count == METRICS_CLIENTS)
        client_free(TAILQ_FIRST(&metrics->clients));
    client_new(metrics, fd);
}

struct metrics_server *metrics_server_new(struct event_base *base, const struct address *listen,
                                          const struct service *service,
                                          const struct server *server, char *error,
                                          size_t error_size)
{
    struct metrics_server *metrics = calloc(1, sizeof(*metrics));

    if (!metrics) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    metrics->base = base;
    metrics->service = service;
    metrics->server = server;
    TAILQ_INIT(&metrics->clients);
    metrics->listener = listener_new(base, listen, on_accept, metrics, error, error_size);
    if (!metrics->listener) {
        free(metrics);
        return NULL;
    }
    return metrics;
}

int metrics_server_address(const struct metrics_server *metrics, struct address *out)
{
    return listener_address(metrics->listener, out);
}

void metrics_server_free(struct metrics_server *metrics)
{
    if (!metrics)
        return;
    while (!TAILQ_EMPTY(&metrics->clients))
        client_free(TAILQ_FIRST(&metrics->clients));
    listener_free(metrics->listener);
    page_drop(metrics->page);
    free(metrics);
}
