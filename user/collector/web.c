#include "collector/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "base/mem.h"
#include "collector/live_event.h"
#include "collector/metrics_page.h"
#include "http/live.h"
#include "http/metric.h"

struct web {
    struct http_server *server;
    struct event *second; /* while the live page is shown somewhere */
    const struct service *service;
    const struct server *streams;
    uint64_t interval_us;
    struct http_body *metrics; /* NULL: none yet */
    int64_t metrics_ms;        /* when it was made */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL: no memory. */
static struct http_body *current_metrics(struct web *web)
{
    const struct server_numbers numbers = server_numbers(web->streams);
    int64_t now = now_ms();
    struct http_body *made;
    size_t length = 0;

    if (web->metrics && now - web->metrics_ms < WEB_PAGE_MS)
        return web->metrics;
    char *text = metrics_page(web->service, &numbers, &length);

    made = http_body_new(text, length);
    if (!made)
        return NULL;
    http_body_drop(web->metrics);
    web->metrics = made;
    web->metrics_ms = now;
    return made;
}

/* --- pages ------------------------------------------------------------------------------------- */

static void metrics_answer(struct web *web, struct http_answer *out)
{
    struct http_body *page = current_metrics(web);

    out->status = page ? 200 : 503;
    out->type = METRIC_TYPE;
    out->body = page ? http_body_hold(page) : NULL;
}

static struct http_body *current_event(const struct web *web)
{
    const struct server_numbers numbers = server_numbers(web->streams);

    return live_event(live_event_json(web->service, &numbers, web->interval_us, now_ms()));
}

static void live_answer(struct web *web, struct http_answer *out)
{
    (void)web;
    live_page(out);
}

static void events_answer(struct web *web, struct http_answer *out)
{
    out->body = current_event(web);
    out->type = LIVE_EVENTS_TYPE;
    out->status = out->body ? 200 : 503;
    out->goes_on = out->body;
}

static void index_answer(struct web *web, struct http_answer *out)
{
    static const char links[] =
        "<!doctype html><html lang=en><meta charset=utf-8><title>loadtap-collector</title>\n"
        "<h1>loadtap-collector</h1>\n<p><a href='/live'>/live</a> what all nodes report, as "
        "charts\n"
        "<p><a href='/metrics'>/metrics</a> for Prometheus\n";

    (void)web;
    out->body = http_body_new(strdup(links), strlen(links));
    out->type = "text/html; charset=utf-8";
    out->status = out->body ? 200 : 503;
}

static void refuse(struct http_answer *out)
{
    static const char text[] = HTTP_FOREIGN_TEXT;

    out->body = http_body_new(strdup(text), strlen(text));
    out->type = "text/plain; charset=utf-8";
    out->status = 403;
}

static void on_request(void *arg, const struct http_request *request, struct http_answer *out)
{
    static const struct {
        const char *path;
        bool (*is_foreign)(const struct http_request *request);
        void (*answer)(struct web *web, struct http_answer *out);
    } pages[] = {
        {"/", http_request_is_foreign, index_answer},
        {"/live", http_request_is_foreign, live_answer},
        {"/live/events", http_request_is_foreign, events_answer},
        {"/metrics", http_scrape_is_foreign, metrics_answer},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (strcmp(request->path, pages[i].path))
            continue;
        if (request->method != HTTP_METHOD_GET) {
            out->status = 405;
            out->allow = "GET, HEAD";
        } else if (pages[i].is_foreign(request)) {
            refuse(out);
        } else {
            pages[i].answer(arg, out);
        }
        return;
    }
}

/* --- while the live page is shown somewhere -------------------------------------------------------- */

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    const struct web *web = arg;
    struct http_body *event = current_event(web);

    (void)fd, (void)what;
    if (event)
        http_server_push(web->server, event);
    http_body_drop(event);
}

static void on_streams(void *arg, size_t count)
{
    static const struct timeval second = {.tv_sec = 1};
    const struct web *web = arg;

    if (!count)
        event_del(web->second);
    else if (!event_pending(web->second, EV_TIMEOUT, NULL))
        event_add(web->second, &second);
}

struct web *web_new(struct event_base *base, const struct address *listen,
                    const struct service *service, const struct server *server,
                    uint64_t interval_us, char *error, size_t error_size)
{
    struct web *web = calloc(1, sizeof(*web));
    const struct http_handler handler = {.answer = on_request, .streams = on_streams, .arg = web};

    if (web) {
        web->server = http_server_new(base, &handler);
        web->second = event_new(base, -1, EV_PERSIST, on_second, web);
    }
    if (!web || !web->server || !web->second) {
        snprintf(error, error_size, "out of memory");
        web_free(web);
        return NULL;
    }
    web->service = service;
    web->streams = server;
    web->interval_us = interval_us;
    if (http_server_listen(web->server, listen, error, error_size)) {
        web_free(web);
        return NULL;
    }
    return web;
}

int web_address(const struct web *web, struct address *out)
{
    return http_server_address(web->server, out);
}

void web_free(struct web *web)
{
    if (!web)
        return;
    http_server_free(web->server);
    if (web->second)
        event_free(web->second);
    http_body_drop(web->metrics);
    free(web);
}
